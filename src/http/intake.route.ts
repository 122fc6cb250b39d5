import type { IntakeRecord } from '../../streams/ports.ts';
import { isoOrNull, isoTime } from '../time-words.ts';
import { isAllowed, type Role } from './access.ts';
import { accessOf } from './accessed.ts';
import type { EngineApi, IntakeChange } from './api.types.ts';
import type { App } from './app.types.ts';
import { changedBy } from './guard.ts';
import {
  bulkReleaseSchema,
  type IntakeDetail,
  type IntakeItem,
  intakeDetailSchema,
  intakeItemSchema,
} from './intake.schema.ts';
import { ProblemError } from './problems.ts';
import { bulkBody, changeBody, intakeQuery, noQuery, recordParams } from './query.schema.ts';
import { sendRaw } from './raw.ts';
import { pageSchema } from './words.schema.ts';

/** What became of each accepted message (interface section 6). */
export function intakeRoutes(app: App, api: EngineApi): void {
  app.get('/v1/intake', {
    schema: { querystring: intakeQuery, response: { 200: pageSchema(intakeItemSchema) } },
    config: { access: 'read-intake', summary: 'Intake records that fit every filter.' },
    handler: async (request) => {
      const { items, next } = await api.intake.find({ ...request.query, cursor: request.query.cursor });
      return { items: items.map(itemOf), next };
    },
  });
  app.get('/v1/intake/:id', {
    schema: { params: recordParams, querystring: noQuery, response: { 200: intakeDetailSchema } },
    config: { access: 'read-intake', summary: 'One intake record with every step it took and why.' },
    handler: async (request) => {
      const record = await api.intake.get(request.params.id);
      if (record === undefined) throw new ProblemError('not-found');
      return detailOf(record, request.caller?.role ?? null);
    },
  });
  app.get('/v1/intake/:id/raw', {
    schema: { params: recordParams, querystring: noQuery },
    config: { access: 'read-intake-raw', summary: 'The bytes as received.', produces: 'message/rfc822' },
    handler: async (request, reply) => {
      const raw = await api.rawIntake(request.params.id);
      if (raw === undefined) throw await missingRaw(api, request.params.id);
      api.accessed(accessOf(request, { kind: 'intake-download', intakeId: request.params.id }));
      return sendRaw(reply, request.params.id, raw);
    },
  });
  repeatRoutes(app, api);
}

function repeatRoutes(app: App, api: EngineApi): void {
  const schema = { params: recordParams, querystring: noQuery, body: changeBody, response: { 200: intakeItemSchema } };
  app.post('/v1/intake/:id/release', {
    schema,
    config: {
      access: 'change',
      summary: 'A held or skipped message goes through again, the rule that stopped it off.',
    },
    handler: async (request) => itemAfter(await api.release(request.params.id, changedBy(request))),
  });
  app.post('/v1/intake/release', {
    schema: { querystring: noQuery, body: bulkBody, response: { 200: bulkReleaseSchema } },
    config: {
      access: 'change',
      summary: 'The newest held or skipped messages that fit go through again; repeat it until `remaining` is 0.',
    },
    handler: async (request) => api.releaseAll(request.body, changedBy({ caller: request.caller, body: null })),
  });
  app.post('/v1/intake/:id/retry', {
    schema,
    config: { access: 'change', summary: 'A quarantined message goes through again.' },
    handler: async (request) => itemAfter(await api.retry(request.params.id, changedBy(request))),
  });
}

/** Why there are no bytes to show. */
export async function missingRaw(api: EngineApi, id: string): Promise<ProblemError> {
  const record = await api.intake.get(id);
  if (record?.rawPurgedAt === undefined) return new ProblemError('not-found');
  return new ProblemError('raw-purged', { detail: `deleted on ${isoTime(record.rawPurgedAt)}` });
}

function itemAfter(change: IntakeChange): IntakeItem {
  if (change.kind === 'unknown') throw new ProblemError('not-found');
  if (change.kind === 'refused')
    throw new ProblemError('intake-state', { detail: change.why ?? `the record is ${change.state}` });
  return itemOf(change.record);
}

function itemOf(record: IntakeRecord): IntakeItem {
  const { intakeId: id, definitionId: definition, state, reason, size, sha256, attempt, entryId, flags } = record;
  return {
    ...{ id, definition, state, reason, size, sha256, attempt, entryId, flags },
    receivedAt: isoTime(record.receivedAt),
    nextAttemptAt: isoOrNull(record.nextAttemptAt),
    deadline: isoOrNull(record.deadline),
    purgeRawAt: isoOrNull(record.purgeRawAt ?? null),
    rawPurgedAt: isoOrNull(record.rawPurgedAt ?? null),
  };
}

/** Recipients are for those who may read the bytes too, and so is what a parser said, which may quote the mail. */
function detailOf(record: IntakeRecord, role: Role | null): IntakeDetail {
  const { definitionVersion, origin } = record;
  const { mailFrom, rcptTo, ...session } = record.transport;
  const common = { ...itemOf(record), definitionVersion, origin, clock: clockOf(record) };
  const steps = stepsOf(record);
  if (isAllowed(role, 'read-intake-raw')) return { ...common, steps, transport: { ...session, mailFrom, rcptTo } };
  const shown = steps.map((each) => (each.step === 'failed' ? { ...each, detail: null } : each));
  return { ...common, steps: shown, transport: session };
}

function clockOf({ clock }: IntakeRecord): IntakeDetail['clock'] {
  if (clock === undefined) return null;
  const { date, reportSent, oldestReceived, newestReceived, outerDate, messageTime } = clock;
  return {
    messageTime: isoTime(messageTime),
    date: isoOrNull(date),
    reportSent: isoOrNull(reportSent),
    oldestReceived: isoOrNull(oldestReceived),
    newestReceived: isoOrNull(newestReceived),
    outerDate: isoOrNull(outerDate),
  };
}

export function stepsOf(record: IntakeRecord): IntakeDetail['steps'] {
  return record.steps.map(({ at, step, detail }) => ({ at: isoTime(at), step, detail }));
}
