import { CommandFailure, exitCodes } from '../exit-codes.ts';

/** Asks until the engine takes it, or for so long in vain that a person should look. */
export type Patience = (ask: () => Promise<Response>) => Promise<Response>;

export interface PatienceParts {
  readonly now: () => number;
  readonly pause: (ms: number) => Promise<void>;
  readonly say: (text: string) => void;
}

/** A disk that is being freed, a restart, a queue that drains; whoever comes back goes on where it stopped. */
const inVainMs = 15 * 60_000;
/** Of its own; an engine that says `Retry-After` is believed up to a minute. */
const longestWaitMs = 2_000;
const longestAskedMs = 60_000;

/**
 * Waits out what passes: an engine that has no room (503, 429, with its Retry-After) or, once it has answered, cannot be
 * reached. All questions share one clock, which each answer sets back.
 * @throws CommandFailure 75
 */
export function createPatience({ now, pause, say }: PatienceParts): Patience {
  let lastAnswerAt: number | undefined;
  let isSaid = false;
  const inVain = (since: number, why: string): void => {
    if (now() - since > inVainMs) {
      throw new CommandFailure(
        exitCodes.tryAgain,
        `the engine takes nothing since ${inVainMs / 60_000} minutes: ${why}`,
      );
    }
    if (!isSaid) say(`waiting: ${why}`);
    isSaid = true;
  };
  return async (ask) => {
    const since = now();
    for (let tries = 0; ; tries += 1) {
      const answer = await ask().catch((error: unknown) => {
        const isGone = error instanceof CommandFailure && error.exitCode === exitCodes.unreachable;
        if (!isGone || lastAnswerAt === undefined) throw error;
        return error;
      });
      if (!(answer instanceof Error) && answer.status !== 503 && answer.status !== 429) {
        lastAnswerAt = now();
        isSaid = false;
        return answer;
      }
      const asked = answer instanceof Error ? 0 : Number(answer.headers.get('retry-after') ?? 0) * 1_000;
      inVain(Math.max(since, lastAnswerAt ?? 0), answer instanceof Error ? answer.message : await whyOf(answer));
      await pause(Math.max(Math.min(longestAskedMs, asked), Math.min(longestWaitMs, 250 * 2 ** Math.min(tries, 6))));
    }
  };
}

async function whyOf(answer: Response): Promise<string> {
  const text = await answer.text();
  try {
    const { title, detail } = JSON.parse(text) as { readonly title?: string; readonly detail?: string };
    return [title, detail].filter((part) => part !== undefined).join(': ');
  } catch {
    return `status ${answer.status}`;
  }
}
