import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Daybook } from '../../bench/peers/daybook.ts';
import { eventually } from './eventually.ts';

/** Arguments of an engine that says how long its event loop was held, in `file`. */
export function loopProbe(file: string): readonly string[] {
  const probe = pathToFileURL(join(import.meta.dirname, 'loop-probe.mjs'));
  probe.searchParams.set('file', file);
  return ['--import', probe.href];
}

/** The longest time the event loop was held since the last question, in milliseconds. */
export async function held(daybook: Daybook, file: string): Promise<number> {
  await rm(file, { force: true });
  process.kill(daybook.pid, 'SIGUSR2');
  const text = await eventually(() => readFile(file, 'utf8').catch(() => undefined), { what: 'the probe' });
  return Number(text);
}
