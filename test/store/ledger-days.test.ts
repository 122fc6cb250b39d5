import { expect, test } from 'vitest';
import { openStoreFixture } from '../support/store-fixture.ts';

const day = 86_400_000;
const first = Date.parse('2026-11-01T12:00:00Z');

test('the account goes back day by day, over all definitions or one, and skips days without mail', async () => {
  await using fixture = await openStoreFixture();
  for (const [at, definitionId] of [
    ...[1, 2, 5, 6].map((n) => [n, 'exchange'] as const),
    ...[2, 3, 6].map((n) => [n, 'google'] as const),
  ]) {
    await fixture.take(`${definitionId} ${at}`, { definitionId, at: first + at * day });
  }
  const { store } = fixture;
  const daysOf = async (definition: string | undefined, limit: number) => {
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const { items, next } = await store.ledgerDays(definition, limit, cursor);
      expect(items.length).toBeLessThanOrEqual(limit);
      seen.push(...items.map(({ day: of, rows }) => `${of} ${rows.reduce((sum, row) => sum + row.received, 0)}`));
      cursor = next ?? undefined;
    } while (cursor !== undefined);
    return seen;
  };
  const all = ['2026-11-07 2', '2026-11-06 1', '2026-11-04 1', '2026-11-03 2', '2026-11-02 1'];
  for (const limit of [1, 2, 4, 9]) expect(await daysOf(undefined, limit)).toEqual(all);
  expect(await daysOf('google', 2)).toEqual(['2026-11-07 1', '2026-11-04 1', '2026-11-03 1']);
  expect(await daysOf('nobody', 2)).toEqual([]);
});
