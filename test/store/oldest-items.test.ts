import { expect, test } from 'vitest';
import { openKey, rangeOf } from '../../src/store/keys.ts';
import { type OldestItems, openOldestItems } from '../../src/store/oldest-items.ts';
import type { IntakeRow } from '../../src/store/rows.ts';
import { below, prng } from '../support/prng.ts';

/** What stands in the index, and how often it was asked for the lowest keys. */
function openIndex() {
  const rows = new Map<string, IntakeRow>();
  const figures = { looks: 0 };
  const keysOf = (range: string): readonly string[] =>
    [...rows.values()]
      .filter(({ definitionId }) => rangeOf(definitionId) === range)
      .map(({ definitionId, intakeId }) => openKey(definitionId, intakeId))
      .sort();
  const open = (ranges: Iterable<string> = []): Promise<OldestItems> =>
    openOldestItems(
      {
        openKeys: async (range, limit) => {
          figures.looks += 1;
          return keysOf(range).slice(0, limit);
        },
        row: async (intakeId) => rows.get(intakeId),
      },
      ranges,
    );
  const oldest = (definitionId: string | null): number | null => {
    const at = [...rows.values()].filter((row) => row.definitionId === definitionId).map((row) => row.receivedAt);
    return at.length === 0 ? null : Math.min(...at);
  };
  return { rows, figures, open, oldest };
}

const itemOf = (definitionId: string | null, n: number): IntakeRow =>
  ({ definitionId, intakeId: `id${String(n).padStart(8, '0')}`, receivedAt: 1_000 + n }) as IntakeRow;

test('is the oldest of each definition, whatever comes, is put back and leaves, and after a restart', async () => {
  const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
  console.log(`seed ${seed}`);
  const random = prng(seed);
  const definitions = ['one', 'two', null] as const;
  const pick = <T>(from: readonly T[]): T => from[below(random, from.length)]!;
  const index = openIndex();
  let items = await index.open();
  for (let round = 0, next = 100; round < 400; round += 1) {
    const came: IntakeRow[] = [];
    const left: IntakeRow[] = [];
    // Waves, so that there are at times more than are kept, and at times none.
    const isRising = round % 80 < 50;
    for (let n = below(random, isRising ? 40 : 4); n > 0; n -= 1) {
      // Not quite in their order: what was begun first may be there last.
      next += 2;
      came.push(itemOf(pick(definitions), random() < 0.1 ? next - 61 : next));
    }
    const standing = [...index.rows.values()];
    if (standing.length > 0 && random() < 0.3) came.push(pick(standing));
    for (const row of standing) {
      if (!came.includes(row) && random() < (isRising ? 0.02 : 0.3)) left.push(row);
    }
    for (const row of came) index.rows.set(row.intakeId, row);
    for (const row of left) index.rows.delete(row.intakeId);
    await items.refresh(came, left);
    if (round % 97 === 96) items = await index.open(definitions.map(rangeOf));
    for (const definitionId of definitions) {
      expect(items.of(definitionId), `round ${round}, ${definitionId}`).toBe(index.oldest(definitionId));
    }
  }
});

test('looks once for many that leave one after another', async () => {
  const index = openIndex();
  for (let n = 0; n < 2_000; n += 1) index.rows.set(itemOf('one', n).intakeId, itemOf('one', n));
  const items = await index.open(['one']);
  for (let n = 0; n < 2_000; n += 1) {
    index.rows.delete(itemOf('one', n).intakeId);
    await items.refresh([itemOf('one', 2_000 + n)], [itemOf('one', n)]);
    index.rows.set(itemOf('one', 2_000 + n).intakeId, itemOf('one', 2_000 + n));
    expect(items.of('one')).toBe(1_001 + n);
  }
  expect(index.figures.looks).toBe(8);
});
