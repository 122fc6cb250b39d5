/**
 * `npm run faults:drill -- [--messages 2000] [--seed N] [--encrypted]`: reliability G19. A backup while mail comes in, a
 * second one, a restore into an empty folder, a damaged archive mended from it, and the index made anew: heads, entries
 * and bytes are compared each time. `--messages 100000` is the whole drill, some ten minutes.
 */
import { drill } from './drill.ts';
import { argumentsOf, script } from './script.ts';

const { messages, seed, encrypted } = argumentsOf({ messages: 2_000, seed: Date.now() % 1_000_000, encrypted: false });

await script(async () => {
  console.log(`seed ${seed}`);
  const figures = await drill({ messages, seed, encrypted });
  return { held: figures.faults.length === 0, figures };
});
