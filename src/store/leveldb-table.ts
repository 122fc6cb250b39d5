import { maskedCrc32c } from './crc32c.ts';
import { Varints } from './varints.ts';

const footerBytes = 48;
/** Behind each block: its kind of compression, and its checksum. */
const trailerBytes = 5;
const magic = '57fb808b247547db';

interface Handle {
  readonly offset: number;
  readonly size: number;
}

/**
 * What is wrong with a table of LevelDB (doc/table_format.md), or null: its footer, the checksum of each block, and that
 * the blocks cover the file without a gap. Tables here are not compressed.
 */
export function faultOfTable(table: Buffer): string | null {
  try {
    const footer = table.subarray(table.length - footerBytes);
    if (table.length < footerBytes || footer.toString('hex', 40) !== magic) return 'no footer';
    const read = new Varints(footer.subarray(0, 40));
    const [meta, index] = [handle(read), handle(read)];
    if (footer.subarray(read.at, 40).some((byte) => byte !== 0)) return 'a footer with something in its filler';
    const handles = [meta, index, ...handlesIn(table, meta), ...handlesIn(table, index)];
    let end = 0;
    for (const each of handles.toSorted((a, b) => a.offset - b.offset)) {
      if (each.offset !== end) return `bytes of no block at ${end}`;
      checkBlock(table, each);
      end = each.offset + each.size + trailerBytes;
    }
    return end === table.length - footerBytes ? null : `bytes of no block at ${end}`;
  } catch (error) {
    return (error as Error).message;
  }
}

const handle = (read: Varints): Handle => ({ offset: read.number(), size: read.number() });

function checkBlock(table: Buffer, { offset, size }: Handle): Buffer {
  const end = offset + size;
  if (end + trailerBytes > table.length - footerBytes) throw new RangeError(`a block beyond the end at ${offset}`);
  if (maskedCrc32c(table.subarray(offset, end + 1)) !== table.readUInt32LE(end + 1)) {
    throw new RangeError(`a wrong checksum at ${offset}`);
  }
  if (table[end] !== 0) throw new RangeError(`a compressed block at ${offset}`);
  return table.subarray(offset, end);
}

/** The handles that are the values of a block. */
function handlesIn(table: Buffer, of: Handle): readonly Handle[] {
  const block = checkBlock(table, of);
  const restarts = block.readUInt32LE(block.length - 4);
  const read = new Varints(block.subarray(0, block.length - 4 - 4 * restarts));
  const handles: Handle[] = [];
  while (!read.isDone) {
    read.number();
    const keyBytes = read.number();
    const valueBytes = read.number();
    read.bytes(keyBytes);
    handles.push(handle(new Varints(read.bytes(valueBytes))));
  }
  return handles;
}
