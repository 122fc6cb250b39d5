import { closing } from '../close.ts';
import type { CommitLog, LogPosition } from '../store/commit-log.types.ts';
import type { RecordHead } from '../store/record.ts';
import { openLogSeal } from './log-key.ts';
import type { ClusterOptions } from './open-cluster.ts';
import { openLogRows } from './open-shared-log.ts';
import { openPostgres } from './postgres.ts';
import { decodeRow, sliceOf } from './shared-records.ts';

/** The log of a cluster, read only: without an index, a tenure or a place among the workers. */
export interface LogReader extends AsyncDisposable {
  /** When it was opened. */
  readonly head: LogPosition;
  /** @throws EngineFailure `missing`, `damaged`, `store-failed` */
  record(seq: number): Promise<RecordHead>;
  readonly slice: CommitLog['slice'];
}

/** @throws EngineFailure `store-failed` where the database does not answer, `key-unusable` */
export async function openLogReader({
  postgres: url,
  log,
  master,
  openVault,
}: Pick<ClusterOptions, 'postgres' | 'log' | 'master' | 'openVault'>): Promise<LogReader> {
  const stack = closing();
  try {
    const postgres = stack.use(openPostgres(url));
    const rows = await openLogRows(postgres, log);
    const seal = await openLogSeal({ postgres, rows }, master);
    const vault = openVault === null ? null : stack.use(await openVault(rows.room));
    return {
      head: await rows.head(),
      record: async (seq) => decodeRow(await rows.read(seq), seal).head,
      slice: (seq, offset, length) => sliceOf({ rows, vault, seal }, seq, offset, length),
      [Symbol.asyncDispose]: () => Promise.resolve(stack[Symbol.asyncDispose]()),
    };
  } catch (error) {
    await Promise.resolve(stack[Symbol.asyncDispose]()).catch(() => undefined);
    throw error;
  }
}
