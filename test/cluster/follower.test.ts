import { expect, test } from 'vitest';
import { Follower } from '../../src/cluster/follower.ts';
import type { ReadRow } from '../../src/cluster/log-rows.ts';
import type { LogRecord } from '../../src/store/commit-log.types.ts';
import type { Waiting } from '../../src/store/group-commit.types.ts';
import { type EncodedRecord, encodeRecord, genesisHash } from '../../src/store/record.ts';

const noBytes = Buffer.alloc(0);

function chainOf(count: number, facts: unknown = null): readonly EncodedRecord[] {
  let previousHash = genesisHash;
  return Array.from({ length: count }, (_, at) => {
    const place = { seq: at + 1, at: 1_000, mark: 7, previousHash };
    const encoded = encodeRecord({ kind: 'command', facts, payload: [] }, place);
    previousHash = encoded.record.hash;
    return encoded;
  });
}

/** A follower of these records; reads and folds stand still at a gate while it is shut. */
function set(records: readonly EncodedRecord[]) {
  const folded: number[] = [];
  const gates = { read: Promise.resolve(), fold: Promise.resolve() };
  const faults = { read: null as Error | null, fold: null as Error | null };
  let reads = 0;
  const readAfter = async (seq: number, last: number, limit: number): Promise<readonly ReadRow[]> => {
    reads += 1;
    await gates.read;
    if (faults.read !== null) throw faults.read;
    const rows = records.map(({ head, record }) => ({ seq: record.seq, head, tail: noBytes }));
    return rows.filter((row) => row.seq > seq && row.seq <= last).slice(0, limit);
  };
  const fold = async (group: readonly LogRecord[]): Promise<void> => {
    await gates.fold;
    if (faults.fold !== null) throw faults.fold;
    folded.push(...group.map(({ seq }) => seq));
  };
  const follower = new Follower({ rows: { readAfter }, seal: null, fold, start: { seq: 0, hash: genesisHash } });
  /** These records as written here; answers what becomes of each. */
  const own = (from: number, to: number): readonly Promise<number>[] => {
    const group = records.slice(from - 1, to).map(({ record }) => record);
    const waiting: Waiting[] = [];
    const settled = group.map(
      (record) =>
        new Promise<number>((resolve, reject) => {
          const draft = { kind: record.kind, facts: record.facts, payload: [] };
          waiting.push({ draft, at: 0, resolve: ({ seq }) => resolve(seq), reject });
        }),
    );
    for (const each of settled) each.catch(() => undefined);
    const hash = records[from - 2]?.record.hash ?? genesisHash;
    follower.own({ after: { seq: from - 1, hash }, records: group, waiting });
    return settled;
  };
  return { follower, folded, gates, faults, own, reads: () => reads };
}

function gate() {
  let open = (): void => undefined;
  const shut = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { shut, open };
}

test('a record of ours that is being read when we hear that it was written is folded once, and told', async () => {
  const { follower, folded, gates, own } = set(chainOf(3));
  const { shut, open } = gate();
  gates.read = shut;
  const looked = follower.to(3);
  await Promise.resolve();
  const [settled] = own(3, 3);
  open();
  await looked;
  expect(await settled).toBe(3);
  expect(folded).toEqual([1, 2, 3]);
  expect(follower.failure).toBeNull();
});

test('nothing but a record of ours is being read when we hear of it', async () => {
  const { follower, folded, gates, own } = set(chainOf(1));
  const { shut, open } = gate();
  gates.read = shut;
  const looked = follower.to(1);
  await Promise.resolve();
  const [settled] = own(1, 1);
  open();
  await looked;
  expect(await settled).toBe(1);
  expect(folded).toEqual([1]);
});

test('a record of ours that was read and folded before we heard of it is told at once', async () => {
  const { follower, folded, own } = set(chainOf(4));
  await follower.to(3);
  expect(await Promise.all(own(2, 4))).toEqual([2, 3, 4]);
  expect(folded).toEqual([1, 2, 3, 4]);
});

