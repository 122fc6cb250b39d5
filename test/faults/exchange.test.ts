import { expect, test } from 'vitest';
import { exchange } from './exchange.ts';

const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000);

test('mail that is imported, exported in each format and imported elsewhere is the same, each command and the engine killed half way', async () => {
  const figures = await exchange({ messages: 300, seed, formats: ['eml', 'mbox', 'zip'] });
  expect(figures).toMatchObject({ seed, differences: [] });
}, 300_000);
