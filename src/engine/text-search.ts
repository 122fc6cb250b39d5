import { join } from 'node:path';
import { defer, exhaustMap, firstValueFrom, merge, repeat, Subject, type Subscription, timer } from 'rxjs';
import { EngineFailure, messageOf } from '../../streams/failure.ts';
import { wordsOf } from '../../streams/words.ts';
import type { ContentHasher } from '../content/content-hasher.ts';
import type { EngineApi } from '../http/api.types.ts';
import type { Status, TextIndexStatus } from '../http/status.schema.ts';
import type { MasterKey } from '../master-key.ts';
import { openIndexSeal } from '../store/index-seal.ts';
import type { Store } from '../store/open-store.ts';
import { keysFolder } from '../store/record-keys.ts';
import { openTextIndex, removeTextIndex, type TextIndex } from '../store/text-index.ts';
import { isoTime } from '../time-words.ts';
import { createTextPass, type TextPass, type TextPassParts } from './text-pass.ts';
import type { Workshop } from './workshop.ts';

/** Read without a pause, and at most so many messages: then others have their turn for as long. */
const turnMs = 50;
const turnSteps = 32;
const shortestRestMs = 20;
/** While mail is put off, the disk is nearly full or something failed. */
const troubledRestMs = 10_000;
/** Where all is read: mail wakes it, and this. */
const idleRestMs = 60_000;

/** Words of messages, for searches (D-080). */
export interface TextSearch extends AsyncDisposable {
  readonly lists: EngineApi['textLists'];
  /** Null where `search.text` is off. */
  status(): TextIndexStatus | null;
  warnings(): Status['warnings'];
}

export interface TextSearchParts extends Pick<Workshop, 'store' | 'clock' | 'log'> {
  readonly dataDir: string;
  readonly master: MasterKey | null;
  /** Its own, for a message that is slow to read holds nobody else up; closed with the search. */
  readonly parser: Pick<ContentHasher, 'words' | typeof Symbol.asyncDispose>;
  /** Mail needs the disk, or all of the process. */
  readonly isPaused: () => boolean;
}

/** Off: nothing is read, and what stood is taken away, for nobody would take deleted messages out of it. */
export async function openNoTextSearch({ dataDir }: Pick<TextSearchParts, 'dataDir'>): Promise<TextSearch> {
  await removeTextIndex(dataDir);
  return {
    lists: () => null,
    status: () => null,
    warnings: () => [],
    [Symbol.asyncDispose]: async () => undefined,
  };
}

/** Reads the archive beside mail, half of one thread's time at most, and goes on where it was after a restart. */
export function openTextSearch(parts: TextSearchParts): TextSearch {
  const reading = new Reading(parts);
  return {
    lists: (text) => reading.lists(text),
    status: () => reading.status(),
    warnings: () => reading.warnings(),
    [Symbol.asyncDispose]: () => reading.close(),
  };
}

/** The text index of a data directory, where it stands and fits this archive, else a new one. */
export async function textIndexOf({
  store,
  dataDir,
  master,
  log,
}: Pick<TextSearchParts, 'dataDir' | 'master' | 'log'> & { readonly store: Pick<Store, 'log'> }): Promise<TextIndex> {
  const seal = master === null ? null : await openIndexSeal(keysFolder(dataDir), master);
  return openTextIndex({
    dataDir,
    seal,
    knows: async ({ seq, hash }) => {
      if (seq === 0) return true;
      const found = await store.log.record(seq).catch(() => null);
      return found?.record.hash === hash;
    },
    discarded: (why) => log('warn', 'the text index is made anew', { directory: join(dataDir, 'text-index'), why }),
  });
}

interface Opened {
  readonly index: TextIndex;
  readonly pass: TextPass;
}

class Reading {
  readonly #parts: TextSearchParts;
  readonly #turns: Subscription;
  readonly #end$ = new Subject<void>();
  #open: Opened | null = null;
  #trouble: { readonly detail: string; readonly since: number } | null = null;
  #rest: 'idle' | 'troubled' | number = 0;
  /** Records came since the last look at the log began. */
  #hasNews = false;
  #ending = false;
  #turn: Promise<void> = Promise.resolve();

