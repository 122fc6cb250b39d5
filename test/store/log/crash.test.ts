import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { openCommitLog } from '../../../src/store/commit-log.ts';
import type { LogPosition, LogRecord } from '../../../src/store/commit-log.types.ts';
import { MemoryDisk, memoryBytes } from '../../support/memory-bytes.ts';

/** What one life of the engine does, and how it ends. */
const life = fc.record({
  appends: fc.array(fc.record({ id: fc.nat(), chunks: fc.integer({ min: 0, max: 2 }) }), { maxLength: 12 }),
  /** Microtask turns after which the power goes. */
  turns: fc.nat({ max: 60 }),
  /** Unsynced records that happen to survive. */
  keep: fc.nat({ max: 4 }),
  fault: fc.constantFrom('none', 'write', 'sync', 'full'),
  faultAt: fc.integer({ min: 1, max: 4 }),
  /** The index is not synced: of its folds this many are lost in the crash. */
  indexLoses: fc.nat({ max: 5 }),
});

describe('a commit log whose power goes at any moment', () => {
  test('has every record that was answered for, each once, in order, and goes on', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(life, { minLength: 1, maxLength: 4 }), async (lives) => {
        let disk = new MemoryDisk();
        const answered = new Set<string>();
        let index: LogRecord[] = [];
        for (const [number, { appends, turns, keep, fault, faultAt, indexLoses }] of lives.entries()) {
          const before = index;
          const mine: LogRecord[] = [...before];
          let dead = false;
          const log = await open(disk, mine, () => dead);
          expect(names(mine)).toEqual(expect.arrayContaining([...answered]));
          expect(new Set(mine.map(({ seq }) => seq)).size).toBe(mine.length);
          if (fault === 'write') disk.failWriteAt = disk.writes + faultAt;
          if (fault === 'sync') disk.failSyncAt = disk.syncs + faultAt;
          if (fault === 'full') disk.fullAt = disk.writes + faultAt;
          disk.pause = () => new Promise((resolve) => setImmediate(resolve));
          for (const [index, { id, chunks }] of appends.entries()) {
            const text = `${number}.${index}.${id}`;
            void (async () => {
              for (let chunk = 0; chunk < chunks; chunk += 1) await log.appendChunk([Buffer.from('chunk')]);
              await log.append({ kind: 'intake', facts: { text }, payload: [Buffer.from(text)] });
              if (!dead) answered.add(text);
            })().catch(() => undefined);
          }
          for (let turn = 0; turn < turns; turn += 1) await (turn % 3 === 0 ? immediate() : Promise.resolve());
          dead = true;
          disk = disk.crash(keep);
          index = mine.slice(0, Math.max(0, mine.length - indexLoses));
        }
        const last = [...index];
        const log = await open(disk, last, () => false);
        expect(names(last)).toEqual(expect.arrayContaining([...answered]));
        expect(last.map(({ seq }) => seq)).toEqual([...new Set(last.map(({ seq }) => seq))].sort((a, b) => a - b));
        expect(log.recovery.damaged).toEqual([]);
        const all: number[] = [];
        for await (const { seq } of log.records(0)) all.push(seq);
        expect(all).toEqual(Array.from({ length: log.head.seq }, (_, position) => position + 1));
      }),
      { numRuns: 150 },
    );
  });
});

const immediate = () => new Promise<void>((resolve) => setImmediate(resolve));
const names = (records: readonly LogRecord[]) =>
  records.flatMap(({ kind, facts }) => (kind === 'chunk' ? [] : [(facts as { text: string }).text]));

function open(disk: MemoryDisk, index: LogRecord[], isDead: () => boolean) {
  const last = index.at(-1);
  const foldedUpTo: LogPosition | null = last === undefined ? null : { seq: last.seq, hash: last.hash };
  return openCommitLog({
    bytes: memoryBytes(disk),
    now: () => 1,
    foldedUpTo,
    maxGroupRecords: 3,
    mark: 5,
    fold: async (group) => {
      if (isDead()) throw new Error('dead');
      index.push(...group);
    },
  });
}
