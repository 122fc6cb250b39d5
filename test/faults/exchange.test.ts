import { expect, test } from 'vitest';
import { type ExchangeFormat, exchange } from './exchange.ts';

const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000);

test.each<ExchangeFormat>(['eml', 'mbox', 'zip'])(
  'mail that is imported, exported as %s and imported elsewhere is the same, each command and the engine killed half way',
  async (format) => {
    expect(await exchange({ messages: 300, seed, format })).toMatchObject({ seed, differences: [] });
  },
  180_000,
);
