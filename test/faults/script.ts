import { parseArgs } from 'node:util';
import { setup } from '../support/build-once.ts';

/** Whole numbers and switches of a script's command line, each with its default. @throws TypeError on anything else */
export function argumentsOf<const T extends Readonly<Record<string, number | boolean>>>(
  defaults: T,
): { readonly [K in keyof T]: T[K] extends boolean ? boolean : number } {
  const options = Object.fromEntries(
    Object.entries(defaults).map(([name, value]) => [
      name,
      { type: typeof value === 'boolean' ? ('boolean' as const) : ('string' as const) },
    ]),
  );
  const { values } = parseArgs({ options });
  const read = Object.entries(defaults).map(([name, value]) => {
    const given = values[name];
    if (typeof value === 'boolean' || given === undefined) return [name, given ?? value];
    const number = Number(given);
    if (!Number.isSafeInteger(number)) throw new TypeError(`--${name} must be a whole number, not ${given}`);
    return [name, number];
  });
  return Object.fromEntries(read);
}

/** Builds what is to be tested, runs, prints the figures as JSON; the exit code says whether all held. */
export async function script(run: () => Promise<{ readonly held: boolean; readonly figures: unknown }>): Promise<void> {
  setup();
  const { held, figures } = await run();
  console.log(JSON.stringify(figures, null, 2));
  process.exitCode = held ? 0 : 1;
}

/** A quantile of ascending values: the smallest that at least this share of them does not exceed. */
export const quantile = (ascending: readonly number[], share: number): number =>
  Math.round(ascending[Math.max(0, Math.ceil(share * ascending.length) - 1)] ?? 0);
