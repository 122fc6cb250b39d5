import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { ReadAhead } from './read-ahead.ts';
import { readExactly } from './segment-files.ts';
import { openSealed } from './segment-reader.ts';
import { walkSegment } from './segment-walk.ts';
import type { Unseal } from './unseal.ts';

/** A sealed segment as a copy of it is known by. */
export interface SealedEnd {
  readonly nextSeq: number;
  readonly fileBytes: number;
  /** Of the footer, hex: it covers where every record lies and the hash of the last. */
  readonly sha256: string;
}

/** Null where the segment is not sealed. */
export async function footerOf(path: string, firstSeq: number): Promise<SealedEnd | null> {
  const { handle, footer, fileBytes } = await openSealed(path, firstSeq);
  try {
    if (footer === null) return null;
    const bytes = await readExactly(handle, fileBytes - footer.tableOffset, footer.tableOffset);
    return { nextSeq: footer.table.nextSeq, fileBytes, sha256: createHash('sha256').update(bytes).digest('hex') };
  } finally {
    await handle.close();
  }
}

/** Where the whole records of an open segment end, `upTo` at the latest: its number, and the bytes before. */
export async function endOfRecord(
  path: string,
  firstSeq: number,
  { upTo, unseal }: { readonly upTo: number | null; readonly unseal: Unseal },
): Promise<{ readonly seq: number; readonly bytes: number }> {
  await using handle = await open(path, 'r');
  const { size } = await handle.stat();
  let end = { seq: firstSeq - 1, bytes: 0 };
  const file = new ReadAhead(handle, size);
  const walk = { file, firstSeq, startBytes: 0, verifyFrom: firstSeq, open: true, mark: null, table: null, unseal };
  for await (const step of walkSegment(walk)) {
    if (step.kind !== 'frame' || (upTo !== null && step.seq > upTo)) break;
    end = { seq: step.seq, bytes: step.row.offset + step.row.headBytes + step.row.payloadBytes };
  }
  return end;
}
