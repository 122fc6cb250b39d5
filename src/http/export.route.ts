import { Readable } from 'node:stream';
import { accessOf } from './accessed.ts';
import type { EngineApi } from './api.types.ts';
import type { App } from './app.types.ts';
import { atMost } from './at-most.ts';
import { signedExportSchema } from './evidence.schema.ts';
import { type ExportedMessage, ManifestFault } from './export.types.ts';
import { ProblemError } from './problems.ts';
import { exportQuery, noQuery } from './query.schema.ts';
import { untouched, withBody } from './streamed-body.ts';

/** Exports and signatures under way at once: each reads as fast as the disk does, and mail needs it too. */
const maxExporting = 2;
/** Sent at once, a larger message alone. */
const pieceBytes = 128 * 1024;

/** Archived mail as files (interface section 1, `daybook export`). */
export function exportRoutes(app: App, { exports }: EngineApi): void {
  const begin = atMost(maxExporting, 2);
  app.get('/v1/export', {
    schema: { querystring: exportQuery },
    config: {
      access: 'read-messages',
      summary:
        'Every archived message that fits, in the order of the list, in one answer: a line of JSON (the line of a manifest), then `size` bytes; `damaged` where they cannot be read, and none follow. The last line is `{"end":true}`. `cursor`: the `next` of a line, behind which it goes on. `limit`: no more than so many whose bytes can be read, all where absent. `asOf`: none that were archived later.',
      produces: 'application/vnd.daybook.messages',
    },
    handler: async (request, reply) => {
      begin(reply.raw);
      const { cursor, asOf, limit, ...filter } = request.query;
      const { actor, peer, query = {} } = accessOf(request, { kind: 'search', query: { ...filter, limit } });
      const messages = exports.read({ filter, cursor, limit, asOf, actor, peer, query });
      return reply
        .type('application/vnd.daybook.messages')
        .send(Readable.from(framed(messages), { objectMode: false }));
    },
  });
  app.register(async (scope: App) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('application/x-ndjson', untouched);
    scope.post('/v1/export/manifest', {
      schema: { querystring: noQuery, response: { 200: signedExportSchema } },
      config: {
        access: 'read-messages',
        summary: 'Signs the manifest of an export, once each of its lines is found to be of this archive.',
        consumes: 'application/x-ndjson',
      },
      handler: async (request, reply) => {
        begin(reply.raw);
        try {
          return await withBody(request, (chunks) => exports.sign(chunks));
        } catch (error) {
          throw error instanceof ManifestFault
            ? new ProblemError('manifest-differs', { detail: error.message })
            : error;
        }
      },
    });
  });
}

/**
 * Gathered into pieces: a client that reads slower than it is sent to stops at each chunk of HTTP, and what it has of the
 * others is copied each time.
 */
async function* framed(messages: AsyncIterable<ExportedMessage>): AsyncGenerator<Uint8Array, void> {
  let pieces: Uint8Array[] = [];
  let gathered = 0;
  for await (const { line, bytes } of messages) {
    const head = Buffer.from(`${JSON.stringify(bytes === null ? { ...line, damaged: true } : line)}\n`);
    for (const piece of bytes === null ? [head] : [head, bytes]) {
      pieces.push(piece);
      gathered += piece.length;
    }
    if (gathered < pieceBytes) continue;
    yield Buffer.concat(pieces);
    [pieces, gathered] = [[], 0];
  }
  yield Buffer.concat([...pieces, Buffer.from('{"end":true}\n')]);
}
