import { chmod, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Reading } from '../store/encryption.ts';
import { segmentName, segmentsIn } from '../store/segment-files.ts';
import type { Verified } from '../store/verify-segments.ts';
import { faultOfFile, readManifest } from './backup.ts';
import { copyDurably } from './copy-file.ts';
import { keptHeads } from './kept-heads.ts';
import { scrubState } from './scrub.ts';
import { type LogPlace, type VerifyReport, verifyData } from './verification.ts';

/** One thing that a repair would do. Nothing is ever deleted: what is damaged is put aside. */
export type RepairStep =
  | { readonly kind: 'take-from-backup'; readonly file: string; readonly why: string }
  /** No copy is at hand: the engine serves what is whole, and says what is not. */
  | { readonly kind: 'leave'; readonly file: string; readonly why: string }
  | { readonly kind: 'rebuild-index'; readonly file: string; readonly why: string };

export interface RepairPlan {
  readonly report: VerifyReport;
  readonly steps: readonly RepairStep[];
}
export interface RepairOptions {
  readonly dataDir: string;
  readonly bytes: LogPlace;
  /** Of a log in a database. */
  readonly records?: AsyncIterable<Verified>;
  /** A backup to take whole segments from. */
  readonly from: string | undefined;
  /** Opens what is encrypted. */
  readonly reading: Reading;
  readonly progress: (bytes: number) => void;
}

/** What is damaged and what would be done, the engine stopped. Changes nothing. */
export async function planRepair(options: RepairOptions): Promise<RepairPlan> {
  const { dataDir, bytes, reading, records, progress } = options;
  const kept = await keptHeads(dataDir, []);
  const report = await verifyData({
    dataDir,
    bytes,
    reading,
    upTo: null,
    kept,
    progress,
    ...(records === undefined ? {} : { records }),
  });
  const reasons = new Map<string, string>();
  for (const { file, text } of report.faults) if (!reasons.has(file)) reasons.set(file, text);
  const missing = await missingSegments(options);
  for (const file of missing) reasons.set(file, 'is missing');
  const steps: RepairStep[] = [];
  for (const [file, why] of reasons) {
    if (file.startsWith('index')) continue;
    if (file === 'commitlog' && missing.length > 0) continue;
    const isKept = file.startsWith('commitlog/') || file.startsWith('keys/');
    const kind = isKept && (await isWholeThere(options, file)) ? 'take-from-backup' : 'leave';
    steps.push({ kind, file, why });
  }
  const changes = steps.some(({ kind }) => kind === 'take-from-backup');
  const index = [...reasons].find(([file]) => file.startsWith('index'));
  if (changes || index !== undefined) {
    steps.push({ kind: 'rebuild-index', file: 'index', why: index?.[1] ?? 'the log changes' });
  }
  return { report, steps };
}

/** Does what the plan says, and no more; the caller rebuilds the index. `suffix` names what is put aside. */
export async function applyRepair({ dataDir, from }: RepairOptions, plan: RepairPlan, suffix: string): Promise<void> {
  const manifest = from === undefined ? undefined : await readManifest(from);
  for (const { kind, file } of plan.steps) {
    if (kind !== 'take-from-backup' || from === undefined) continue;
    const copy = manifest?.files.find(({ name }) => name === file);
    if (copy === undefined) throw new Error(`${file} is in no backup`);
    const path = join(dataDir, file);
    const draft = `${path}.repair`;
    const found = await copyDurably(join(from, file), draft, copy.size, 0o600);
    if (found !== copy.sha256) {
      await rm(draft, { force: true });
      throw new Error(`${file} of the backup is not what was copied`);
    }
    await rename(path, `${path}.damaged-${suffix}`).catch(ifMissing);
    await chmod(draft, copy.footer === null ? 0o600 : 0o444);
    await rename(draft, path);
  }
  // What it found may be mended: it begins anew.
  await rm(join(dataDir, scrubState), { force: true });
}

/**
 * What was done by a plan, and what is damaged after it, by a plan that was made then: a fault may be the trace of
 * another one and gone with it, and another one come to light.
 */
export function stepsDone(before: RepairPlan, after: RepairPlan): readonly RepairStep[] {
  const done = before.steps.filter(({ kind }) => kind !== 'leave');
  return [...done, ...after.steps.map(({ file, why }) => ({ kind: 'leave', file, why }) as const)];
}

function ifMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}

/** Segments that the backup has and the folder has not. */
async function missingSegments({ dataDir, from }: Pick<RepairOptions, 'dataDir' | 'from'>): Promise<readonly string[]> {
  if (from === undefined) return [];
  const manifest = await readManifest(from);
  const stand = new Set(
    (await segmentsIn(join(dataDir, 'commitlog'))).map((firstSeq) => `commitlog/${segmentName(firstSeq)}`),
  );
  return (manifest?.files ?? [])
    .map(({ name }) => name)
    .filter((name) => name.startsWith('commitlog/') && !stand.has(name));
}

/** True where the backup has this segment, whole, and as far as it went when it was sealed. */
async function isWholeThere({ dataDir, from }: RepairOptions, file: string): Promise<boolean> {
  if (from === undefined) return false;
  const copy = (await readManifest(from))?.files.find(({ name }) => name === file);
  if (copy === undefined || (await faultOfFile(from, copy)) !== null) return false;
  // A file of keys has all its keys from the begin.
  if (copy.footer !== null || file.startsWith('keys/')) return true;
  // A copy of the open segment ends where it was copied: what came later would be lost with the damaged one.
  return (await missingSegments({ dataDir, from })).includes(file);
}
