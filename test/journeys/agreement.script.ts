/**
 * Explain against what the engine then does, over many seeds: `npm run explain:agreement -- [--seeds 20] [--from 1]`. Each
 * disagreement is printed with its seed, by which the generator makes the same mail again.
 */
import { argumentsOf, script } from '../faults/script.ts';
import { agreementOf } from '../support/agreement.ts';

const size = { rounds: 6, size: 80 };
const settings = ['matchOnContent: false', 'matchOnContent: true, expiryClock: latest'] as const;

await script(async () => {
  const { seeds, from } = argumentsOf({ seeds: 20, from: 1 });
  const figures = {
    seeds: 0,
    compared: 0,
    wrong: 0,
    reparsed: 0,
    otherwise: 0,
    outcomes: {} as Record<string, number>,
  };
  for (let seed = from; seed < from + seeds; seed += 1) {
    const matching = settings[seed % 2 === 0 ? 1 : 0];
    const { compared, wrong, reparsed, outcomes } = await agreementOf(seed, size, matching);
    for (const each of [...wrong, ...reparsed.otherwise]) console.error(`seed ${seed}, ${matching}: ${each}`);
    figures.seeds += 1;
    figures.compared += compared;
    figures.wrong += wrong.length;
    figures.reparsed += reparsed.looked;
    figures.otherwise += reparsed.otherwise.length;
    for (const [name, count] of Object.entries(outcomes)) {
      figures.outcomes[name] = (figures.outcomes[name] ?? 0) + count;
    }
  }
  return { held: figures.wrong + figures.otherwise === 0, figures };
});
