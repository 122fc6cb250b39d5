import { EngineFailure } from '../../streams/failure.ts';
import type { Bytes } from './bytes.types.ts';
import type { LogRecord } from './commit-log.types.ts';

/**
 * The particulars of a record: what it tells of the mail itself, who wrote to whom and about what. They are JSON at the
 * end of its payload, so that they go when the payload does (D-054); its facts stay for ever and say how long they are.
 */
export interface FactsWithParticulars {
  /** Bytes at the end of the payload; absent where there are none. */
  readonly particulars?: number;
}

export const encodeParticulars = (particulars: unknown): Buffer => Buffer.from(JSON.stringify(particulars));

/** How many bytes of a record's payload are particulars. */
export function particularsBytes({ facts }: Pick<LogRecord, 'facts'>): number {
  const { particulars = 0 } = (facts ?? {}) as FactsWithParticulars;
  return Number.isSafeInteger(particulars) && particulars > 0 ? particulars : 0;
}

/**
 * The record with its particulars read back: null where they were deleted by policy, absent where it has none or where
 * they are damaged, which is for the fold to tell apart.
 * @throws EngineFailure `store-failed` where they cannot be read now
 */
export async function withParticulars(bytes: Pick<Bytes, 'slice'>, record: LogRecord): Promise<LogRecord> {
  const length = particularsBytes(record);
  if (length === 0) return record;
  try {
    const read = await bytes.slice(record.seq, record.payloadLength - length, length);
    return { ...record, particulars: JSON.parse(Buffer.from(read).toString('utf8')) };
  } catch (error) {
    if (error instanceof SyntaxError) return record;
    if (error instanceof EngineFailure && error.code === 'missing') return { ...record, particulars: null };
    if (error instanceof EngineFailure && error.code === 'damaged') return record;
    throw error;
  }
}
