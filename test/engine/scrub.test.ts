import { chmod, open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Subject } from 'rxjs';
import { describe, expect, test } from 'vitest';
import type { FullyVerified } from '../../src/engine/evidence.ts';
import { openScrub, type Scrub } from '../../src/engine/scrub.ts';
import { openSigner } from '../../src/evidence/signing-key.ts';
import { rootOf } from '../../src/merkle.ts';
import { openStoreFixture, type StoreFixture } from '../support/store-fixture.ts';
import { day, minute, noon, second } from '../support/stream-shapes.ts';
import { VirtualClock } from '../support/virtual-time.ts';

const interval = 30 * day;
const big = 'x'.repeat(200_000);

/** A scrub over a real store, on a clock that is moved by hand; each of its waits comes to its end. */
async function set(bytes: 'segments' | 'leveldb' = 'segments') {
  const fixture = await openStoreFixture(bytes);
  const clock = new VirtualClock(noon);
  const { publicKey, sign } = await openSigner(fixture.dataDir);
  const verified$ = new Subject<FullyVerified>();
  const notes: string[] = [];
  const duty = { isMine: true };
  const parts = () => ({
    logBytes: async () => 0,
    isMine: () => duty.isMine,
    clock,
    log: () => undefined,
    note: ({ type, severity, data }: { type: string; severity: string; data: object }) =>
      void notes.push(`${severity} ${type} ${JSON.stringify(data)}`),
    source: { dataDir: fixture.dataDir, bytes, store: fixture.store, publicKeys: [publicKey] },
    intervalMs: interval,
    verified$,
  });
  const fill = async (count: number): Promise<void> => {
    for (let at = 0; at < count; at += 1) await fixture.take(`Subject: mail ${at}\r\n\r\n${big}\r\n`);
    const { tree } = fixture.store.evidence;
    const head = {
      log: await fixture.store.evidence.name(),
      size: tree.size,
      root: rootOf(tree).toString('hex'),
      at: noon,
    };
    await fixture.store.log.append({ kind: 'checkpoint', facts: sign(head), payload: [] });
  };
  /** Lets `ms` pass, second by second, with what is due in each. */
  const pass = async (ms: number): Promise<void> => {
    for (const until = clock.now() + ms; clock.now() < until; ) {
      clock.runUntil(Math.min(until, clock.now() + second));
      await new Promise(setImmediate);
    }
  };
  /** Lets time pass until something is so; what is read from the disk comes in its own time. */
  const until = async (isSo: () => boolean): Promise<void> => {
    const late = performance.now() + 20_000;
    while (!isSo()) {
      if (performance.now() > late) throw new Error(`never: ${isSo}`);
      await pass(second);
    }
  };
  /** To the end of the pass that is due. */
  const through = async (scrub: Scrub): Promise<void> => {
    const before = scrub.status().lastCompletedAt;
    await until(() => scrub.status().lastCompletedAt !== before && scrub.status().startedAt === null);
  };
  /** A month later. */
  const rest = (): void => clock.runUntil(clock.now() + interval);
  return { fixture, clock, notes, duty, verified$, fill, pass, until, through, rest, open: () => openScrub(parts()) };
}

/** Flips one bit in place, as a disk does. Undone by itself. */
async function flip(path: string, at: number): Promise<void> {
  const { mode } = await stat(path);
  await chmod(path, 0o600);
  const file = await open(path, 'r+');
  const byte = Buffer.alloc(1);
  await file.read(byte, 0, 1, at);
  byte[0] = (byte[0] ?? 0) ^ 4;
  await file.write(byte, 0, 1, at);
  await file.close();
  await chmod(path, mode);
}
const segmentsOf = async ({ dataDir }: StoreFixture): Promise<readonly string[]> =>
  (await readdir(join(dataDir, 'commitlog'))).filter((name) => name.endsWith('.seg')).toSorted();

describe.each(['segments', 'leveldb'] as const)('a scrub over %s', (bytes) => {
  test('reads all that is stored once an interval, slowly, and finds nothing in what is whole', async () => {
    const rig = await set(bytes);
    await using _ = rig.fixture;
    await rig.fill(20);
    const scrub = await rig.open();
    await rig.pass(minute - second);
    expect(scrub.status()).toMatchObject({ startedAt: null, lastCompletedAt: null, readBytes: 0 });
    await rig.until(() => scrub.status().startedAt !== null);
    expect(scrub.status()).toMatchObject({ lastCompletedAt: null, totalBytes: expect.any(Number) });
    await rig.through(scrub);
    // 4 MB at the slowest rate, 1 MB a second.
    const endedAt = Date.parse(scrub.status().lastCompletedAt!);
    expect(endedAt - noon - minute).toBeGreaterThanOrEqual(3 * second);
    const { readBytes } = scrub.status();
    expect(readBytes).toBeGreaterThan(20 * big.length);
    expect([rig.notes, scrub.warnings()]).toEqual([[], []]);
    await rig.pass(3 * minute);
    expect(scrub.status().readBytes).toBe(readBytes);
    rig.rest();
    await rig.through(scrub);
    expect(scrub.status().readBytes).toBeGreaterThan(2 * 20 * big.length);
    await scrub[Symbol.asyncDispose]();
  });
});

