import { type FileHandle, open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { crc32, createInflateRaw, inflateRaw } from 'node:zlib';

/** One file of a zip archive, as its central directory names it. */
export interface ZipEntry {
  readonly name: string;
  readonly size: number;
  readonly storedSize: number;
  readonly offset: number;
  readonly crc: number;
  /** 0: as it is; 8: deflated. */
  readonly method: number;
}
export interface Zip extends AsyncDisposable {
  readonly entries: ReadonlyMap<string, ZipEntry>;
  /** The bytes of one, checked against its checksum. @throws ZipFault */
  read(entry: ZipEntry): Promise<Buffer>;
  /** The same in pieces, for one that is as large as the archive likes; unchecked. */
  stream(entry: ZipEntry): AsyncIterable<Buffer>;
}

/** The archive is broken, or of a kind that no export makes. */
export class ZipFault extends Error {}

const [endMark, end64Mark, locatorMark, directoryMark, localMark] = [
  0x06054b50, 0x06064b50, 0x07064b50, 0x02014b50, 0x04034b50,
];
const [endBytes, locatorBytes, end64Bytes, directoryBytes, localBytes] = [22, 20, 56, 46, 30];
/** A comment behind the end has 64 KB at most. */
const maxTail = endBytes + 0xffff;
/** The directory is held in memory: a million messages have a hundred megabytes. */
const maxDirectoryBytes = 512 * 1024 * 1024;
/** What is packed may be larger than it was by a little; more is a lie about what will be held. */
const mostStored = (size: number): number => size + size / 100 + 1_024;
/** A system takes no larger read. */
const readAtOnce = 1024 * 1024 * 1024;
/** Of an entry that is read in pieces. */
const pieceBytes = 256 * 1024;
const inflate = promisify(inflateRaw);

/** Reads what `daybook export --format zip` wrote (APPNOTE.TXT 6.3, zip64; stored and deflated). @throws ZipFault */
export async function openZip(path: string): Promise<Zip> {
  const file = await open(path, 'r');
  try {
    const archive = { file, size: (await file.stat()).size };
    const entries = await readDirectory(archive);
    return {
      entries,
      read: async (entry) => readEntry(archive, entry),
      stream: (entry) => streamEntry(archive, entry),
      [Symbol.asyncDispose]: () => file.close(),
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** The open file, and what it had of bytes when it was opened. */
interface Archive {
  readonly file: FileHandle;
  readonly size: number;
}

async function readDirectory(archive: Archive): Promise<ReadonlyMap<string, ZipEntry>> {
  const { offset, bytes } = await directoryPlace(archive);
  if (bytes > maxDirectoryBytes) throw new ZipFault('its directory is too large');
  const directory = await readAt(archive, offset, bytes);
  const entries = new Map<string, ZipEntry>();
  for (let at = 0; at + directoryBytes <= directory.length; ) {
    if (directory.readUInt32LE(at) !== directoryMark) throw new ZipFault('its directory is broken');
    const [nameBytes, extraBytes, commentBytes] = [28, 30, 32].map((place) => directory.readUInt16LE(at + place));
    const next = at + directoryBytes + (nameBytes ?? 0) + (extraBytes ?? 0) + (commentBytes ?? 0);
    const nameEnd = at + directoryBytes + (nameBytes ?? 0);
    const name = directory.toString('utf8', at + directoryBytes, nameEnd);
    if (entries.has(name)) throw new ZipFault(`it has ${JSON.stringify(name)} twice`);
    entries.set(name, { name, ...entryAt(directory, at, directory.subarray(nameEnd, nameEnd + (extraBytes ?? 0))) });
    at = next;
  }
  return entries;
}

function entryAt(directory: Buffer, at: number, extra: Buffer): Omit<ZipEntry, 'name'> {
  if ((directory.readUInt16LE(at + 8) & 1) !== 0) throw new ZipFault('it is encrypted');
  const wide = zip64Numbers(extra);
  // In this order, and there only where the 32 bits are all set.
  const size = wide(directory.readUInt32LE(at + 24));
  const storedSize = wide(directory.readUInt32LE(at + 20));
  const offset = wide(directory.readUInt32LE(at + 42));
  const method = directory.readUInt16LE(at + 10);
  if (method !== 0 && method !== 8) throw new ZipFault(`it is packed by method ${method}`);
  return { size, storedSize, offset, method, crc: directory.readUInt32LE(at + 16) };
}

/** Hands out the 64-bit numbers of the zip64 extra field, one for each 32-bit one that does not say it. */
function zip64Numbers(extra: Buffer): (narrow: number) => number {
  let at = 0;
  while (at + 4 <= extra.length && extra.readUInt16LE(at) !== 1) at += 4 + extra.readUInt16LE(at + 2);
  const values = extra.subarray(at + 4, at + 4 + (at + 4 <= extra.length ? extra.readUInt16LE(at + 2) : 0));
  let next = 0;
  return (narrow) => {
    if (narrow !== 0xffffffff) return narrow;
    if (next + 8 > values.length) throw new ZipFault('its directory is broken');
    next += 8;
    return Number(values.readBigUInt64LE(next - 8));
  };
}

async function directoryPlace(archive: Archive): Promise<{ readonly offset: number; readonly bytes: number }> {
  const { size } = archive;
  const from = Math.max(0, size - maxTail);
  const tail = await readAt(archive, from, size - from);
  let end = tail.length - endBytes;
  while (
    end >= 0 &&
    (tail.readUInt32LE(end) !== endMark || tail.readUInt16LE(end + 20) !== tail.length - end - endBytes)
  ) {
    end -= 1;
  }
  if (end < 0) throw new ZipFault('it has no end: it was cut, or is no zip archive');
  const [bytes, offset] = [tail.readUInt32LE(end + 12), tail.readUInt32LE(end + 16)];
  const locator = from + end - locatorBytes;
  const isWide = tail.readUInt16LE(end + 10) === 0xffff || bytes === 0xffffffff || offset === 0xffffffff;
  if (!isWide || locator < 0) return { offset, bytes };
  const where = await readAt(archive, locator, locatorBytes);
  if (where.readUInt32LE(0) !== locatorMark) return { offset, bytes };
  const end64 = await readAt(archive, Number(where.readBigUInt64LE(8)), end64Bytes);
  if (end64.readUInt32LE(0) !== end64Mark) throw new ZipFault('its end is broken');
  return { bytes: Number(end64.readBigUInt64LE(40)), offset: Number(end64.readBigUInt64LE(48)) };
}

async function readEntry(archive: Archive, entry: ZipEntry): Promise<Buffer> {
  if (entry.storedSize > mostStored(entry.size)) broken(entry);
  const stored = await readAt(archive, await dataOffset(archive, entry), entry.storedSize);
  // One byte more than it says, so that it shows when there is more.
  const maxOutputLength = entry.size + 1;
  const bytes = entry.method === 0 ? stored : await inflate(stored, { maxOutputLength }).catch(() => broken(entry));
  return bytes.length === entry.size && crc32(bytes) === entry.crc ? bytes : broken(entry);
}

async function* streamEntry(archive: Archive, entry: ZipEntry): AsyncGenerator<Buffer> {
  const start = await dataOffset(archive, entry);
  const stored = storedBytes(archive, start, entry.storedSize);
  if (entry.method === 0) yield* stored;
  else yield* inflated(stored, entry);
}

async function* storedBytes(archive: Archive, start: number, bytes: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes; at += pieceBytes)
    yield await readAt(archive, start + at, Math.min(pieceBytes, bytes - at));
}

async function* inflated(stored: AsyncIterable<Buffer>, entry: ZipEntry): AsyncGenerator<Buffer> {
  const inflating = createInflateRaw();
  const source = Readable.from(stored, { objectMode: false });
  source.once('error', (error) => inflating.destroy(error)).pipe(inflating);
  try {
    for await (const chunk of inflating) yield chunk as Buffer;
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code?.startsWith('Z_') === true ? brokenEntry(entry) : error;
  } finally {
    source.destroy();
  }
}

/** The local header repeats the name, and may have another extra field than the directory. */
async function dataOffset(archive: Archive, { name, offset }: ZipEntry): Promise<number> {
  const header = await readAt(archive, offset, localBytes);
  if (header.readUInt32LE(0) !== localMark) throw new ZipFault(`${JSON.stringify(name)} is not where it should be`);
  return offset + localBytes + header.readUInt16LE(26) + header.readUInt16LE(28);
}

async function readAt({ file, size }: Archive, offset: number, bytes: number): Promise<Buffer> {
  // Before memory is asked for: what a broken archive says of itself may be anything.
  if (!Number.isSafeInteger(offset) || offset + bytes > size) throw new ZipFault('it was cut, or is broken');
  const into = Buffer.allocUnsafe(bytes);
  for (let done = 0; done < bytes; ) {
    const { bytesRead } = await file.read(into, done, Math.min(bytes - done, readAtOnce), offset + done);
    if (bytesRead === 0) throw new ZipFault('it was cut');
    done += bytesRead;
  }
  return into;
}

const brokenEntry = ({ name }: ZipEntry): ZipFault =>
  new ZipFault(`${JSON.stringify(name)} does not have the bytes that were packed`);

function broken(entry: ZipEntry): never {
  throw brokenEntry(entry);
}
