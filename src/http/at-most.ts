import { ProblemError } from './problems.ts';

/** What tells once that an answer is over, whether it was given or given up. */
interface Closes {
  once(event: 'close', listener: () => void): unknown;
}

/** Counts answers that are under way. @throws ProblemError `busy` for one more than `most`, to be asked again in `retryAfter` seconds */
export function atMost(most: number, retryAfter: number): (answer: Closes) => void {
  let underWay = 0;
  return (answer) => {
    if (underWay >= most) throw new ProblemError('busy', { headers: { 'retry-after': String(retryAfter) } });
    underWay += 1;
    answer.once('close', () => {
      underWay -= 1;
    });
  };
}
