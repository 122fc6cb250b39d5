import { randomInt } from 'node:crypto';
import { EngineFailure } from '../../streams/failure.ts';
import { genesisHash, markLimit } from '../store/record.ts';
import { Follower } from './follower.ts';
import { LogRows } from './log-rows.ts';
import type { Postgres } from './postgres.ts';
import { migrate } from './schema.ts';
import { SharedLog } from './shared-log.ts';
import type { SharedLogOptions } from './shared-log.types.ts';
import { decodeRow } from './shared-records.ts';

/** The log of this name in the database; tables and log are made where they are missing. */
export async function openLogRows(postgres: Postgres, name: string): Promise<LogRows> {
  await migrate(postgres);
  return LogRows.open(postgres, name, randomInt(1, markLimit));
}

/**
 * Opens the log of a cluster, and folds all that the index of this worker does not know yet.
 * @throws EngineFailure `index-unknown` where the index is not a fold of this log, `store-failed`
 */
export async function openSharedLog(options: SharedLogOptions): Promise<SharedLog> {
  const { rows, seal, foldedUpTo } = options;
  const start = foldedUpTo ?? { seq: 0, hash: genesisHash };
  const head = await rows.head();
  if (foldedUpTo !== null) {
    const known = head.seq >= foldedUpTo.seq ? decodeRow(await rows.read(foldedUpTo.seq), seal).record.hash : null;
    if (known !== foldedUpTo.hash) {
      const text = `the index was made from another record ${foldedUpTo.seq} than the one in the database`;
      throw new EngineFailure('index-unknown', `${text}; run \`daybook rebuild-index\``);
    }
  }
  const follower = new Follower({ rows, seal, fold: options.fold, start });
  await follower.to(head.seq);
  return new SharedLog(options, follower);
}
