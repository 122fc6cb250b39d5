import type { MessageFilter } from '../../streams/keeping.ts';

/** Hands archived messages out as files (interface section 1, `daybook export`). */
export interface ExportApi {
  /**
   * Every message that fits, in the order of the list of messages, from `cursor` on where it is given. Written to the event
   * log with their number when the reader has ended, or has had enough.
   */
  read(wanted: WantedExport): AsyncIterable<ExportedMessage>;
  /**
   * Signs a manifest, once each of its lines is found to be of the archive.
   * @throws ManifestFault
   */
  sign(manifest: AsyncIterable<Uint8Array>): Promise<SignedExport>;
}
export interface WantedExport {
  readonly filter: MessageFilter;
  /** `next` of a line that came before. */
  readonly cursor: string | undefined;
  /** Messages whose bytes are read, at most; all where undefined. */
  readonly limit: number | undefined;
  /** None that were archived later, epoch ms: a list by date has new ones anywhere. */
  readonly asOf: number | undefined;
  readonly actor: string;
  readonly peer: string;
  /** The filters as they were asked for. */
  readonly query: Readonly<Record<string, unknown>>;
}
/** Its bytes are the primary representation; null where they are damaged. */
export interface ExportedMessage {
  readonly line: ExportLine;
  readonly bytes: Uint8Array | null;
}
/** What a manifest says of a message. */
export interface ExportLine {
  readonly id: string;
  readonly messageId: string | null;
  readonly sha256: string;
  readonly size: number;
  readonly date: string | null;
  readonly archivedAt: string;
  readonly sender: string | null;
  readonly recipients: readonly { readonly address: string; readonly type: string }[];
  readonly flags: readonly string[];
  /** The cursor behind it. */
  readonly next: string;
}
export interface SignedExport {
  /** What was signed, to the byte. */
  readonly statement: string;
  /** Ed25519, base64. */
  readonly signature: string;
  readonly key: string;
  readonly publicKey: string;
}
/** A line that is none, or says of a message what is not so. */
export class ManifestFault extends Error {}
