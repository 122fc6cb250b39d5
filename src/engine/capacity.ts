import { EngineFailure } from '../../streams/failure.ts';
import type { Custodied, Received } from '../../streams/message.ts';
import type { Custody, Receipt } from '../../streams/ports.ts';
import { roomIn } from '../store/free-space.ts';
import type { ReopeningStore } from '../store/reopening-store.ts';

export type Admission = 'ok' | 'full' | 'overloaded' | 'failed' | 'stopping';
export interface CapacityOptions {
  readonly dataDir: string;
  readonly minimumFreeBytes: number;
  readonly queueMessages: number;
  readonly queueBytes: number;
  /** Epoch ms. */
  readonly now: () => number;
  readonly stopping: () => boolean;
  /** Of an engine that has room, with so many messages on their way. */
  readonly admit: (onTheWay: number) => Admission;
}

/** Whether one more message can be taken, and custody that counts what is on its way (interface `limits`, `store.minimumFree`). */
export interface Capacity {
  /** Asked for each message; `sizeHintBytes` is what the sender announced. */
  admit(sizeHintBytes: number | null): Admission;
  readonly custody: Custody;
}

export function createCapacity(
  store: Pick<ReopeningStore, 'custody' | 'queue' | 'health' | 'missingReserveBytes'>,
  options: CapacityOptions,
): Capacity {
  const room = roomIn(options.dataDir, options.minimumFreeBytes, options.now);
  const flying: Flying = { messages: 0, announced: 0 };
  const hasRoomFor = (bytes: number): boolean => room(flying.announced + bytes + store.missingReserveBytes) > 0;
  return {
    admit: (sizeHintBytes) => {
      if (options.stopping()) return 'stopping';
      // Nothing is promised on it until it is opened anew (store section 3).
      if (!store.health.open) return 'failed';
      if (store.queue.messages + flying.messages >= options.queueMessages) return 'full';
      // Past the bound, not up to it: counted with the one that comes, what is larger than the bound would never be taken.
      if (store.queue.bytes + flying.announced >= options.queueBytes) return 'full';
      if (!hasRoomFor(sizeHintBytes ?? 0)) return 'full';
      return options.admit(flying.messages);
    },
    custody: {
      begin: (done, announcedBytes) => {
        const announced = announcedBytes ?? 0;
        // Many may have been admitted since, each with the same room in view.
        if (announced > 0 && !hasRoomFor(announced)) throw new EngineFailure('store-full');
        return new CountedReceipt(store.custody.begin(done), flying, announced);
      },
    },
  };
}

/** What is on its way: messages, and as many bytes as they have or will have by their own word. */
interface Flying {
  messages: number;
  announced: number;
}

/** A receipt whose message and bytes count as on their way until it is committed or given up. */
class CountedReceipt implements Receipt {
  readonly #receipt: Receipt;
  readonly #flying: Flying;
  #bytes = 0;
  #announced: number;
  #landed = false;

  constructor(receipt: Receipt, flying: Flying, announced: number) {
    this.#receipt = receipt;
    this.#flying = flying;
    this.#announced = announced;
    flying.messages += 1;
    flying.announced += announced;
  }

  get size(): number {
    return this.#receipt.size;
  }

  write(chunk: Uint8Array): Promise<void> | undefined {
    if (!this.#landed) {
      this.#bytes += chunk.length;
      const beyond = Math.max(0, this.#bytes - this.#announced);
      this.#announced += beyond;
      this.#flying.announced += beyond;
    }
    return this.#receipt.write(chunk);
  }

  preview(): ReturnType<Receipt['preview']> {
    return this.#receipt.preview();
  }

  async commit(received: Received): Promise<Custodied> {
    try {
      return await this.#receipt.commit(received);
    } finally {
      this.#land();
    }
  }

  abort(): void {
    this.#land();
    this.#receipt.abort();
  }

  #land(): void {
    if (this.#landed) return;
    this.#landed = true;
    this.#flying.messages -= 1;
    this.#flying.announced -= this.#announced;
  }
}
