import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { openLogSeal } from '../../src/cluster/log-key.ts';
import { endOfFiles, logFolder } from '../../src/cluster/migrate-files.ts';
import type { MoveInParts } from '../../src/cluster/migrate-in.ts';
import type { ClusterPlace } from '../../src/cluster/migrate-rows.ts';
import { openLogRows } from '../../src/cluster/open-shared-log.ts';
import { openPostgres } from '../../src/cluster/postgres.ts';
import { createSharedFiles, type KeysPlace } from '../../src/cluster/shared-files.ts';
import type { Vault } from '../../src/cluster/vault.types.ts';
import type { MasterKey } from '../../src/master-key.ts';
import { openStore, type Store } from '../../src/store/open-store.ts';
import { keysFolder, readRecordKeys } from '../../src/store/record-keys.ts';
import type { SpoolItem, Verdict } from '../../streams/message.ts';
import { parsedItem, type StoreFixture, value } from './store-fixture.ts';
import { day, minute, observationOf } from './stream-shapes.ts';

/** Bytes that no two messages share, of about this size. */
const textOf = (name: string, bytes = 400): string => `${name}\r\n${`words of ${name} `.repeat(Math.ceil(bytes / 20))}`;

const insertOf = (item: SpoolItem, key: string) => {
  const parsed = parsedItem(item, { messageId: `<${key}@north.example>` });
  const { representations } = parsed.parsed;
  const observation = observationOf(item.intakeId, { definitionId: 'exchange', representations });
  const verdict: Verdict = { kind: 'insert', observation, collidesWith: [] };
  return { item: parsed, keys: [`mid:<${key}@north.example>`], decide: () => verdict };
};
const end = (item: SpoolItem, verdict: Verdict) => ({ item, keys: [], decide: () => verdict });

/** Takes messages in and archives each as an entry of its own. Answers their ids. */
export async function archiveMany(fixture: StoreFixture, prefix: string, count: number): Promise<readonly string[]> {
  const ids: string[] = [];
  for (let at = 0; at < count; at += 1) {
    ids.push(await fixture.take(textOf(`${prefix}-${at}`), { id: `${prefix}-${String(at).padStart(6, '0')}` }));
    if (ids.length % 50 === 0 || at === count - 1) await settleDue(fixture.store, fixture.clock.at);
  }
  return ids;
}

async function settleDue(store: Store, now: number): Promise<void> {
  const { items } = await value(store.spool.due('exchange', now, 100));
  await value(store.archive.settle(items.map((item) => insertOf(item, item.intakeId))));
}

/** Items that wait for a copy: some with attempts behind them, one after failures, one fresh. */
async function leaveWaiting(fixture: StoreFixture, count: number): Promise<void> {
  const now = fixture.clock.at;
  for (let at = 0; at < count; at += 1) await fixture.take(textOf(`waits-${at}`), { id: `waits-${at}` });
  const { items } = await value(fixture.store.spool.due('exchange', now, 100));
  await fixture.take(textOf('fresh'), { id: 'fresh', definitionId: 'quiet' });
  const deferred = items.map((item, at) => ({
    ...parsedItem(item, { messageId: `<${item.intakeId}@north.example>` }),
    state: 'matching' as const,
    attempt: at % 4,
    failures: at % 3,
    dueAt: now + (at + 1) * minute,
    deadline: now + 30 * minute + at,
  }));
  await value(fixture.store.spool.defer(deferred));
}

/** An archive with a bit of everything: entries, large mail in pieces, held, skipped, deleted and dropped, ledgers. */
export async function fillArchive(fixture: StoreFixture, { entries }: { readonly entries: number }): Promise<void> {
  const { store, clock } = fixture;
  await store.definitions.command({
    command: 'define',
    definitionId: 'exchange',
    version: 1,
    document: { id: 'exchange' },
    suspended: false,
    digest: 'd',
    event: eventOf('definition.created'),
  });
  const skipped = { kind: 'end', outcome: 'skipped', reason: 'non-internal' } as const;
  const held = { kind: 'end', outcome: 'held', reason: 'expired' } as const;
  const quarantined = { kind: 'end', outcome: 'quarantined', reason: 'decode' } as const;
  const verdicts: readonly Verdict[] = [skipped, skipped, held, quarantined];
  for (const [at, verdict] of verdicts.entries()) {
    await fixture.take(textOf(`ended-${at}`), { id: `ended-${at}` });
    const [item] = await fixture.due();
    if (item !== undefined) await value(store.archive.settle([end(item, verdict)]));
  }
  const early = await archiveMany(fixture, 'early', 6);
  await fixture.take(textOf('large', 900_000), { id: 'large' });
  await settleDue(store, clock.at);
  await store.holds.place(
    { id: 'case-7', reason: 'a case', query: null, entryIds: [early[1] ?? ''], placedBy: 'op' },
    eventOf('hold.placed'),
  );
  await store.retention.erase(early[0] ?? '', eventOf('entry.erased', early[0] ?? ''));
  clock.at += 31 * day;
  await store.housekeeping.purgeSkipped(clock.at, 100);
  await store.housekeeping.dropPurged(clock.at + 1, 100);
  await archiveMany(fixture, 'kept', entries);
  await leaveWaiting(fixture, 11);
  const ledger = Array.from({ length: 30 }, (_, at): [string, { readonly at: number }] => [`uid-${at}`, { at }]);
  await store.uidl('exchange').write(new Map(ledger));
  await store.definitions.saveRuntime('exchange', { lastExtract: clock.at, mailbox: 7 });
}