test('a log that several engines share is read by the one whose duty it is, which goes on where it was', async () => {
  const rig = await set();
  await using _ = rig.fixture;
  await rig.fill(20);
  rig.duty.isMine = false;
  const scrub = await rig.open();
  await rig.pass(5 * minute);
  expect(scrub.status()).toMatchObject({ startedAt: null, readBytes: 0 });
  rig.duty.isMine = true;
  await rig.until(() => scrub.status().readBytes > 0);
  rig.duty.isMine = false;
  await rig.pass(5 * minute);
  const { readBytes } = scrub.status();
  expect(readBytes).toBeLessThan(20 * big.length);
  expect(scrub.status()).toMatchObject({ startedAt: expect.any(String), lastCompletedAt: null });
  rig.duty.isMine = true;
  await rig.through(scrub);
  expect(scrub.status().readBytes).toBeGreaterThan(20 * big.length);
  expect(rig.notes).toEqual([]);
  await scrub[Symbol.asyncDispose]();
});

test('a flipped byte is told once with its file and place, stays a warning over restarts, and goes with a clean pass', async () => {
  const rig = await set();
  await using _ = rig.fixture;
  await rig.fill(12);
  const [first] = await segmentsOf(rig.fixture);
  const path = join(rig.fixture.dataDir, 'commitlog', first!);
  await flip(path, 150_000);
  const scrub = await rig.open();
  await rig.through(scrub);
  expect(rig.notes).toEqual([
    `error store.damaged {"file":"commitlog/${first}","offset":0,"text":"the payload of record 1 is not what its hash says"}`,
  ]);
  const warned = scrub.warnings();
  expect(warned).toEqual([
    {
      code: 'damage-found',
      since: expect.stringMatching(/Z$/),
      text: expect.stringContaining(`commitlog/${first}: the payload of record 1 `),
    },
  ]);
  await scrub[Symbol.asyncDispose]();
  const again = await rig.open();
  expect(again.warnings()).toEqual(warned);
  rig.rest();
  await rig.through(again);
  expect([rig.notes.length, again.warnings()]).toEqual([1, warned]);
  await flip(path, 150_000);
  rig.rest();
  await rig.through(again);
  expect(again.warnings()).toEqual([]);
  expect(rig.notes.at(-1)).toMatch(/^info store.mended .*"places":1}$/);
  await again[Symbol.asyncDispose]();
});

test('what a verification found is a warning too, until one that began later finds nothing', async () => {
  const rig = await set();
  await using _ = rig.fixture;
  const scrub = await rig.open();
  const fault = { file: 'commitlog/x', text: 'is damaged' };
  rig.verified$.next({ startedAt: noon - 5, faults: [fault, fault] });
  expect(rig.notes).toEqual(['error store.damaged {"file":"commitlog/x","offset":null,"text":"is damaged"}']);
  rig.verified$.next({ startedAt: noon - 4, faults: [] });
  expect(scrub.warnings()).toHaveLength(1);
  rig.verified$.next({ startedAt: noon + 1, faults: [] });
  expect(scrub.warnings()).toEqual([]);
  await scrub[Symbol.asyncDispose]();
});

test('a restart goes on where the pass was, behind the last whole segment', async () => {
  const rig = await set();
  await using _ = rig.fixture;
  await rig.fill(20);
  expect((await segmentsOf(rig.fixture)).length).toBeGreaterThan(3);
  const scrub = await rig.open();
  await rig.pass(minute);
  await rig.until(() => scrub.status().bytes > 1_500_000);
  const half = scrub.status();
  expect(half.lastCompletedAt).toBe(null);
  await scrub[Symbol.asyncDispose]();
  // Behind what was read: found by who begins anew, and by nobody else.
  const [first] = await segmentsOf(rig.fixture);
  await flip(join(rig.fixture.dataDir, 'commitlog', first!), 150_000);
  const again = await rig.open();
  expect(again.status()).toMatchObject({ startedAt: half.startedAt, readBytes: 0 });
  await rig.through(again);
  expect(rig.notes).toEqual([]);
  expect(again.status().readBytes).toBeLessThan(20 * big.length - 900_000);
  await again[Symbol.asyncDispose]();
  // Where its place is lost it begins anew.
  await flip(join(rig.fixture.dataDir, 'scrub.state'), 5);
  const third = await rig.open();
  await rig.through(third);
  expect(rig.notes).toHaveLength(1);
  await third[Symbol.asyncDispose]();
});

test('a flipped byte in a table of the index is found', async () => {
  const rig = await set();
  await using _ = rig.fixture;
  await rig.fill(5);
  // What is in memory goes to a table when the index is opened anew.
  await rig.fixture.reopen();
  const index = join(rig.fixture.dataDir, 'index');
  const [table] = (await readdir(index)).filter((name) => name.endsWith('.ldb'));
  await flip(join(index, table!), 100);
  const scrub = await rig.open();
  await rig.through(scrub);
  expect(rig.notes).toEqual([expect.stringMatching(`store.damaged .*"file":"index/${table}"`)]);
  await scrub[Symbol.asyncDispose]();
});
