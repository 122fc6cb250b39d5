import { Level } from 'level';
import type { DefinitionRow, EntryRow, EventRow, FiguresRow, IntakeRow, LedgerRow } from './rows.ts';

/** What the index needs of a database: `level` on disk, or any abstract-level in memory for simulations. */
export type Database = Pick<Level<string, string>, 'batch' | 'close' | 'sublevel' | 'open' | 'status'>;

/** The rooms of the index database; every key layout is in keys.ts. */
export interface IndexDb extends AsyncDisposable {
  readonly database: Database;
  readonly intake: Sublevel<IntakeRow>;
  readonly open: Sublevel<string>;
  readonly due: Sublevel<string>;
  readonly state: Sublevel<string>;
  readonly wait: Sublevel<string>;
  readonly entry: Sublevel<EntryRow>;
  readonly match: Sublevel<string>;
  readonly facet: Sublevel<string>;
  readonly event: Sublevel<EventRow>;
  readonly eventBy: Sublevel<string>;
  readonly figures: Sublevel<FiguresRow>;
  readonly ledger: Sublevel<LedgerRow>;
  readonly definition: Sublevel<DefinitionRow>;
  readonly version: Sublevel<Readonly<Record<string, unknown>>>;
  readonly uidl: Sublevel<Readonly<Record<string, unknown>>>;
  readonly runtime: Sublevel<Readonly<Record<string, unknown>>>;
  readonly meta: Sublevel<unknown>;
}
export type Sublevel<T> = ReturnType<typeof jsonRoom<T>>;
/**
 * One change of the index; many go out as one atomic batch. Keys and values are encoded here, with the sublevel's prefix
 * in front: a batch over sublevels spends more on their bookkeeping than on the writing.
 */
export type IndexOp =
  | { readonly type: 'put'; readonly key: string; readonly value: string }
  | { readonly type: 'del'; readonly key: string };

/** The LevelDB of the index. `create` only at the first start: an empty index beside a full log is damage. */
export async function openIndexDb(directory: string, create: boolean): Promise<IndexDb> {
  const database = new Level<string, string>(directory, { createIfMissing: create, compression: false });
  await database.open();
  return roomsOf(database);
}

/** The rooms of an open database. */
export function roomsOf(database: Database): IndexDb {
  const json = <T>(name: string) => jsonRoom<T>(database, name);
  const text = (name: string) => database.sublevel<string, string>(name, { valueEncoding: 'utf8' });
  return {
    database,
    intake: json('intake'),
    open: text('open'),
    due: text('due'),
    state: text('state'),
    wait: text('wait'),
    entry: json('entry'),
    match: text('match'),
    facet: text('facet'),
    event: json('event'),
    eventBy: text('eventby'),
    figures: json('figures'),
    ledger: json('ledger'),
    definition: json('definition'),
    version: json('version'),
    uidl: json('uidl'),
    runtime: json('runtime'),
    meta: json('meta'),
    [Symbol.asyncDispose]: () => database.close(),
  };
}

export const put = <T>(sublevel: Sublevel<T>, key: string, value: T): IndexOp => ({
  type: 'put',
  key: sublevel.prefix + key,
  value: typeof value === 'string' ? value : JSON.stringify(value),
});
// biome-ignore lint/suspicious/noExplicitAny: a deletion does not look at the value
export const del = (sublevel: Sublevel<any>, key: string): IndexOp => ({ type: 'del', key: sublevel.prefix + key });

const jsonRoom = <T>(database: Database, name: string) => database.sublevel<string, T>(name, { valueEncoding: 'json' });
