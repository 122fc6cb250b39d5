import { rm } from 'node:fs/promises';
import { Level } from 'level';
import { EngineFailure } from '../../streams/failure.ts';
import type { IndexSeal } from './index-seal.ts';
import type { KeepSaid } from './keep-period.ts';
import { keyAlone } from './keys.ts';
import { type Database, jsonSublevel, type KeyRoom, openKeyRoom, openRoom, type Room, type Sublevel } from './room.ts';
import type {
  DefinitionRow,
  EntryRow,
  EventRow,
  FiguresRow,
  GoneRow,
  HoldRow,
  ImportedRow,
  IntakeRow,
  LedgerRow,
  ToldRow,
} from './rows.ts';
import { type EncodeValue, encoded, WriteBehind, type WriteOps } from './write-behind.ts';

export type { Database } from './room.ts';
export type { IndexOp } from './write-behind.ts';

/** The rooms of the index database; every key layout is in keys.ts. */
export interface IndexDb extends AsyncDisposable {
  /** Writes all that is in memory to tables: what is deleted later is then found by a compaction. */
  toTables(): Promise<void>;
  /** Writes every table anew, and no file holds what was deleted before. Mail goes on meanwhile. */
  compact(): Promise<void>;
  readonly database: Database;
  /** Takes the changes of every room but `runtime`. */
  readonly behind: WriteBehind;
  readonly intake: Room<IntakeRow>;
  readonly open: KeyRoom;
  readonly due: KeyRoom;
  readonly state: KeyRoom;
  readonly purge: KeyRoom;
  readonly tomb: Room<number>;
  readonly told: Room<ToldRow>;
  readonly keep: KeyRoom;
  readonly said: Room<readonly KeepSaid[]>;
  readonly imported: Room<ImportedRow>;
  readonly gone: Room<GoneRow>;
  readonly hold: Room<HoldRow>;
  readonly wait: KeyRoom;
  readonly entry: Room<EntryRow>;
  readonly match: KeyRoom;
  readonly facet: KeyRoom;
  readonly event: Room<EventRow>;
  readonly eventBy: KeyRoom;
  readonly figures: Room<FiguresRow>;
  readonly ledger: Room<LedgerRow>;
  readonly definition: Room<DefinitionRow>;
  readonly version: Room<Readonly<Record<string, unknown>>>;
  readonly uidl: Room<Readonly<Record<string, unknown>>>;
  readonly runtime: Sublevel<Readonly<Record<string, unknown>>>;
  /** Roots of complete subtrees of the log's Merkle tree, hex. */
  readonly tree: Room<{ readonly root: string }>;
  readonly meta: Room<unknown>;
  /** What stands in a key of `facet` for an address, a word or a flag: itself, where the index is not encrypted. */
  readonly blind: (facet: string) => string;
}

/**
 * What the index gathers in memory before it becomes a table, and how large a table grows. With the 4 and 2 MB of the
 * library each row of a message is written five times over by compaction, a fifth of a message's bytes and a seventh of
 * its CPU; more than 16 MB would make a start after a crash read its log for longer (10 ms of CPU for each MB).
 */
const tableOptions = { writeBufferSize: 16 * 1024 * 1024, maxFileSize: 8 * 1024 * 1024 };

/**
 * The LevelDB of the index. `create` only at the first start: an empty index beside a full log is damage.
 * @throws EngineFailure `store-failed` with what LevelDB says
 */
export async function openIndexDb(directory: string, create: boolean, seal: IndexSeal | null = null): Promise<IndexDb> {
  const database = new Level<string, string>(directory, {
    createIfMissing: create,
    compression: false,
    ...tableOptions,
  });
  try {
    await database.open();
  } catch (error) {
    const { cause } = error as Error;
    throw new EngineFailure('store-failed', `the index cannot be opened: ${String(cause ?? error)}`, { cause: error });
  }
  const write: WriteOps = async (ops, options) => {
    // Op by op into the database's own batch: a list of them would be copied twice on the way.
    const batch = database.batch();
    for (const op of ops) {
      if (op.type === 'del') batch.del(op.key);
      else if (typeof op.value === 'string') batch.put(op.key, op.value);
      else batch.put<string, Uint8Array>(op.key, op.value, { valueEncoding: 'view' });
    }
    await batch.write(options);
  };
  const rooms = roomsOf(database, write, seal);
  const compactRange = (start: string, end: string): Promise<void> =>
    (database as unknown as CompactsRanges).compactRange(start, end);
  return {
    ...rooms,
    toTables: async () => {
      await rooms.behind.flush({ sync: true });
      // No key lies there: LevelDB writes its memory to a table before it looks.
      await compactRange('~', '~');
    },
    compact: async () => {
      await rooms.behind.flush({ sync: true });
      await compactRange(firstKey, lastKey);
      // Links to the files as they were at the start.
      await rm(snapshotOf(directory), { recursive: true, force: true });
    },
  };
}

/** Every key stands in a room, and every room's prefix begins with `!`. */
const [firstKey, lastKey] = ['!', '"'];
/** What `level` is on Node beyond what it is everywhere, which its types leave out. */
interface CompactsRanges {
  compactRange(start: string, end: string): Promise<void>;
}
/** Where hard links to the files of an index are kept while it is open. */
export const snapshotOf = (directory: string): string => `${directory}.before-open`;

/** The rooms of an open database. */
export function roomsOf(
  database: Database,
  write: WriteOps = (ops, options) => database.batch(ops as never, options),
  seal: IndexSeal | null = null,
): IndexDb {
  const encode = seal === null ? encoded : sealedBy(seal);
  const behind = new WriteBehind(write, encode);
  const rows = <T>(name: string) => openRoom<T>(database, behind, name, seal);
  const keys = (name: string) => openKeyRoom(database, behind, name);
  return {
    toTables: () => behind.flush({ sync: true }),
    compact: () => behind.flush({ sync: true }),
    database,
    behind,
    intake: rows('intake'),
    open: keys('open'),
    due: keys('due'),
    state: keys('state'),
    purge: keys('purge'),
    tomb: rows('tomb'),
    told: rows('told'),
    keep: keys('keep'),
    said: rows('said'),
    imported: rows('imported'),
    gone: rows('gone'),
    hold: rows('hold'),
    wait: keys('wait'),
    entry: rows('entry'),
    match: keys('match'),
    facet: keys('facet'),
    event: rows('event'),
    eventBy: keys('eventby'),
    figures: rows('figures'),
    ledger: rows('ledger'),
    definition: rows('definition'),
    version: rows('version'),
    uidl: rows('uidl'),
    runtime: jsonSublevel(database, 'runtime', seal),
    tree: rows('tree'),
    meta: rows('meta'),
    blind: seal === null ? (facet) => facet : seal.blind,
    [Symbol.asyncDispose]: () => database.close(),
  };
}

/** A room of keys has nothing to seal in its values; prefixes are the names of rooms between exclamation marks. */
const sealedBy =
  (seal: IndexSeal): EncodeValue =>
  (value, prefix) =>
    value === keyAlone ? keyAlone : seal.encode(prefix.slice(1, -1), value);
