import type { CommandFacts, CommitLog } from './commit-log.types.ts';
import type { IndexDb } from './index-db.ts';
import type { IndexMemory } from './index-memory.ts';
import { lastPart, rangeOf, timedUntil, tombKey } from './keys.ts';
import { isToldAnewSince, restatementOf } from './restated.ts';

/** What the store does by itself when its time has come. Each step is one record or none, and may be repeated. */
export interface Housekeeping {
  /**
   * Takes the bytes from skipped items that are past their time, `limit` of them at most, the longest due first: they
   * can be neither read nor released from then on. Answers how many it looked at. Durable when it resolves.
   * @throws EngineFailure `store-failed`, `store-full`
   */
  purgeSkipped(now: number, limit: number): Promise<number>;
  /**
   * Takes from the disk what was purged or deleted before `before`, `limit` payloads at most, those of one segment
   * together. Answers how many those were. A record that tells of mail that stands as well is told again first.
   * @throws EngineFailure `store-failed`, `store-full`
   */
  dropPurged(before: number, limit: number): Promise<number>;
  /** One event for each definition that held items on an earlier day (UTC) and has not told of them. */
  summariseHeld(now: number): Promise<void>;
}

const dayMs = 86_400_000;
const dayOf = (at: number): number => Math.floor(at / dayMs);

export function createHousekeeping({
  log,
  index,
  memory,
}: {
  readonly log: CommitLog;
  readonly index: IndexDb;
  readonly memory: IndexMemory;
}): Housekeeping {
  const command = (facts: CommandFacts) => log.append({ kind: 'command', facts, payload: [] });
  /** Tells again what the record told of mail that stands. False: of none. */
  const restate = (seq: number): Promise<boolean> =>
    log.deciding(async (append) => {
      const draft = await restatementOf(log, index, seq);
      if (draft !== null) await append(draft);
      return draft !== null;
    });
  return {
    purgeSkipped: async (now, limit) => {
      const keys = await index.purge.keysNow({ ...timedUntil(now), limit });
      const rows = await index.intake.getMany(keys.map(lastPart));
      const byDefinition = new Map<string | null, string[]>();
      for (const row of rows) {
        if (row === undefined) continue;
        byDefinition.set(row.definitionId, [...(byDefinition.get(row.definitionId) ?? []), row.intakeId]);
      }
      for (const [definitionId, intakeIds] of byDefinition) {
        await command({ command: 'purge', definitionId, intakeIds });
      }
      if (byDefinition.size > 0) await destroyBuried({ log, index });
      return keys.length;
    },
    dropPurged: async (before, limit) => {
      const seqs: number[] = [];
      for await (const [key, purgedAt] of index.tomb.entries()) {
        if (purgedAt < before) seqs.push(Number(key));
        if (seqs.length === limit) break;
      }
      for (const seq of await toldBefore(index, before, limit - seqs.length)) {
        // A backup that is under way may hold no more than was there at its begin: what was told again has a day.
        const row = await index.told.get(tombKey(seq));
        if (await isToldAnewSince(log, index, seq, before - dayMs)) continue;
        if (row?.restatedAt == null ? !(await restate(seq)) : row.restatedAt < before - dayMs) seqs.push(seq);
      }
      if (seqs.length === 0) return 0;
      await log.drop(new Set(seqs));
      await command({ command: 'dropped', seqs });
      return seqs.length;
    },
    summariseHeld: async (now) => {
      for (const range of memory.definitions()) {
        const definitionId = range === rangeOf(null) ? null : range;
        const { heldDigest } = memory.figuresOf(definitionId);
        if (heldDigest === undefined || dayOf(heldDigest.firstAt) >= dayOf(now)) continue;
        await command({ command: 'summarise-held', definitionId });
      }
    },
  };
}

/**
 * Destroys the keys of all under a tombstone and not yet dropped, so that it makes up for a crash before. It looks at each
 * of them: once for a pass, and under no lock.
 */
export async function destroyBuried({
  log,
  index,
}: {
  readonly log: Pick<CommitLog, 'isEncrypted' | 'destroy'>;
  readonly index: Pick<IndexDb, 'tomb'>;
}): Promise<void> {
  if (!log.isEncrypted) return;
  const seqs: number[] = [];
  for await (const key of index.tomb.keys()) seqs.push(Number(key));
  await log.destroy(seqs);
}

/** Records that tell of mail deleted before `before`, the oldest first. */
async function toldBefore(index: IndexDb, before: number, limit: number): Promise<readonly number[]> {
  const seqs: number[] = [];
  if (limit <= 0) return seqs;
  for await (const [key, { deletedAt }] of index.told.entries()) {
    if (deletedAt < before) seqs.push(Number(key));
    if (seqs.length === limit) break;
  }
  return seqs;
}
