import type { SchedulerLike, Subscription } from 'rxjs';
import { EngineFailure } from '../../streams/failure.ts';
import { lengthOf } from '../store/record.ts';
import { sha256Of } from './digest.ts';
import { frameBytes, type Payload, packFootBytes } from './pack.ts';
import type { VaultRef } from './vault.types.ts';

export interface PackQueueOptions {
  /** Makes one pack of these and stores it; in the order of the payloads. A payload above `maxPackBytes` comes alone. */
  readonly write: (payloads: readonly Payload[]) => Promise<readonly VaultRef[]>;
  /** Of a pack as it is stored, its table too. */
  readonly maxPackBytes: number;
  /** Packs that are written at once. */
  readonly maxWrites: number;
  /** How long a payload waits for others where a pack could be written at once. 0: not at all. */
  readonly gatherMs: number;
  /** What waits or is under way; nothing more is taken beyond it. One payload may be larger. */
  readonly maxHeldBytes: number;
}

interface Waiting {
  readonly payload: Payload;
  readonly since: number;
  readonly resolve: (ref: VaultRef) => void;
  readonly reject: (reason: unknown) => void;
}

/** Of a pack: its table is made in one go, and a pack of nothing but tiny payloads would have 170,000. */
const maxPayloads = 4_096;

const weightOf = ({ length }: Payload): number => length + frameBytes;

/**
 * Group commit of packs: what waits while packs are written goes out as the next one, so that a busy engine makes few
 * large objects and a quiet one does not wait.
 */
export class PackQueue {
  readonly #options: PackQueueOptions;
  readonly #clock: SchedulerLike;
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #heldBytes = 0;
  readonly #writes = new Set<Promise<void>>();
  #timer: Subscription | null = null;
  #isClosed = false;

  constructor(options: PackQueueOptions, clock: SchedulerLike) {
    this.#options = options;
    this.#clock = clock;
  }

  /** Bytes of payloads that are not stored yet. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** @throws EngineFailure `store-failed` where too much waits already, the queue is closed, or `write` failed */
  async add(payloads: readonly (readonly Uint8Array[])[]): Promise<readonly VaultRef[]> {
    if (this.#isClosed) throw new EngineFailure('store-failed', 'the object storage is being closed');
    if (this.#heldBytes >= this.#options.maxHeldBytes) {
      throw new EngineFailure('store-failed', `${this.#heldBytes} bytes wait for the object storage already`);
    }
    // Counted at once: digests take a while, and what is asked for meanwhile is to know of these.
    return Promise.all(payloads.map((pieces) => this.#held(pieces)));
  }

  /** Takes nothing more; what waits is refused, packs under way are waited for. Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#timer?.unsubscribe();
    for (const { reject } of this.#waiting.splice(0)) {
      reject(new EngineFailure('store-failed', 'the object storage is being closed'));
    }
    await Promise.all(this.#writes);
  }

  /** Counts a payload until it is stored or given up, whatever becomes of those that came with it. */
  #held(pieces: readonly Uint8Array[]): Promise<VaultRef> {
    const length = lengthOf(pieces);
    this.#heldBytes += length;
    return this.#one(pieces).finally(() => {
      this.#heldBytes -= length;
    });
  }

  async #one(pieces: readonly Uint8Array[]): Promise<VaultRef> {
    const payload = { pieces, length: lengthOf(pieces), digest: await sha256Of(pieces) };
    if (this.#isClosed) throw new EngineFailure('store-failed', 'the object storage is being closed');
    return new Promise((resolve, reject) => {
      this.#waiting.push({ payload, since: this.#clock.now(), resolve, reject });
      this.#waitingBytes += weightOf(payload);
      // What comes in the same turn goes into the same pack.
      queueMicrotask(() => this.#pump());
    });
  }

  #pump(): void {
    while (this.#waiting.length > 0 && this.#writes.size < this.#options.maxWrites && this.#isTime()) {
      const group = this.#take();
      const write: Promise<void> = this.#write(group).finally(() => {
        this.#writes.delete(write);
        this.#pump();
      });
      this.#writes.add(write);
    }
  }

  /** Enough waits for a pack, or the oldest has waited long enough; otherwise it is asked again then. */
  #isTime(): boolean {
    const { maxPackBytes, gatherMs } = this.#options;
    const [oldest] = this.#waiting;
    const dueIn = (oldest?.since ?? 0) + gatherMs - this.#clock.now();
    if (dueIn <= 0 || dueIn > gatherMs || this.#waitingBytes + packFootBytes >= maxPackBytes) return true;
    this.#timer?.unsubscribe();
    this.#timer = this.#clock.schedule(() => this.#pump(), dueIn);
    return false;
  }

  #take(): readonly Waiting[] {
    let bytes = packFootBytes;
    let count = 0;
    for (const { payload } of this.#waiting) {
      const isFull = bytes + weightOf(payload) > this.#options.maxPackBytes || count === maxPayloads;
      if (count > 0 && isFull) break;
      bytes += weightOf(payload);
      count += 1;
    }
    this.#waitingBytes -= bytes - packFootBytes;
    return this.#waiting.splice(0, count);
  }

  async #write(group: readonly Waiting[]): Promise<void> {
    try {
      const refs = await this.#options.write(group.map(({ payload }) => payload));
      for (const [index, { resolve, reject }] of group.entries()) {
        const ref = refs[index];
        if (ref === undefined) reject(new Error(`a pack of ${group.length} payloads has ${refs.length} places`));
        else resolve(ref);
      }
    } catch (error) {
      for (const { reject } of group) reject(error);
    }
  }
}
