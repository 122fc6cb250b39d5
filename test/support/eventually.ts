import { setTimeout as wait } from 'node:timers/promises';

/** Asks again and again until the answer is there: for what another process does in its own time. Bounded by `withinMs`. */
export async function eventually<T>(
  ask: () => Promise<T | undefined | false>,
  { withinMs = 20_000, what = 'the answer' }: { readonly withinMs?: number; readonly what?: string } = {},
): Promise<T> {
  const until = performance.now() + withinMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    if (performance.now() > until) throw new Error(`${what} did not come within ${withinMs} ms`);
    await wait(25);
  }
}
