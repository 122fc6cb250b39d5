import { fidelity } from './fidelity.ts';
import { argumentsOf, script } from './script.ts';

const { messages, rounds, seed } = argumentsOf({ messages: 2_000, rounds: 1, seed: Date.now() % 1_000_000 });
await script(async () => {
  const figures = [];
  for (let round = 0; round < rounds; round += 1) {
    const found = await fidelity({ messages, seed: seed + round });
    console.error(JSON.stringify(found));
    figures.push(found);
  }
  return { held: figures.every(({ differences }) => differences.length === 0), figures };
});
