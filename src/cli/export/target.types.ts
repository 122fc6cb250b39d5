import type { Query } from '../client.ts';
import type { ManifestLine } from '../manifest.ts';

export type ExportFormat = 'mbox' | 'eml' | 'zip';

/** Where an export is written. Closing it without `finish` leaves what another run of the same command goes on with. */
export interface ExportTarget extends AsyncDisposable {
  /** What an earlier run wrote: how many, and the cursor behind the last; and since when the export is under way. */
  readonly before: { readonly count: number; readonly cursor: string | undefined; readonly asOf: string };
  put(message: ExportedBytes): Promise<void>;
  /** Brings all of it to disk. Answers the file of the manifest. */
  complete(): Promise<string>;
  /** Adds what the engine signed, and puts everything in its place. */
  finish(signed: SignedManifest): Promise<void>;
  /** Leaves no trace, where nothing was written yet. */
  abandon(): Promise<void>;
}
export interface ExportedBytes {
  readonly line: ManifestLine;
  readonly bytes: Buffer;
}
export interface SignedManifest {
  readonly statement: string;
  readonly signature: string;
  readonly publicKey: string;
}
/** What makes two runs the same export. */
export interface ExportWish {
  readonly format: ExportFormat;
  readonly query: Query;
  readonly to: string;
  /** Of an export that begins now: what is archived later is no part of it. */
  readonly asOf: string;
}
