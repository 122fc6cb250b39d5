import { describe, expect, test } from 'vitest';
import { frameBytes, type Payload, packFootBytes } from '../../src/cluster/pack.ts';
import { PackQueue, type PackQueueOptions } from '../../src/cluster/pack-queue.ts';
import type { VaultRef } from '../../src/cluster/vault.types.ts';
import { EngineFailure } from '../../streams/failure.ts';
import { VirtualClock } from '../support/virtual-time.ts';

/** A pack on its way; it is stored when the test says so. */
interface Write {
  readonly texts: readonly string[];
  done(): Promise<void>;
  fail(error: unknown): Promise<void>;
}

function queueOf(options: Partial<PackQueueOptions> = {}, clock = new VirtualClock()) {
  const writes: Write[] = [];
  const write = (payloads: readonly Payload[]): Promise<readonly VaultRef[]> =>
    new Promise((resolve, reject) => {
      const pack = `pack-${writes.length}`;
      const texts = payloads.map(({ pieces }) => Buffer.concat(pieces).toString());
      writes.push({
        texts,
        done: () => {
          resolve(texts.map((text, at) => ({ pack, at, length: text.length })));
          return settled();
        },
        fail: (error) => {
          reject(error);
          return settled();
        },
      });
    });
  const limits = { maxPackBytes: 1_000, maxWrites: 2, gatherMs: 0, maxHeldBytes: 100_000 };
  return { queue: new PackQueue({ write, ...limits, ...options }, clock), writes, clock };
}
/** Digests and turns of what was begun are over. */
const settled = async (): Promise<void> => {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
};
const store = (queue: PackQueue, ...texts: readonly string[]) => queue.add(texts.map((text) => [Buffer.from(text)]));

describe('packs of what waits', () => {
  test('nothing waits where a pack can go, and what comes in one turn goes together', async () => {
    const { queue, writes } = queueOf();
    const [one, two] = [store(queue, 'a', 'b'), store(queue, 'c')];
    await settled();
    expect(writes.map(({ texts }) => texts)).toEqual([['a', 'b', 'c']]);
    await writes[0]?.done();
    expect(await one).toEqual([
      { pack: 'pack-0', at: 0, length: 1 },
      { pack: 'pack-0', at: 1, length: 1 },
    ]);
    expect(await two).toEqual([{ pack: 'pack-0', at: 2, length: 1 }]);
  });

  test('what waits while packs are on their way makes the next one, and no more go at once than may', async () => {
    const { queue, writes } = queueOf();
    const stores: Promise<unknown>[] = [];
    for (const text of ['a', 'b', 'c', 'd', 'e']) {
      stores.push(store(queue, text));
      await settled();
    }
    expect(writes.map(({ texts }) => texts)).toEqual([['a'], ['b']]);
    await writes[1]?.done();
    expect(writes.map(({ texts }) => texts)).toEqual([['a'], ['b'], ['c', 'd', 'e']]);
    for (const write of writes) await write.done();
    await Promise.all(stores);
    expect(queue.heldBytes).toBe(0);
  });

  test('a pack has no more bytes than it may, head and table too; what is larger goes alone', async () => {
    const fits = 'x'.repeat((1_000 - packFootBytes) / 2 - frameBytes);
    const { queue, writes } = queueOf({ maxWrites: 9 });
    void store(queue, 'small', 'y'.repeat(2_000), 'small', fits, fits, fits, `${fits}x`);
    await settled();
    const sizes = writes.map(({ texts }) => texts.map(({ length }) => length));
    const { length } = fits;
    expect(sizes).toEqual([[5], [2_000], [5, length], [length, length], [length + 1]]);
  });

  test('a pack of tiny payloads has no more than 4,096 of them', async () => {
    const { queue, writes } = queueOf({ maxPackBytes: 16_000_000 });
    void queue.add(Array.from({ length: 5_000 }, () => [])).then(undefined, () => undefined);
    await settled();
    expect(writes.map(({ texts }) => texts.length)).toEqual([4_096, 904]);
  });

  test('with a wait, the oldest waits no longer than that, and a full pack does not wait', async () => {
    const { queue, writes, clock } = queueOf({ gatherMs: 100 });
    void store(queue, 'a');
    await settled();
    clock.runUntil(60);
    void store(queue, 'b');
    await settled();
    clock.runUntil(99);
    expect(writes).toEqual([]);
    clock.runUntil(100);
    expect(writes.map(({ texts }) => texts)).toEqual([['a', 'b']]);
    void store(queue, 'z'.repeat(900));
    await settled();
    expect(writes).toHaveLength(2);
  });

  test('a clock that was set back holds nothing up', async () => {
    const clock = new VirtualClock(1_000_000);
    const { queue, writes } = queueOf({ gatherMs: 100 }, clock);
    void store(queue, 'a');
    await settled();
    clock.now = () => 5_000;
    void store(queue, 'b');
    await settled();
    expect(writes.map(({ texts }) => texts)).toEqual([['a', 'b']]);
  });

  test('a pack that fails fails those in it, and the next one goes', async () => {
    const { queue, writes } = queueOf({ maxWrites: 1 });
    const lost = expect(store(queue, 'a')).rejects.toMatchObject({ code: 'store-failed' });
    await settled();
    const kept = store(queue, 'b');
    await settled();
    await writes[0]?.fail(new EngineFailure('store-failed', 'away'));
    await lost;
    await writes[1]?.done();
    expect(await kept).toEqual([{ pack: 'pack-1', at: 0, length: 1 }]);
    expect(queue.heldBytes).toBe(0);
  });

  test('a store whose payloads are in two packs is stored when both are', async () => {
    const { queue, writes } = queueOf();
    let isStored = false;
    const both = store(queue, 'x'.repeat(800), 'y'.repeat(800)).then(() => {
      isStored = true;
    });
    await settled();
    await writes[0]?.done();
    expect(isStored).toBe(false);
    await writes[1]?.done();
    await both;
  });
});

