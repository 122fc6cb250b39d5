import { rootOf } from '../merkle.ts';
import { nullIfLost } from '../store/commit-log.ts';
import type { LogPosition, Wait } from '../store/commit-log.types.ts';
import { markMoved } from '../store/moved.ts';
import type { Store } from '../store/open-store.ts';
import type { RecordKeys } from '../store/record-keys.ts';
import { waitDraft } from '../store/waits.ts';
import { MoveRefused, type MoveState } from './migrate.types.ts';
import { type CopyOptions, copyRecords, hashIn } from './migrate-copy.ts';
import { documentsIn, filesIn } from './migrate-documents.ts';
import { dropInCluster } from './migrate-drop.ts';
import { droppedInFiles, fileSource, logFolder } from './migrate-files.ts';
import { type ClusterPlace, clusterTarget } from './migrate-rows.ts';
import { lockMove, readMoveState, refuseBesideWorkers, treeOf, writeMove } from './migrate-state.ts';

/** An archive in files, and the log of a cluster it is moved into. */
export interface MoveInParts extends Pick<CopyOptions, 'told' | 'pause'> {
  readonly dataDir: string;
  readonly place: ClusterPlace;
  /** Of records that are encrypted; null: none is. */
  readonly keys: Pick<RecordKeys, 'blockOf'> | null;
  /** Drawn once for the log in files (record.ts); its records carry it. */
  readonly mark: number;
}

/** Facts of one `wait` record: some 200 bytes an item. */
const waitsAtOnce = 500;

/**
 * Copies records up to `upTo` while an engine runs on the files; nothing of it is used before `finishMove`. Can be run as
 * often as one likes. @throws MoveRefused, EngineFailure `damaged`, `store-failed`
 */
export async function copyIn(parts: MoveInParts, upTo: number): Promise<LogPosition> {
  const { place, told, pause } = parts;
  await begin(parts);
  return copyRecords({ source: sourceOf(parts), target: clusterTarget(place), upTo, told, pause });
}

const sourceOf = ({ dataDir, keys }: Pick<MoveInParts, 'dataDir' | 'keys'>) => fileSource(logFolder(dataDir), keys);

/** From here on no worker starts on the log. */
async function begin(parts: MoveInParts): Promise<void> {
  const { postgres, rows } = parts.place;
  const before = await postgres.transaction(async (run) => {
    const head = await rows.lock(run);
    const move = await lockMove(run, rows.id);
    await refuseOthers(parts, head, move);
    if (head.seq === 0)
      await run({ text: 'update daybook.log set mark = $2 where log = $1', values: [rows.id, parts.mark] });
    await writeMove(run, rows.id, { state: 'coming', tree: treeOf(move) });
    return move;
  });
  await refuseBesideWorkers(postgres, rows.id, before);
}

async function refuseOthers(parts: MoveInParts, head: LogPosition, move: MoveState | null): Promise<void> {
  if (move?.state === 'here')
    throw new MoveRefused('an archive was moved into this log already, and workers run on it');
  if (head.seq === 0) return;
  if (move === null)
    throw new MoveRefused(`the log has ${head.seq} records of its own: only an empty one takes an archive`);
  if ((await hashIn(sourceOf(parts), head.seq).catch(nullIfLost)) !== head.hash)
    throw new MoveRefused(`the log has ${head.seq} records of another archive`);
}

export interface FinishParts extends MoveInParts {
  /** The archive, opened by who moves it: no engine runs. */
  readonly store: Pick<Store, 'log' | 'evidence' | 'waits' | 'definitions' | 'uidl'>;
  /** Name of the log in the cluster. */
  readonly log: string;
  /** Files of the data directory that every worker has the same of. */
  readonly files: readonly string[];
  readonly now: () => number;
}

export interface MovedIn {
  readonly records: number;
  /** Hash of the last record, and root of the tree over all of them, on both sides. */
  readonly head: string;
  readonly root: string;
  /** Items in process, which go on as they stood. */
  readonly waiting: number;
  readonly documents: number;
}

/**
 * Ends a move: what came since the last copy, how far items have waited, ledgers, lifecycles and keys. From the moment the
 * folder is marked no engine runs on its files; workers start when it resolves. Can be run again after a crash.
 * @throws MoveRefused, EngineFailure `damaged`, `store-failed`
 */
export async function finishMove(parts: FinishParts): Promise<MovedIn> {
  const { place, store, dataDir, log, files, now } = parts;
  const waiting = await noteWaits(store);
  const { head } = store.log;
  const end = await copyIn(parts, head.seq);
  // What a killed move has dropped already may have left its packs.
  for await (const { seqs } of droppedInFiles(logFolder(dataDir), head.seq)) await dropInCluster(place, seqs);
  const documents = await documentsIn(place, store);
  await filesIn(place, dataDir, files);
  const root = rootOf(store.evidence.tree).toString('hex');
  const move = await readMoveState(place.postgres, place.rows.id);
  if (end.hash !== head.hash || rootOf(treeOf(move)).toString('hex') !== root)
    throw new MoveRefused(`the log in the cluster ends in another record ${end.seq} than the one in files`);
  // In this order: at no moment may both of them go on.
  await markMoved(dataDir, { at: new Date(now()).toISOString(), log, records: head.seq });
  await place.postgres.transaction((run) => writeMove(run, place.rows.id, { state: 'here', tree: treeOf(move) }));
  return { records: head.seq, head: head.hash, root, waiting, documents };
}

/** In files it stands in the index alone; whoever folds the log elsewhere has to know it too. */
async function noteWaits(store: Pick<Store, 'log' | 'waits'>): Promise<number> {
  let count = 0;
  let some: Wait[] = [];
  const note = async (): Promise<void> => {
    if (some.length === 0) return;
    await store.log.append(waitDraft(some));
    count += some.length;
    some = [];
  };
  for await (const wait of store.waits()) {
    some.push(wait);
    if (some.length === waitsAtOnce) await note();
  }
  await note();
  return count;
}
