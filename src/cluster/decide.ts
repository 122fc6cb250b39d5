import { type SchedulerLike, timer } from 'rxjs';
import { EngineFailure } from '../../streams/failure.ts';
import type { Append } from '../store/commit-log.types.ts';
import type { Waiting } from '../store/group-commit.types.ts';
import type { Turn } from './shared-log.types.ts';

/** Nobody appends meanwhile; the server would end the transaction of a decision after 5 s. */
const decideWithinMs = 4_000;

export interface DecideParts {
  /** For what is appended after the record that the decision came to. */
  readonly append: Append;
  readonly clock: SchedulerLike;
  /** Epoch ms. */
  readonly now: () => number;
}

/**
 * Runs the work of a turn until it appends, and answers with what; null where it ends without, or takes longer than it may.
 * Never throws: what becomes of the work is told to who asked for the turn.
 */
export function decide({ work, resolve, reject }: Turn, { append, clock, now }: DecideParts): Promise<Waiting | null> {
  return new Promise((answer) => {
    let isAnswered = false;
    let late: EngineFailure | null = null;
    const first = (waiting: Waiting | null): void => {
      isAnswered = true;
      limit.unsubscribe();
      answer(waiting);
    };
    const limit = timer(decideWithinMs, clock).subscribe(() => {
      late = new EngineFailure('store-failed', `a decision took longer than ${decideWithinMs} ms`);
      reject(late);
      first(null);
    });
    const appendOne: Append = (draft) => {
      if (late !== null) return Promise.reject(late);
      if (isAnswered) return append(draft);
      return new Promise((appended, failed) => first({ draft, at: now(), resolve: appended, reject: failed }));
    };
    const done = Promise.resolve().then(() => work(appendOne));
    done.then((value) => resolve(value as never), reject).finally(() => first(null));
  });
}
