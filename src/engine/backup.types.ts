import type { SignedHead } from '../evidence/head.ts';
import { keyFile } from '../evidence/signing-key.ts';
import { definitionKeyFile } from './definition-secrets.ts';

/** What a backup holds, written last: before it stands, the backup of before counts. */
export interface BackupManifest {
  readonly format: 'daybook-backup/1';
  /** When it was made, ISO 8601. */
  readonly at: string;
  /** Records 1 to `size` are in it. */
  readonly size: number;
  /** A head over them, where the engine could sign one. */
  readonly head: SignedHead | null;
  readonly files: readonly BackedUpFile[];
}
export interface BackedUpFile {
  /** Relative to the folder. */
  readonly name: string;
  readonly size: number;
  readonly sha256: string;
  /** Of a sealed segment: the hash of its footer, by which an equal one is known without reading it. */
  readonly footer: string | null;
}

export const manifestName = 'manifest.json';
/**
 * What decrypts or signs stays where it is, but where somebody asks for it: keys and data are not for one place.
 * The folder keys/ goes along: without the master key, which is never copied, it opens nothing.
 */
export const keyNames = [definitionKeyFile, keyFile] as const;