describe('bounds', () => {
  test('beyond the bytes that may be held nothing is taken, until some are stored; one may be larger', async () => {
    const { queue, writes } = queueOf({ maxHeldBytes: 1_000 });
    const large = store(queue, 'x'.repeat(5_000));
    await expect(store(queue, 'y')).rejects.toMatchObject({ code: 'store-failed', retryable: true });
    await expect(store(queue, '')).rejects.toThrow('5000 bytes wait');
    await settled();
    await writes[0]?.done();
    await large;
    const next = store(queue, 'y');
    await settled();
    await writes[1]?.done();
    expect(await next).toHaveLength(1);
  });

  test('bytes count until each is stored, also of a store that has failed in part', async () => {
    const { queue, writes } = queueOf();
    const both = expect(store(queue, 'x'.repeat(800), 'y'.repeat(700))).rejects.toMatchObject({ code: 'store-failed' });
    expect(queue.heldBytes).toBe(1_500);
    await settled();
    await writes[0]?.fail(new EngineFailure('store-failed', 'away'));
    await both;
    expect(queue.heldBytes).toBe(700);
    await writes[1]?.done();
    expect(queue.heldBytes).toBe(0);
  });

  test('at the end what waits is refused, and packs on their way are waited for', async () => {
    const { queue, writes } = queueOf({ maxWrites: 1 });
    const going = store(queue, 'a');
    await settled();
    const waiting = store(queue, 'b');
    await settled();
    let isClosed = false;
    const closing = queue.close().then(() => {
      isClosed = true;
    });
    await expect(waiting).rejects.toMatchObject({ code: 'store-failed' });
    await expect(store(queue, 'c')).rejects.toMatchObject({ code: 'store-failed' });
    await settled();
    expect(isClosed).toBe(false);
    await writes[0]?.done();
    await closing;
    expect(await going).toHaveLength(1);
    expect(writes).toHaveLength(1);
  });
});
