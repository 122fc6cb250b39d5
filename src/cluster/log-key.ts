import { randomBytes } from 'node:crypto';
import { EngineFailure } from '../../streams/failure.ts';
import { keyBytes, type MasterKey } from '../master-key.ts';
import { otherKey } from '../store/wrapped-key.ts';
import type { LogRows } from './log-rows.ts';
import { LogSeal } from './log-seal.ts';
import { answered, type Postgres, type Run } from './postgres.ts';

/** The log whose key it is. */
export interface LogOfKey {
  readonly postgres: Postgres;
  readonly rows: Pick<LogRows, 'id' | 'room' | 'lock'>;
}

interface WrappedKey {
  /** Id of the master key. */
  readonly master: string;
  readonly wrapped: Buffer;
}

/** No other log has the same, so a row that was copied there opens nothing. */
const contextOf = ({ rows }: LogOfKey): string => `daybook log ${rows.room}`;
const name = 'the log in the database';

/**
 * What the records of a log are sealed with; its key is made where there is none. Null where nothing is encrypted.
 * @throws EngineFailure `key-unusable` where it is encrypted under another master key, or one is needed and none is given;
 * `damaged`, `store-failed`
 */
export async function openLogSeal(log: LogOfKey, master: MasterKey | null): Promise<LogSeal | null> {
  const found = await read(log, (statement) => answered(log.postgres.run(statement)));
  if (master !== null) return new LogSeal(found.length > 0 ? opened(log, found, master) : await made(log, master));
  if (found.length === 0) return null;
  const ids = found.map((each) => each.master).join(' or ');
  throw new EngineFailure('key-unusable', `${name} needs the master key ${ids}, and store.encryption names none`);
}

/**
 * Puts another master key in the place of the one in force; no record is written. False where nothing is encrypted. Workers
 * that run go on; one that starts needs the new key. @throws EngineFailure `key-unusable`, `damaged`, `store-failed`
 */
export function rewrapLogKey(
  log: LogOfKey,
  { from, to }: { readonly from: MasterKey; readonly to: MasterKey },
): Promise<boolean> {
  return answered(
    log.postgres.transaction(async (run) => {
      await log.rows.lock(run);
      const found = await read(log, run);
      if (found.length === 0) return false;
      const isDone = found.some((each) => each.master === to.id);
      const key = opened(log, found, isDone ? to : from);
      await run({ text: 'delete from daybook.log_key where log = $1', values: [log.rows.id] });
      await write(log, { run, key, master: to });
      return true;
    }),
  );
}

/** Whether the key of this seal is the one of the log, as the server of `run` has it. @throws what the database throws */
export async function hasKeyOf(
  run: Run,
  { rows, seal }: { readonly rows: Pick<LogRows, 'id'>; readonly seal: LogSeal },
): Promise<boolean> {
  const found = await run({
    name: 'has-key',
    text: 'select 1 as stands from daybook.log_key where log = $1 and id = $2',
    values: [rows.id, seal.id],
  });
  return found.length > 0;
}

/** By one worker: another that starts beside it waits for the row of the log, and finds the key there. */
function made(log: LogOfKey, master: MasterKey): Promise<Buffer> {
  return answered(
    log.postgres.transaction(async (run) => {
      await log.rows.lock(run);
      const found = await read(log, run);
      if (found.length > 0) return opened(log, found, master);
      const key = randomBytes(keyBytes);
      await write(log, { run, key, master });
      return key;
    }),
  );
}

function opened(log: LogOfKey, found: readonly WrappedKey[], master: MasterKey): Buffer {
  const own = found.find((each) => each.master === master.id);
  if (own === undefined) {
    const ids = found.map((each) => each.master);
    throw new EngineFailure('key-unusable', otherKey(name, ids, master.id));
  }
  const key = master.unwrap(own.wrapped, contextOf(log));
  if (key === null) throw new EngineFailure('damaged', `the key of ${name}`);
  return key;
}

async function read({ rows }: LogOfKey, run: Run): Promise<readonly WrappedKey[]> {
  const found = await run({ text: 'select master, wrapped from daybook.log_key where log = $1', values: [rows.id] });
  return found.map((row) => ({ master: String(row['master']), wrapped: row['wrapped'] as Buffer }));
}

async function write(
  log: LogOfKey,
  { run, key, master }: { readonly run: Run; readonly key: Buffer; readonly master: MasterKey },
): Promise<void> {
  await run({
    text: 'insert into daybook.log_key (log, master, id, wrapped) values ($1, $2, $3, $4)',
    values: [log.rows.id, master.id, new LogSeal(key).id, master.wrap(key, contextOf(log))],
  });
}
