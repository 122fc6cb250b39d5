/** What the engine says of an export: that each line of its manifest stands, or stood, in the archive. */
export interface ExportStatement {
  /** Hash of record 1: which archive this is. */
  readonly log: string;
  /** SHA-256 of the manifest, hex. */
  readonly manifest: string;
  /** Its lines. */
  readonly messages: number;
  /** Of them, those that were deleted between the export and the signature. */
  readonly deleted: number;
  /** When it was signed, epoch ms. */
  readonly at: number;
}

/** What is signed, to the byte, so that openssl can check it: six lines, each ended by LF. */
export const exportText = ({ log, manifest, messages, deleted, at }: ExportStatement): string =>
  `daybook signed export v1\nlog ${log}\nmanifest ${manifest}\nmessages ${messages}\ndeleted ${deleted}\nat ${new Date(at).toISOString()}\n`;
