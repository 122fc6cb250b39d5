import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { draftSuffix, readExactly, segmentPath, syncDirectory, writeAll } from './segment-files.ts';
import { openSealed, type SealedSegment } from './segment-reader.ts';
import { readTrailer, SegmentTable, trailerBytes } from './segment-table.ts';
import { sealedMode } from './segment-writer.ts';

/** Copied at once. */
const pieceBytes = 1024 * 1024;

/**
 * Thins one sealed segment: writes it anew without the payloads of `seqs`, syncs it, and puts it in the place of the
 * old one. A crash at any point leaves the old one or the new one. Answers the bytes given back.
 */
export async function thinSegment(directory: string, firstSeq: number, seqs: ReadonlySet<number>): Promise<number> {
  const path = segmentPath(directory, firstSeq);
  const source = await openSealed(path, firstSeq);
  try {
    const { footer } = source;
    const hasPayload = (seq: number): boolean => {
      const row = footer?.table.row(seq);
      return row?.state === 'whole' && row.payloadBytes > 0;
    };
    if (footer === null || ![...seqs].some(hasPayload)) return 0;
    const draft = await open(path + draftSuffix, 'w', 0o600);
    try {
      const recordBytes = await writeThinned(source, draft, seqs);
      await rename(path + draftSuffix, path);
      await syncDirectory(directory);
      return footer.tableOffset - recordBytes;
    } catch (error) {
      // On a full disk the draft would only make it worse.
      await rm(path + draftSuffix, { force: true }).catch(() => undefined);
      throw error;
    }
  } finally {
    await source.handle.close();
  }
}

/** Writes the thinned segment and syncs it; closes `draft`. Answers where its records end. */
async function writeThinned(
  { footer, handle, fileBytes }: SealedSegment,
  draft: FileHandle,
  seqs: ReadonlySet<number>,
): Promise<number> {
  try {
    const trailer = readTrailer(await readExactly(handle, trailerBytes, fileBytes - trailerBytes), fileBytes);
    const before = footer?.table ?? new SegmentTable(0);
    const table = new SegmentTable(before.firstSeq);
    let at = 0;
    for (let seq = before.firstSeq; seq < before.nextSeq; seq += 1) {
      const row = before.row(seq);
      if (row === undefined || row.state === 'hole') {
        table.push({ offset: 0, headBytes: 0, payloadBytes: 0, state: 'hole' });
        continue;
      }
      const state = seqs.has(seq) ? 'dropped' : row.state;
      table.push({ ...row, offset: at, state });
      const length = row.headBytes + (state === 'dropped' ? 0 : row.payloadBytes);
      for (let done = 0; done < length; done += pieceBytes) {
        const piece = await readExactly(handle, Math.min(pieceBytes, length - done), row.offset + done);
        await writeAll(draft, [piece], at + done);
      }
      at += length;
    }
    await writeAll(draft, [table.footer(at, trailer?.lastHash ?? '0'.repeat(64))], at);
    await draft.chmod(sealedMode);
    await draft.sync();
    return at;
  } finally {
    await draft.close();
  }
}
