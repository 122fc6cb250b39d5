import fc from 'fast-check';
import { MemoryLevel } from 'memory-level';
import { expect, test } from 'vitest';
import { type Database, openRoom } from '../../src/store/room.ts';
import { type IndexOp, WriteBehind } from '../../src/store/write-behind.ts';

/** A room over a database whose writes are noted, fail on demand, and can be held up. */
async function openRig() {
  const level = new MemoryLevel<string, string>({ storeEncoding: 'utf8' });
  await level.open();
  const writes: (readonly IndexOp[])[] = [];
  const disk = { fails: false, gate: Promise.resolve() };
  const behind = new WriteBehind(async (ops) => {
    await disk.gate;
    if (disk.fails) throw new Error('no');
    writes.push(ops);
    await level.batch(ops as never);
  });
  const room = openRoom<number>(level as unknown as Database, behind, 'room');
  const put = (key: string, value: number, isNew = false) =>
    behind.apply([{ prefix: room.prefix, key, value, gone: false, isNew }]);
  const del = (key: string) => behind.apply([{ prefix: room.prefix, key, value: '', gone: true, isNew: false }]);
  return { behind, room, put, del, writes, disk };
}
async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}
type Rig = Awaited<ReturnType<typeof openRig>>;
const keys = ['a', 'b', 'c', 'd', 'e'];
const whole = { gte: 'a', lt: 'z' };

/** Every way of reading against what must be there. */
async function expectToRead({ room }: Rig, truth: ReadonlyMap<string, number>): Promise<void> {
  const sorted = [...truth].sort(([a], [b]) => (a < b ? -1 : 1));
  const names = sorted.map(([key]) => key);
  expect(await all(room.entries())).toEqual(sorted);
  expect(await all(room.values({ reverse: true, gte: 'b', lt: 'e' }))).toEqual(
    sorted
      .filter(([key]) => key >= 'b' && key < 'e')
      .map(([, value]) => value)
      .reverse(),
  );
  expect(await all(room.keys({ reverse: true }))).toEqual(names.toReversed());
  expect(await room.keysNow(whole)).toEqual(names);
  expect(await room.keysNow({ ...whole, limit: 2 })).toEqual(names.slice(0, 2));
  expect(await room.getMany(keys)).toEqual(keys.map((key) => truth.get(key)));
  for (const key of keys) expect(await room.get(key)).toBe(truth.get(key));
}

const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constant('put' as const), key: fc.constantFrom(...keys), value: fc.nat(9) }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('del' as const), key: fc.constantFrom(...keys) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('flush' as const, 'fail' as const, 'begin' as const) }) },
);

test('readers see each change at once, whether it is held, on its way, written, or failed to be written', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 14 }), async (steps) => {
      const rig = await openRig();
      const { behind, disk } = rig;
      const truth = new Map<string, number>();
      const begun: Promise<void>[] = [];
      let open = (): void => undefined;
      for (const each of steps) {
        if (each.kind === 'put') {
          rig.put(each.key, each.value, !truth.has(each.key));
          truth.set(each.key, each.value);
        } else if (each.kind === 'del') {
          rig.del(each.key);
          truth.delete(each.key);
        } else if (each.kind === 'begin' && begun.length === 0) {
          disk.gate = new Promise((resolve) => (open = resolve));
          begun.push(behind.flush({ sync: false }).catch(() => undefined));
        } else if (each.kind !== 'begin') {
          disk.fails = each.kind === 'fail';
          open();
          await Promise.all(begun.splice(0));
          await behind.flush({ sync: false }).catch(() => undefined);
          disk.fails = false;
        }
        await expectToRead(rig, truth);
      }
      open();
      await Promise.all(begun);
      await behind.flush({ sync: false });
      await expectToRead(rig, truth);
    }),
    { numRuns: 300 },
  );
});

test('what is put and taken back before a write is never written', async () => {
  const { behind, put, del, writes } = await openRig();
  put('a', 1, true);
  put('b', 2, true);
  del('a');
  await behind.flush({ sync: false });
  expect(writes).toEqual([[{ type: 'put', key: '!room!b', value: '2' }]]);
});

test('a key whose write has failed counts as written when it is taken back', async () => {
  const { behind, put, del, writes, disk } = await openRig();
  disk.fails = true;
  put('a', 1, true);
  await expect(behind.flush({ sync: false })).rejects.toThrow('no');
  disk.fails = false;
  del('a');
  await behind.flush({ sync: false });
  expect(writes).toEqual([[{ type: 'del', key: '!room!a' }]]);
});

test('writes by itself when it holds much, and when the last write is a second ago', async () => {
  const { behind, put, writes } = await openRig();
  put('a', 1);
  await behind.flushIfFull();
  expect(writes).toHaveLength(0);
  for (let at = 0; at < 2_048; at += 1) put(`k${at}`, at, true);
  await behind.flushIfFull();
  expect(writes).toHaveLength(1);
  await behind.flushIfOld(5_000);
  put('b', 1);
  await behind.flushIfOld(5_001);
  expect(writes).toHaveLength(2);
  put('c', 1);
  await behind.flushIfOld(5_500);
  expect(writes).toHaveLength(2);
  await behind.flushIfOld(6_001);
  expect(writes).toHaveLength(3);
});
