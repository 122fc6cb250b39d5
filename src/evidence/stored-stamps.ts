import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../../streams/failure.ts';
import { anchorsFolder, headSuffix, stampStem, stampSuffix } from './anchor.ts';
import { headIn } from './anchor-file.ts';
import type { SignedHead } from './head.ts';
import { readTimeStamp } from './time-stamp.ts';

/** A head that was kept somewhere, and where. */
export interface FoundHead {
  readonly head: SignedHead;
  /** For people: a path, relative to the data directory where it lies there. */
  readonly file: string;
}
export interface FoundHeads {
  readonly heads: readonly FoundHead[];
  readonly faults: readonly { readonly file: string; readonly text: string }[];
}

/** Heads with the time-stamps over them, as `dataDir/anchors` has them: each checked but for the authority's signature. */
export async function readStoredStamps(dataDir: string): Promise<FoundHeads> {
  const heads: FoundHead[] = [];
  const faults: { readonly file: string; readonly text: string }[] = [];
  for (const name of await namesIn(join(dataDir, anchorsFolder))) {
    const names = await namesIn(join(dataDir, anchorsFolder, name));
    for (const stamp of names.filter((each) => each.endsWith(stampSuffix))) {
      const file = `${anchorsFolder}/${name}/${stamp}`;
      try {
        heads.push({ head: await stampedHead(join(dataDir, file)), file });
      } catch (error) {
        faults.push({ file, text: messageOf(error) });
      }
    }
  }
  return { heads, faults };
}

/** The files of all time-stamps, heads first, each with the number of records that it is over. */
export async function stampFiles(
  dataDir: string,
): Promise<readonly { readonly name: string; readonly over: number }[]> {
  const folders = await namesIn(join(dataDir, anchorsFolder));
  const names = await Promise.all(
    folders.map(async (folder) =>
      (await namesIn(join(dataDir, anchorsFolder, folder))).map((each) => `${folder}/${each}`),
    ),
  );
  return names
    .flat()
    .filter((name) => /\/\d{20}-[0-9a-f]{64}\.(?:json|tsr)$/.test(name))
    .map((name) => ({ name: `${anchorsFolder}/${name}`, over: Number(/\/(\d{20})-/.exec(name)?.[1]) }));
}

async function stampedHead(path: string): Promise<SignedHead> {
  const response = await readFile(path);
  const stem = path.slice(0, -stampSuffix.length);
  const line = await readFile(`${stem}${headSuffix}`);
  readTimeStamp(response, line, null);
  const head = headIn(line.toString('utf8'));
  if (head === null) throw new Error('what was stamped is no signed head');
  if (!stem.endsWith(stampStem(head.size, response))) throw new Error('is not what the authority answered');
  return head;
}

const namesIn = async (folder: string): Promise<readonly string[]> =>
  (await readdir(folder).catch(ifMissing)).toSorted();

function ifMissing(error: NodeJS.ErrnoException): readonly string[] {
  if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return [];
  throw error;
}
