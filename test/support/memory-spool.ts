import { createHash } from 'node:crypto';
import { defer, filter, map, mergeMap, type Observable, of, type SchedulerLike, Subject, timer } from 'rxjs';
import { decode } from '../../src/store/bodies.ts';
import { EngineFailure } from '../../streams/failure.ts';
import { mergeObservation } from '../../streams/merge.ts';
import type {
  ArchiveEntry,
  Body,
  Custodied,
  EndingVerdict,
  Received,
  Settlement,
  SpoolItem,
  Verdict,
} from '../../streams/message.ts';
import type { Archive, Bodies, Custody, MessageReader, Receipt, SettleRequest } from '../../streams/ports.ts';
import { isOfAnotherClock, setBackMs } from '../../streams/schedule.ts';
import type { Spool } from '../../streams/spool.ts';

export type StoreOperation = 'due' | 'defer' | 'settle' | 'read' | 'commit' | 'get';
export interface MemoryStoreOptions {
  readonly clock: SchedulerLike;
  /** Virtual milliseconds that one operation takes; it counts at half of them. Without it answers are synchronous. */
  readonly delayMs?: (operation: StoreOperation) => number;
  /** The failure of the next such operation, or undefined. */
  readonly fault?: (operation: StoreOperation) => unknown;
}
/** An intake record that has ended. */
export interface EndedItem {
  readonly item: SpoolItem;
  readonly verdict: EndingVerdict;
  readonly at: number;
}

/** Custody, spool, archive and bodies in memory, with what the ports promise and nothing beyond it. */
export class MemoryStore {
  readonly items = new Map<string, SpoolItem>();
  readonly ended = new Map<string, EndedItem>();
  readonly entries = new Map<string, ArchiveEntry>();
  readonly bytes: Uint8Array[] = [];
  readonly operations: StoreOperation[] = [];
  readonly #due$ = new Subject<string | null>();
  readonly #options: MemoryStoreOptions;

  constructor(options: MemoryStoreOptions) {
    this.#options = options;
  }

  /** Fires when items of the definition became due. */
  wake$(definitionId: string | null): Observable<unknown> {
    return this.#due$.pipe(filter((due) => due === definitionId));
  }

  readonly custody: Custody = { begin: () => new MemoryReceipt(this) };

