import { EngineFailure } from '../../streams/failure.ts';
import { nullIfLost } from '../store/commit-log.ts';
import type { LogPosition } from '../store/commit-log.types.ts';
import { genesisHash, sha256Of } from '../store/record.ts';
import type { WholeRecord } from '../store/segment-records.ts';
import { type MoveProgress, MoveRefused, type MoveSource, type MoveTarget } from './migrate.types.ts';

/** As a group of the log itself: the row of the log is held for as long as it is written, and two are in memory. */
const maxGroupRecords = 256;
const maxGroupBytes = 8 * 1024 * 1024;
/** A server takes over in some 25 s. */
const restsMs = [100, 250, 500, 1_000, 2_000, 5_000] as const;
const triesInARow = 30;

export interface CopyOptions {
  readonly source: MoveSource;
  readonly target: MoveTarget;
  /** The last record; all up to it are durable in the source. */
  readonly upTo: number;
  readonly told: (progress: MoveProgress) => void;
  /** Resolves after a wait of ms. */
  readonly pause: (ms: number) => Promise<void>;
}

/**
 * Copies what the target does not have yet, and answers where its log ends then. Killed at any moment it is run again:
 * the end of the target says where. A target that does not answer is tried again, for a minute and a half.
 * @throws MoveRefused where the target holds other records; EngineFailure `damaged` where the source does
 */
export async function copyRecords(options: CopyOptions): Promise<LogPosition> {
  const { target, upTo, told, pause } = options;
  let bytes = 0;
  for (let tries = 0; ; tries += 1) {
    try {
      const end = await target.end();
      await refuseOther(options, end);
      for await (const group of prefetched(groupsOf(options.source.records(end.seq, upTo), end))) {
        await target.append(group);
        tries = 0;
        for (const { headBytes, payload } of group) bytes += headBytes.length + (payload?.length ?? 0);
        told({ seq: group.at(-1)?.head.record.seq ?? end.seq, of: upTo, bytes });
      }
      return await target.end();
    } catch (error) {
      if (!isWorthATry(error) || tries >= triesInARow) throw error;
      await pause(restsMs[Math.min(tries, restsMs.length - 1)] ?? restsMs[0]);
    }
  }
}

const isWorthATry = (error: unknown): boolean =>
  !(error instanceof MoveRefused) && !(error instanceof EngineFailure && !error.retryable);

/**
 * The last record of the target is the same one in the source, and with it all before: its hash covers them. Whoever
 * copies beside this one may have come further.
 */
async function refuseOther({ source }: CopyOptions, end: LogPosition): Promise<void> {
  if ((await hashIn(source, end.seq).catch(nullIfLost)) !== end.hash)
    throw new MoveRefused(`record ${end.seq} of the target is not one of the source: it is another archive`);
}

/** Hash of a record of a source; that before the first where `seq` is 0. @throws as `records` */
export async function hashIn(source: MoveSource, seq: number): Promise<string> {
  if (seq === 0) return genesisHash;
  for await (const { head } of source.records(seq - 1, seq)) return head.record.hash;
  throw new EngineFailure('damaged', `record ${seq} is not there`);
}

/** What is wrong with a record behind `before`, or null. */
export function faultOf({ head, payload }: WholeRecord, before: LogPosition): string | null {
  const { record, previousHash, seal } = head;
  if (seal !== null) return `record ${record.seq} is encrypted, and no key is at hand`;
  if (record.seq !== before.seq + 1 || previousHash !== before.hash)
    return `record ${record.seq} does not continue the one before`;
  if (payload === null) return null;
  const isWhole =
    payload.length === record.payloadLength && sha256Of([payload]).toString('hex') === record.payloadSha256;
  return isWhole ? null : `the payload of record ${record.seq} is not what its hash says`;
}

/** Records in groups, each compared with its hashes. @throws EngineFailure `damaged` */
async function* groupsOf(
  records: AsyncIterable<WholeRecord>,
  start: LogPosition,
): AsyncGenerator<readonly WholeRecord[]> {
  let before = start;
  let group: WholeRecord[] = [];
  let bytes = 0;
  for await (const record of records) {
    const fault = faultOf(record, before);
    if (fault !== null) throw new EngineFailure('damaged', fault);
    const length = record.headBytes.length + record.head.record.payloadLength;
    if (group.length >= maxGroupRecords || (group.length > 0 && bytes + length > maxGroupBytes)) {
      yield group;
      group = [];
      bytes = 0;
    }
    group.push(record);
    bytes += length;
    before = { seq: record.head.record.seq, hash: record.head.record.hash };
  }
  if (group.length > 0) yield group;
}

/** The next one is read while this one is written. */
async function* prefetched<T>(items: AsyncGenerator<T>): AsyncGenerator<T> {
  let next = items.next();
  try {
    for (;;) {
      const { done, value } = await next;
      if (done === true) return;
      next = items.next();
      // Heard of when it is asked for.
      next.catch(() => undefined);
      yield value;
    }
  } finally {
    await next.catch(() => undefined);
    await items.return(undefined);
  }
}
