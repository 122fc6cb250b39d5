import { entryView, representationsOf } from '../../streams/entry-view.ts';
import { EngineFailure } from '../../streams/failure.ts';
import type { Decoding, Representation } from '../../streams/message.ts';
import type { Bodies, IntakeRecord } from '../../streams/ports.ts';
import type { ChangedBy, EngineApi, IntakeChange, LedgerSums, RawMessage } from '../http/api.types.ts';
import type { Store } from '../store/open-store.ts';
import { isoOrNull, isoTime } from '../time-words.ts';
import { firstValue } from './first-value.ts';
import { releaseAll } from './release-all.ts';

type ArchiveApi = Pick<
  EngineApi,
  | 'messages'
  | 'viewOf'
  | 'rawEntry'
  | 'intake'
  | 'rawIntake'
  | 'release'
  | 'releaseAll'
  | 'retry'
  | 'ledger'
  | 'ledgerDays'
  | 'events'
>;

/** What the API shows of the archive, the intake records and the account; all of it from the store. */
export function createArchiveApi(store: Store): ArchiveApi {
  const { bodies } = store;
  return {
    messages: store.messages,
    viewOf,
    rawEntry: async (entryId, n) => {
      const representation = await representationOf(store, entryId, n);
      return representation === undefined ? undefined : download(bodies, representation);
    },
    intake: store.intake,
    rawIntake: async (intakeId) => {
      const record = await store.intake.get(intakeId);
      if (record === undefined || record.rawPurgedAt !== undefined) return undefined;
      return download(bodies, { ...record, decoding: 'identity' });
    },
    release: (intakeId, by) => reopen(store, intakeId, { command: 'release', by }),
    releaseAll: (wanted, by) =>
      releaseAll(store.intake, wanted, (intakeId) => reopen(store, intakeId, { command: 'release', by })),
    retry: (intakeId, by) => reopen(store, intakeId, { command: 'retry', by }),
    ledger: async (definitionId, day) => sumsOf(await store.ledger(definitionId, day)),
    ledgerDays: async (definitionId, { limit, cursor }) => {
      const { items, next } = await store.ledgerDays(definitionId, limit, cursor);
      return { items: items.map(({ day, rows }) => ({ day, ...sumsOf(rows) })), next };
    },
    events: store.events,
  };
}

function sumsOf(rows: readonly LedgerSums[]): LedgerSums {
  const sum = (name: keyof LedgerSums): number => rows.reduce((total, row) => total + row[name], 0);
  return {
    received: sum('received'),
    archived: sum('archived'),
    matched: sum('matched'),
    skipped: sum('skipped'),
    held: sum('held'),
    quarantined: sum('quarantined'),
    inProcess: sum('inProcess'),
  };
}

/** The primary representation, or that of `representations[n]`. */
async function representationOf({ messages }: Pick<Store, 'messages'>, entryId: string, n: number | undefined) {
  const entry = await messages.get(entryId);
  if (entry === undefined) return undefined;
  const { primary, all } = representationsOf(entry);
  return n === undefined ? primary : all[n];
}

/** Its bytes; undefined for an unknown entry or index. @throws EngineFailure `damaged` */
export async function readEntry(
  store: Pick<Store, 'messages' | 'bodies'>,
  entryId: string,
  n: number | undefined,
): Promise<Uint8Array | undefined> {
  const representation = await representationOf(store, entryId, n);
  if (representation === undefined) return undefined;
  return readRepresentation(store.bodies, representation);
}

/** Its bytes. @throws EngineFailure `damaged` */
export async function readRepresentation(bodies: Bodies, representation: Representation): Promise<Uint8Array> {
  return (await download(bodies, representation)).content;
}

/** The entry as the interface shows it: times in ISO 8601. */
const viewOf: EngineApi['viewOf'] = (entry, holds) => {
  const { date, archivedAt, observations, ...view } = entryView(entry);
  return {
    ...view,
    date: isoOrNull(date),
    archivedAt: isoTime(archivedAt),
    observations: observations.map((each) => ({ ...each, receivedAt: isoTime(each.receivedAt) })),
    holds,
  };
};

/** What is stored of a message, as a download answers it. @throws EngineFailure `damaged` */
export async function download(
  bodies: Bodies,
  { body, decoding, sha256, size }: Pick<IntakeRecord, 'body' | 'sha256' | 'size'> & { readonly decoding: Decoding },
): Promise<RawMessage & { readonly content: Uint8Array }> {
  try {
    return { size, sha256, content: await firstValue(bodies.read(body, decoding, sha256)) };
  } catch (error) {
    // There is such a message, and its bytes were promised: that they are nowhere is damage, not a wrong address.
    if (!(error instanceof EngineFailure) || error.code !== 'missing') throw error;
    throw new EngineFailure('damaged', error.message, { cause: error });
  }
}

const stopped = { release: ['held', 'skipped'], retry: ['quarantined'] } as const;
/** The rule that stopped an item is off when it goes through again. */
const overrideOf = { held: 'age', skipped: 'scope', quarantined: 'quarantine' } as const;

async function reopen(
  store: Store,
  intakeId: string,
  { command, by }: { readonly command: 'release' | 'retry'; readonly by: ChangedBy },
): Promise<IntakeChange> {
  const record = await store.intake.get(intakeId);
  if (record === undefined) return { kind: 'unknown' };
  const { state, definitionId, reason } = record;
  const from = stopped[command].find((allowed) => allowed === state);
  if (from === undefined || record.rawPurgedAt !== undefined) return refusedOf(record);
  const type = command === 'release' ? 'item.released' : 'item.retried';
  const data = { reason: by.reason, old: { state, reason } };
  const event = { type, severity: 'info', actor: by.actor, definitionId, intakeId, entryId: null, data } as const;
  await store.definitions.command({ command, intakeId, overrides: [overrideOf[from]], event });
  const after = (await store.intake.get(intakeId)) ?? record;
  // The bytes may have gone between the look and the command.
  return after.rawPurgedAt === undefined ? { kind: 'done', record: after } : refusedOf(after);
}

function refusedOf({ state, rawPurgedAt }: IntakeRecord): Extract<IntakeChange, { kind: 'refused' }> {
  if (rawPurgedAt === undefined) return { kind: 'refused', state };
  const why = `its bytes were deleted on ${isoTime(rawPurgedAt)}: a skipped message keeps them for 30 days`;
  return { kind: 'refused', state, why };
}
