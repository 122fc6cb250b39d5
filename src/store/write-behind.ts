/** One write of the database. Keys and values come encoded, with the room's prefix in front. */
export type IndexOp =
  | { readonly type: 'put'; readonly key: string; readonly value: string | Uint8Array }
  | { readonly type: 'del'; readonly key: string };
/** Writes all or nothing; `sync` makes it and all before it durable. */
export type WriteOps = (ops: readonly IndexOp[], options: { readonly sync: boolean }) => Promise<void>;

/** A value as the database has it, in the room that has this prefix. */
export type EncodeValue = (value: unknown, prefix: string) => string | Uint8Array;

/** A key as it stands: its value, or that it is gone. */
export interface Held {
  readonly value: unknown;
  readonly gone: boolean;
  /** The database has no such key: taken away again, nothing of it is ever written. */
  readonly isNew: boolean;
}
/** One change of one key, in the room that has this prefix. */
export interface KeyChange extends Held {
  readonly prefix: string;
  readonly key: string;
}
/** Keys by the prefix of their room. */
type Layer = Map<string, Map<string, Held>>;

/** Some two hundred fresh messages; encoding as many takes some 3 ms of one turn. */
const maxHeldKeys = 2_048;
/** Bounds what a start after a crash folds again where little mail comes. */
const maxHeldMs = 1_000;

/**
 * Changes of the index that are in force but not in the database yet. Most of what a message changes on its way is
 * changed again, or taken back, some milliseconds later: only what is left of it is written. The commit log has it all,
 * and the head that says how far the log is folded is held with the rest: a write is a state as it was between two
 * changes, so a crash loses nothing but the work of folding again (D-014).
 */
export class WriteBehind {
  readonly #write: WriteOps;
  readonly #encode: EncodeValue;
  #held: Layer = new Map();
  /** On its way to the database, and still the truth until it is there. */
  #leaving: Layer | null = null;
  #writing: Promise<void> | null = null;
  #keys = 0;
  #writtenAt = Number.NEGATIVE_INFINITY;
  /** Told of each write that failed: after some errors a database fails for ever, though the disk is well again. */
  failed: (error: unknown) => void = () => undefined;

  constructor(write: WriteOps, encode: EncodeValue = encoded) {
    this.#write = write;
    this.#encode = encode;
  }

  /** Brings changes into force, all at once and for every reader. */
  apply(changes: readonly KeyChange[]): void {
    for (const change of changes) {
      const room = roomOf(this.#held, change.prefix);
      const before = room.get(change.key);
      if (change.gone && before?.isNew === true) {
        room.delete(change.key);
        this.#keys -= 1;
        continue;
      }
      if (before === undefined) this.#keys += 1;
      const isNew = before === undefined ? change.isNew : before.isNew;
      room.set(change.key, isNew === change.isNew ? change : { value: change.value, gone: change.gone, isNew });
    }
  }

  /** What is known of a key; undefined: the database knows. */
  find(prefix: string, key: string): Held | undefined {
    return this.#held.get(prefix)?.get(key) ?? this.#leaving?.get(prefix)?.get(key);
  }

  /** What is known of the keys from `gte` up to `lt`, or to the end, in no order. */
  range(prefix: string, gte: string, lt: string | undefined): ReadonlyMap<string, Held> {
    const found = new Map<string, Held>();
    for (const layer of [this.#leaving, this.#held]) {
      for (const [key, held] of layer?.get(prefix) ?? [])
        if (key >= gte && (lt === undefined || key < lt)) found.set(key, held);
    }
    return found;
  }

  /** Writes where there is much to write. @throws what the database throws; all stays in force, for the next write */
  async flushIfFull(): Promise<void> {
    if (this.#keys >= maxHeldKeys) await this.flush({ sync: false });
  }

  /** Writes where the last write was a while ago. `now`: epoch ms */
  async flushIfOld(now: number): Promise<void> {
    if (this.#keys === 0 || now - this.#writtenAt < maxHeldMs) return;
    this.#writtenAt = now;
    await this.flush({ sync: false });
  }

  /** Writes all that was in force at the call. */
  async flush(options: { readonly sync: boolean }): Promise<void> {
    while (this.#writing !== null) await this.#writing.catch(() => undefined);
    if (this.#keys === 0) return;
    const leaving = this.#held;
    this.#leaving = leaving;
    this.#held = new Map();
    this.#keys = 0;
    this.#writing = this.#write(opsOf(leaving, this.#encode), options);
    try {
      await this.#writing;
    } catch (error) {
      this.#takeBack(leaving);
      this.failed(error);
      throw error;
    } finally {
      this.#leaving = null;
      this.#writing = null;
    }
  }

  /** After a failed write nobody knows what the database has of it: from here on nothing of it counts as new. */
  #takeBack(layer: Layer): void {
    const later = this.#held;
    this.#held = new Map();
    this.#keys = 0;
    for (const each of [layer, later]) {
      for (const [prefix, room] of each) {
        const held = roomOf(this.#held, prefix);
        for (const [key, { value, gone }] of room) {
          if (!held.has(key)) this.#keys += 1;
          held.set(key, { value, gone, isNew: false });
        }
      }
    }
  }
}

function roomOf(layer: Layer, prefix: string): Map<string, Held> {
  const known = layer.get(prefix);
  if (known !== undefined) return known;
  const room = new Map<string, Held>();
  layer.set(prefix, room);
  return room;
}

function opsOf(layer: Layer, encode: EncodeValue): IndexOp[] {
  const ops: IndexOp[] = [];
  for (const [prefix, room] of layer) {
    for (const [key, { value, gone }] of room) {
      if (gone) ops.push({ type: 'del', key: prefix + key });
      else ops.push({ type: 'put', key: prefix + key, value: encode(value, prefix) });
    }
  }
  return ops;
}

/** In clear; a room of keys has a text for a value. */
export const encoded = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));
