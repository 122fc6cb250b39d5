import type { LogRecord, RecordDraft } from './commit-log.types.ts';
import type { EncodedRecord } from './record.ts';

/** A draft that waits for its place in the log, and who waits with it. */
export interface Waiting {
  readonly draft: RecordDraft;
  readonly at: number;
  readonly resolve: (record: LogRecord) => void;
  readonly reject: (reason: unknown) => void;
}
/** A step that must not run beside a write. */
export interface Between {
  readonly step: () => Promise<void>;
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}
/** A draft with the place it has got. */
export interface Entry {
  readonly waiting: Waiting;
  readonly encoded: EncodedRecord;
}
