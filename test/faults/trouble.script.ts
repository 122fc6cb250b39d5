/**
 * `npm run faults:trouble -- [--leveldb | --encrypted] [--from 1] [--limit 1000] [--back 30]`: reliability G4. Every kind of call fails
 * with every error, once and for ever, at the start and in the running engine. Fails where something is lost or promised
 * falsely, or where service does not come back although it should; `--back` is the longest wait for it, in seconds.
 */
import { storeOf } from './load.ts';
import { argumentsOf, script } from './script.ts';
import { comesBack, everyCase, isSafe, nameOf } from './trouble.cases.ts';
import { trouble } from './trouble.ts';

const { leveldb, encrypted, from, limit, back } = argumentsOf({
  leveldb: false,
  encrypted: false,
  from: 1,
  limit: 1_000,
  back: 30,
});

await script(async () => {
  const cases = everyCase(storeOf({ leveldb, encrypted })).slice(from - 1, from - 1 + limit);
  const broken: string[] = [];
  let met = 0;
  for (const [at, each] of cases.entries()) {
    const result = await trouble({ ...each, backWithinMs: back * 1_000 });
    if (result.struck === 0) continue;
    met += 1;
    const { answers, smtpBackAfterMs, mailboxBackAfterMs, isAlive, unreadable } = result;
    const seen = { answers: answers.join(), smtpBackAfterMs, mailboxBackAfterMs, isAlive, unreadable };
    const holds = isSafe(result) && (smtpBackAfterMs !== null || !comesBack(each));
    console.log(`${from + at} ${nameOf(each)}: ${holds ? JSON.stringify(seen) : `BROKEN ${JSON.stringify(result)}`}`);
    if (!holds) broken.push(nameOf(each));
  }
  return { held: broken.length === 0, figures: { cases: cases.length, met, broken } };
});
