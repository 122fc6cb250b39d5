import { flips } from './flips.ts';
import { argumentsOf, script } from './script.ts';

const { places, reads, messages, seed, leveldb, encrypted } = argumentsOf({
  places: 1_000,
  reads: 40,
  messages: 120,
  seed: Date.now() % 1_000_000,
  leveldb: false,
  encrypted: false,
});
await script(async () => {
  const bytes = leveldb ? 'leveldb' : 'segments';
  const figures = await flips({ places, reads, messages, seed, bytes, encrypted });
  return { held: figures.faults.length === 0, figures: { seed, ...figures } };
});
