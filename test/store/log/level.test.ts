import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Level } from 'level';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openLevelBytes } from '../../../src/store/level-bytes.ts';
import { chain, expectAll, openReady, recordsOf, scanAll } from '../../contracts/bytes.contract.ts';

let directory = '';
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'daybook-level-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const home = { open: () => openLevelBytes({ directory }), remove: async () => undefined };

/** Changes values as a bad disk would, behind the back of LevelDB, which checks nothing when it reads. */
async function spoil(change: (seq: number, value: Buffer) => Buffer | null): Promise<void> {
  const database = new Level<Buffer, Buffer>(directory, { keyEncoding: 'buffer', valueEncoding: 'buffer' });
  const records = database.sublevel<Buffer, Buffer>('records', { keyEncoding: 'buffer', valueEncoding: 'buffer' });
  for (const [key, value] of await records.iterator().all()) {
    const changed = change(Number(key.readBigUInt64BE()), Buffer.from(value));
    if (changed === null) await records.del(key);
    else await records.put(key, changed);
  }
  await database.close();
}
const flip = (value: Buffer, offset: number) => {
  value[offset] = (value[offset] as number) ^ 1;
  return value;
};
async function fill(sizes: readonly number[]) {
  const records = chain(sizes);
  await using bytes = await openReady(home);
  await bytes.append(records, true);
  return records;
}

describe('records in LevelDB', () => {
  test('that are damaged or missing are named, and the rest is served', async () => {
    const records = await fill([10, 20, 30, 40, 50]);
    await spoil((seq, value) =>
      seq === 2 ? flip(value, 70) : seq === 3 ? flip(value, value.length - 1) : seq === 4 ? null : value,
    );
    await using bytes = await home.open();
    const found = await scanAll(bytes);
    await bytes.ready();
    expect(recordsOf(found).map(({ seq }) => seq)).toEqual([1, 3, 5]);
    expect(found.flatMap((one) => (one.kind === 'damage' ? [one.damage.text] : []))).toEqual([
      'record 2 is damaged',
      'the payload of record 3 is not what its hash says',
      'records 4 to 4 are missing',
    ]);
    for (const seq of [2, 3]) await expect(bytes.slice(seq, 0, 10)).rejects.toMatchObject({ code: 'damaged' });
    await expect(bytes.read(4)).rejects.toMatchObject({ code: 'missing' });
    await expectAll(
      bytes,
      records.filter(({ record }) => record.seq === 1 || record.seq === 5),
    );
  });

  test('that are wrong at the end are cut, and their numbers are used again', async () => {
    const records = await fill([10, 20, 30]);
    await spoil((seq, value) => (seq === 2 ? flip(value, value.length - 1) : seq === 3 ? flip(value, 40) : value));
    await using bytes = await home.open();
    const found = await scanAll(bytes);
    expect(found.map(({ kind }) => kind)).toEqual(['record', 'torn']);
    await bytes.ready();
    expect(bytes.nextSeq).toBe(2);
    const more = chain([25, 35], records[0]);
    await bytes.append(more, true);
    await expectAll(bytes, [...records.slice(0, 1), ...more]);
  });
});