  constructor(parts: TextSearchParts) {
    this.#parts = parts;
    this.#turns = defer(() => this.#rested())
      .pipe(
        exhaustMap(() => {
          this.#turn = this.#takeTurn();
          return this.#turn;
        }),
        repeat(),
      )
      .subscribe();
    this.#turns.add(parts.store.touched$.subscribe(() => (this.#hasNews = true)));
  }

  lists(text: string): ReturnType<EngineApi['textLists']> {
    if (this.#open === null) throw new EngineFailure('store-failed', this.#trouble?.detail ?? 'the text index opens');
    const { index, pass } = this.#open;
    return { lists: wordsOf(text).map((word) => index.listOf(word)), behind: pass.behind };
  }

  status(): TextIndexStatus {
    const { settled } = this.#parts.store.queue;
    if (this.#open === null) return { behind: settled, messages: 0, truncated: 0, unreadable: 0 };
    const { messages, truncated, unreadable } = this.#open.index.state;
    return { behind: this.#open.pass.behind, messages, truncated, unreadable };
  }

  warnings(): Status['warnings'] {
    if (this.#trouble === null) return [];
    const { detail, since } = this.#trouble;
    return [{ code: 'text-index', text: `messages are not found by their text: ${detail}`, since: isoTime(since) }];
  }

  async close(): Promise<void> {
    this.#ending = true;
    this.#end$.next();
    this.#turns.unsubscribe();
    await this.#parts.parser[Symbol.asyncDispose]();
    await this.#turn;
    await this.#open?.index[Symbol.asyncDispose]();
    this.#open = null;
  }

  async #rested(): Promise<void> {
    const { clock, store } = this.#parts;
    const rest = this.#rest;
    if (rest === 'idle' && !this.#hasNews)
      await firstValueFrom(merge(timer(idleRestMs, clock), store.touched$, this.#end$));
    const ms = rest === 'troubled' ? troubledRestMs : Math.max(shortestRestMs, rest === 'idle' ? 0 : rest);
    if (!this.#ending) await firstValueFrom(merge(timer(ms, clock), this.#end$));
  }

  async #takeTurn(): Promise<void> {
    if (this.#ending) return;
    if (this.#parts.isPaused()) {
      this.#rest = 'troubled';
      return;
    }
    try {
      await this.#read();
      this.#trouble = null;
    } catch (error) {
      await this.#failed(error);
    }
  }

  async #read(): Promise<void> {
    const { clock } = this.#parts;
    this.#open ??= await this.#opened();
    const { index, pass } = this.#open;
    const from = clock.now();
    await index.compactIfDue(from);
    for (let steps = 0; steps < turnSteps && clock.now() - from < turnMs; steps += 1) {
      if (this.#ending) return;
      this.#hasNews = false;
      if (!(await pass.step())) {
        this.#rest = 'idle';
        return;
      }
    }
    this.#rest = clock.now() - from;
  }

  async #opened(): Promise<Opened> {
    const { store, parser } = this.#parts;
    const index = await textIndexOf(this.#parts);
    const wordsOf: TextPassParts['wordsOf'] = (message) => parser.words(message);
    return { index, pass: createTextPass({ store, index, wordsOf }) };
  }

  /** After some errors a database fails for ever, though the disk is well again: it is opened anew. */
  async #failed(error: unknown): Promise<void> {
    if (this.#ending) return;
    const { log, clock } = this.#parts;
    const detail = messageOf(error);
    if (this.#trouble?.detail !== detail) log('warn', 'the text index could not go on', { error: detail });
    this.#trouble = { detail, since: this.#trouble?.since ?? clock.now() };
    this.#rest = 'troubled';
    const open = this.#open;
    this.#open = null;
    await Promise.resolve(open?.index[Symbol.asyncDispose]()).catch(() => undefined);
  }
}
