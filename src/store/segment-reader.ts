import { type FileHandle, open } from 'node:fs/promises';
import { ReadAhead } from './read-ahead.ts';
import { readExactly, segmentPath } from './segment-files.ts';
import { readFooter, readTrailer, SegmentTable, trailerBytes } from './segment-table.ts';
import { walkSegment } from './segment-walk.ts';
import type { Unseal } from './unseal.ts';

/**
 * Sealed segments held open for reading: as many handles, and as many tables of 1 MB at most. Many large messages that
 * came at once lie across all segments of that time, and are read one after the other.
 */
export const maxReaders = 32;

/** A sealed segment as read: its file, where its records end, and its table. */
export interface SealedSegment {
  readonly handle: FileHandle;
  /** Null where the footer is damaged. */
  readonly footer: { readonly table: SegmentTable; readonly tableOffset: number } | null;
  readonly fileBytes: number;
  readonly writable: boolean;
}

/** Opens a segment for reading and looks for its footer. @throws the system's error */
export async function openSealed(path: string, firstSeq: number, flags: 'r' | 'r+' = 'r'): Promise<SealedSegment> {
  const handle = await open(path, flags);
  try {
    const { size: fileBytes, mode } = await handle.stat();
    return { handle, fileBytes, writable: (mode & 0o222) !== 0, footer: await loadFooter(handle, fileBytes, firstSeq) };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function loadFooter(handle: FileHandle, fileBytes: number, firstSeq: number): Promise<SealedSegment['footer']> {
  if (fileBytes < trailerBytes) return null;
  const trailer = readTrailer(await readExactly(handle, trailerBytes, fileBytes - trailerBytes), fileBytes);
  if (trailer === null) return null;
  const { tableOffset } = trailer;
  const table = readFooter(await readExactly(handle, fileBytes - tableOffset, tableOffset), firstSeq);
  return table === null ? null : { table, tableOffset };
}

/** Where segments are, and what opens those that are sealed. */
export interface ReaderPlace {
  readonly directory: string;
  readonly unseal: Unseal;
}

interface Reader {
  readonly opening: Promise<{ readonly handle: FileHandle; readonly table: SegmentTable }>;
  users: number;
  evicted: boolean;
}

/** Readers of sealed segments, the least recently used closed first. */
export class SealedReaders {
  readonly #place: ReaderPlace;
  readonly #readers = new Map<number, Reader>();

  constructor(place: ReaderPlace) {
    this.#place = place;
  }

  /** Lends the file and table of a segment for the time of `use`. */
  async use<T>(firstSeq: number, use: (handle: FileHandle, table: SegmentTable) => Promise<T>): Promise<T> {
    const reader = this.#readers.get(firstSeq) ?? { opening: this.#open(firstSeq), users: 0, evicted: false };
    this.#readers.delete(firstSeq);
    this.#readers.set(firstSeq, reader);
    reader.users += 1;
    this.#shrink();
    try {
      const { handle, table } = await reader.opening;
      return await use(handle, table);
    } catch (error) {
      this.evict(firstSeq);
      throw error;
    } finally {
      reader.users -= 1;
      if (reader.evicted) await closeIdle(reader);
    }
  }

  evict(firstSeq: number): void {
    const reader = this.#readers.get(firstSeq);
    if (reader === undefined) return;
    this.#readers.delete(firstSeq);
    reader.evicted = true;
    void closeIdle(reader);
  }

  async close(): Promise<void> {
    const readers = [...this.#readers.values()];
    this.#readers.clear();
    for (const reader of readers) reader.evicted = true;
    await Promise.all(readers.map(closeIdle));
  }

  #shrink(): void {
    for (const firstSeq of this.#readers.keys()) {
      if (this.#readers.size <= maxReaders) return;
      this.evict(firstSeq);
    }
  }

  async #open(firstSeq: number): Promise<{ handle: FileHandle; table: SegmentTable }> {
    const { directory, unseal } = this.#place;
    const { handle, footer, fileBytes } = await openSealed(segmentPath(directory, firstSeq), firstSeq);
    if (footer !== null) return { handle, table: footer.table };
    return { handle, table: await rebuildTable(new ReadAhead(handle, fileBytes), firstSeq, unseal) };
  }
}

/** The table from the records themselves, where the footer is damaged. */
async function rebuildTable(file: ReadAhead, firstSeq: number, unseal: Unseal): Promise<SegmentTable> {
  const table = new SegmentTable(firstSeq);
  const walk = { file, firstSeq, startBytes: 0, verifyFrom: firstSeq, open: false, mark: null, table: null, unseal };
  for await (const step of walkSegment(walk)) {
    if (step.kind === 'frame') table.push(step.row);
    else if (step.kind === 'gap' && step.untilSeq !== null) pushHoles(table, step.untilSeq);
  }
  return table;
}

/** Marks the records up to `untilSeq`, not itself, as lost. */
export function pushHoles(table: SegmentTable, untilSeq: number): void {
  while (table.nextSeq < untilSeq) table.push({ offset: 0, headBytes: 0, payloadBytes: 0, state: 'hole' });
}

/** Closes the file of a reader that nobody uses and nobody will find again. */
async function closeIdle(reader: Reader): Promise<void> {
  if (reader.users > 0) return;
  const opened = await reader.opening.catch(() => null);
  await opened?.handle.close().catch(() => undefined);
}
