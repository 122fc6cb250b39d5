import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { rootOf } from '../merkle.ts';
import type { Reading } from '../store/encryption.ts';
import { openIndexDb } from '../store/index-db.ts';
import { checkLevelFiles, type FileFault } from '../store/leveldb-check.ts';
import { frontierOf, type TreeRow } from '../store/log-tree.ts';
import { codeOf } from '../store/segment-files.ts';
import type { LogAudit } from './log-audit.ts';
import { NoPlaceError, openedCopy } from './opened-copy.ts';

/** What the index says of the log. */
export interface IndexFacts {
  readonly head: { readonly seq: number; readonly hash: string } | undefined;
  readonly tree: TreeRow | undefined;
  readonly faults: readonly FileFault[];
  /** What nobody could look at, and why. */
  readonly unchecked: readonly FileFault[];
  readonly bytes: number;
}

/** What the index says of the log, from a copy: LevelDB writes where it opens. A running engine has its own open. */
export async function indexOf(
  { dataDir, upTo, reading }: { readonly dataDir: string; readonly upTo: number | null; readonly reading: Reading },
  isEncrypted: boolean,
): Promise<IndexFacts> {
  const nothing = { head: undefined, tree: undefined, unchecked: [] };
  if (upTo !== null) return { ...nothing, faults: [], bytes: 0 };
  const directory = join(dataDir, 'index');
  const stands = await access(directory).then(
    () => true,
    () => false,
  );
  if (!stands)
    return { ...nothing, faults: [{ file: 'index', text: 'is missing: run `daybook rebuild-index`' }], bytes: 0 };
  const { faults, bytes } = await checkLevelFiles(directory, { isTorn: await wasKilled(dataDir) });
  if (faults.length > 0) return { ...nothing, faults, bytes };
  // Its blocks were checked; what it says is for who has the key.
  if (isEncrypted && !reading.hasKey) return { ...nothing, faults, bytes };
  try {
    await using copy = await openedCopy(dataDir, 'index', async (copied) => {
      await using index = await openIndexDb(copied, false, reading.index);
      const head = (await index.meta.get('head')) as IndexFacts['head'];
      return { head, tree: (await index.meta.get('tree')) as TreeRow | undefined };
    });
    return { ...copy.opened, faults, unchecked: [], bytes };
  } catch (error) {
    if (error instanceof NoPlaceError)
      return { ...nothing, faults, unchecked: [{ file: 'index', text: error.message }], bytes };
    const isOther = codeOf(error) === 'LEVEL_DECODE_ERROR';
    const text = isOther ? 'is not encrypted with the key of this archive: run `daybook rebuild-index`' : String(error);
    return { ...nothing, faults: [{ file: 'index', text }], bytes };
  }
}

/** The lock names the process, and a clean stop takes it away. */
const wasKilled = (dataDir: string): Promise<boolean> =>
  access(join(dataDir, 'lock')).then(
    () => true,
    () => false,
  );

/** All that a quick look can compare, which makes no tree: that the log goes as far as the index knows. */
export const endFaults = ({ head }: IndexFacts, { lastSeq, file }: LogEnd): readonly FileFault[] =>
  head !== undefined && head.seq > lastSeq ? [lackedBy(head, file)] : [];

/** The last record there is, and the file that the one behind it would be in. */
export interface LogEnd {
  readonly lastSeq: number;
  readonly file: string;
}

const lackedBy = ({ seq }: NonNullable<IndexFacts['head']>, file: string): FileFault => ({
  file,
  text: `the index knows record ${seq}, which is in no file`,
});

/** What of it does not agree with the records. */
export function indexFaults({ head, tree }: IndexFacts, audit: LogAudit, { file }: LogEnd): readonly FileFault[] {
  const fault = (text: string): readonly FileFault[] => [
    { file: 'index', text: `${text}: run \`daybook rebuild-index\`` },
  ];
  if (head === undefined) return [];
  if (head.seq > audit.size) return [lackedBy(head, file)];
  if (audit.hashes.get(head.seq) !== head.hash) return fault(`it was made from another record ${head.seq}`);
  if (tree === undefined || rootOf(frontierOf(tree)).toString('hex') !== audit.rootAt(head.seq)) {
    return fault('its tree is not that of the records');
  }
  return [];
}
