import type { Level } from 'level';
import type { IndexSeal } from './index-seal.ts';
import type { keyAlone } from './keys.ts';
import type { Held, WriteBehind } from './write-behind.ts';

/** What the index needs of a database: `level` on disk, or any abstract-level in memory for simulations. */
export type Database = Pick<Level<string, string>, 'batch' | 'close' | 'sublevel' | 'open' | 'status'>;
/** A room that is written past the index: what it holds is not a fold of the commit log. */
export type Sublevel<T> = ReturnType<typeof jsonSublevel<T>>;

/** Keys from `gte` up to `lt`, in order. */
export interface KeyRange {
  readonly gte: string;
  readonly lt: string;
  readonly limit?: number;
  /** From the end: of a limited range the last ones, the last first. */
  readonly reverse?: boolean;
}
/** A range read to any length, from either end. */
export type ReadRange = Partial<KeyRange>;

/** One room of the index: what the database holds, and over it what has not been written yet. */
export interface Room<T> {
  /** Stands before each of its keys in the database. */
  readonly prefix: string;
  get(key: string): Promise<T | undefined>;
  getMany(keys: readonly string[]): Promise<readonly (T | undefined)[]>;
  /** Keys as they stand at the call, written or not. For the path of mail: short ranges whose keys differ in ASCII alone. */
  keysNow(range: KeyRange): Promise<readonly string[]>;
  /** Ranges of any length, as they stand when the first item is asked for. Keys of one range differ in ASCII alone. */
  keys(range?: ReadRange): AsyncGenerator<string, void>;
  values(range?: ReadRange): AsyncGenerator<T, void>;
  entries(range?: ReadRange): AsyncGenerator<[string, T], void>;
}
/** A room of keys that say all by themselves. */
export type KeyRoom = Room<typeof keyAlone>;

/** The room of this name over `behind`. */
export function openRoom<T>(database: Database, behind: WriteBehind, name: string, seal?: IndexSeal | null): Room<T> {
  const sublevel = jsonSublevel<T>(database, name, seal);
  return { ...pointReads(sublevel, behind), ...rangeReads(sublevel, behind), prefix: sublevel.prefix };
}

/** The same for keys alone: an encrypted index has nothing of their values to seal. */
export function openKeyRoom(database: Database, behind: WriteBehind, name: string): KeyRoom {
  const sublevel = database.sublevel<string, typeof keyAlone>(name, { valueEncoding: 'utf8' });
  return { ...pointReads(sublevel, behind), ...rangeReads(sublevel, behind), prefix: sublevel.prefix };
}

export const jsonSublevel = <T>(database: Database, name: string, seal: IndexSeal | null = null) =>
  database.sublevel<string, T>(name, { valueEncoding: seal === null ? 'json' : sealedJson<T>(name, seal) });

const sealedJson = <T>(name: string, seal: IndexSeal) => ({
  name: `sealed ${name}`,
  format: 'buffer' as const,
  encode: (value: T) => seal.encode(name, value),
  decode: (stored: Buffer) => seal.decode(name, stored) as T,
});

function pointReads<T>(sublevel: Sublevel<T>, behind: WriteBehind): Pick<Room<T>, 'get' | 'getMany'> {
  const { prefix } = sublevel;
  return {
    get: async (key) => {
      const held = behind.find(prefix, key);
      return held === undefined ? sublevel.get(key) : heldValue<T>(held);
    },
    getMany: async (keys) => {
      const held = keys.map((key) => behind.find(prefix, key));
      const missing = keys.filter((_, at) => held[at] === undefined);
      const stored = missing.length === 0 ? [] : await sublevel.getMany(missing);
      let next = 0;
      return held.map((each) => {
        if (each !== undefined) return heldValue<T>(each);
        next += 1;
        return stored[next - 1];
      });
    },
  };
}

function rangeReads<T>(
  sublevel: Sublevel<T>,
  behind: WriteBehind,
): Pick<Room<T>, 'keysNow' | 'keys' | 'values' | 'entries'> {
  const { prefix } = sublevel;
  /** Both in one order, what is held in front of what is stored. */
  const merged = async function* <I>(
    range: ReadRange,
    { open, keyOf, itemOf }: Reading<T, I>,
  ): AsyncGenerator<I, void> {
    const held = [...behind.range(prefix, range.gte ?? '', range.lt)].sort(([a], [b]) => byCode(a, b));
    const stored = open(range);
    const isBefore = (a: string, b: string): boolean => (range.reverse === true ? a > b : a < b);
    if (range.reverse === true) held.reverse();
    let next = held.shift();
    for await (const item of stored) {
      const key = keyOf(item);
      for (; next !== undefined && isBefore(next[0], key); next = held.shift()) {
        if (!next[1].gone) yield itemOf(next[0], next[1].value as T);
      }
      if (next?.[0] !== key) yield item;
    }
    for (; next !== undefined; next = held.shift()) if (!next[1].gone) yield itemOf(next[0], next[1].value as T);
  };
  const entries: Reading<T, [string, T]> = {
    open: (range) => sublevel.iterator(range),
    keyOf: ([key]) => key,
    itemOf: (key, value) => [key, value],
  };
  return {
    keysNow: async ({ gte, lt, limit = Number.POSITIVE_INFINITY, reverse = false }) => {
      const held = behind.range(prefix, gte, lt);
      // Of those read, at most as many are known to be gone or are there twice.
      let known = 0;
      for (const { isNew } of held.values()) if (!isNew) known += 1;
      const most = Number.isFinite(limit) ? limit + known : -1;
      const stored = await sublevel.keys({ gte, lt, limit: most, reverse }).all();
      if (held.size === 0) return stored;
      const left = stored.filter((key) => !held.has(key));
      for (const [key, { gone }] of held) if (!gone) left.push(key);
      left.sort(byCode);
      if (reverse) left.reverse();
      return left.length > limit ? left.slice(0, limit) : left;
    },
    keys: (range = {}) =>
      merged(range, { open: (wanted) => sublevel.keys(wanted), keyOf: (key) => key, itemOf: (key) => key }),
    values: async function* (range = {}) {
      for await (const [, value] of merged(range, entries)) yield value;
    },
    entries: (range = {}) => merged(range, entries),
  };
}

/** How a range of the database is read, and what stands for a key that is not in it yet. */
interface Reading<T, I> {
  readonly open: (range: ReadRange) => AsyncIterable<I>;
  readonly keyOf: (item: I) => string;
  readonly itemOf: (key: string, value: T) => I;
}

const heldValue = <T>({ gone, value }: Held): T | undefined => (gone ? undefined : (value as T));
const byCode = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