  readonly spool: Spool = {
    due: (definitionId, now, limit) =>
      this.#run('due', () => {
        const waiting = [...this.items.values()]
          .filter((item) => item.definitionId === definitionId)
          .toSorted((a, b) => a.dueAt - b.dueAt || (a.intakeId < b.intakeId ? -1 : 1));
        const ahead = waiting.filter((item) => item.dueAt >= now + setBackMs && isOfAnotherClock(item, now));
        if (ahead.length > 0) return { items: ahead.slice(-limit), nextDueAt: now };
        const items = waiting.filter(({ dueAt }) => dueAt <= now).slice(0, limit);
        return { items, nextDueAt: waiting[items.length]?.dueAt ?? null };
      }),
    defer: (items) =>
      this.#run('defer', () => {
        for (const item of items) this.#putBack(item);
      }),
  };

  readonly bodies: Bodies = {
    read: (body, decoding, sha256) =>
      this.#run('read', () => {
        const bytes = decode(Buffer.concat(body.map((slice) => this.#slice(slice))), decoding);
        if (sha256Of(bytes) !== sha256) throw new EngineFailure('damaged', `expected ${sha256}`);
        return bytes;
      }),
  };

  readonly archive: Archive = {
    lookup: (keys) => this.#run('due', () => keys.map((key) => this.#under([key]))),
    settle: (requests) => this.#run('settle', () => requests.map((request) => this.#settle(request))),
  };

  readonly messages: Pick<MessageReader, 'get'> = { get: (id) => Promise.resolve(this.entries.get(id)) };

  /** Takes a message in at this instant. */
  take(received: Received, bytes: Uint8Array): Custodied {
    const seq = this.bytes.push(bytes);
    const body: Body = bytes.length === 0 ? [] : [{ seq, offset: 0, length: bytes.length }];
    const { origin, receivedAt, transport } = received;
    const sha256 = sha256Of(bytes);
    for (const target of received.targets) {
      this.items.set(target.intakeId, {
        ...target,
        origin,
        receivedAt,
        transport,
        size: bytes.length,
        sha256,
        body,
        state: 'received',
        attempt: 0,
        dueAt: receivedAt,
        deadline: null,
        woken: false,
        failures: 0,
        overrides: [],
        parsed: null,
        steps: [{ at: receivedAt, step: 'received', detail: null }],
      });
    }
    for (const { definitionId } of received.targets) this.#due$.next(definitionId);
    const intakeIds = received.targets.map(({ intakeId }) => intakeId);
    return { intakeIds, receivedAt, size: bytes.length, sha256 };
  }

  /** What left the spool, in the form of processing's news. */
  settlements(): readonly Pick<Settlement, 'intakeId' | 'outcome' | 'reason'>[] {
    return [...this.ended].map(([intakeId, { verdict }]) => {
      if (verdict.kind === 'end') return { intakeId, outcome: verdict.outcome, reason: verdict.reason };
      if (verdict.kind === 'insert') return { intakeId, outcome: 'archived', reason: null };
      return { intakeId, outcome: 'matched', reason: verdict.case };
    });
  }

  /** Runs `act` at one instant, in the middle of the time that the operation takes. */
  #run<T>(operation: StoreOperation, act: () => T): Observable<T> {
    return defer(() => {
      this.operations.push(operation);
      const half = (this.#options.delayMs?.(operation) ?? 0) / 2;
      const acting = (): T => {
        const fault = this.#options.fault?.(operation);
        if (fault !== undefined) throw fault;
        return act();
      };
      if (half === 0) return of(null).pipe(map(acting));
      const { clock } = this.#options;
      return timer(half, clock).pipe(
        map(acting),
        mergeMap((answer) => timer(half, clock).pipe(map(() => answer))),
      );
    });
  }

  #slice({ seq, offset, length }: Body[number]): Uint8Array {
    const bytes = this.bytes[seq - 1];
    if (bytes === undefined || offset + length > bytes.length) throw new EngineFailure('missing', `record ${seq}`);
    return bytes.subarray(offset, offset + length);
  }

  #putBack(item: SpoolItem): void {
    if (this.items.has(item.intakeId)) this.items.set(item.intakeId, item);
  }

  #under(keys: readonly string[]): readonly ArchiveEntry[] {
    return [...this.entries.values()]
      .filter((entry) => keysOf(entry).some((key) => keys.includes(key)))
      .toSorted((a, b) => (a.id < b.id ? -1 : 1));
  }

  #settle({ item, keys, decide }: SettleRequest): Verdict {
    const verdict = decide(this.#under(keys));
    if (!this.items.has(item.intakeId)) return { kind: 'over' };
    if (verdict.kind === 'unsure' || verdict.kind === 'over') return verdict;
    if (verdict.kind === 'defer') {
      this.#putBack(verdict.item);
      return verdict;
    }
    this.items.delete(item.intakeId);
    this.ended.set(item.intakeId, { item, verdict, at: this.#options.clock.now() });
    if (verdict.kind === 'end') return verdict;
    if (verdict.kind === 'insert') this.#insert(item, verdict);
    else this.#merge(verdict);
    this.#wake(item.parsed?.matchKey ?? '');
    return verdict;
  }

  #insert({ intakeId, origin, parsed }: SpoolItem, verdict: Extract<Verdict, { kind: 'insert' }>): void {
    const flags = verdict.collidesWith.length > 0 ? ['mid-collision'] : [];
    const observations = [verdict.observation];
    const archivedAt = this.#options.clock.now();
    const made = { id: intakeId, matchKey: parsed?.matchKey ?? '', archivedAt, origin, flags, observations };
    this.entries.set(intakeId, made);
    for (const id of verdict.collidesWith) {
      const entry = this.entries.get(id);
      if (entry !== undefined) this.entries.set(id, { ...entry, flags: [...new Set([...entry.flags, ...flags])] });
    }
  }

  #merge({ entryId, observation, learnt, case: match }: Extract<Verdict, { kind: 'merge' }>): void {
    const entry = this.entries.get(entryId);
    if (entry === undefined) throw new Error(`merged into ${entryId}, which is not there`);
    const flags = match === 'M2' ? ['variant'] : [];
    this.entries.set(entryId, mergeObservation(entry, observation, { flags, learnt }));
  }

  /** Waiting items of the key become due at once, their next look-up free. */
  #wake(key: string): void {
    const dueAt = this.#options.clock.now();
    for (const item of this.items.values()) {
      if (item.state !== 'matching' || item.parsed?.matchKey !== key || item.dueAt <= dueAt) continue;
      const steps = [...item.steps, { at: dueAt, step: 'woken', detail: null }];
      this.items.set(item.intakeId, { ...item, dueAt, woken: true, steps });
      this.#due$.next(item.definitionId);
    }
  }
}

class MemoryReceipt implements Receipt {
  readonly #store: MemoryStore;
  #chunks: Uint8Array[] = [];
  #ended = false;

  constructor(store: MemoryStore) {
    this.#store = store;
  }

  get size(): number {
    return this.#chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  }

  write(chunk: Uint8Array): undefined {
    if (!this.#ended) this.#chunks.push(chunk);
  }

  async preview(): Promise<Uint8Array> {
    return Buffer.concat(this.#chunks);
  }

  async commit(received: Received): Promise<Custodied> {
    if (this.#ended) throw new Error('a receipt is committed once, and not after its abort');
    this.#ended = true;
    return this.#store.take(received, Buffer.concat(this.#chunks));
  }

  abort(): void {
    this.#ended = true;
    this.#chunks = [];
  }
}

const keysOf = ({ matchKey, observations }: ArchiveEntry): readonly string[] => [
  matchKey,
  ...observations
    .flatMap(({ representations }) => representations)
    .flatMap(({ contentHash }) => (contentHash === null ? [] : [`ch:${contentHash}`])),
];
export const sha256Of = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
