import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { repeat, type Subscription, timer } from 'rxjs';
import { messageOf } from '../../streams/failure.ts';
import { canaryMessageId } from '../alert/canary-mail.ts';
import { type CanaryOptions, toCanaryOptions } from '../config/to-options.ts';
import type { Log } from '../log.ts';
import { readNoted } from '../noted-file.ts';
import type { CanaryBook, CanaryParts, CanaryView } from './canaries.types.ts';
import {
  type CanaryState,
  came,
  heard,
  isDue,
  isOverdue,
  judged,
  newCanary,
  ofThisClock,
  refused,
  resumed,
  sending,
  taken,
} from './canary-book.ts';
import { canaryEvents } from './canary-events.ts';
import { type KeepingNewest, keepingNewest } from './keeping-newest.ts';

/** What was sent and what came, so that a start neither forgets a canary nor sends one too many. */
export const canariesState = 'canaries.state';
/** The shortest limit is a second. */
const lookEveryMs = 1_000;
/** Missing ones are looked for again this often: an operator's alias may have brought them under another rule. */
const looksToSeek = 60;
/** Canaries that are handed over at once; the others wait for the next look. */
const maxSending = 4;

/** Sends each definition's canary when its time comes, and judges whether its journal copy came within the limit. */
export async function openCanaries(parts: CanaryParts): Promise<CanaryBook & AsyncDisposable> {
  const path = join(parts.dataDir, canariesState);
  const kept = await keptIn(path, parts.log);
  return new Canaries(parts, keepingNewest(path, kept, { what: 'the canaries', log: parts.log }));
}

type Kept = Readonly<Record<string, CanaryState>>;

class Canaries implements CanaryBook, AsyncDisposable {
  readonly #parts: CanaryParts;
  readonly #keeper: KeepingNewest<Kept>;
  readonly #looking: Subscription;
  readonly #states = new Map<string, CanaryState>();
  readonly #closing = new AbortController();
  /** What goes on beside the looks. */
  readonly #work = new Set<Promise<void>>();
  readonly #seeking = new Set<string>();
  /** Of which this engine ran the definition at the last look. */
  readonly #running = new Set<string>();
  #sendingNow = 0;
  #looks = 0;

