import type { MasterKey } from '../master-key.ts';
import { grown, leafOf, rootOf } from '../merkle.ts';
import type { LogPosition } from '../store/commit-log.types.ts';
import { isMoved, markMoved, unmarkMoved } from '../store/moved.ts';
import type { Store } from '../store/open-store.ts';
import { MoveRefused, type MoveState } from './migrate.types.ts';
import { type CopyOptions, copyRecords } from './migrate-copy.ts';
import { documentsOut, filesOut } from './migrate-documents.ts';
import { droppedIn } from './migrate-drop.ts';
import { endOfFiles, type FileTarget, logFolder, openFileTarget } from './migrate-files.ts';
import { type ClusterPlace, clusterSource } from './migrate-rows.ts';
import { lockMove, readMoveState, refuseBesideWorkers, treeOf, writeMove } from './migrate-state.ts';
import { decodeRow } from './shared-records.ts';

export interface MoveBackParts extends Pick<CopyOptions, 'told' | 'pause'> {
  /** The folder that was moved, or an empty one. */
  readonly dataDir: string;
  readonly segmentBytes: number;
  /** Encrypts what is written into files; null: nothing is. */
  readonly master: MasterKey | null;
  readonly place: ClusterPlace;
  /** Name of the log in the cluster. */
  readonly log: string;
  readonly now: () => number;
}

/** Payloads of as many records are looked at in one query. */
const rangeRecords = 8_192;

/**
 * Copies records of the cluster into files while its workers run; nothing of it is used before `finishBack`. Can be run
 * as often as one likes. @throws MoveRefused, EngineFailure `damaged`, `locked`, `store-failed`
 */
export async function copyBack(parts: MoveBackParts): Promise<LogPosition> {
  const { dataDir, segmentBytes, master, place, log, now, told, pause } = parts;
  const directory = logFolder(dataDir);
  if (!(await isMoved(dataDir))) {
    if ((await endOfFiles(directory)) !== null)
      throw new MoveRefused(`${dataDir} holds an archive that was not moved into a cluster`);
    await markMoved(dataDir, { at: new Date(now()).toISOString(), log, records: null });
  }
  await using target = await openFileTarget({ dataDir, segmentBytes, master });
  const { seq: upTo } = await place.rows.head();
  const end = await copyRecords({ source: clusterSource(place), target, upTo, told, pause });
  await dropAsThere(place, target, end.seq);
  return end;
}

/** What was dropped there since it was copied, and what came as zeros. */
async function dropAsThere(place: ClusterPlace, target: FileTarget, upTo: number): Promise<void> {
  for (let first = 1; first <= upTo; first += rangeRecords) {
    await target.drop(await droppedIn(place, first, Math.min(upTo, first + rangeRecords - 1)));
  }
}

export interface FinishBackParts extends MoveBackParts {
  readonly files: readonly string[];
  /** Opens the archive in files, its index made anew where it has none or another. */
  readonly openFiles: () => Promise<Pick<Store, 'log' | 'evidence' | 'definitions' | 'uidl'> & AsyncDisposable>;
}
export interface MovedBack {
  readonly records: number;
  readonly head: string;
  readonly root: string;
  readonly documents: number;
}

/**
 * Ends a move back: from its first step on no worker starts on the log; an engine starts on the files when it resolves.
 * How far items have waited stands in the log of a cluster already. Can be run again after a crash.
 * @throws MoveRefused, EngineFailure `damaged`, `locked`, `store-failed`
 */
export async function finishBack(parts: FinishBackParts): Promise<MovedBack> {
  const { place, dataDir, files } = parts;
  await close(place);
  const end = await copyBack(parts);
  const move = await grownTo(place, end);
  await filesOut(place, dataDir, files);
  const moved = await opened(parts, move, end);
  // The index is closed by now, and durable.
  await unmarkMoved(dataDir);
  return moved;
}

/** The archive in files as it will be served. */
async function opened({ place, openFiles }: FinishBackParts, move: MoveState, end: LogPosition): Promise<MovedBack> {
  await using store = await openFiles();
  const documents = await documentsOut(place, store);
  const { head } = store.log;
  const root = rootOf(store.evidence.tree).toString('hex');
  if (head.hash !== end.hash || rootOf(move.tree).toString('hex') !== root)
    throw new MoveRefused(`the log in files ends in another record ${head.seq} than the one in the cluster`);
  return { records: head.seq, head: head.hash, root, documents };
}

/** Closes the log to workers. */
async function close({ postgres, rows }: ClusterPlace): Promise<void> {
  const before = await postgres.transaction(async (run) => {
    const move = await lockMove(run, rows.id);
    if (move?.state === 'coming')
      throw new MoveRefused('an archive is being moved into this log; nothing is to be brought back');
    await writeMove(run, rows.id, { state: 'gone', tree: treeOf(move) });
    return move;
  });
  if (before?.state !== 'gone') await refuseBesideWorkers(postgres, rows.id, before);
}

/** The tree over all that is in the cluster: of what came since the archive was moved, from its rows. */
async function grownTo({ postgres, rows, seal }: ClusterPlace, end: LogPosition): Promise<MoveState> {
  const move = await readMoveState(postgres, rows.id);
  let { tree } = { tree: treeOf(move) };
  while (tree.size < end.seq) {
    const some = await rows.readAfter(tree.size, end.seq, 256);
    if (some.length === 0) throw new MoveRefused(`record ${tree.size + 1} of the log is not there`);
    tree = grown(
      tree,
      some.map((row) => leafOf(decodeRow(row, seal).record.hash)),
    );
  }
  const state: MoveState = { state: 'gone', tree };
  await postgres.transaction((run) => writeMove(run, rows.id, state));
  return state;
}
