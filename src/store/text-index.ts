import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Level } from 'level';
import { EngineFailure } from '../../streams/failure.ts';
import type { PositionList } from '../../streams/ports.ts';
import type { LogPosition } from './commit-log.types.ts';
import type { IndexSeal } from './index-seal.ts';
import { facetKey, keyAlone, lastPositionOf } from './keys.ts';
import { type Database, jsonSublevel } from './room.ts';
import { codeOf } from './segment-files.ts';

/** Its folder in a data directory. It can be taken away whenever the engine is stopped. */
export const textIndexFolder = 'text-index';
/** Of its keys and rows; an index of another format is made anew. */
const format = 1;

/** How far the index is, as one row of it. */
export interface TextState {
  readonly format: number;
  /** The last record whose messages are in it. */
  readonly indexed: LogPosition;
  /** Copies that those records archived or matched: as many as the account has by then. */
  readonly settled: number;
  /** The last record that was looked at for deletions. */
  readonly removed: number;
  /** Entries in it; of these, those that have more words than it keeps, or could not be read. */
  readonly messages: number;
  readonly truncated: number;
  readonly unreadable: number;
  /** What is read just now, and how often it was begun: it may be what ends the process. */
  readonly trying: { readonly entryId: string; readonly times: number } | null;
  /** Epoch ms: the first deletion that files may still hold, and when they were last written anew. */
  readonly compaction: { readonly dueSince: number | null; readonly doneAt: number | null };
}

/** What the index has of one entry. */
export interface TextRow {
  readonly position: string;
  /** SHA-256 of each representation that was read. */
  readonly read: readonly string[];
  /** With a blank between them. */
  readonly words: string;
  readonly truncated: boolean;
  readonly unreadable: boolean;
}

/**
 * The words of archived messages, in a LevelDB of its own (D-080): never the truth, and behind it. What it names is looked
 * up in the index of the archive. Calls of `put`, `remove` and `note` must not overlap.
 */
export interface TextIndex extends AsyncDisposable {
  readonly state: TextState;
  /** Entries that have the word. */
  listOf(word: string): PositionList;
  rowOf(entryId: string): Promise<TextRow | undefined>;
  /** Writes a row and its keys in the place of the one before, and the state, at once. */
  put(entryId: string, row: TextRow, state: Partial<TextState>): Promise<void>;
  /** Takes entries and all their words away, as the record `seq` of epoch ms `at` says. */
  remove(entryIds: readonly string[], record: { readonly seq: number; readonly at: number }): Promise<void>;
  note(state: Partial<TextState>): Promise<void>;
  /** Writes every table anew where one may hold what was removed before today (UTC), once a week at most. */
  compactIfDue(now: number): Promise<void>;
}

export interface TextIndexOptions {
  readonly dataDir: string;
  /** Null: words and rows are in clear, as the archive is. */
  readonly seal: IndexSeal | null;
  /** False where the log has another record there, or none: the index was made from another log. */
  readonly knows: (position: LogPosition) => Promise<boolean>;
  /** Told why an index that stands is made anew. */
  readonly discarded: (why: string) => void;
}

/** Opens it where it stands and fits, and makes it anew where it does not. @throws EngineFailure `store-failed` */
export async function openTextIndex(options: TextIndexOptions): Promise<TextIndex> {
  const { dataDir, seal, knows, discarded } = options;
  const stands = await tryToOpen(dataDir, seal);
  if (stands.kind === 'open') {
    if (await knows(stands.state.indexed)) return new LevelTextIndex(stands.database, seal, stands.state);
    await stands.database.close();
  }
  discarded(stands.kind === 'open' ? 'it was made from another commit log' : stands.why);
  await removeTextIndex(dataDir);
  const made = await tryToOpen(dataDir, seal);
  if (made.kind !== 'open') throw new EngineFailure('store-failed', `the text index: ${made.why}`);
  return new LevelTextIndex(made.database, seal, made.state);
}

export const removeTextIndex = (dataDir: string): Promise<void> =>
  rm(join(dataDir, textIndexFolder), { recursive: true, force: true });

const empty: TextState = {
  format,
  indexed: { seq: 0, hash: '' },
  settled: 0,
  removed: 0,
  messages: 0,
  truncated: 0,
  unreadable: 0,
  trying: null,
  compaction: { dueSince: null, doneAt: null },
};

/** Keys that differ little, gathered as in the index of the archive (D-059); a word's list is packed well. */
const tableOptions = { compression: true, writeBufferSize: 16 * 1024 * 1024, maxFileSize: 8 * 1024 * 1024 };

const dayMs = 86_400_000;
/** As often as the index of the archive (D-054). */
const compactEveryMs = 7 * dayMs;

type Tried =
  | { readonly kind: 'open'; readonly database: Level<string, string>; readonly state: TextState }
  | { readonly kind: 'unusable'; readonly why: string };

async function tryToOpen(dataDir: string, seal: IndexSeal | null): Promise<Tried> {
  const database = new Level<string, string>(join(dataDir, textIndexFolder), tableOptions);
  try {
    await database.open();
    // The state is written with all there is: without one there is nothing.
    const state = (await jsonSublevel<TextState>(database, 'meta', seal).get('state')) ?? empty;
    if (state.format === format) return { kind: 'open', database, state };
    await database.close();
    return { kind: 'unusable', why: `it has the format ${state.format}` };
  } catch (error) {
    await database.close();
    if (codeOf(error) === 'LEVEL_DECODE_ERROR')
      return { kind: 'unusable', why: 'it is not encrypted as the archive is' };
    const { cause = error } = error as Error;
    if (codeOf(cause) === 'LEVEL_CORRUPTION') return { kind: 'unusable', why: String(cause) };
    // A full disk, say: what stands is right, and took days.
    throw new EngineFailure('store-failed', `the text index cannot be opened: ${String(cause)}`, { cause: error });
  }
}

