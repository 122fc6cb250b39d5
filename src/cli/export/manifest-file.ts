import { createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { linesOf, manifestLineBytes } from '../../lines.ts';
import { type ManifestLine, parseManifestLine } from '../manifest.ts';

/** The manifest while it is written: it is also the journal of what is done. */
export interface ManifestFile extends AsyncDisposable {
  readonly path: string;
  readonly count: number;
  readonly last: ManifestLine | undefined;
  /** Held until `flush`: a line stands only behind what it tells of. */
  add(line: ManifestLine): void;
  readonly waiting: number;
  flush(): Promise<void>;
  sync(): Promise<void>;
}

/**
 * Opens it, and cuts it behind the last line that is whole and whose message `stands`: what was written last may be torn, or
 * be told of and not there.
 */
export async function openManifest(
  path: string,
  { isResumed, stands }: { readonly isResumed: boolean; readonly stands: (line: ManifestLine) => Promise<boolean> },
): Promise<ManifestFile> {
  const file = await open(path, isResumed ? 'a+' : 'wx', 0o600);
  try {
    const found = isResumed ? await readBack(path, stands) : { bytes: 0, count: 0, last: undefined };
    await file.truncate(found.bytes);
    return manifestFile(path, file, found);
  } catch (error) {
    await file.close();
    throw error;
  }
}

interface ReadBack {
  readonly bytes: number;
  readonly count: number;
  readonly last: ManifestLine | undefined;
}

async function readBack(path: string, stands: (line: ManifestLine) => Promise<boolean>): Promise<ReadBack> {
  let found: ReadBack = { bytes: 0, count: 0, last: undefined };
  for await (const { text, isWhole } of linesOf(createReadStream(path), manifestLineBytes)) {
    const last = isWhole ? parseManifestLine(text) : undefined;
    if (last === undefined || !(await stands(last))) break;
    found = { bytes: found.bytes + Buffer.byteLength(text) + 1, count: found.count + 1, last };
  }
  return found;
}

function manifestFile(path: string, file: FileHandle, found: ReadBack): ManifestFile {
  let { count, last } = found;
  let waiting: string[] = [];
  const flush = async (): Promise<void> => {
    const lines = waiting;
    waiting = [];
    if (lines.length > 0) await file.appendFile(lines.join(''));
  };
  return {
    path,
    get count() {
      return count;
    },
    get last() {
      return last;
    },
    get waiting() {
      return waiting.length;
    },
    add: (line) => {
      waiting.push(`${JSON.stringify(line)}\n`);
      count += 1;
      last = line;
    },
    flush,
    sync: async () => {
      await flush();
      await file.sync();
    },
    [Symbol.asyncDispose]: () => file.close(),
  };
}
