import { stat } from 'node:fs/promises';
import { messageOf } from '../../streams/failure.ts';
import type { MasterKey } from '../master-key.ts';
import { openReading } from '../store/encryption.ts';
import { isMoved } from '../store/moved.ts';
import { genesisHash } from '../store/record.ts';
import { segmentPath, segmentsIn } from '../store/segment-files.ts';
import { readDurability } from './cluster-probe.ts';
import { hashIn } from './migrate-copy.ts';
import { endOfFiles, fileSource, logFolder } from './migrate-files.ts';
import { livingWorkers, readMoveState, workersRun } from './migrate-state.ts';
import type { Postgres, Row } from './postgres.ts';

/** Measured: `npm run faults:migrate` on two cores with one server beside it (docs/cluster-move.md). */
export const assumed = { recordsPerSecond: 2_000, bytesPerSecond: 20_000_000 } as const;

export interface MovePlanParts {
  readonly dataDir: string;
  /** What the archive is read with; null: it is in clear. */
  readonly master: MasterKey | null;
  readonly postgres: Postgres;
  /** Name of the log in the cluster. */
  readonly log: string;
}
export interface MovePlan {
  readonly source: {
    readonly records: number;
    readonly bytes: number;
    readonly segments: number;
    readonly head: string;
  };
  readonly target: {
    readonly version: string;
    /** Standbys that a commit waits for, by the words of the server; empty: for none. */
    readonly synchronous: string;
    /** Synchronous standbys that are connected now; null where the role may not see them. */
    readonly standbys: number | null;
    readonly records: number;
    readonly head: string;
    readonly state: 'empty' | 'in use' | 'coming' | 'here' | 'gone';
    readonly workers: readonly string[];
  } | null;
  /** Records and bytes that are still to be copied, and how long that takes by `assumed`. */
  readonly left: { readonly records: number; readonly bytes: number; readonly seconds: number };
  /** Why it cannot be done; empty: it can. */
  readonly refusals: readonly string[];
  readonly warnings: readonly string[];
}

/** What a move would be. Writes nothing, there or here. @throws the system's error where the files cannot be read, EngineFailure `key-unusable` */
export async function planMove({ dataDir, master, postgres, log }: MovePlanParts): Promise<MovePlan> {
  const directory = logFolder(dataDir);
  const refusals: string[] = [];
  if (!(await openReading(dataDir, master)).hasKey) refusals.push(keyMissing);
  if (await isMoved(dataDir)) refusals.push('the archive of this folder lies in a cluster already');
  const end = await endOfFiles(directory);
  if (end === null) refusals.push('there is no archive in files: start on the cluster at once');
  const sizes = end === null ? [] : await sizesIn(directory);
  const bytes = sizes.reduce((sum, size) => sum + size, 0);
  const source = { records: end?.seq ?? 0, bytes, segments: sizes.length, head: end?.hash ?? genesisHash };
  const target = await targetOf(postgres, log).catch((error: unknown) => {
    refusals.push(`the database: ${messageOf(error)}`);
    return null;
  });
  if (target !== null) refusals.push(...(await refusalsOf(target, source, directory)));
  const records = Math.max(0, source.records - (target?.records ?? 0));
  const share = source.records === 0 ? 0 : records / source.records;
  const leftBytes = Math.round(bytes * share);
  const seconds = Math.ceil(Math.max(records / assumed.recordsPerSecond, leftBytes / assumed.bytesPerSecond));
  return { source, target, left: { records, bytes: leftBytes, seconds }, refusals, warnings: warningsOf(target) };
}

/** What an encrypted archive cannot be read without. */
export const keyMissing = 'the archive is encrypted, and store.encryption names no key';

async function sizesIn(directory: string): Promise<readonly number[]> {
  const firstSeqs = await segmentsIn(directory);
  return Promise.all(firstSeqs.map(async (firstSeq) => (await stat(segmentPath(directory, firstSeq))).size));
}

type Target = NonNullable<MovePlan['target']>;

async function targetOf(postgres: Postgres, log: string): Promise<Target> {
  const [server] = await postgres.run({
    text: `select current_setting('server_version') as version, current_setting('synchronous_standby_names') as names,
             current_setting('synchronous_commit') as waits, to_regclass('daybook.log') is not null as stands,
             has_database_privilege(current_database(), 'create') as may_create`,
  });
  const waits = String(server?.['waits']);
  const synchronous = waits === 'off' || waits === 'local' ? '' : String(server?.['names']);
  const { standbys } = await readDurability(postgres);
  const version = String(server?.['version']);
  const nothing = { records: 0, head: genesisHash, state: 'empty', workers: [] } as const;
  const seen = { version, synchronous, standbys };
  if (server?.['stands'] !== true) {
    if (server?.['may_create'] !== true) throw new Error('the role may not create a schema in it');
    return { ...seen, ...nothing };
  }
  const [row] = await postgres.run({ text: 'select log, seq, hash from daybook.log where name = $1', values: [log] });
  if (row === undefined) return { ...seen, ...nothing };
  return { ...seen, ...(await standing(postgres, row)) };
}

async function standing(postgres: Postgres, row: Row): Promise<Pick<Target, 'records' | 'head' | 'state' | 'workers'>> {
  const id = Number(row['log']);
  const records = Number(row['seq']);
  const move = await readMoveState(postgres, id);
  const state = move?.state ?? (records === 0 ? 'empty' : 'in use');
  return { records, head: (row['hash'] as Buffer).toString('hex'), state, workers: await livingWorkers(postgres, id) };
}

async function refusalsOf(
  { state, records, head, workers }: Target,
  source: MovePlan['source'],
  directory: string,
): Promise<readonly string[]> {
  const refusals: string[] = [];
  if (state === 'here') refusals.push('an archive was moved into this log already');
  if (state === 'in use')
    refusals.push(`the log has ${records} records of its own: only an empty one takes an archive`);
  if (workers.length > 0) refusals.push(workersRun(workers));
  if (refusals.length > 0 || records === 0) return refusals;
  const hash = records > source.records ? null : await hashIn(fileSource(directory, null), records);
  return hash === head ? [] : [`the log has ${records} records of another archive`];
}

function warningsOf(target: Target | null): readonly string[] {
  if (target === null || (target.synchronous !== '' && target.standbys !== 0)) return [];
  return target.synchronous === ''
    ? ['no commit waits for a standby: what is acknowledged is lost with the server']
    : ['no synchronous standby is connected'];
}