class LevelTextIndex implements TextIndex {
  readonly #database: Level<string, string>;
  readonly #words: ReturnType<Database['sublevel']>;
  readonly #rows: ReturnType<typeof jsonSublevel<TextRow>>;
  readonly #meta: ReturnType<typeof jsonSublevel<TextState>>;
  readonly #nameOf: (word: string) => string;
  #state: TextState;

  constructor(database: Level<string, string>, seal: IndexSeal | null, state: TextState) {
    this.#database = database;
    this.#words = database.sublevel('word', {});
    this.#rows = jsonSublevel<TextRow>(database, 'text', seal);
    this.#meta = jsonSublevel<TextState>(database, 'meta', seal);
    // Blinded apart from the words of subjects: the same word has another name here.
    this.#nameOf = seal === null ? (word) => word : (word) => seal.blind(`t:${word}`);
    this.#state = state;
  }

  get state(): TextState {
    return this.#state;
  }

  listOf(word: string): PositionList {
    const name = this.#nameOf(word);
    return {
      below: async ({ from, bound, limit }) => {
        const range = { gte: facetKey(name, from), lt: facetKey(name, bound), limit, reverse: true };
        const keys = this.#words.keys(range).all();
        return (await keys.catch(unavailable)).map(lastPositionOf);
      },
    };
  }

  rowOf = async (entryId: string): Promise<TextRow | undefined> => this.#rows.get(entryId);

  async put(entryId: string, row: TextRow, state: Partial<TextState>): Promise<void> {
    const before = await this.rowOf(entryId);
    const stood = new Set(before === undefined ? [] : this.#keysOf(before));
    const stands = new Set(this.#keysOf(row));
    const batch = this.#database.batch();
    for (const key of stood) if (!stands.has(key)) batch.del(key, { sublevel: this.#words });
    for (const key of stands) if (!stood.has(key)) batch.put(key, keyAlone, { sublevel: this.#words });
    batch.put(entryId, row, { sublevel: this.#rows });
    await this.#write(batch, { ...state, ...this.#counted([[before, row]]) });
  }

  async remove(entryIds: readonly string[], { seq, at }: { readonly seq: number; readonly at: number }): Promise<void> {
    const rows = await this.#rows.getMany([...entryIds]);
    const found = rows.filter((row) => row !== undefined);
    if (found.length === 0) return this.note({ removed: seq });
    // What is only in memory yet is written to a table first, so that a compaction finds it.
    await this.#compactRange('~', '~');
    const batch = this.#database.batch();
    for (const row of found) for (const key of this.#keysOf(row)) batch.del(key, { sublevel: this.#words });
    for (const id of entryIds) batch.del(id, { sublevel: this.#rows });
    const { dueSince, doneAt } = this.#state.compaction;
    const counted = this.#counted(found.map((row) => [row, undefined]));
    await this.#write(batch, { ...counted, removed: seq, compaction: { dueSince: dueSince ?? at, doneAt } });
  }

  note(state: Partial<TextState>): Promise<void> {
    return this.#write(this.#database.batch(), state);
  }

  async compactIfDue(now: number): Promise<void> {
    const { dueSince, doneAt } = this.#state.compaction;
    if (dueSince === null || dueSince >= now - (now % dayMs)) return;
    if (doneAt !== null && now - doneAt < compactEveryMs) return;
    // Every key stands in a room, and every room's prefix begins with `!`.
    await this.#compactRange('!', '"');
    await this.note({ compaction: { dueSince: null, doneAt: now } });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#database.close();
  }

  #keysOf({ words, position }: TextRow): readonly string[] {
    if (words === '') return [];
    return words.split(' ').map((word) => facetKey(this.#nameOf(word), position));
  }

  #counted(changes: readonly (readonly [TextRow | undefined, TextRow | undefined])[]): Partial<TextState> {
    let { messages, truncated, unreadable } = this.#state;
    for (const [before, after] of changes) {
      messages += Number(after !== undefined) - Number(before !== undefined);
      truncated += Number(after?.truncated ?? false) - Number(before?.truncated ?? false);
      unreadable += Number(after?.unreadable ?? false) - Number(before?.unreadable ?? false);
    }
    return { messages, truncated, unreadable };
  }

  /** Not synced: what a power cut takes is read again, the state with it. */
  async #write(batch: ReturnType<Level<string, string>['batch']>, change: Partial<TextState>): Promise<void> {
    const state = { ...this.#state, ...change };
    await batch.put('state', state, { sublevel: this.#meta }).write();
    this.#state = state;
  }

  #compactRange(start: string, end: string): Promise<void> {
    return (this.#database as unknown as CompactsRanges).compactRange(start, end);
  }
}

/** A search may come while it is closed, for good or to be opened anew. */
function unavailable(error: unknown): never {
  throw new EngineFailure('store-failed', `the text index: ${String(error)}`, { cause: error });
}

/** What `level` is on Node beyond what it is everywhere, which its types leave out. */
interface CompactsRanges {
  compactRange(start: string, end: string): Promise<void>;
}
