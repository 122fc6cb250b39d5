import type { EncodedRecord, RecordHead } from './record.ts';

/** A place where stored bytes are not what was written. `offset` counts bytes from the start of the file. */
export interface Damage {
  readonly file: string;
  readonly offset: number;
  readonly text: string;
}

/** What a scan comes upon, in the order of the log. */
export type Found =
  /** A record whose head is right. Whether it continues the one before is for the caller to see. */
  | { readonly kind: 'record'; readonly head: RecordHead; readonly file: string; readonly offset: number }
  | { readonly kind: 'damage'; readonly damage: Damage }
  /** Last: incomplete or wrong bytes with nothing valid after them. They stay until `ready`. */
  | { readonly kind: 'torn'; readonly file: string; readonly offset: number; readonly bytes: number };

/**
 * Where the records of the commit log lie (store section 2). Records are written whole and in order, and never change;
 * the port knows their frame, not their meaning. Every adapter passes test/contracts/bytes.contract.ts.
 *
 * Life: `scan` once to its end, `ready` once, then the rest; a record that `scan` has yielded can be sliced at once.
 */
export interface Bytes extends AsyncDisposable {
  /** The number the next record gets, known once `scan` has ended: one after the last, damaged ones counted. */
  readonly nextSeq: number;
  /** Records before this one are sealed, and their payloads can be dropped. */
  readonly sealedBefore: number;
  /**
   * Records from `fromSeq` on, each with its payload verified; a wrong payload is reported as damage before its record.
   * All that is yielded is durable. Older records are not read, but for what is needed to find later ones.
   */
  scan(fromSeq: number): AsyncIterable<Found>;
  /** Cuts off the torn tail, if there was one, and makes that durable. */
  ready(): Promise<void>;
  /**
   * Writes records after the last one: in one write and, with `sync`, one sync. Durable then, and every record before.
   * One call at a time.
   * @throws EngineFailure `store-full` where nothing of the group was kept and the next call may succeed;
   * `store-failed` where that is not known: then nothing more may be written
   */
  append(group: readonly EncodedRecord[], sync: boolean): Promise<void>;
  /** The head of a record, verified. @throws EngineFailure `missing`, `damaged` */
  read(seq: number): Promise<RecordHead>;
  /**
   * Bytes of a payload, as they are stored: not verified; read into `into`, of that length, by adapters that can.
   * @throws EngineFailure `missing` where there is no such record or range, or its payload was dropped; `damaged` where
   * `scan` found it so
   */
  slice(seq: number, offset: number, length: number, into?: Uint8Array): Promise<Uint8Array>;
  /** Makes all durable and closes what is open for writing. The next `append` begins anew. */
  seal(): Promise<void>;
  /**
   * Gives back the space of these payloads (thinning): heads, chain and proofs stay whole, and no file holds the bytes
   * any more. Records that are not sealed yet, and those without a payload, are left as they are. Answers the bytes given
   * back. May run beside `append` and reads: mail does not wait for it. One call at a time.
   */
  drop(seqs: ReadonlySet<number>): Promise<number>;
}
