import { EngineFailure } from '../../streams/failure.ts';
import { type Frontier, grown, leafOf, noLeaves, rootOf } from '../merkle.ts';
import { nullIfLost } from '../store/commit-log.ts';
import type { LogPosition } from '../store/commit-log.types.ts';
import { genesisHash, type RecordHead } from '../store/record.ts';
import type { MoveProgress } from './migrate.types.ts';
import { faultOf, hashIn } from './migrate-copy.ts';
import { droppedIn } from './migrate-drop.ts';
import { droppedInFiles, endOfFiles, fileSource, logFolder } from './migrate-files.ts';
import { type ClusterPlace, clusterSource } from './migrate-rows.ts';
import { decodeRow } from './shared-records.ts';

/** Faults listed; a whole disk gone bad needs no longer list. */
const maxFaults = 1_000;
/** A pause shorter than this is put together with the next. */
const minPauseMs = 50;

export interface VerifyMoveParts {
  readonly place: ClusterPlace;
  /** Where the files were, or are. */
  readonly dataDir: string;
  /** Bytes read in a second, at most: mail goes on meanwhile. */
  readonly bytesPerSecond: number;
  readonly told: (progress: MoveProgress) => void;
  readonly pause: (ms: number) => Promise<void>;
  /** Milliseconds that only grow. */
  readonly passed: () => number;
}

export interface MoveReport {
  /** Records of the log in the cluster, as it stood when it was begun. */
  readonly records: number;
  readonly bytes: number;
  /** Payloads that were deleted. */
  readonly dropped: number;
  readonly head: string;
  readonly root: string;
  /** Records that were compared with those in files; null where there are none. */
  readonly compared: number | null;
  /** At most 1,000. */
  readonly faults: readonly string[];
}

interface Walked {
  readonly end: LogPosition;
  readonly tree: Frontier;
  readonly bytes: number;
  readonly dropped: number;
  /** Of the record that was asked for. */
  readonly hash: string | null;
}

/**
 * Reads all of the log in the cluster, and computes the chain, the tree and the hash of every payload anew; what lies in
 * files is compared with it. Changes nothing. @throws what the database throws
 */
export async function verifyMove(parts: VerifyMoveParts): Promise<MoveReport> {
  const { place, dataDir } = parts;
  const faults: string[] = [];
  const fault = (text: string): void => void (faults.length < maxFaults && faults.push(text));
  const head = await place.rows.head();
  const inFiles = await endOfFiles(logFolder(dataDir));
  const shared = inFiles === null ? 0 : Math.min(inFiles.seq, head.seq);
  const walked = await walk(parts, { upTo: head.seq, asked: shared, fault });
  if (walked.end.hash !== head.hash) fault('the log says that it ends in another record than it does');
  if (inFiles !== null) await compare(parts, { shared, hash: walked.hash, fault });
  return {
    records: head.seq,
    bytes: walked.bytes,
    dropped: walked.dropped,
    head: walked.end.hash,
    root: rootOf(walked.tree).toString('hex'),
    compared: inFiles === null ? null : shared,
    faults,
  };
}

interface Walk {
  readonly upTo: number;
  readonly asked: number;
  readonly fault: (text: string) => void;
}

async function walk(parts: VerifyMoveParts, { upTo, asked, fault }: Walk): Promise<Walked> {
  const source = clusterSource(parts.place);
  const slow = throttle(parts);
  const total = { bytes: 0, dropped: 0 };
  let end: LogPosition = { seq: 0, hash: genesisHash };
  let tree = noLeaves;
  let hash: string | null = null;
  const step = ({ record }: RecordHead): void => {
    end = { seq: record.seq, hash: record.hash };
    tree = grown(tree, [leafOf(record.hash)]);
    if (record.seq === asked) hash = record.hash;
  };
  while (end.seq < upTo) {
    try {
      for await (const record of source.records(end.seq, upTo)) {
        const wrong = faultOf(record, end);
        if (wrong !== null) fault(wrong);
        if (record.payload === null) total.dropped += 1;
        const length = record.headBytes.length + (record.payload?.length ?? 0);
        total.bytes += length;
        step(record.head);
        parts.told({ seq: end.seq, of: upTo, bytes: total.bytes });
        await slow(length);
      }
    } catch (error) {
      if (!(error instanceof EngineFailure) || !['damaged', 'missing'].includes(error.code)) throw error;
      fault(error.message);
      // The one behind the last that could be read: its payload is lost, and perhaps all of it.
      const head = await headOf(parts.place, end.seq + 1);
      if (head === null) break;
      step(head);
    }
  }
  return { end, tree, hash, ...total };
}

const headOf = ({ rows, seal }: ClusterPlace, seq: number): Promise<RecordHead | null> =>
  rows
    .read(seq)
    .then((row) => decodeRow(row, seal).head)
    .catch(nullIfLost);

/** What lies in files is a beginning of what lies in the cluster, and what was deleted there is deleted here. */
async function compare(
  { place, dataDir }: VerifyMoveParts,
  { shared, hash, fault }: { readonly shared: number; readonly hash: string | null } & Pick<Walk, 'fault'>,
): Promise<void> {
  const directory = logFolder(dataDir);
  if (shared > 0 && (await hashIn(fileSource(directory, null), shared)) !== hash)
    fault(`record ${shared} is another one than in files`);
  for await (const { first, last, seqs } of droppedInFiles(directory, shared)) {
    if (seqs.size === 0) continue;
    const gone = await droppedIn(place, first, last);
    for (const seq of seqs) {
      if (seq <= shared && !gone.has(seq) && !(await isEmpty(place, seq)))
        fault(`the payload of record ${seq} was deleted in files, and is still there`);
    }
  }
}

const isEmpty = async ({ rows, seal }: ClusterPlace, seq: number): Promise<boolean> =>
  decodeRow(await rows.read(seq), seal).record.payloadLength === 0;

/** Waits as long as reading was faster than it may be. */
function throttle({ bytesPerSecond, pause, passed }: VerifyMoveParts): (bytes: number) => Promise<void> {
  const begun = passed();
  let read = 0;
  return async (bytes) => {
    read += bytes;
    const aheadMs = (read / bytesPerSecond) * 1_000 - (passed() - begun);
    if (aheadMs >= minPauseMs) await pause(aheadMs);
  };
}
