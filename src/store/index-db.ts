import { Level } from 'level';
import { EngineFailure } from '../../streams/failure.ts';
import { type Database, jsonSublevel, openKeyRoom, openRoom, type Room, type Sublevel } from './room.ts';
import type { DefinitionRow, EntryRow, EventRow, FiguresRow, IntakeRow, LedgerRow } from './rows.ts';
import { WriteBehind, type WriteOps } from './write-behind.ts';

export type { Database } from './room.ts';
export type { IndexOp } from './write-behind.ts';

/** The rooms of the index database; every key layout is in keys.ts. */
export interface IndexDb extends AsyncDisposable {
  readonly database: Database;
  /** Takes the changes of every room but `uidl` and `runtime`. */
  readonly behind: WriteBehind;
  readonly intake: Room<IntakeRow>;
  readonly open: Room<string>;
  readonly due: Room<string>;
  readonly state: Room<string>;
  readonly purge: Room<string>;
  readonly tomb: Room<number>;
  readonly wait: Room<string>;
  readonly entry: Room<EntryRow>;
  readonly match: Room<string>;
  readonly facet: Room<string>;
  readonly event: Room<EventRow>;
  readonly eventBy: Room<string>;
  readonly figures: Room<FiguresRow>;
  readonly ledger: Room<LedgerRow>;
  readonly definition: Room<DefinitionRow>;
  readonly version: Room<Readonly<Record<string, unknown>>>;
  readonly uidl: Sublevel<Readonly<Record<string, unknown>>>;
  readonly runtime: Sublevel<Readonly<Record<string, unknown>>>;
  /** Roots of complete subtrees of the log's Merkle tree, hex. */
  readonly tree: Room<{ readonly root: string }>;
  readonly meta: Room<unknown>;
}

/**
 * The LevelDB of the index. `create` only at the first start: an empty index beside a full log is damage.
 * @throws EngineFailure `store-failed` with what LevelDB says
 */
export async function openIndexDb(directory: string, create: boolean): Promise<IndexDb> {
  const database = new Level<string, string>(directory, { createIfMissing: create, compression: false });
  try {
    await database.open();
  } catch (error) {
    const { cause } = error as Error;
    throw new EngineFailure('store-failed', `the index cannot be opened: ${String(cause ?? error)}`, { cause: error });
  }
  return roomsOf(database, async (ops, options) => {
    // Op by op into the database's own batch: a list of them would be copied twice on the way.
    const batch = database.batch();
    for (const op of ops) {
      if (op.type === 'put') batch.put(op.key, op.value);
      else batch.del(op.key);
    }
    await batch.write(options);
  });
}

/** The rooms of an open database. */
export function roomsOf(
  database: Database,
  write: WriteOps = (ops, options) => database.batch(ops as never, options),
): IndexDb {
  const behind = new WriteBehind(write);
  const rows = <T>(name: string) => openRoom<T>(database, behind, name);
  const keys = (name: string) => openKeyRoom(database, behind, name);
  return {
    database,
    behind,
    intake: rows('intake'),
    open: keys('open'),
    due: keys('due'),
    state: keys('state'),
    purge: keys('purge'),
    tomb: rows('tomb'),
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
    uidl: jsonSublevel(database, 'uidl'),
    runtime: jsonSublevel(database, 'runtime'),
    tree: rows('tree'),
    meta: rows('meta'),
    [Symbol.asyncDispose]: () => database.close(),
  };
}
