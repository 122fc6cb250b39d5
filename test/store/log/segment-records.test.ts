import { chmod, open, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { markMoved, unmarkMoved } from '../../../src/store/moved.ts';
import { sha256Of } from '../../../src/store/record.ts';
import { segmentRecords, type WholeRecord } from '../../../src/store/segment-records.ts';
import { archiveMany, fillArchive } from '../../support/moved-archive.ts';
import { openStoreFixture, type StoreFixture } from '../../support/store-fixture.ts';

const folderOf = ({ dataDir }: StoreFixture): string => join(dataDir, 'commitlog');
async function all(fixture: StoreFixture, after = 0, upTo: number | null = null): Promise<readonly WholeRecord[]> {
  const records: WholeRecord[] = [];
  for await (const record of segmentRecords({ directory: folderOf(fixture), after, upTo })) records.push(record);
  return records;
}
const seqsOf = (records: readonly WholeRecord[]): readonly number[] => records.map(({ head }) => head.record.seq);
const range = (first: number, last: number): readonly number[] =>
  Array.from({ length: last - first + 1 }, (_, at) => first + at);
const segments = async (fixture: StoreFixture): Promise<readonly string[]> =>
  (await readdir(folderOf(fixture))).filter((name) => name.endsWith('.seg')).toSorted();

test('records are read with their bytes while the engine writes on, from any of them to any', async () => {
  await using fixture = await openStoreFixture();
  await fillArchive(fixture, { entries: 60 });
  const { seq: last } = fixture.store.log.head;
  expect((await segments(fixture)).length).toBeGreaterThan(1);
  const records = await all(fixture);
  expect(seqsOf(records)).toEqual(range(1, last));
  for (const { head, payload } of records) {
    if (payload !== null) expect(sha256Of([payload]).toString('hex')).toBe(head.record.payloadSha256);
  }
  expect(records.filter(({ payload }) => payload === null).length).toBeGreaterThan(2);
  expect(records.at(-1)?.head.record.hash).toBe(fixture.store.log.head.hash);
  await archiveMany(fixture, 'later', 5);
  expect(seqsOf(await all(fixture, 0, last))).toEqual(range(1, last));
  for (const after of [1, 7, last - 1]) expect(seqsOf(await all(fixture, after, last))).toEqual(range(after + 1, last));
  expect(await all(fixture, last, last)).toEqual([]);
});

test('what is damaged or lost is named, and a torn end is no record', async () => {
  await using fixture = await openStoreFixture();
  await fillArchive(fixture, { entries: 20 });
  const { seq: last } = fixture.store.log.head;
  await fixture.store[Symbol.asyncDispose]();
  const names = await segments(fixture);
  const [first = '', ...others] = names;
  await writeFile(join(folderOf(fixture), `${String(last + 1).padStart(20, '0')}.seg`), 'DYBK and no more');
  expect(seqsOf(await all(fixture))).toEqual(range(1, last));
  await expect(all(fixture, 0, last + 1)).rejects.toThrow(`record ${last + 1} is in no file`);
  await flip(join(folderOf(fixture), first), 120);
  await expect(all(fixture)).rejects.toThrow(/record 1 at 0 is damaged .*00000000000000000001\.seg/);
  expect(seqsOf(await all(fixture, 1))).toEqual(range(2, last));
  await rm(join(folderOf(fixture), others[0] ?? ''));
  await expect(all(fixture, 1)).rejects.toThrow(/is in no file/);
});

test('a folder whose archive lies in a cluster is opened by nobody but who moves it', async () => {
  await using fixture = await openStoreFixture();
  await fixture.take('mail');
  await markMoved(fixture.dataDir, { at: '2026-11-23T12:00:00.000Z', log: 'daybook', records: 1 });
  await expect(fixture.reopen()).rejects.toThrow(/lies in a cluster since 2026-11-23T12:00:00.000Z: set store.backend/);
  await expect(fixture.reopen({ rebuild: true })).rejects.toThrow('lies in a cluster');
  await unmarkMoved(fixture.dataDir);
  await fixture.reopen();
  expect(fixture.store.log.head.seq).toBe(1);
});

async function flip(path: string, at: number): Promise<void> {
  await chmod(path, 0o600);
  await using file = await open(path, 'r+');
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, at);
  await file.write(Buffer.from([(buffer[0] ?? 0) ^ 1]), 0, 1, at);
}
