import type { KeyObject } from 'node:crypto';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type FileFault, liveTables } from '../store/leveldb-check.ts';
import { type Verified, verifySegments } from '../store/verify-segments.ts';
import { type AuditPoint, LogAudit } from './log-audit.ts';
import { ownRecords } from './own-records.ts';
import type { LogPlace } from './verification.ts';
import type { Workshop } from './workshop.ts';

/** Where a pass goes on: behind these records, all of which were read. Null: at the first. */
export type ScrubPoint = AuditPoint | null;

/** What a pass comes upon, in order. */
export type ScrubStep =
  | { readonly kind: 'read'; readonly bytes: number }
  | { readonly kind: 'fault'; readonly fault: FileFault }
  /** What lies before it need not be read again. */
  | { readonly kind: 'point'; readonly point: AuditPoint };

export interface ScrubSource {
  readonly dataDir: string;
  readonly bytes: LogPlace;
  readonly store: Pick<Workshop['store'], 'evidence' | 'log'>;
  readonly publicKeys: readonly KeyObject[];
  /** The last record of the pass: what comes later is for the next. */
  readonly upTo: number;
}

/** Of records in LevelDB or in a database, where no segments begin. */
const pointEveryBytes = 64 * 1024 * 1024;

/**
 * Goes through all that is stored, in small steps: records and payloads as `daybook verify` does, then the tables of LevelDB.
 * @throws the system's error, where a file cannot be opened or listed
 */
export async function* scrubPass(source: ScrubSource, from: ScrubPoint): AsyncGenerator<ScrubStep> {
  const { dataDir, bytes, store, publicKeys, upTo } = source;
  const audit = new LogAudit(publicKeys, [], from);
  const first = (from?.size ?? 0) + 1;
  const records =
    bytes === 'segments'
      ? verifySegments({ directory: join(dataDir, 'commitlog'), upTo, from: first, unseal: store.evidence.unseal })
      : ownRecords(store, { from: first, upTo, place: bytes });
  let told = 0;
  let sincePoint = 0;
  for await (const step of records) {
    if (step.kind === 'fault') yield step;
    else if (step.kind === 'record' && step.head.record.seq >= first) {
      audit.add(step.head, step);
      const read = bytesOf(step);
      sincePoint += read;
      yield { kind: 'read', bytes: read };
    }
    for (const fault of audit.faults.slice(told)) yield { kind: 'fault', fault };
    told = audit.faults.length;
    const isEnd = step.kind === 'read' && (bytes === 'segments' || sincePoint >= pointEveryBytes);
    if (!isEnd) continue;
    sincePoint = 0;
    yield { kind: 'point', point: audit.point };
  }
  for (const name of bytes === 'leveldb' ? ['bodies', 'index'] : ['index']) {
    for await (const { file, size, fault } of liveTables(join(dataDir, name))) {
      if (fault !== null) yield { kind: 'fault', fault: { file, text: fault } };
      yield { kind: 'read', bytes: size };
    }
  }
}

const bytesOf = ({ head, isDropped }: Extract<Verified, { kind: 'record' }>): number =>
  head.headBytes + (isDropped ? 0 : head.record.payloadLength);

/** How much there is to read in the data directory, roughly. */
export async function storedBytes(dataDir: string): Promise<number> {
  const sizes = await Promise.all(
    ['commitlog', 'bodies', 'index'].map(async (folder) => {
      const names = await readdir(join(dataDir, folder)).catch(() => []);
      const each = names.map((name) => stat(join(dataDir, folder, name)).catch(() => ({ size: 0 })));
      return (await Promise.all(each)).reduce((sum, { size }) => sum + size, 0);
    }),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}
