import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { firstValueFrom, NEVER, of, Subject } from 'rxjs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openSuspects, type Suspects } from '../../src/engine/suspects.ts';
import { readNoted } from '../../src/noted-file.ts';
import type { SpoolItem } from '../../streams/message.ts';
import { eventually } from '../support/eventually.ts';
import { noon, second } from '../support/stream-shapes.ts';
import { VirtualClock } from '../support/virtual-time.ts';

let dataDir: string;
let clock: VirtualClock;
const logged: string[] = [];
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'daybook-suspects-'));
  clock = new VirtualClock(noon);
  logged.length = 0;
});
// A life that was not disposed of may still be writing its file.
/** An engine may be writing there at this moment. */
const removed = (): Promise<void> => rm(dataDir, { recursive: true, force: true, maxRetries: 10, retryDelay: 20 });
afterEach(removed);

/** A life of the process; one that is not disposed of ends as by a kill. */
const live = (): Promise<Suspects> =>
  openSuspects({ dataDir, clock, log: (level, text) => void logged.push(`${level} ${text}`) });
const item = (intakeId: string, definitionId: string | null = 'exchange') => ({ intakeId, definitionId }) as SpoolItem;
/** Works on an item to its end; answers the attempts before. */
const workOn = (suspects: Suspects, ...named: Parameters<typeof item>): Promise<number> =>
  firstValueFrom(suspects.alone(item(...named), (attempts) => of(attempts)));
/** Works on an item, in which the process is killed; answers the attempts before. */
async function dieOf(suspects: Suspects, ...named: Parameters<typeof item>): Promise<number> {
  let begun: number | undefined;
  suspects
    .alone(item(...named), (attempts) => {
      begun = attempts;
      return NEVER;
    })
    .subscribe();
  return eventually(async () => begun, { what: 'the turn' });
}

const noted = async (): Promise<unknown> => {
  const read = await readNoted(join(dataDir, 'suspects.state'));
  return read.kind === 'value' ? read.value : null;
};

test('nobody is suspect at a first start, nor after a stop', async () => {
  const first = await live();
  expect(first.isSuspect(item('a'))).toBe(false);
  await first[Symbol.asyncDispose]();
  expect(await readdir(dataDir)).toEqual([]);
  expect((await live()).isSuspect(item('a'))).toBe(false);
  expect(logged).toEqual([]);
});

test('each attempt that ends with the process counts one more, the first among them', async () => {
  await live();
  const counted: number[] = [];
  for (let lives = 0; lives < 3; lives += 1) {
    const suspects = await live();
    expect(suspects.isSuspect(item('a'))).toBe(true);
    counted.push(await dieOf(suspects, 'a'));
  }
  expect(counted).toEqual([1, 2, 3]);
  expect(logged).toEqual(Array(3).fill('warn the engine before ended without a stop'));
});

test('who was outlived is not counted, and neither is who waited', async () => {
  await live();
  const second = await live();
  expect(await workOn(second, 'a')).toBe(1);
  expect(await dieOf(second, 'b')).toBe(1);
  void firstValueFrom(second.alone(item('c', 'other'), of));
  const third = await live();
  expect(await workOn(third, 'a')).toBe(1);
  expect(await workOn(third, 'c')).toBe(1);
  expect(await workOn(third, 'b')).toBe(2);
  // Killed later, with nobody in work: none of them again.
  expect(await workOn(third, 'd')).toBe(1);
  await eventually(async () => isDeepStrictEqual(await noted(), { working: null, attempts: {} }));
  const fourth = await live();
  for (const id of ['a', 'b', 'c', 'd']) expect(await workOn(fourth, id)).toBe(1);
});

test('one at a time, whatever the line; one that is given up gives its turn on', async () => {
  await live();
  const suspects = await live();
  const told: string[] = [];
  const ends = new Subject<number>();
  const first = suspects.alone(item('a', 'one'), () => ends).subscribe({ complete: () => told.push('a') });
  suspects.alone(item('b', 'two'), of).subscribe({ complete: () => told.push('b') });
  const third = suspects.alone(item('c', 'three'), of).subscribe({ complete: () => told.push('c') });
  suspects.alone(item('d', null), of).subscribe({ complete: () => told.push('d') });
  third.unsubscribe();
  await dieOf(await live(), 'z');
  expect(told).toEqual([]);
  first.unsubscribe();
  await eventually(async () => told.length === 2);
  expect(told).toEqual(['b', 'd']);
  await suspects[Symbol.asyncDispose]();
});

test('the first items of each line are suspect, and after two minutes of life nobody', async () => {
  await live();
  const suspects = await live();
  for (let at = 0; at < 256; at += 1) await workOn(suspects, `i${at}`);
  expect(suspects.isSuspect(item('next'))).toBe(false);
  expect(suspects.isSuspect(item('next', 'other'))).toBe(true);
  clock.runUntil(noon + 120 * second);
  expect(suspects.isSuspect(item('next', 'other'))).toBe(false);
});

test('a file that is damaged, or cannot be written, holds up no mail', async () => {
  await live();
  await writeFile(join(dataDir, 'suspects.state'), 'nonsense\n');
  const suspects = await live();
  expect(await workOn(suspects, 'a')).toBe(1);
  await removed();
  expect(await workOn(suspects, 'a')).toBe(1);
  expect(logged).toContain('warn an attempt could not be counted');
});
