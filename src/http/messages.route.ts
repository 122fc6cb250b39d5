import type { ArchiveEntry, Observation } from '../../streams/message.ts';
import { accessOf } from './accessed.ts';
import type { EngineApi } from './api.types.ts';
import type { App } from './app.types.ts';
import { entrySchema, type Trace, traceSchema } from './entry.schema.ts';
import { stepsOf } from './intake.route.ts';
import { ProblemError } from './problems.ts';
import { messagesQuery, noQuery, rawQuery, recordParams } from './query.schema.ts';
import { sendRaw } from './raw.ts';
import { isoOf, pageSchema } from './words.schema.ts';

/** Copies that a trace follows; a message has a few, whoever sends one a thousand times need not be shown each. */
const tracedCopies = 100;

/** The archive (interface section 5). */
export function messagesRoutes(app: App, api: EngineApi): void {
  app.get('/v1/messages', {
    schema: { querystring: messagesQuery, response: { 200: pageSchema(entrySchema) } },
    config: { access: 'read-messages', summary: 'Archived messages that fit every filter.' },
    handler: async (request) => {
      const { items, next } = await api.messages.find({ ...request.query, cursor: request.query.cursor });
      api.accessed(accessOf(request, { kind: 'search', query: request.query }));
      return { items: items.map(api.viewOf), next };
    },
  });
  app.get('/v1/messages/:id', {
    schema: { params: recordParams, querystring: noQuery, response: { 200: entrySchema } },
    config: { access: 'read-messages', summary: 'One archived message.' },
    handler: async (request) => {
      const entry = await entryOf(api, request.params.id);
      api.accessed(accessOf(request, { kind: 'view', entryId: entry.id }));
      return api.viewOf(entry);
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
      if (raw === undefined) throw new ProblemError('not-found');
      api.accessed(accessOf(request, { kind: 'download', entryId: id }));
      return sendRaw(reply, id, raw);
    },
  });
  app.get('/v1/messages/:id/trace', {
    schema: { params: recordParams, querystring: noQuery, response: { 200: traceSchema } },
    config: { access: 'read-messages', summary: 'How it came to be: each copy received, step by step.' },
    handler: async (request) => traceOf(api, await entryOf(api, request.params.id)),
  });
}

async function entryOf(api: EngineApi, id: string): Promise<ArchiveEntry> {
  const entry = await api.messages.get(id);
  if (entry === undefined) throw new ProblemError('not-found');
  return entry;
}

async function traceOf(api: EngineApi, entry: ArchiveEntry): Promise<Trace> {
  const followed = entry.observations.slice(0, tracedCopies);
  const copies = await Promise.all(followed.map((observation) => copyOf(api, observation)));
  const omitted = entry.observations.length - followed.length;
  return { id: entry.id, archivedAt: isoOf(entry.archivedAt), copies, omitted };
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
    receivedAt: isoOf(receivedAt),
    level,
    state,
    reason: record?.reason ?? null,
    steps,
  };
}
