import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Daybook } from '../../bench/peers/daybook.ts';
import { eventually } from './eventually.ts';
import { hostileMail } from './hostile-mail.ts';

/** Arguments of an engine that says how long its event loop was held, in `file`. */
export function loopProbe(file: string): readonly string[] {
  const probe = pathToFileURL(join(import.meta.dirname, 'loop-probe.mjs'));
  probe.searchParams.set('file', file);
  return ['--import', probe.href];
}

/** The longest time the event loop was held since the last question, in milliseconds. */
async function held(daybook: Daybook, file: string): Promise<number> {
  await rm(file, { force: true });
  process.kill(daybook.pid, 'SIGUSR2');
  const text = await eventually(() => readFile(file, 'utf8').catch(() => undefined), { what: 'the probe' });
  return Number(text);
}

/** Reliability G9, in milliseconds. */
const limitMs = 200;
/** `LARGE_MB=150`: the long run, which prints what it finds. */
const largeMegabytes = process.env['LARGE_MB'];
export const isLongRun = largeMegabytes !== undefined;

/**
 * Has an engine under the probe meet each hostile message, and names those that held its loop for longer than the limit.
 * The best of three counts: a collection of garbage may fall into one.
 */
export async function heldByHostileMail(
  daybook: Daybook,
  file: string,
  meet: (message: Buffer, name: string) => Promise<unknown>,
): Promise<readonly string[]> {
  const slow: string[] = [];
  for (const { name, make } of hostileMail(Number(largeMegabytes ?? 24) * 1_048_576)) {
    const message = make();
    let heldMs = Number.POSITIVE_INFINITY;
    for (let tries = 0; tries < 3 && heldMs > limitMs; tries += 1) {
      await held(daybook, file);
      await meet(message, name);
      heldMs = Math.min(heldMs, await held(daybook, file));
    }
    if (isLongRun) console.log(name, Math.round(heldMs));
    if (heldMs > limitMs) slow.push(`${name}: ${Math.round(heldMs)} ms`);
  }
  return slow;
}
