import { readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isSignedBy } from '../evidence/head.ts';
import { readPublicKeys } from '../evidence/signing-key.ts';
import { makeFolder } from '../make-folder.ts';
import type { MasterKey } from '../master-key.ts';
import { openReading, type Reading } from '../store/encryption.ts';
import { syncDirectory } from '../store/segment-files.ts';
import { checkKeyFiles } from '../store/verify-keys.ts';
import { verifySegments } from '../store/verify-segments.ts';
import { faultOfFile, readManifest } from './backup.ts';
import type { BackupManifest } from './backup.types.ts';
import { copyDurably } from './copy-file.ts';
import { LogAudit } from './log-audit.ts';

export interface RestoreOptions {
  readonly from: string;
  /** Must be missing or empty. */
  readonly dataDir: string;
  /** Opens an encrypted backup. */
  readonly master: MasterKey | null;
  readonly progress: (bytes: number) => void;
}

/**
 * Copies a backup into an empty place, checks every byte of it there, and only then puts it where the engine looks. The
 * index is made anew by the caller. @throws Error with the file that is damaged or missing; nothing is left behind then
 */
export async function restore({ from, dataDir, master, progress }: RestoreOptions): Promise<BackupManifest> {
  const manifest = await readManifest(from);
  if (manifest === undefined)
    throw new Error(`${from} has no manifest: it is no backup, or its first one was interrupted`);
  const standing = await readdir(dataDir).catch(() => []);
  if (standing.length > 0) throw new Error(`${dataDir} is not empty: a backup is restored into an empty place only`);
  const draft = `${dataDir}.restoring`;
  await rm(draft, { recursive: true, force: true });
  await makeFolder(draft);
  try {
    let done = 0;
    for (const file of manifest.files) {
      const fault = await copied(from, draft, file);
      if (fault !== null) throw new Error(`the backup is damaged: ${fault}`);
      done += file.size;
      progress(done);
    }
    await checkLog(draft, manifest, await openReading(draft, master));
    await rm(dataDir, { recursive: true, force: true });
    await rename(draft, dataDir);
    await syncDirectory(dirname(dataDir));
    return manifest;
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    throw error;
  }
}

async function copied(from: string, to: string, file: BackupManifest['files'][number]): Promise<string | null> {
  // Sealed segments are read-only again, all else is the engine's.
  const mode = file.footer === null ? 0o600 : 0o444;
  const found = await copyDurably(join(from, file.name), join(to, file.name), file.size, mode).catch(String);
  if (found === file.sha256) return null;
  return (await faultOfFile(from, file)) ?? `${file.name}: ${found}`;
}

/** Every record, the chain, the tree, and the head of the manifest. */
async function checkLog(directory: string, { size, head }: BackupManifest, reading: Reading): Promise<void> {
  const publicKeys = await readPublicKeys(directory);
  const audit = new LogAudit(publicKeys, head === null ? [] : [head.size]);
  if (!reading.hasKey) throw new Error('the backup is encrypted: name its master key in store.encryption');
  const { unseal } = reading;
  const faults = (await checkKeyFiles(directory)).faults.map(({ file, text }) => `${file}: ${text}`);
  for await (const step of verifySegments({ directory: join(directory, 'commitlog'), upTo: null, unseal })) {
    if (step.kind === 'record') audit.add(step.head, step);
    else if (step.kind === 'fault') faults.push(`${step.fault.file}: ${step.fault.text}`);
    else if (step.kind === 'torn') faults.push(`${step.file}: ${step.bytes} bytes of no record at its end`);
  }
  audit.end();
  faults.push(...audit.faults.map(({ file, text }) => `${file}: ${text}`));
  if (audit.size !== size) faults.push(`it holds ${audit.size} records and should hold ${size}`);
  if (head !== null && audit.rootAt(head.size) !== head.root) faults.push('its records are not those of its head');
  if (head !== null && !publicKeys.some((key) => isSignedBy(head, key)))
    faults.push('its head is not signed by its key');
  if (faults.length > 0) throw new Error(`the backup is damaged: ${faults.slice(0, 10).join('; ')}`);
}