  constructor(parts: CanaryParts, keeper: KeepingNewest<Kept>) {
    this.#parts = parts;
    this.#keeper = keeper;
    const { clock } = parts;
    for (const [id, options] of this.#wanted()) {
      const state = keeper.kept[id];
      if (state !== undefined) this.#states.set(id, resumed(state, options, clock.now()));
    }
    this.#looking = timer(lookEveryMs, clock)
      .pipe(repeat())
      .subscribe(() => this.#look());
  }

  of(id: string): CanaryView | null {
    const options = this.#optionsOf(id);
    if (options === null) return null;
    const state = this.#states.get(id);
    const way = wayOf(options);
    return { state: state?.way === way ? state : newCanary(way, this.#parts.clock.now()), options };
  }

  arrived(id: string, intakeId: string): void {
    // Another engine's: its bytes are not read for nothing.
    if (!this.#states.has(id)) return;
    this.#beside(async () => {
      const read = await this.#parts.read(intakeId);
      const state = this.#states.get(id);
      if (read !== null && state !== undefined) this.#set(id, came(state, read.messageId, read.receivedAt));
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#looking.unsubscribe();
    this.#closing.abort();
    await Promise.all(this.#work);
    await this.#keeper.settled();
  }

  #look(): void {
    const { clock, listens, runs } = this.#parts;
    const wanted = new Map(this.#wanted());
    // What another engine has sent since, this one does not know.
    for (const id of this.#states.keys()) if (!wanted.has(id) || runs(id) === 'another') this.#states.delete(id);
    for (const id of this.#running) if (!wanted.has(id) || runs(id) !== 'this') this.#running.delete(id);
    this.#looks += 1;
    for (const [id, options] of wanted) {
      if (runs(id) !== 'this') continue;
      const now = clock.now();
      if (!this.#running.has(id)) this.#takeOver(id, options, now);
      const listening = listens(id);
      this.#set(id, heard(ofThisClock(this.#stateOf(id, options), options, now), listening, now));
      const state = this.#stateOf(id, options);
      // Said again, as a status is: what could not be said before.
      this.#parts.say(id, state);
      if (isOverdue(state, now) || (state.missing.length > 0 && this.#looks % looksToSeek === 0)) this.#seek(id);
      if (isDue(state, listening, now) && this.#sendingNow < maxSending) this.#send(id, options);
    }
    this.#keeper.again();
  }

  /** Another engine ran it: this one goes on where that was, as after a start. */
  #takeOver(id: string, options: CanaryOptions, now: number): void {
    this.#running.add(id);
    const said = this.#parts.said(id) as CanaryState | undefined;
    if (said !== undefined) this.#states.set(id, resumed(said, options, now));
  }

  /** Where it is sent to another place than before, all that was known says nothing any more. */
  #stateOf(id: string, options: CanaryOptions): CanaryState {
    const way = wayOf(options);
    const known = this.#states.get(id);
    if (known?.way === way) return known;
    const fresh = newCanary(way, this.#parts.clock.now());
    this.#states.set(id, fresh);
    return fresh;
  }

  /**
   * Before one is called missing it is looked for among ordinary mail, since an alias may have hidden what it is, and among
   * canaries: another engine of a cluster may have settled it while this one did not listen.
   */
  #seek(id: string): void {
    if (this.#seeking.has(id)) return;
    this.#seeking.add(id);
    this.#beside(async () => {
      try {
        const { underWay = null, missing = [] } = this.#states.get(id) ?? {};
        for (const sent of [...missing, ...(underWay === null ? [] : [underWay])]) {
          const cameAt = await this.#parts.seek(id, sent);
          const state = this.#states.get(id);
          if (cameAt !== null && state !== undefined) this.#set(id, came(state, sent.messageId, cameAt));
        }
        const state = this.#states.get(id);
        if (state !== undefined) this.#set(id, judged(state, this.#parts.clock.now()));
      } finally {
        this.#seeking.delete(id);
      }
    });
  }

  #send(id: string, options: CanaryOptions): void {
    const { clock, send } = this.#parts;
    const messageId = canaryMessageId(randomUUID(), options.from);
    const { way } = this.#stateOf(id, options);
    this.#set(id, sending(this.#stateOf(id, options), messageId, options, clock.now()));
    this.#sendingNow += 1;
    const after = (next: (state: CanaryState) => CanaryState): void => {
      const state = this.#states.get(id);
      if (state?.way === way) this.#set(id, next(state));
    };
    this.#beside(async () => {
      try {
        await this.#keeper.settled();
        await send({ definition: id, messageId, options }, this.#closing.signal);
        after((state) => taken(state, messageId, options, clock.now()));
      } catch (error) {
        if (!this.#closing.signal.aborted) after((state) => refused(state, messageOf(error), options, clock.now()));
      } finally {
        this.#sendingNow -= 1;
      }
    });
  }

  #set(id: string, next: CanaryState): void {
    const before = this.#states.get(id);
    if (next === before) return;
    this.#states.set(id, next);
    for (const draft of canaryEvents(id, before, next)) this.#parts.note(draft);
    this.#keeper.keep(Object.fromEntries(this.#states));
    if (this.#running.has(id)) this.#parts.say(id, next);
    this.#parts.changed(id);
  }

  #beside(work: () => Promise<void>): void {
    const { log } = this.#parts;
    const under = work()
      .catch((error: unknown) => log('error', 'a step of a canary failed', { error: String(error) }))
      .finally(() => this.#work.delete(under));
    this.#work.add(under);
  }

  #wanted(): readonly (readonly [id: string, options: CanaryOptions])[] {
    return this.#parts.definitions().flatMap(({ id, config }) => {
      const options = toCanaryOptions(config);
      return options === null ? [] : [[id, options] as const];
    });
  }

  #optionsOf(id: string): CanaryOptions | null {
    const found = this.#parts.definitions().find((definition) => definition.id === id);
    return found === undefined ? null : toCanaryOptions(found.config);
  }
}

/** No secret is part of it: a new password is no new way. */
const wayOf = ({ host, port, from, to }: CanaryOptions): string => `${host}:${port} ${from} ${to}`;

async function keptIn(path: string, log: Log): Promise<Kept> {
  const noted = await readNoted(path);
  if (noted.kind === 'value') return noted.value as Kept;
  if (noted.kind === 'damaged') log('warn', 'what is known of the canaries is damaged; they begin anew', { path });
  return {};
}
