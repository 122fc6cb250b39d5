import { createHash } from 'node:crypto';
import { EngineFailure } from '../../streams/failure.ts';
import type { Custodied, Received } from '../../streams/message.ts';
import type { ChunksDone, Custody, Receipt } from '../../streams/ports.ts';

/** A receipt that keeps everything in memory and remembers what was done to it. */
export class MemoryReceipt implements Receipt {
  readonly chunks: Uint8Array[] = [];
  aborted = false;
  received: Received | undefined;
  size = 0;
  readonly #onWrite: ((receipt: MemoryReceipt, chunk: Uint8Array) => Promise<void> | undefined) | undefined;
  readonly #onCommit: OnCommit | undefined;
  readonly #done: ChunksDone | undefined;

  constructor(
    onWrite?: (receipt: MemoryReceipt, chunk: Uint8Array) => Promise<void> | undefined,
    onCommit?: OnCommit,
    done?: ChunksDone,
  ) {
    this.#onWrite = onWrite;
    this.#onCommit = onCommit;
    this.#done = done;
  }

  get bytes(): Buffer {
    return Buffer.concat(this.chunks);
  }

  write(chunk: Uint8Array): Promise<void> | undefined {
    if (this.aborted || this.received !== undefined) throw new Error('write after the end of a receipt');
    this.size += chunk.length;
    this.chunks.push(chunk);
    return this.#onWrite?.(this, chunk);
  }

  preview(): Promise<Uint8Array> {
    return Promise.resolve(this.bytes);
  }

  async commit(received: Received): Promise<Custodied> {
    const custodied = {
      intakeIds: received.targets.map(({ intakeId }) => intakeId),
      receivedAt: received.receivedAt,
      size: this.size,
      sha256: createHash('sha256').update(this.bytes).digest('hex'),
    };
    await this.#onCommit?.(received, custodied);
    this.received = received;
    this.#done?.(this.chunks.splice(0, this.chunks.length, this.bytes));
    return custodied;
  }

  abort(): void {
    this.aborted = true;
  }
}

type OnCommit = (received: Received, custodied: Custodied) => Promise<void> | void;

/** Hands out {@link MemoryReceipt}s and keeps them. `onWrite` may make a write fail or wait, `onCommit` a commit. */
export class MemoryCustody implements Pick<Custody, 'begin'> {
  readonly receipts: MemoryReceipt[] = [];
  onWrite: ((receipt: MemoryReceipt, chunk: Uint8Array) => Promise<void> | undefined) | undefined;
  onCommit: OnCommit | undefined;
  /** Chunks that were told to be done, where `copies`: the bytes are copied at the commit, as by a parser. */
  readonly done: Uint8Array[] = [];
  copies = false;

  /** What is announced beyond it is refused. */
  room = Number.POSITIVE_INFINITY;

  begin(done?: ChunksDone, announcedBytes?: number | null): MemoryReceipt {
    if ((announcedBytes ?? 0) > this.room) throw new EngineFailure('store-full');
    const noted: ChunksDone = (chunks) => {
      this.done.push(...chunks);
      done?.(chunks);
    };
    const receipt = new MemoryReceipt(this.onWrite, this.onCommit, this.copies ? noted : undefined);
    this.receipts.push(receipt);
    return receipt;
  }
}