const eventOf = (type: string, entryId: string | null = null) =>
  ({ type, severity: 'info', actor: 'op', definitionId: 'exchange', intakeId: null, entryId, data: {} }) as const;

/** All that people and pipelines see of a store, to hold two against each other. */
export async function pictureOf(store: Store): Promise<Readonly<Record<string, unknown>>> {
  const pages = async <T>(
    find: (cursor: string | undefined) => Promise<{ items: readonly T[]; next: string | null }>,
  ) => {
    const all: T[] = [];
    for (let cursor: string | undefined; ; ) {
      const { items, next } = await find(cursor);
      all.push(...items);
      if (next === null) return all;
      cursor = next;
    }
  };
  const waits = [];
  for await (const wait of store.waits()) waits.push(wait);
  const intakes = await pages((cursor) => store.intake.find({ limit: 500, cursor }));
  return {
    head: store.log.head,
    root: store.evidence.tree.nodes.map((node) => node.toString('hex')),
    entries: await pages((cursor) => store.messages.find({ limit: 500, cursor })),
    waits: waits.toSorted((a, b) => (a.intakeId < b.intakeId ? -1 : 1)),
    ended: intakes.filter(({ nextAttemptAt }) => nextAttemptAt === null),
    events: await pages((cursor) => store.events.find({ limit: 500, cursor })),
    holds: await store.holds.all(),
    figures: store.figuresOf('exchange'),
    ledger: await store.uidl('exchange').read(),
    runtime: await store.definitions.loadRuntime('exchange'),
    ledgers: await store.ledger(),
  };
}

/** The bytes of a message as they were received. @throws EngineFailure `missing` */
export async function bytesOf(store: Store, intakeId: string): Promise<string> {
  const record = await store.intake.get(intakeId);
  const bytes = await value(store.bodies.read(record?.body ?? [], 'identity', record?.sha256 ?? ''));
  return Buffer.from(bytes).toString('latin1');
}
export { textOf as messageText };

/** The log of a cluster that an archive is moved into, opened as a command does. */
export interface PlaceFixture extends AsyncDisposable {
  readonly log: string;
  readonly place: ClusterPlace;
}

export async function openPlace(
  url: string,
  {
    log = `log-${randomUUID()}`,
    vault = null,
    master = null,
    keys = 'database',
  }: {
    readonly log?: string;
    readonly vault?: Vault | null;
    readonly master?: MasterKey | null;
    readonly keys?: KeysPlace;
  } = {},
): Promise<PlaceFixture> {
  const postgres = openPostgres(url);
  const rows = await openLogRows(postgres, log);
  const seal = await openLogSeal({ postgres, rows }, master);
  const files = createSharedFiles({ postgres, log: rows.id, seal, keys });
  return {
    log,
    place: { postgres, rows, vault, seal, files },
    [Symbol.asyncDispose]: () => postgres[Symbol.asyncDispose](),
  };
}

export const noPause = async (): Promise<void> => undefined;

export async function moveParts(
  dataDir: string,
  place: ClusterPlace,
  master: MasterKey | null = null,
): Promise<MoveInParts> {
  const keys = master === null ? null : readRecordKeys(keysFolder(dataDir), master);
  const end = await endOfFiles(logFolder(dataDir));
  return { dataDir, keys, place, mark: end?.mark ?? 0, told: () => undefined, pause: noPause };
}

/** The archive in files as who moves it opens it. */
export const openFiles = (
  dataDir: string,
  now: number,
  more: {
    readonly master?: MasterKey | null;
    readonly evenIfMoved?: boolean;
    readonly rebuild?: { readonly folded: () => void };
  } = {},
): Promise<Store> =>
  openStore({
    dataDir,
    bytes: 'segments',
    segmentBytes: 1_048_576,
    now: () => now,
    journalTypeOf: () => 'eej',
    ...more,
  });

export const keyNames = ['definitions.key', 'evidence.key', 'evidence.pub'] as const;
export const indexOf = (dataDir: string): string => join(dataDir, 'index');
