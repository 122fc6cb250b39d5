import { readFile, realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import type { SignedHead } from '../evidence/head.ts';
import { publicKeyFile } from '../evidence/signing-key.ts';
import { stampFiles } from '../evidence/stored-stamps.ts';
import { makeFolder } from '../make-folder.ts';
import { keyFilesIn } from '../store/key-block.ts';
import type { FileFault } from '../store/leveldb-check.ts';
import { keysFolder } from '../store/record-keys.ts';
import { endOfRecord, footerOf } from '../store/segment-end.ts';
import { segmentName, segmentPath, segmentsIn } from '../store/segment-files.ts';
import type { Unseal } from '../store/unseal.ts';
import { verifySegments } from '../store/verify-segments.ts';
import { writeWhole } from '../whole-file.ts';
import { type BackedUpFile, type BackupManifest, keyNames, manifestName } from './backup.types.ts';
import { copyDurably, sha256OfFile } from './copy-file.ts';

export interface BackupOptions {
  readonly dataDir: string;
  readonly to: string;
  /** A head of the running engine: what it covers is on disk, and is what the backup holds. Null: the engine is stopped. */
  readonly head: SignedHead | null;
  readonly withKeys: boolean;
  /** Opens what is encrypted: where the open segment ends, its payloads tell. */
  readonly unseal: Unseal;
  /** ISO 8601. */
  readonly at: string;
  readonly progress: (bytes: number) => void;
}
export interface BackupResult {
  readonly size: number;
  readonly files: number;
  /** Bytes copied now; sealed segments that stood there already are not. */
  readonly copiedBytes: number;
  readonly totalBytes: number;
  /** What was damaged before it was copied; it is copied again the next time. */
  readonly damaged: readonly FileFault[];
}

/**
 * Copies the commit log to another folder, sealed segments once; mail goes on meanwhile. The rest of a data directory is
 * made again from it. @throws Error where the target lies in the data directory, or is no backup
 */
export async function backUp(options: BackupOptions): Promise<BackupResult> {
  const { dataDir, to, head, withKeys, unseal, at, progress } = options;
  await makeFolder(to);
  const [source, target] = [await realpath(dataDir), await realpath(to)];
  if (target === source || target.startsWith(source + sep)) throw new Error(`${to} lies in the data directory`);
  const before = await readManifest(to);
  const known = new Map(before?.files.map((file) => [file.name, file]));
  const directory = join(dataDir, 'commitlog');
  const files: BackedUpFile[] = [];
  let copiedBytes = 0;
  let size = 0;
  const copy = async (name: string, length: number, mode: number, footer: string | null): Promise<void> => {
    const sha256 = await copyDurably(join(dataDir, name), join(to, name), length, mode);
    copiedBytes += length;
    progress(copiedBytes);
    files.push({ name, size: length, sha256, footer });
  };
  for (const firstSeq of await segmentsIn(directory)) {
    if (head !== null && firstSeq > head.size) break;
    const name = `commitlog/${segmentName(firstSeq)}`;
    const sealed = await footerOf(segmentPath(directory, firstSeq), firstSeq);
    if (sealed === null) {
      const end = await endOfRecord(segmentPath(directory, firstSeq), firstSeq, { upTo: head?.size ?? null, unseal });
      size = end.seq;
      await copy(name, end.bytes, 0o600, null);
      continue;
    }
    size = sealed.nextSeq - 1;
    const stands = known.get(name);
    if (stands?.footer === sealed.sha256 && (await sizeOf(join(to, name))) === stands.size) files.push(stands);
    else await copy(name, sealed.fileBytes, 0o400, sealed.sha256);
  }
  for (const { name, over } of await stampFiles(dataDir)) {
    if (over > size) continue;
    const stands = known.get(name);
    const length = await sizeOf(join(dataDir, name));
    if (length === null) continue;
    // Its name holds its hash: one that stands is the same.
    if (stands?.size === length && (await sizeOf(join(to, name))) === length) files.push(stands);
    else await copy(name, length, 0o600, null);
  }
  // After the records: what they were sealed with was on the disk before them.
  for (const { name: file } of await keyFilesIn(keysFolder(dataDir))) {
    const name = `keys/${file}`;
    const stands = known.get(name);
    const isSame = stands !== undefined && (await faultOfFile(to, stands)) === null;
    if (isSame && (await sha256OfFile(join(dataDir, name))) === stands.sha256) files.push(stands);
    else await copy(name, (await sizeOf(join(dataDir, name))) ?? 0, 0o600, null);
  }
  for (const name of [publicKeyFile, ...(withKeys ? keyNames : [])]) {
    const length = await sizeOf(join(dataDir, name));
    if (length !== null) await copy(name, length, 0o600, null);
  }
  const fresh = files.filter((file) => file !== known.get(file.name)).map(({ name }) => name);
  const damaged = await damageIn(join(to, 'commitlog'), fresh, unseal);
  for (const [place, file] of files.entries()) {
    // Without its footer it is not taken for a whole one.
    if (damaged.some((fault) => fault.file === file.name)) files[place] = { ...file, footer: null };
  }
  const manifest: BackupManifest = { format: 'daybook-backup/1', at, size, head, files };
  await writeWhole(join(to, manifestName), `${JSON.stringify(manifest, null, 2)}\n`, 0o600);
  return {
    size,
    files: files.length,
    copiedBytes,
    totalBytes: files.reduce((sum, file) => sum + file.size, 0),
    damaged,
  };
}

/** Reads again what was copied: a copy of damaged bytes is no backup, and who makes one should hear of it then. */
async function damageIn(directory: string, copied: readonly string[], unseal: Unseal): Promise<readonly FileFault[]> {
  const segments = copied.filter((name) => name.startsWith('commitlog/'));
  const faults: FileFault[] = [];
  if (segments.length === 0) return faults;
  const from = Math.min(...segments.map((name) => Number.parseInt(name.slice('commitlog/'.length), 10)));
  for await (const step of verifySegments({ directory, upTo: null, from, unseal })) {
    if (step.kind === 'fault' && segments.includes(step.fault.file)) faults.push(step.fault);
  }
  return faults;
}

/** The manifest of a backup; undefined where the folder has none. @throws Error where it is none of ours */
export async function readManifest(folder: string): Promise<BackupManifest | undefined> {
  const text = await readFile(join(folder, manifestName), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const manifest = JSON.parse(text) as BackupManifest;
  if (manifest?.format !== 'daybook-backup/1') throw new Error(`${folder} is no backup that this version reads`);
  if (!Array.isArray(manifest.files) || !manifest.files.every(isOurs)) {
    throw new Error(`${folder} is no backup: its manifest names what none has`);
  }
  return manifest;
}

/** Segments, wrapped keys of records and index, time-stamps with the heads that they are over. */
const folderNames = [
  /^commitlog\/\d{20}\.seg$/,
  /^keys\/(?:\d{20}|index)\.keys$/,
  /^anchors\/[a-z0-9-]{1,64}\/\d{20}-[0-9a-f]{64}\.(?:json|tsr)$/,
];

/** A backup comes from elsewhere: a name that leads out of its folder would be written wherever it leads. */
function isOurs(file: Partial<BackedUpFile> | null): boolean {
  const { name, size, sha256, footer } = file ?? {};
  const names: readonly unknown[] = [publicKeyFile, ...keyNames];
  const isNamed = names.includes(name) || (typeof name === 'string' && folderNames.some((each) => each.test(name)));
  const isHash = (hash: unknown): boolean => typeof hash === 'string' && /^[0-9a-f]{64}$/.test(hash);
  return (
    isNamed && Number.isSafeInteger(size) && Number(size) >= 0 && isHash(sha256) && (footer === null || isHash(footer))
  );
}

/** What a file of a backup should be and is not, or null. */
export async function faultOfFile(folder: string, { name, size, sha256 }: BackedUpFile): Promise<string | null> {
  const found = await sizeOf(join(folder, name));
  if (found === null) return `${name} is missing`;
  if (found !== size) return `${name} has ${found} bytes and had ${size}`;
  return (await sha256OfFile(join(folder, name))) === sha256 ? null : `${name} is not what was copied`;
}

const sizeOf = (path: string): Promise<number | null> =>
  stat(path).then(
    ({ size }) => size,
    () => null,
  );
