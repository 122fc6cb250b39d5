import { Subject } from 'rxjs';
import { expect, test } from 'vitest';
import { signingHeads } from '../../src/evidence/head-times.ts';
import { VirtualClock } from '../support/virtual-time.ts';

/** A log that grows by hand; signing takes a record of its own, at once. */
function set() {
  const clock = new VirtualClock(0);
  const grown$ = new Subject<void>();
  const log = { size: 0, signedSeq: 0 };
  const signed: [at: number, over: number][] = [];
  const times = { grown$, size: () => log.size, signedSeq: () => log.signedSeq };
  const sign = async (): Promise<void> => {
    signed.push([clock.now(), log.size]);
    log.size += 1;
    log.signedSeq = log.size;
    grown$.next();
  };
  const subscription = signingHeads(times, sign, clock).subscribe();
  const pass = async (ms: number): Promise<void> => {
    clock.runUntil(clock.now() + ms);
    for (let turn = 0; turn < 8; turn += 1) await Promise.resolve();
  };
  const grow = async (records: number): Promise<void> => {
    log.size += records;
    grown$.next();
    await pass(0);
  };
  return { signed, pass, grow, subscription };
}

test('a head is signed every minute in which something came, and none where only the last head stands', async () => {
  const { signed, pass, grow } = set();
  await pass(60_000);
  expect(signed).toEqual([]);
  await grow(3);
  await pass(59_999);
  expect(signed).toEqual([]);
  await pass(1);
  expect(signed).toEqual([[120_000, 3]]);
  await pass(600_000);
  expect(signed).toHaveLength(1);
  await grow(1);
  await pass(60_000);
  expect(signed.at(-1)).toEqual([780_000, 5]);
});

test('a thousand records do not wait for the minute', async () => {
  const { signed, pass, grow } = set();
  await grow(999);
  expect(signed).toEqual([]);
  await grow(1);
  expect(signed).toEqual([[0, 1_000]]);
  await grow(999);
  expect(signed).toHaveLength(1);
  await grow(1);
  expect(signed.at(-1)).toEqual([0, 2_001]);
  await pass(60_000);
  expect(signed).toHaveLength(2);
});
