import { EngineFailure } from '../../streams/failure.ts';
import { inProcessStates, outcomes, type SpoolItem } from '../../streams/message.ts';
import type { Bodies, IntakeRecord } from '../../streams/ports.ts';
import type { PostedMessage } from '../http/explain.types.ts';
import type { Store } from '../store/open-store.ts';
import type { Definition } from './definition-book.types.ts';
import type { LargeMail } from './large-mail.ts';
import type { TrialSubject } from './trial.ts';

/** Names the bytes that were posted where others name a record of the log. */
const postedSeq = -1;
/** Sorts behind every id there is, as that of a message received now would. */
const postedId = '~explained';

const fresh = { state: 'received', attempt: 0, deadline: null, woken: false, failures: 0, parsed: null } as const;

/** A message that nobody has received: as if it came now, for this definition. */
export function postedSubject(
  { id, version, config }: Definition,
  message: PostedMessage,
  {
    bodies,
    examiner,
    now,
  }: { readonly bodies: Bodies; readonly examiner: Pick<LargeMail, 'read'>; readonly now: number },
): TrialSubject {
  const { size, sha256 } = message;
  const nobody = { peer: null, mailFrom: null, rcptTo: [], tls: null, authenticatedAs: null, uidl: null } as const;
  const item: SpoolItem = {
    ...fresh,
    intakeId: postedId,
    definitionId: id,
    definitionVersion: version,
    origin: 'journal',
    receivedAt: now,
    size,
    sha256,
    body: [{ seq: postedSeq, offset: 0, length: size }],
    transport: { kind: config.transport, ...nobody },
    dueAt: now,
    overrides: [],
    steps: [],
  };
  const read: Bodies['read'] = (body, decoding, expected) => {
    if (body.every(({ seq }) => seq !== postedSeq)) return bodies.read(body, decoding, expected);
    const length = body.reduce((sum, slice) => sum + slice.length, 0);
    const load = async (into: Uint8Array): Promise<void> => {
      let at = 0;
      for (const slice of body) {
        copyRange(message, slice.offset, into.subarray(at, at + slice.length));
        at += slice.length;
      }
    };
    return examiner.read(load, length, { decoding, sha256: expected, where: 'the message' });
  };
  return { item, bodies: { read }, load: async (into) => copyRange(message, 0, into), asOf: null };
}

/** Fills `into` with what the message has from `offset` on. */
function copyRange({ chunks }: PostedMessage, offset: number, into: Uint8Array): void {
  let start = 0;
  for (const chunk of chunks) {
    const from = Math.max(offset, start);
    const to = Math.min(offset + into.length, start + chunk.length);
    if (from < to) into.set(chunk.subarray(from - start, to - start), from - offset);
    start += chunk.length;
  }
}

/** An intake record, as if it were received again when it was. @throws EngineFailure `missing` where its bytes are gone */
export function storedSubject(
  record: IntakeRecord,
  { bodies, gather }: Pick<Store, 'bodies' | 'gather'>,
): TrialSubject {
  if (record.rawPurgedAt !== undefined)
    throw new EngineFailure('missing', `the bytes of ${record.intakeId} are deleted`);
  const { intakeId, receivedAt, overrides = [] } = record;
  const waits = isInProcess(record);
  const item: SpoolItem = {
    ...fresh,
    intakeId,
    definitionId: record.definitionId,
    definitionVersion: record.definitionVersion,
    origin: record.origin,
    receivedAt,
    size: record.size,
    sha256: record.sha256,
    body: record.body,
    transport: record.transport,
    dueAt: receivedAt,
    ...(waits ? { attempt: record.attempt, deadline: record.deadline } : {}),
    overrides,
    steps: [],
  };
  const read: Bodies['read'] = (body, decoding, sha256) => bodies.read(body, decoding, sha256);
  const load = (into: Uint8Array): Promise<unknown> => gather(record.body, into);
  return { item, bodies: { read }, load, asOf: { intakeId, endedAt: waits ? null : endOf(record) } };
}

const isInProcess = ({ state }: Pick<IntakeRecord, 'state'>): boolean =>
  (inProcessStates as readonly string[]).includes(state);

/** When it came to its last end; of a record whose steps are not kept, its receipt. */
const endOf = ({ steps, receivedAt }: IntakeRecord): number =>
  steps.findLast(({ step }) => (outcomes as readonly string[]).includes(step))?.at ?? receivedAt;
