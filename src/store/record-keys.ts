import { dirname, join } from 'node:path';
import { EngineFailure } from '../../streams/failure.ts';
import { makeFolder } from '../make-folder.ts';
import type { MasterKey } from '../master-key.ts';
import { blockRecords, blocksIn, firstOfBlock, KeyBlock } from './key-block.ts';
import { isFull, syncDirectory } from './segment-files.ts';

/** Blocks held in memory, 88 KiB each: searches and old mail are read from all over the archive. */
const maxBlocks = 64;

/** Keys by record. */
export type KeysBySeq = (seq: number) => KeyBlock;

/** The keys of all records of an encrypted archive, in `dataDir/keys`. */
export interface RecordKeys extends AsyncDisposable {
  /** The keys of a record that stands. @throws EngineFailure `missing`, `damaged`, `key-unusable` */
  blockOf(seq: number): Promise<KeyBlock>;
  /**
   * The keys of records that are about to be written; they are on the disk. The next block is made ahead, so that no
   * message waits for it. @throws EngineFailure `store-full`, `store-failed`
   */
  ready(firstSeq: number, lastSeq: number): Promise<KeysBySeq>;
  /** Destroys the payload keys of these records for good; what is destroyed already stays so. @throws EngineFailure `store-failed` */
  destroy(seqs: Iterable<number>): Promise<void>;
}

/** Opens the room of keys; makes the folder where it is missing. */
export async function openRecordKeys(directory: string, master: MasterKey): Promise<RecordKeys> {
  await makeKeysFolder(directory);
  return new Keyring(directory, master, new Set(await blocksIn(directory)));
}

export async function makeKeysFolder(directory: string): Promise<void> {
  const made = await makeFolder(directory);
  if (made !== undefined) await syncDirectory(dirname(made));
}

/** The same for who only reads: nothing is made. */
export const readRecordKeys = (directory: string, master: MasterKey): Pick<RecordKeys, 'blockOf'> =>
  new Keyring(directory, master, new Set());

export const keysFolder = (dataDir: string): string => join(dataDir, 'keys');

class Keyring implements RecordKeys {
  readonly #directory: string;
  readonly #master: MasterKey;
  /** Blocks that are on the disk. */
  readonly #stand: Set<number>;
  /** Read or being read, the least recently used first. */
  readonly #blocks = new Map<number, Promise<KeyBlock>>();
  /** Being made. */
  readonly #making = new Map<number, Promise<KeyBlock>>();

  constructor(directory: string, master: MasterKey, stand: Set<number>) {
    this.#directory = directory;
    this.#master = master;
    this.#stand = stand;
  }

  blockOf(seq: number): Promise<KeyBlock> {
    const firstSeq = firstOfBlock(seq);
    const block = this.#blocks.get(firstSeq) ?? KeyBlock.read(this.#directory, firstSeq, this.#master);
    this.#keep(firstSeq, block);
    block.catch(() => this.#blocks.delete(firstSeq));
    return block;
  }

  async ready(firstSeq: number, lastSeq: number): Promise<KeysBySeq> {
    const blocks = new Map<number, KeyBlock>();
    for (let at = firstOfBlock(firstSeq); at <= lastSeq; at += blockRecords) {
      const block = await this.#writable(at).catch(asStoreFailure);
      const seqs: number[] = [];
      for (let seq = Math.max(at, firstSeq); seq <= Math.min(lastSeq, at + blockRecords - 1); seq += 1) seqs.push(seq);
      await block.mend(seqs).catch(asStoreFailure);
      blocks.set(at, block);
    }
    const next = firstOfBlock(lastSeq) + blockRecords;
    // Whoever needs it first hears of a failure, and tries again.
    if (!this.#stand.has(next)) this.#make(next).catch(() => undefined);
    return (seq) => {
      const block = blocks.get(firstOfBlock(seq));
      if (block === undefined) throw new RangeError(`no keys were made ready for record ${seq}`);
      return block;
    };
  }

  async destroy(seqs: Iterable<number>): Promise<void> {
    const byBlock = new Map<number, number[]>();
    for (const seq of seqs) {
      const firstSeq = firstOfBlock(seq);
      // Records from before the archive was encrypted have no keys.
      if (!this.#stand.has(firstSeq)) continue;
      byBlock.set(firstSeq, [...(byBlock.get(firstSeq) ?? []), seq]);
    }
    for (const [firstSeq, some] of byBlock) await (await this.blockOf(firstSeq)).destroy(some).catch(asStoreFailure);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled(this.#making.values());
    this.#blocks.clear();
  }

  async #writable(firstSeq: number): Promise<KeyBlock> {
    return this.#stand.has(firstSeq) ? this.blockOf(firstSeq) : this.#make(firstSeq);
  }

  #make(firstSeq: number): Promise<KeyBlock> {
    const making =
      this.#making.get(firstSeq) ??
      KeyBlock.make(this.#directory, firstSeq, this.#master)
        .then((block) => {
          this.#stand.add(firstSeq);
          this.#keep(firstSeq, Promise.resolve(block));
          return block;
        }, asStoreFailure)
        .finally(() => this.#making.delete(firstSeq));
    this.#making.set(firstSeq, making);
    return making;
  }

  #keep(firstSeq: number, block: Promise<KeyBlock>): void {
    this.#blocks.delete(firstSeq);
    this.#blocks.set(firstSeq, block);
    for (const oldest of this.#blocks.keys()) {
      if (this.#blocks.size <= maxBlocks) return;
      this.#blocks.delete(oldest);
    }
  }
}

function asStoreFailure(error: unknown): never {
  if (error instanceof EngineFailure && error.code.startsWith('store-')) throw error;
  throw new EngineFailure(isFull(error) ? 'store-full' : 'store-failed', `keys: ${String(error)}`, { cause: error });
}
