import { createReadStream, createWriteStream } from 'node:fs';
import { link, rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { ZipFile } from 'yazl';
import { CommandFailure, exitCodes } from '../exit-codes.ts';
import { fileFor } from './eml-target.ts';
import { openManifest } from './manifest-file.ts';
import { signatureFiles } from './signature-files.ts';
import { openState } from './state.ts';
import type { ExportTarget, ExportWish } from './target.types.ts';

/** The same for every file, so that equal mail makes equal archives; the manifest has the times. DOS has no zone. */
const packed = { mtime: new Date(1980, 0, 1), mode: 0o100600, forceDosTimestamp: true } as const;

/** A zip archive. It has its directory at its end, so what an earlier run left of one is begun anew. */
export async function openZipTarget(wish: ExportWish): Promise<ExportTarget> {
  const { to } = wish;
  const [draft, draftManifest] = [`${to}.part`, `${to}.part.jsonl`];
  const state = { path: `${to}.export.json`, written: [to, draft, draftManifest] };
  const { asOf, end } = await openState(wish, state);
  await Promise.all([draft, draftManifest].map((path) => rm(path, { force: true })));
  const manifest = await openManifest(draftManifest, { isResumed: false, stands: async () => false });
  const zip = new ZipFile();
  const output = createWriteStream(draft, { flags: 'wx', mode: 0o600, flush: true });
  const written = pipeline(zip.outputStream, output);
  const failed = new Promise<never>((_, reject) => {
    zip.on('error', reject);
    written.catch(reject);
  });
  failed.catch(() => undefined);
  const add = (name: string, source: () => Readable): Promise<void> =>
    Promise.race([packedBy(zip, name, source), failed]);
  return {
    before: { count: 0, cursor: undefined, asOf },
    put: async ({ line, bytes }) => {
      const file = fileFor(line);
      await add(file, () => Readable.from([bytes]));
      manifest.add({ ...line, file });
      if (manifest.waiting >= 200) await manifest.flush();
    },
    complete: async () => {
      await manifest.sync();
      return manifest.path;
    },
    finish: async (signed) => {
      await add('manifest.jsonl', () => createReadStream(draftManifest));
      for (const [name, bytes] of signatureFiles(signed)) await add(name, () => Readable.from([bytes]));
      // zip64 by itself where there is too much for the older form.
      zip.end();
      await written;
      // Unlike a rename it never takes the place of another file.
      await link(draft, to).catch((error: NodeJS.ErrnoException) => {
        throw new CommandFailure(exitCodes.failed, `${to}: ${error.code}`);
      });
      await Promise.all([draft, draftManifest].map((path) => rm(path, { force: true })));
      await end();
    },
    abandon: async () => {
      await Promise.all([draft, draftManifest].map((path) => rm(path, { force: true })));
      await end();
    },
    [Symbol.asyncDispose]: async () => {
      output.destroy();
      await written.catch(() => undefined);
      await manifest[Symbol.asyncDispose]();
    },
  };
}

/** One file at a time, and none of its bytes held when it is done: the library keeps what makes its source for ever. */
function packedBy(zip: ZipFile, name: string, source: () => Readable): Promise<void> {
  let make: (() => Readable) | undefined = source;
  return new Promise((resolve, reject) => {
    zip.addReadStreamLazy(name, packed, (give) => {
      const stream = make?.() ?? Readable.from([]);
      make = undefined;
      stream.once('close', resolve).once('error', reject);
      give(null, stream);
    });
  });
}
