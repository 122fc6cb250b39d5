import { interval, type SchedulerLike, type Subscription } from 'rxjs';
import type { EventDraft } from '../../streams/ports.ts';
import type { Sockets } from '../smtp/types.ts';
import type { Unwritten } from '../store/open-store.ts';
import type { Admission } from './capacity.ts';
import { engineEvent } from './definition-events.ts';
import type { ProcessLoad } from './process-load.ts';

/** What there is too much of. */
export type ShedReason = 'in-flight' | 'object-storage' | 'commit-queue' | 'event-loop' | 'memory' | 'descriptors';

/** Beyond these mail is put off (reliability 5.8): the sender keeps it, and what was begun is finished. */
export const sheddingBounds = {
  /** Of messages, received and not on disk yet. 200 of 25 MB at once hold a tenth of it: large mail goes to disk in pieces. */
  unwrittenBytes: 256 * 1024 * 1024,
  /** Records handed to the commit log and not on disk and folded yet: eight groups. */
  waitingRecords: 2_000,
  /** Of the oldest of them. A disk that is well answers within milliseconds. */
  waitingMs: 10_000,
  /** 99 of 100 turns of the event loop came later than planned by less than this; mail of any content stays below 200 ms. */
  loopDelayMs: 500,
  /** Of the limit of the cgroup, and of the heap's own: what has begun needs the rest. */
  memoryShare: 0.7,
  /** Of the descriptors that the process may have; the rest is for segments, the index, mailboxes and the API. */
  descriptorShare: 0.7,
  /** From here on a connection is closed without an answer. */
  lastDescriptorShare: 0.85,
} as const;

/** The process and the store are looked at this often. */
const sampleEveryMs = 1_000;
/** Quiet after which an overload is over. */
const calmMs = 10_000;

/** Rule: why no further message may begin, the first that holds. `onTheWay`: messages begun and not finished. */
export function overload(
  { bytes, records: { count, since, bodySince } }: Unwritten,
  { loopDelayMs, memoryShare }: Pick<ProcessLoad, 'loopDelayMs' | 'memoryShare'>,
  { now, onTheWay }: { readonly now: number; readonly onTheWay: number },
): ShedReason | null {
  if (bodySince !== undefined && now - bodySince > sheddingBounds.waitingMs) return 'object-storage';
  if (count >= sheddingBounds.waitingRecords) return 'commit-queue';
  if (since !== null && now - since > sheddingBounds.waitingMs) return 'commit-queue';
  // One at a time is always taken: whatever keeps a figure high, the engine never stands still for it.
  if (onTheWay === 0) return null;
  if (bytes >= sheddingBounds.unwrittenBytes) return 'in-flight';
  if (memoryShare >= sheddingBounds.memoryShare) return 'memory';
  if (loopDelayMs >= sheddingBounds.loopDelayMs) return 'event-loop';
  return null;
}

/** Rule: what a sender is told. Where mail cannot be stored the engine is not busy, and less of it would change nothing. */
export function admissionOf(reason: ShedReason | null): Admission {
  if (reason === null) return 'ok';
  return reason === 'object-storage' ? 'failed' : 'overloaded';
}

export interface SheddingParts {
  readonly unwritten: () => Unwritten;
  readonly load: (() => ProcessLoad) & Partial<Disposable>;
  readonly note: (draft: EventDraft) => void;
  readonly clock: SchedulerLike;
}

/** Puts mail off while the engine has too much of something, and says so. */
export interface Shedding extends AsyncDisposable {
  /** Asked for each message: why it is put off, or null. Counts it. */
  putOff(onTheWay: number): ShedReason | null;
  /** For the listeners. */
  readonly sockets: Sockets;
  /** Messages and connections put off so far, by reason. */
  readonly counts: ReadonlyMap<ShedReason, number>;
  /** The overload that holds now, or has held until a moment ago. */
  readonly overloaded: { readonly since: number; readonly reasons: readonly ShedReason[] } | null;
}

export function createShedding(parts: SheddingParts): Shedding {
  return new Shedder(parts);
}

class Shedder implements Shedding {
  readonly counts = new Map<ShedReason, number>();
  readonly #parts: SheddingParts;
  readonly #sampling: Subscription;
  #load: ProcessLoad;
  /** Since the last look at the process. */
  #socketsSince = 0;
  #overload: { readonly since: number; readonly reasons: Set<ShedReason>; lastAt: number } | null = null;

  constructor(parts: SheddingParts) {
    this.#parts = parts;
    this.#load = parts.load();
    this.#sampling = interval(sampleEveryMs, parts.clock).subscribe(() => this.#look());
  }

  get overloaded(): Shedding['overloaded'] {
    return this.#overload === null ? null : { since: this.#overload.since, reasons: [...this.#overload.reasons] };
  }

  readonly sockets: Sockets = {
    left: () => this.#left(),
    taken: () => {
      this.#socketsSince += 1;
    },
    gone: () => {
      this.#socketsSince -= 1;
    },
    refused: () => this.#count('descriptors'),
  };

  putOff(onTheWay: number): ShedReason | null {
    const { unwritten, clock } = this.#parts;
    const reason = overload(unwritten(), this.#load, { now: clock.now(), onTheWay });
    if (reason !== null) this.#count(reason);
    return reason;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#sampling.unsubscribe();
    this.#parts.load[Symbol.dispose]?.();
  }

  #left(): ReturnType<Sockets['left']> {
    const { descriptors } = this.#load;
    if (descriptors === null) return 'enough';
    const share = (descriptors.open + this.#socketsSince) / descriptors.limit;
    if (share >= sheddingBounds.lastDescriptorShare) return 'none';
    return share >= sheddingBounds.descriptorShare ? 'few' : 'enough';
  }

  #count(reason: ShedReason): void {
    this.counts.set(reason, (this.counts.get(reason) ?? 0) + 1);
    this.#holds(reason);
  }

  #look(): void {
    const { unwritten, load, clock } = this.#parts;
    this.#load = load();
    this.#socketsSince = 0;
    // As for the second of two messages: a figure that is high is one whether or not anybody sends.
    const reason = overload(unwritten(), this.#load, { now: clock.now(), onTheWay: 1 });
    if (reason !== null) this.#holds(reason);
    if (this.#left() !== 'enough') this.#holds('descriptors');
    if (this.#overload === null || clock.now() - this.#overload.lastAt < calmMs) return;
    this.#say('ended');
    this.#overload = null;
  }

  #holds(reason: ShedReason): void {
    const now = this.#parts.clock.now();
    if (this.#overload !== null) {
      this.#overload.lastAt = now;
      this.#overload.reasons.add(reason);
      return;
    }
    this.#overload = { since: now, reasons: new Set([reason]), lastAt: now };
    this.#say('begun');
  }

  #say(what: 'begun' | 'ended'): void {
    const data = { reasons: [...(this.#overload?.reasons ?? [])], putOff: Object.fromEntries(this.counts) };
    const severity = what === 'begun' ? 'warning' : 'info';
    this.#parts.note({ ...engineEvent(`overload.${what}`, data), severity });
  }
}
