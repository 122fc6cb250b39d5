import type { ArchiveEntry, Observation } from '../../streams/message.ts';
import { isoTime } from '../time-words.ts';
import { accessOf } from './accessed.ts';
import type { EngineApi } from './api.types.ts';
import type { App } from './app.types.ts';
import { contentSchema } from './content.schema.ts';
import { entrySchema, foundSchema, type Trace, traceSchema } from './entry.schema.ts';
import { changedBy } from './guard.ts';
import { stepsOf } from './intake.route.ts';
import { eraseQuery } from './keeping.schema.ts';
import { ProblemError } from './problems.ts';
import { messagesQuery, noQuery, rawQuery, recordParams } from './query.schema.ts';
import { sendRaw } from './raw.ts';

/** Copies that a trace follows; a message has a few, whoever sends one a thousand times need not be shown each. */
const tracedCopies = 100;

/** The archive (interface section 5). */
export function messagesRoutes(app: App, api: EngineApi): void {
  app.get('/v1/messages', {
    schema: { querystring: messagesQuery, response: { 200: foundSchema } },
    config: { access: 'read-messages', summary: 'Archived messages that fit every filter.' },
    handler: async (request) => {
      const { text, cursor, ...query } = request.query;
      const found = text === undefined ? undefined : api.textLists(text);
      if (found === null) throw new ProblemError('text-search-off');
      const { items, next } = await api.messages.find({ ...query, cursor }, found?.lists);
      api.accessed(accessOf(request, { kind: 'search', query: request.query }));
      const holds = await api.keeping.holds.on(items);
      return {
        items: items.map((entry, at) => api.viewOf(entry, holds[at] ?? [])),
        next,
        ...(found === undefined ? {} : { textIndex: { behind: found.behind } }),
      };
    },
  });
  app.get('/v1/messages/:id', {
    schema: { params: recordParams, querystring: noQuery, response: { 200: entrySchema } },
    config: { access: 'read-messages', summary: 'One archived message.' },
    handler: async (request) => {
      const entry = await entryOf(api, request.params.id);
      api.accessed(accessOf(request, { kind: 'view', entryId: entry.id }));
      const [holds = []] = await api.keeping.holds.on([entry]);
      return api.viewOf(entry, holds);
    },
  });
  app.get('/v1/messages/:id/raw', {
    schema: { params: recordParams, querystring: rawQuery },
    config: {
      access: 'read-messages',
      summary: 'The primary representation byte for byte, or another one by its index.',
      produces: 'message/rfc822',
    },
    handler: async (request, reply) => {
      const { id } = request.params;
      const raw = await api.rawEntry(id, request.query.representation);
      if (raw === undefined) throw await missingEntry(api, id);
      api.accessed(accessOf(request, { kind: 'download', entryId: id }));
      return sendRaw(reply, id, raw);
    },
  });
  app.get('/v1/messages/:id/content', {
    schema: { params: recordParams, querystring: rawQuery, response: { 200: contentSchema } },
    config: {
      access: 'read-messages',
      summary: 'Its headers, its text and the names of its attachments, for reading.',
    },
    handler: async (request) => {
      const { id } = request.params;
      const content = await api.contentOf(id, request.query.representation);
      if (content === 'busy') throw new ProblemError('busy', { headers: { 'retry-after': '1' } });
      if (content === undefined) throw await missingEntry(api, id);
      api.accessed(accessOf(request, { kind: 'view', entryId: id }));
      return content;
    },
  });
  app.get('/v1/messages/:id/trace', {
    schema: { params: recordParams, querystring: noQuery, response: { 200: traceSchema } },
    config: { access: 'read-messages', summary: 'How it came to be: each copy received, step by step.' },
    handler: async (request) => traceOf(api, await entryOf(api, request.params.id)),
  });
  eraseRoute(app, api);
}

async function entryOf(api: EngineApi, id: string): Promise<ArchiveEntry> {
  const entry = await api.messages.get(id);
  if (entry === undefined) throw await missingEntry(api, id);
  return entry;
}

/** Why there is no such entry: it never was, or it was deleted. */
async function missingEntry(api: EngineApi, id: string): Promise<ProblemError> {
  const gone = await api.messages.goneOf(id);
  return gone === undefined ? new ProblemError('not-found') : goneProblem(gone);
}

const goneProblem = ({ deletedAt, rule }: { readonly deletedAt: number; readonly rule: string }): ProblemError =>
  new ProblemError('deleted', { detail: `on ${isoTime(deletedAt)} by ${rule}` });

function eraseRoute(app: App, api: EngineApi): void {
  app.delete('/v1/messages/:id', {
    schema: { params: recordParams, querystring: eraseQuery },
    config: {
      access: 'delete',
      summary: 'Deletes one message before its time, for good; refused while a hold is on it.',
    },
    handler: async (request, reply) => {
      const by = changedBy({ caller: request.caller, body: request.query });
      const answer = await api.keeping.erase(request.params.id, by);
      if (answer.kind === 'unknown') throw new ProblemError('not-found');
      if (answer.kind === 'gone') throw goneProblem(answer.gone);
      if (answer.kind === 'held') {
        const { holds } = answer;
        throw new ProblemError('on-hold', { detail: holds.join(', '), members: { holds } });
      }
      return reply.code(204).send();
    },
  });
}

async function traceOf(api: EngineApi, entry: ArchiveEntry): Promise<Trace> {
  const followed = entry.observations.slice(0, tracedCopies);
  const copies = await Promise.all(followed.map((observation) => copyOf(api, observation)));
  const omitted = entry.observations.length - followed.length;
  return { id: entry.id, archivedAt: isoTime(entry.archivedAt), copies, omitted };
}

async function copyOf(api: EngineApi, observation: Observation): Promise<Trace['copies'][number]> {
  const { intakeId, definitionId: definition, origin, receivedAt, level } = observation;
  const record = await api.intake.get(intakeId);
  const state = record?.state ?? null;
  const steps = record === undefined ? [] : stepsOf(record);
  return {
    intakeId,
    definition,
    origin,
    receivedAt: isoTime(receivedAt),
    level,
    state,
    reason: record?.reason ?? null,
    steps,
  };
}
