import { type Frontier, noLeaves } from '../merkle.ts';
import { frontierOf } from '../store/log-tree.ts';
import { MoveRefused, type MoveState } from './migrate.types.ts';
import type { Postgres, Row, Run } from './postgres.ts';

interface Written {
  readonly state: MoveState['state'];
  readonly size: number;
  readonly nodes: readonly string[];
}

/** The state of a move, its row locked until the transaction ends; null where there is none. */
export async function lockMove(run: Run, log: number): Promise<MoveState | null> {
  const [row] = await run({ text: `${readMove} for update`, values: [log] });
  return moveOf(row);
}

export async function readMoveState(postgres: Pick<Postgres, 'run'>, log: number): Promise<MoveState | null> {
  const [row] = await postgres.run({ text: readMove, values: [log] });
  return moveOf(row);
}

export async function writeMove(run: Run, log: number, { state, tree }: MoveState): Promise<void> {
  const nodes = tree.nodes.map((node) => node.toString('hex'));
  await run({
    name: 'write-move',
    text: `insert into daybook.document (log, room, owner, key, token, value) values ($1, 'move', '', '', 0, $2)
           on conflict (log, room, owner, key) do update set value = excluded.value`,
    values: [log, JSON.stringify({ state, size: tree.size, nodes } satisfies Written)],
  });
}

async function dropMove(run: Run, log: number): Promise<void> {
  await run({ text: `delete from daybook.document where log = $1 and room = 'move'`, values: [log] });
}

const readMove = `select value from daybook.document where log = $1 and room = 'move' and owner = '' and key = ''`;

function moveOf(row: Row | undefined): MoveState | null {
  if (row === undefined) return null;
  const { state, ...tree } = JSON.parse(String(row['value'])) as Written;
  return { state, tree: frontierOf(tree) };
}

/** The tree that a move has come to. */
export const treeOf = (move: MoveState | null): Frontier => move?.tree ?? noLeaves;

/**
 * For a worker that is about to open the log, after it has said that it lives: one that closes the log to workers says so
 * first and looks for them afterwards, so that one of the two sees the other.
 * @throws MoveRefused where the log is not (or not yet) for workers
 */
export async function refuseWhileMoved(postgres: Pick<Postgres, 'run'>, log: number): Promise<void> {
  const { state } = (await readMoveState(postgres, log)) ?? { state: 'here' };
  if (state === 'coming')
    throw new MoveRefused('an archive is being moved into this cluster: `daybook migrate finish` ends it');
  if (state === 'gone')
    throw new MoveRefused('the archive of this cluster was moved to files: set store.backend: embedded there');
}

/** Workers of the log that live, or were killed within the time that their tenure still has. */
export async function livingWorkers(postgres: Pick<Postgres, 'run'>, log: number): Promise<readonly string[]> {
  const rows = await postgres.run({
    text: `select holder from daybook.tenure
           where log = $1 and name = 'worker:' || holder and expires > clock_timestamp() order by holder`,
    values: [log],
  });
  return rows.map((row) => String(row['holder']));
}

export const workersRun = (workers: readonly string[]): string =>
  `workers run on the log (or did until some seconds ago): ${workers.join(', ')}`;

/** Opens the log again, as it was `before`, where workers live: it was closed before they were looked for. @throws MoveRefused */
export async function refuseBesideWorkers(postgres: Postgres, log: number, before: MoveState | null): Promise<void> {
  const workers = await livingWorkers(postgres, log);
  if (workers.length === 0) return;
  await postgres.transaction((run) => (before === null ? dropMove(run, log) : writeMove(run, log, before)));
  throw new MoveRefused(workersRun(workers));
}
