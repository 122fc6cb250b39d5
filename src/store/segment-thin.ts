import { open, rename } from 'node:fs/promises';
import { draftSuffix, readExactly, segmentPath, syncDirectory, writeAll } from './segment-files.ts';
import { openSealed } from './segment-reader.ts';
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
    const { footer, handle, fileBytes } = source;
    if (footer === null) return 0;
    const trailer = readTrailer(await readExactly(handle, trailerBytes, fileBytes - trailerBytes), fileBytes);
    const draft = await open(path + draftSuffix, 'w', 0o600);
    const table = new SegmentTable(firstSeq);
    let at = 0;
    try {
      for (let seq = firstSeq; seq < footer.table.nextSeq; seq += 1) {
        const row = footer.table.row(seq);
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
    } finally {
      await draft.close();
    }
    await rename(path + draftSuffix, path);
    await syncDirectory(directory);
    return footer.tableOffset - at;
  } finally {
    await source.handle.close();
  }
}
