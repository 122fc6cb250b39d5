import { VirtualTimeScheduler } from 'rxjs';
import { type ArchiveEntry, outcomes, type ParsedMail, type SpoolItem, type Verdict } from '../../streams/message.ts';
import type { Archive, SettleRequest } from '../../streams/ports.ts';
import type { Spool } from '../../streams/spool.ts';
import { MemoryStore } from '../support/memory-spool.ts';
import { openStoreFixture, type StoreKind, value } from '../support/store-fixture.ts';
import { mailOf, observationOf, receivedOf, representationOf } from '../support/stream-shapes.ts';

/** A spool and an archive that belong together, empty at first. */
export interface StoreHome extends AsyncDisposable {
  readonly spool: Spool;
  readonly archive: Archive;
  /** The time that the store goes by. */
  readonly now: number;
  /** Takes a message in at `at`, epoch milliseconds. */
  take(intakeId: string, options?: { readonly definitionId?: string | null; readonly at?: number }): Promise<void>;
  entry(id: string): Promise<ArchiveEntry | undefined>;
  /** How the item ended; undefined while it is in process. */
  outcome(intakeId: string): Promise<string | undefined>;
}
export type OpenHome = () => Promise<StoreHome>;

export const openMemoryHome: OpenHome = async () => {
  const clock = new VirtualTimeScheduler();
  const store = new MemoryStore({ clock });
  return {
    spool: store.spool,
    archive: store.archive,
    now: clock.now(),
    take: async (intakeId, { definitionId = 'exchange', at = clock.now() } = {}) => {
      store.take(receivedOf(intakeId, { definitionId, receivedAt: at }), Buffer.from(intakeId));
    },
    entry: async (id) => value(store.messages.get(id)),
    outcome: async (id) => store.settlements().find(({ intakeId }) => intakeId === id)?.outcome,
    [Symbol.asyncDispose]: async () => undefined,
  };
};

export const openLevelHome: OpenHome = () => levelHome('segments');
export const openEncryptedHome: OpenHome = () => levelHome('encrypted segments');

async function levelHome(kind: StoreKind): Promise<StoreHome> {
  const fixture = await openStoreFixture(kind);
  const { store } = fixture;
  const now = Date.parse('2026-11-23T12:00:00Z');
  return {
    spool: store.spool,
    archive: store.archive,
    now,
    take: async (intakeId, { definitionId = 'exchange', at = now } = {}) => {
      const receipt = store.custody.begin();
      await receipt.write(Buffer.from(intakeId));
      await receipt.commit(receivedOf(intakeId, { definitionId, receivedAt: at }));
    },
    entry: (id) => store.messages.get(id),
    outcome: async (id) => {
      const state = (await store.intake.get(id))?.state;
      return outcomes.find((outcome) => outcome === state);
    },
    [Symbol.asyncDispose]: () => fixture[Symbol.asyncDispose](),
  };
}

/** Everything that is due at `at`, in the order the spool gives it. */
export async function dueItems(
  { spool, now }: StoreHome,
  { definitionId = 'exchange', at = now }: { readonly definitionId?: string | null; readonly at?: number } = {},
): Promise<readonly SpoolItem[]> {
  return (await value(spool.due(definitionId, at, 100))).items;
}
export async function dueItem(home: StoreHome, intakeId: string, at?: number): Promise<SpoolItem | undefined> {
  const items = await dueItems(home, at === undefined ? {} : { at });
  return items.find((item) => item.intakeId === intakeId);
}

/** The item as parsed, under the match key `mid:<key>`. */
export const parsedAs = (item: SpoolItem, key = '<m1@north.example>', parts: Partial<ParsedMail> = {}): SpoolItem => ({
  ...item,
  state: 'parsed',
  parsed: mailOf({
    messageId: key,
    matchKey: `mid:${key}`,
    representations: [representationOf({ sha256: item.sha256, size: item.size, body: item.body })],
    ...parts,
  }),
});

type Decide = SettleRequest['decide'];
export const request = (item: SpoolItem, decide: Decide, keys?: readonly string[]): SettleRequest => ({
  item,
  keys: keys ?? (item.parsed?.matchKey ? [item.parsed.matchKey] : []),
  decide,
});
export const observed = ({ intakeId, definitionId, receivedAt, parsed }: SpoolItem) =>
  observationOf(intakeId, { definitionId, receivedAt, representations: parsed?.representations ?? [] });
export const insert = (item: SpoolItem, collidesWith: readonly string[] = []): Verdict => ({
  kind: 'insert',
  observation: observed(item),
  collidesWith,
});
export const mergeInto = (item: SpoolItem, entryId: string, parts: Partial<Merge> = {}): Verdict => ({
  kind: 'merge',
  entryId,
  case: 'M1',
  observation: observed(item),
  noop: false,
  learnt: {},
  ...parts,
});
type Merge = Extract<Verdict, { kind: 'merge' }>;

/** Match or insert, by the plainest rule. */
export const matchOrInsert = (item: SpoolItem): SettleRequest =>
  request(item, ([entry]) => (entry === undefined ? insert(item) : mergeInto(item, entry.id)));
export const waiting = (item: SpoolItem, dueAt: number): SpoolItem => ({ ...item, state: 'matching', dueAt });
export const settleAll = (home: StoreHome, requests: readonly SettleRequest[]): Promise<readonly Verdict[]> =>
  value(home.archive.settle(requests));
