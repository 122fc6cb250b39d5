import { randomBytes } from 'node:crypto';
import { open, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EngineFailure } from '../../streams/failure.ts';
import type { MasterKey } from '../master-key.ts';
import { crc32c } from './crc32c.ts';
import { derivedKey } from './derived-key.ts';
import type { FileFault } from './leveldb-check.ts';
import { codeOf } from './segment-files.ts';
import { bodyOffset, keyIdsOf, keyOf, makeKeyFile, placesIn } from './wrapped-key.ts';

/**
 * Records whose keys stand in one file: some 300 MB of common mail, as much as a segment, and 88 KiB of keys. Blocks go by
 * record numbers and not by segments, so they are there before the segment is, and are the same for every kind of bytes.
 */
export const blockRecords = 4_096;
const saltBytes = 16;
/** A salt and its CRC-32C; all zeros where it was destroyed, which no salt is: the CRC of zeros is not zero. */
const slotBytes = saltBytes + 4;
const blockBytes = bodyOffset + blockRecords * slotBytes;
const suffix = '.keys';

export const firstOfBlock = (seq: number): number => seq - ((seq - 1) % blockRecords);
export const blockName = (firstSeq: number): string => `${String(firstSeq).padStart(20, '0')}${suffix}`;

/** First records of all blocks of a folder, ascending; none where it does not exist. */
export async function blocksIn(directory: string): Promise<number[]> {
  const names = await readdir(directory).catch(emptyIfMissing);
  return names
    .filter((name) => /^\d{20}\.keys$/.test(name))
    .map((name) => Number(name.slice(0, -suffix.length)))
    .sort((a, b) => a - b);
}

/** The file of the index's own key. Lost, the index is made anew. */
export const indexKeyName = 'index.keys';

/** Every file of keys, that of the index first, with its number, then the blocks in order. */
export async function keyFilesIn(
  directory: string,
): Promise<readonly { readonly name: string; readonly number: number }[]> {
  const names = await readdir(directory).catch(emptyIfMissing);
  const index = names.includes(indexKeyName) ? [{ name: indexKeyName, number: 0 }] : [];
  return [...index, ...(await blocksIn(directory)).map((number) => ({ name: blockName(number), number }))];
}

function emptyIfMissing(error: unknown): string[] {
  if (codeOf(error) !== 'ENOENT') throw error;
  return [];
}

/** The keys of one block of records. */
export class KeyBlock {
  readonly firstSeq: number;
  /** For the facts of every record of the block: they outlive the payload. */
  readonly factsKey: Buffer;
  readonly #path: string;
  readonly #key: Buffer;
  readonly #slots: Buffer;

  constructor(path: string, firstSeq: number, key: Buffer, slots: Buffer) {
    this.firstSeq = firstSeq;
    this.#path = path;
    this.#key = key;
    this.#slots = slots;
    this.factsKey = derivedKey(key, 'daybook facts v1');
  }

  /** Makes the block, on the disk before any of its keys is used. */
  static async make(directory: string, firstSeq: number, master: MasterKey): Promise<KeyBlock> {
    const slots = Buffer.concat(Array.from({ length: blockRecords }, drawSlot));
    const path = join(directory, blockName(firstSeq));
    return new KeyBlock(path, firstSeq, await makeKeyFile(path, firstSeq, master, slots), slots);
  }

  /** @throws EngineFailure `missing`, `damaged`, `key-unusable`; the system's error */
  static async read(directory: string, firstSeq: number, master: MasterKey): Promise<KeyBlock> {
    const path = join(directory, blockName(firstSeq));
    const name = `keys/${blockName(firstSeq)}`;
    const bytes = await readFile(path).catch((error: unknown) => {
      if (codeOf(error) === 'ENOENT') throw new EngineFailure('missing', name, { cause: error });
      throw error;
    });
    if (bytes.length !== blockBytes) throw new EngineFailure('damaged', `${name} has ${bytes.length} bytes`);
    const key = keyOf(placesIn(bytes, firstSeq), firstSeq, master, name);
    return new KeyBlock(path, firstSeq, key, bytes.subarray(bodyOffset));
  }

