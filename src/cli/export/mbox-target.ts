import { open, rm, stat, writeFile } from 'node:fs/promises';
import { CommandFailure, exitCodes } from '../exit-codes.ts';
import { fromLineOf, quotedForMbox } from '../mbox.ts';
import { openManifest } from './manifest-file.ts';
import { signatureFiles } from './signature-files.ts';
import { openState } from './state.ts';
import type { ExportTarget, ExportWish } from './target.types.ts';

/** Written, and then synced before the manifest tells of it. */
const bytesAtOnce = 4 * 1024 * 1024;

/** One file, quoted as mboxrd. An earlier run is cut behind the last message that its manifest tells of. */
export async function openMboxTarget(wish: ExportWish): Promise<ExportTarget> {
  const { to } = wish;
  const beside = ['jsonl', 'txt', 'sig', 'pem'].map((extension) => `${to}.manifest.${extension}`);
  const { isResumed, asOf, end } = await openState(wish, { path: `${to}.export.json`, written: [to, ...beside] });
  const file = await open(to, isResumed ? 'a' : 'wx', 0o600).catch((error: NodeJS.ErrnoException) => {
    throw new CommandFailure(exitCodes.failed, `${to}: ${error.code}`);
  });
  const { size } = await stat(to);
  const manifest = await openManifest(`${to}.manifest.jsonl`, {
    isResumed,
    stands: async ({ offset = -1, length = 0 }) => offset >= 0 && offset + length <= size,
  });
  let endBytes = (manifest.last?.offset ?? 0) + (manifest.last?.length ?? 0);
  await file.truncate(endBytes);
  let pieces: Uint8Array[] = [];
  let waiting = 0;
  const flush = async (): Promise<void> => {
    const written = pieces;
    [pieces, waiting] = [[], 0];
    if (written.length > 0) await file.appendFile(Buffer.concat(written));
    await file.datasync();
    await manifest.flush();
  };
  return {
    before: { count: manifest.count, cursor: manifest.last?.next, asOf },
    put: async ({ line, bytes }) => {
      const message = [Buffer.from(fromLineOf(line.sender, Date.parse(line.archivedAt))), ...quotedForMbox(bytes)];
      const length = message.reduce((sum, piece) => sum + piece.length, 0);
      pieces.push(...message);
      waiting += length;
      manifest.add({ ...line, offset: endBytes, length });
      endBytes += length;
      if (waiting >= bytesAtOnce) await flush();
    },
    complete: async () => {
      await flush();
      await manifest.sync();
      return manifest.path;
    },
    finish: async (signed) => {
      for (const [name, bytes] of signatureFiles(signed)) await writeFile(`${to}.${name}`, bytes, { mode: 0o600 });
      await end();
    },
    abandon: async () => {
      await Promise.all([to, manifest.path].map((path) => rm(path, { force: true })));
      await end();
    },
    [Symbol.asyncDispose]: async () => {
      await flush();
      await manifest[Symbol.asyncDispose]();
      await file.close();
    },
  };
}