test('own records are not read, those of others before and between them are', async () => {
  const { follower, folded, own, reads } = set(chainOf(6));
  const settled = [...own(2, 3), ...own(5, 6)];
  expect(await Promise.all(settled)).toEqual([2, 3, 5, 6]);
  expect(folded).toEqual([1, 2, 3, 4, 5, 6]);
  expect(reads()).toBe(2);
  expect(follower.position.seq).toBe(6);
});

test('what cannot be read now is read at the next call, and whoever waits behind it waits on', async () => {
  const { follower, faults, own } = set(chainOf(2));
  faults.read = new Error('Connection terminated');
  const [settled] = own(2, 2);
  await expect(follower.to(2)).rejects.toThrow('Connection terminated');
  expect(follower.failure).toBeNull();
  faults.read = null;
  await follower.to(2);
  expect(await settled).toBe(2);
});

test('after a failed fold everybody who waits is told, and who comes later too', async () => {
  const { follower, faults, own } = set(chainOf(4));
  faults.fold = new Error('disk');
  const before = own(1, 2);
  await expect(follower.to(2)).rejects.toThrow('disk');
  const after = own(3, 4);
  for (const each of [...before, ...after]) await expect(each).rejects.toMatchObject({ code: 'store-failed' });
  expect(await follower.failed).toMatchObject({ code: 'store-failed' });
  await expect(follower.to(4)).rejects.toMatchObject({ code: 'store-failed' });
});

test('a log that does not continue what was folded is not folded, whoever wrote it', async () => {
  const [ours, other] = [chainOf(2), chainOf(3, 'another')];
  for (const isOwn of [true, false]) {
    const { follower, folded, own } = set([...ours, ...other.slice(2)]);
    await follower.to(2);
    if (isOwn) {
      const { record } = other[2] as EncodedRecord;
      const hash = other[1]?.record.hash ?? '';
      const told = new Promise((resolve, reject) => {
        const draft = { kind: record.kind, facts: null, payload: [] };
        follower.own({ after: { seq: 2, hash }, records: [record], waiting: [{ draft, at: 0, resolve, reject }] });
      });
      await expect(told).rejects.toMatchObject({ code: 'damaged' });
    } else {
      await expect(follower.to(3)).rejects.toMatchObject({ code: 'damaged' });
      expect(own(3, 3)).toHaveLength(1);
    }
    expect(follower.failure).toMatchObject({ code: 'damaged' });
    expect(folded).toEqual([1, 2]);
  }
});

test('a locked log that has less than was folded, or another record there, ends it', async () => {
  for (const head of [
    { seq: 1, hash: chainOf(1)[0]?.record.hash ?? '' },
    { seq: 2, hash: chainOf(2, 'another')[1]?.record.hash ?? '' },
  ]) {
    const { follower } = set(chainOf(2));
    await follower.to(2);
    expect(() => follower.compare({ seq: 2, hash: follower.position.hash })).not.toThrow();
    expect(() => follower.compare({ seq: 9, hash: '' })).not.toThrow();
    expect(() => follower.compare(head)).toThrow('another record 2');
    expect(follower.failure).toMatchObject({ code: 'index-unknown' });
  }
});

test('at the end what can be folded is folded, the rest is told, and nothing comes after', async () => {
  const { follower, folded, faults, gates, own } = set(chainOf(3));
  const { shut, open } = gate();
  gates.fold = shut;
  const [first] = own(1, 1);
  faults.read = new Error('Connection terminated');
  const [behind] = own(3, 3);
  const ended = follower.end();
  open();
  await ended;
  expect(await first).toBe(1);
  await expect(behind).rejects.toMatchObject({ code: 'store-failed' });
  await expect(follower.to(3)).rejects.toMatchObject({ code: 'store-failed' });
  expect(folded).toEqual([1]);
});
