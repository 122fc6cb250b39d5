import { statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { expect, test } from 'vitest';
import { type CapacityOptions, createCapacity } from '../../src/engine/capacity.ts';
import { roomIn } from '../../src/store/free-space.ts';
import type { EngineFailure } from '../../streams/failure.ts';
import type { Receipt } from '../../streams/ports.ts';
import { receivedOf } from '../support/stream-shapes.ts';

class FakeReceipt implements Receipt {
  size = 0;
  fails: EngineFailure | undefined;
  write(chunk: Uint8Array): undefined {
    this.size += chunk.length;
  }
  preview = async () => new Uint8Array();
  commit = async () => {
    if (this.fails !== undefined) throw this.fails;
    return { intakeIds: ['i'], receivedAt: 0, size: this.size, sha256: '' };
  };
  abort = () => undefined;
}
function set(options: Partial<CapacityOptions> = {}, queue = { messages: 0, bytes: 0, settled: 0 }) {
  const receipts: FakeReceipt[] = [];
  const health = { open: true, since: 0, detail: null };
  const begin = () => {
    const receipt = new FakeReceipt();
    receipts.push(receipt);
    return receipt;
  };
  const store = { custody: { begin }, queue, health, missingReserveBytes: 0 };
  const capacity = createCapacity(store, {
    dataDir: tmpdir(),
    minimumFreeBytes: 0,
    queueMessages: 10,
    queueBytes: 1_000,
    now: () => 0,
    stopping: () => false,
    admit: () => 'ok',
    ...options,
  });
  return { capacity, receipts, health, queue, store };
}
const received = receivedOf('i');

test('messages in process and on their way count together against the limit', async () => {
  const { capacity, queue } = set();
  queue.messages = 8;
  const one = capacity.custody.begin();
  expect(capacity.admit(null)).toBe('ok');
  const two = capacity.custody.begin();
  expect(capacity.admit(null)).toBe('full');
  await one.commit(received);
  expect(capacity.admit(null)).toBe('ok');
  two.abort();
  two.abort();
  queue.messages = 9;
  expect(capacity.admit(null)).toBe('ok');
  queue.messages = 10;
  expect(capacity.admit(null)).toBe('full');
});

test('so do bytes, of what is on its way those that were announced', async () => {
  const { capacity, queue } = set();
  queue.bytes = 500;
  const receipt = capacity.custody.begin(undefined, 400);
  await receipt.write(new Uint8Array(300));
  expect(capacity.admit(null)).toBe('ok');
  const other = capacity.custody.begin(undefined, 100);
  expect(capacity.admit(null)).toBe('full');
  other.abort();
  expect(capacity.admit(null)).toBe('ok');
  await receipt.write(new Uint8Array(200));
  expect(capacity.admit(null), 'it brings more than it announced').toBe('full');
  await receipt.commit(received);
  expect(capacity.admit(null)).toBe('ok');
});

test('one more message is taken while the bound is not reached, whatever its size and whether it is announced', () => {
  const { capacity, queue } = set();
  for (const announced of [null, 1, 1_000, 5_000]) expect(capacity.admit(announced)).toBe('ok');
  queue.bytes = 999;
  for (const announced of [null, 1, 1_000, 5_000]) expect(capacity.admit(announced)).toBe('ok');
  queue.bytes = 1_000;
  for (const announced of [null, 1, 1_000, 5_000]) expect(capacity.admit(announced)).toBe('full');
});

test('of messages larger than the bound one is on its way at a time', async () => {
  const { capacity } = set();
  const receipt = capacity.custody.begin(undefined, 5_000);
  expect(capacity.admit(5_000)).toBe('full');
  await receipt.commit(received);
  expect(capacity.admit(5_000)).toBe('ok');
});

test('what others have announced counts against the free space, from DATA to the end of each', async () => {
  const free = 1_000_000;
  const { bavail, bsize } = statfsSync(tmpdir());
  // Of a size that nothing else on the machine changes in a moment.
  const half = (bavail * bsize - free) / 2;
  const { capacity } = set({ queueBytes: 2 ** 60 });
  expect(capacity.admit(half * 1.5)).toBe('ok');
  const first = capacity.custody.begin(undefined, half * 1.5);
  expect(capacity.admit(half)).toBe('full');
  expect(() => capacity.custody.begin(undefined, half)).toThrow(expect.objectContaining({ code: 'store-full' }));
  expect(capacity.admit(half / 4)).toBe('ok');
  await first.write(new Uint8Array(300));
  expect(capacity.admit(half)).toBe('full');
  first.abort();
  expect(capacity.admit(half)).toBe('ok');
  // Who announced less than it brings counts by what it brings; who announced nothing begins in any case.
  const second = capacity.custody.begin(undefined, 1);
  await second.write(new Uint8Array(3_000_000));
  expect(capacity.admit(2 * half - 1_000_000)).toBe('full');
  capacity.custody.begin();
  await second.commit(received);
  expect(capacity.admit(half)).toBe('ok');
});

test('under the floor of free space nothing is admitted', () => {
  expect(set({ minimumFreeBytes: 2 ** 60 }).capacity.admit(null)).toBe('full');
});

test('what else keeps mail from being taken is asked with what is on its way', async () => {
  const asked: number[] = [];
  const { capacity } = set({
    admit: (onTheWay) => {
      asked.push(onTheWay);
      return onTheWay > 0 ? 'overloaded' : 'ok';
    },
  });
  expect(capacity.admit(null)).toBe('ok');
  capacity.custody.begin();
  expect([capacity.admit(null), asked]).toEqual(['overloaded', [0, 1]]);
});

test('what was given up of the reserve is no room for mail', () => {
  const { capacity, store } = set();
  expect(capacity.admit(null)).toBe('ok');
  store.missingReserveBytes = 2 ** 60;
  expect(capacity.admit(null)).toBe('full');
});

test('while the store has failed nothing is admitted', () => {
  const { capacity, health } = set();
  health.open = false;
  expect(capacity.admit(null)).toBe('failed');
  health.open = true;
  expect(capacity.admit(null)).toBe('ok');
});

test('room is the free space over the floor, less what is on its way', () => {
  const { bavail, bsize } = statfsSync(tmpdir());
  let at = 0;
  const room = roomIn(tmpdir(), 1_000, () => at);
  const first = room(0);
  expect(Math.abs(first - bavail * bsize)).toBeLessThan(1024 ** 3);
  expect(first - room(5)).toBe(5);
  at = 60_000;
  expect(Math.abs(room(0) - first)).toBeLessThan(1024 ** 3);
});
