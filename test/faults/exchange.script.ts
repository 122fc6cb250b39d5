import { exchange } from './exchange.ts';
import { argumentsOf, script } from './script.ts';

const { messages, seed, mbox, zip } = argumentsOf({
  messages: 2_000,
  seed: Date.now() % 1_000_000,
  mbox: false,
  zip: false,
});
await script(async () => {
  const figures = await exchange({ messages, seed, formats: [zip ? 'zip' : mbox ? 'mbox' : 'eml'] });
  return { held: figures.differences.length === 0, figures };
});
