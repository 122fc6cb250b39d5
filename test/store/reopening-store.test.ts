import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { assembleStore, logOn } from '../../src/store/assemble-store.ts';
import { type IndexDb, openIndexDb } from '../../src/store/index-db.ts';
import type { Store } from '../../src/store/open-store.ts';
import { keepOpen } from '../../src/store/reopening-store.ts';
import { EngineFailure } from '../../streams/failure.ts';
import { eventually } from '../support/eventually.ts';
import { MemoryDisk, memoryBytes } from '../support/memory-bytes.ts';
import { sha256, value } from '../support/store-fixture.ts';
import { receivedOf } from '../support/stream-shapes.ts';
import { VirtualClock } from '../support/virtual-time.ts';

const noon = Date.parse('2026-11-25T12:00:00Z');

/** A store that is kept open on a disk in memory; its index is a real database. */
async function set() {
  const folder = await mkdtemp(join(tmpdir(), 'daybook-reopen-'));
  const disk = new MemoryDisk();
  const clock = new VirtualClock(noon);
  const faults = { probe: null as Error | null, open: null as Error | null };
  let opened = 0;
  let index: IndexDb | undefined;
  let locked = true;
  const open = async (): Promise<Store> => {
    if (faults.open !== null) throw faults.open;
    opened += 1;
    index = await openIndexDb(join(folder, 'index'), opened === 1);
    return assembleStore({
      openLog: logOn(memoryBytes(disk)),
      index,
      lock: { [Symbol.asyncDispose]: async () => undefined },
      now: () => clock.now(),
      journalTypeOf: () => 'eej',
    });
  };
  const probe = async (): Promise<void> => {
    if (faults.probe !== null) throw faults.probe;
  };
  const lock = {
    [Symbol.asyncDispose]: async () => {
      locked = false;
    },
  };
  const store = await keepOpen({ open, probe, clock, lock });
  const health: boolean[] = [];
  store.health$.subscribe(({ open: isOpen }) => health.push(isOpen));
  const take = async (id: string): Promise<void> => {
    const receipt = store.custody.begin();
    await receipt.write(Buffer.from(`message ${id}`));
    await receipt.commit(receivedOf(id));
  };
  return {
    store,
    disk,
    clock,
    faults,
    health,
    take,
    opened: () => opened,
    index: () => index,
    isLocked: () => locked,
    /** Lets virtual time pass until the store is open again. */
    reopened: (until = 60) =>
      eventually(async () => {
        if (clock.now() < noon + until * 1_000) clock.runUntil(clock.now() + 1_000);
        return store.health.open;
      }),
    end: async () => {
      await store[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

test.each(['sync', 'write'] as const)(
  'after a failed %s nothing is promised until the store is open again, by itself',
  async (step) => {
    const { store, disk, health, take, reopened, opened, isLocked, end } = await set();
    await take('before');
    if (step === 'sync') disk.failSyncAt = disk.syncs + 1;
    else disk.failWriteAt = disk.writes + 1;
    await expect(take('failing')).rejects.toMatchObject({ code: 'store-failed' });
    expect(store.health.open).toBe(false);
    await expect(take('refused')).rejects.toMatchObject({ code: 'store-failed' });
    expect((await store.intake.get('before'))?.sha256, 'readers are served meanwhile').toBe(sha256('message before'));
    await reopened();
    await take('after');
    const { items } = await value(store.spool.due('exchange', noon + 1_000_000, 10));
    const bodies = await Promise.all(
      items.map(({ body, sha256: sum }) => value(store.bodies.read(body, 'identity', sum))),
    );
    const texts = bodies.map((bytes) => Buffer.from(bytes).toString());
    expect(texts).toContain('message before');
    expect(texts).toContain('message after');
    expect(texts).not.toContain('message refused');
    expect(store.figuresOf('exchange').received).toBe(items.length);
    expect([health, opened(), isLocked()]).toEqual([[true, false, true], 2, true]);
    await end();
    expect(isLocked()).toBe(false);
  },
);

test('while the disk is ill the failed store stays for its readers; who opens in vain tries again, every 10 s at last', async () => {
  const { store, disk, clock, faults, take, opened, end } = await set();
  await take('before');
  disk.failSyncAt = disk.syncs + 1;
  faults.probe = new Error('EIO: i/o error');
  await expect(take('failing')).rejects.toMatchObject({ code: 'store-failed' });
  for (let second = 0; second < 120; second += 1) {
    clock.runUntil(clock.now() + 1_000);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(opened()).toBe(1);
  expect(store.health).toMatchObject({ open: false, since: noon, detail: 'EIO: i/o error' });
  expect(await store.intake.get('before')).toBeDefined();
  faults.probe = null;
  faults.open = new EngineFailure('index-unknown', 'run `daybook rebuild-index`');
  await eventually(async () => {
    clock.runUntil(clock.now() + 1_000);
    return store.health.detail?.includes('rebuild-index') === true;
  });
  await expect(store.intake.get('before')).rejects.toMatchObject({ code: 'store-failed' });
  faults.open = new EngineFailure('store-failed', 'the index cannot be opened');
  await eventually(async () => {
    clock.runUntil(clock.now() + 1_000);
    return store.health.detail?.includes('cannot be opened') === true;
  });
  const told = store.intake.get('before');
  await expect(told, 'of one failure, once').rejects.toThrow(/^the store could not write: the index cannot be opened$/);
  await expect(take('no store'), 'nothing throws at once: nobody expects it of a port').rejects.toMatchObject({
    code: 'store-failed',
  });
  await expect(value(store.events.append({} as never))).rejects.toMatchObject({ code: 'store-failed' });
  expect(store.figuresOf('exchange').received, 'figures are in memory').toBeGreaterThan(0);
  faults.open = null;
  clock.runUntil(clock.now() + 10_000);
  await eventually(async () => store.health.open);
  await take('after');
  await end();
});

test('a database that failed for good is opened anew, though the log is well', async () => {
  const { store, index, health, take, reopened, opened, end } = await set();
  await take('before');
  index()?.behind.failed(new Error('IO error: No space left on device'));
  await eventually(async () => !store.health.open);
  await reopened();
  await take('after');
  expect([health, opened()]).toEqual([[true, false, true], 2]);
  await end();
});

test('closing does not wait for a disk that stays ill', async () => {
  const { disk, faults, take, store, isLocked, end } = await set();
  disk.failSyncAt = disk.syncs + 1;
  faults.probe = new Error('EIO');
  await expect(take('failing')).rejects.toMatchObject({ code: 'store-failed' });
  await eventually(async () => !store.health.open);
  await end();
  expect(isLocked()).toBe(false);
});
