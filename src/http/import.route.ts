import type { FastifyReply, FastifyRequest } from 'fastify';
import { EngineFailure } from '../../streams/failure.ts';
import type { ImportEnvelope } from '../import-name.ts';
import type { EngineApi } from './api.types.ts';
import type { App } from './app.types.ts';
import { envelopeLine, importedSchema, importQuery, knownBody, knownSchema } from './import.schema.ts';
import { ProblemError } from './problems.ts';
import { untouched, withBody } from './streamed-body.ts';

/** Messages under way at once: each has two chunks in memory, and waits for one sync. */
const maxImporting = 64;
/** Seconds until an import that found no room is tried again. */
const retryAfter = { 'retry-after': '2' };
/** 20,000 recipients of common length, five times over. */
const maxEnvelopeBytes = 4 * 1024 * 1024;
/** A message with an envelope: a line of JSON, `[sender or null, [recipient, …]]`, LF, and the message. */
const withEnvelope = 'application/vnd.daybook.message';

/** Mail from files into custody (interface section 1, `daybook import`). */
export function importRoutes(app: App, { imports }: EngineApi): void {
  app.post('/v1/import/known', {
    schema: { querystring: importQuery, body: knownBody, response: { 200: knownSchema } },
    config: { access: 'import', summary: 'Which messages were imported before, so that nobody sends them again.' },
    handler: async (request) => {
      const { definition, as } = request.query;
      const names = request.body.names.map((name) => `${as}.${name}`);
      const known = await imports.known(definition, names);
      if (known === undefined) throw new ProblemError('definition-unknown');
      return { known: [...known], maxMessageBytes: imports.maxMessageBytes };
    },
  });
  // A scope of its own: only here a body is a message that is taken while it comes.
  app.register(async (scope: App) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser(['message/rfc822', withEnvelope], untouched);
    const importing = { count: 0 };
    scope.post('/v1/import', {
      schema: { querystring: importQuery, response: { 200: importedSchema, 201: importedSchema } },
      config: {
        access: 'import',
        summary: `Takes one message into custody, as it stands: \`message/rfc822\`, or \`${withEnvelope}\` with an envelope line before it. 200: it was imported before.`,
        consumes: 'message/rfc822',
      },
      handler: async (request, reply) => {
        if (importing.count >= maxImporting) throw new ProblemError('busy', { headers: retryAfter });
        importing.count += 1;
        try {
          return await withBody(request, (chunks) => take(imports, request, { reply, chunks }));
        } finally {
          importing.count -= 1;
        }
      },
    });
  });
}

type ImportRequest = Pick<FastifyRequest, 'headers' | 'caller' | 'ip'> & {
  readonly query: { readonly definition: string; readonly as: 'journal' | 'gateway' };
};

async function take(
  imports: EngineApi['imports'],
  request: ImportRequest,
  { reply, chunks }: { readonly reply: FastifyReply; readonly chunks: AsyncIterableIterator<Buffer> },
) {
  const { definition, as } = request.query;
  const hasEnvelope = request.headers['content-type']?.split(';')[0]?.trim() === withEnvelope;
  if (hasEnvelope && as !== 'gateway') {
    throw new ProblemError('invalid-request', { detail: 'query.as: an envelope is for `gateway` alone' });
  }
  const { envelope, rest } = hasEnvelope ? await envelopeOf(chunks) : { envelope: noEnvelope, rest: chunks };
  const length = Number(request.headers['content-length']);
  const wanted = {
    ...{ definitionId: definition, as, envelope, peer: request.ip },
    actor: request.caller?.name ?? 'unknown',
    sizeHintBytes: Number.isSafeInteger(length) ? length : null,
  };
  const taken = await imports.take(wanted, rest).catch((error: unknown) => {
    const isFull = error instanceof EngineFailure && error.retryable;
    throw isFull ? new ProblemError('store-unavailable', { detail: error.message, headers: retryAfter }) : error;
  });
  if (taken === undefined) throw new ProblemError('definition-unknown');
  const { intakeId: id, ...facts } = taken;
  reply.code(taken.known ? 200 : 201);
  return { id, ...facts };
}

const noEnvelope: ImportEnvelope = { mailFrom: null, rcptTo: [] };

/** The first line, and what follows it. */
async function envelopeOf(chunks: AsyncIterableIterator<Buffer>) {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for (;;) {
    const { value, done } = await chunks.next();
    const end = value?.indexOf(0x0a) ?? -1;
    if (done === true || bytes > maxEnvelopeBytes) throw badEnvelope();
    bytes += value.length;
    if (end < 0) {
      pieces.push(value);
      continue;
    }
    pieces.push(value.subarray(0, end));
    const [mailFrom, rcptTo] = parsedEnvelope(Buffer.concat(pieces).toString('utf8'));
    return { envelope: { mailFrom, rcptTo }, rest: followed(value.subarray(end + 1), chunks) };
  }
}

async function* followed(first: Buffer, rest: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  if (first.length > 0) yield first;
  yield* rest;
}

function parsedEnvelope(line: string) {
  try {
    const { success, data } = envelopeLine.safeParse(JSON.parse(line));
    if (success) return data;
  } catch {
    // Answered below like any other.
  }
  throw badEnvelope();
}

const badEnvelope = (): ProblemError =>
  new ProblemError('invalid-request', { detail: 'body: the first line must be `[sender or null, [recipient, …]]`' });