  /** The key of a record's payload: `destroyed` for good, or `damaged`, as its slot is. */
  payloadKey(seq: number): Buffer | 'destroyed' | 'damaged' {
    const slot = this.#slot(seq);
    const state = stateOf(slot);
    return state === 'whole' ? derivedKey(this.#key, 'daybook payload v1', slot.subarray(0, saltBytes)) : state;
  }

  /** Overwrites the salts of these records, where they lie, and syncs: nothing makes their payload keys again. */
  async destroy(seqs: Iterable<number>): Promise<void> {
    const standing = [...seqs].filter((seq) => stateOf(this.#slot(seq)) !== 'destroyed');
    if (standing.length === 0) return;
    // Out of use before it is off the disk; nobody is told that it is destroyed before that.
    for (const seq of standing) this.#slot(seq).fill(0);
    await this.#write(standing, () => Buffer.alloc(slotBytes));
  }

  /** Draws new salts for records that are still to be written and have none that is good. */
  async mend(seqs: readonly number[]): Promise<void> {
    const bad = seqs.filter((seq) => stateOf(this.#slot(seq)) !== 'whole');
    if (bad.length === 0) return;
    const drawn = new Map(bad.map((seq) => [seq, drawSlot()]));
    await this.#write(bad, (seq) => drawn.get(seq) ?? drawSlot());
    // In use only once they are on the disk: a record under a salt that is nowhere could never be read.
    for (const [seq, slot] of drawn) this.#slot(seq).set(slot);
  }

  async #write(seqs: readonly number[], slotOf: (seq: number) => Buffer): Promise<void> {
    await using file = await open(this.#path, 'r+');
    for (const seq of seqs) {
      const position = bodyOffset + (seq - this.firstSeq) * slotBytes;
      const { bytesWritten } = await file.write(slotOf(seq), 0, slotBytes, position);
      if (bytesWritten !== slotBytes) throw Object.assign(new Error('the system took half a slot'), { code: 'EIO' });
    }
    await file.datasync();
  }

  #slot(seq: number): Buffer {
    const at = (seq - this.firstSeq) * slotBytes;
    return this.#slots.subarray(at, at + slotBytes);
  }
}

/** What a file of keys holds, as far as can be seen without the master key. */
export interface KeyFileState {
  /** Ids of the master keys that open it; two while the master key is changed. */
  readonly keyIds: readonly string[];
  readonly faults: readonly FileFault[];
  readonly bytes: number;
}

/** Looks at every byte of a file of keys; `firstSeq` is 0 for that of the index. @throws the system's error */
export async function inspectKeyFile(directory: string, fileName: string, firstSeq: number): Promise<KeyFileState> {
  const bytes = await readFile(join(directory, fileName));
  const file = `keys/${fileName}`;
  const expected = firstSeq === 0 ? bodyOffset : blockBytes;
  if (bytes.length !== expected) {
    const text = `has ${bytes.length} bytes and should have ${expected}`;
    return { keyIds: [], faults: [{ file, text }], bytes: bytes.length };
  }
  const places = placesIn(bytes, firstSeq);
  const faults: FileFault[] = [];
  if (places.some(({ state }) => state === 'damaged') || keyIdsOf(places).length === 0) {
    faults.push({ file, text: 'the wrapped key is damaged' });
  }
  for (let at = bodyOffset; at < bytes.length; at += slotBytes) {
    if (stateOf(bytes.subarray(at, at + slotBytes)) !== 'damaged') continue;
    faults.push({ file, text: `the salt of record ${firstSeq + (at - bodyOffset) / slotBytes} is damaged` });
  }
  return { keyIds: keyIdsOf(places), faults, bytes: bytes.length };
}

function stateOf(slot: Buffer): 'whole' | 'destroyed' | 'damaged' {
  if (crc32c(slot.subarray(0, saltBytes)) === slot.readUInt32BE(saltBytes)) return 'whole';
  return slot.every((byte) => byte === 0) ? 'destroyed' : 'damaged';
}

function drawSlot(): Buffer {
  const slot = Buffer.alloc(slotBytes, randomBytes(saltBytes));
  slot.writeUInt32BE(crc32c(slot.subarray(0, saltBytes)), saltBytes);
  return slot;
}
