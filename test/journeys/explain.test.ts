import { expect, test } from 'vitest';
import { agreementOf } from '../support/agreement.ts';

/** A thousand in all; `npm run explain:agreement` tries more seeds. */
const size = { rounds: 6, size: 80 };

test.each([
  [1, 'matchOnContent: false'],
  [2, 'matchOnContent: true, expiryClock: latest'],
] as const)('explain foretells what the engine then does with mixed mail, seed %i, %s', async (seed, matching) => {
  const { compared, wrong, outcomes, reparsed } = await agreementOf(seed, size, matching);
  expect(wrong.slice(0, 8).join('\n')).toBe('');
  expect(compared, 'but for the copies of the gateway').toBeGreaterThan(420);
  expect(reparsed.otherwise.slice(0, 8).join('\n'), 'the same parser says the same').toBe('');
  expect(reparsed.looked).toBeGreaterThanOrEqual(size.rounds * size.size);
  const met = Object.keys(outcomes);
  for (const each of ['archived', 'matched M1', 'matched M2', 'matched M4', 'matched M6']) expect(met).toContain(each);
  for (const each of ['held expired', 'skipped non-internal', 'skipped unknown-internal']) expect(met).toContain(each);
  expect(met.filter((each) => each.startsWith('quarantined')).length).toBeGreaterThan(2);
});
