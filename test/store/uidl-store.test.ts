import { MemoryLevel } from 'memory-level';
import { expect, test } from 'vitest';
import { type IndexOp, roomsOf } from '../../src/store/index-db.ts';
import { createLevelDocuments } from '../../src/store/level-documents.ts';
import { createUidlStore } from '../../src/store/uidl-store.ts';

test('a ledger is written all at once, durable unless told otherwise, and read back by its definition alone', async () => {
  const database = new MemoryLevel<string, string>();
  const writes: (readonly [rows: number, sync: boolean])[] = [];
  const index = roomsOf(database as never, (ops: readonly IndexOp[], { sync }) => {
    writes.push([ops.length, sync]);
    return database.batch(ops as never);
  });
  const documents = createLevelDocuments(index);
  const [alpha, beta] = [createUidlStore(documents, 'alpha'), createUidlStore(documents, 'beta')];
  await alpha.write(
    new Map([
      ['uid:1', { state: 'fetched' }],
      ['uid:2', { state: 'fetched' }],
    ]),
  );
  await alpha.write(new Map([['uid:1', { state: 'deleted' }]]), { sync: false });
  await beta.write(new Map([['uid:1', { state: 'left' }]]));
  await alpha.write(new Map([['uid:2', null]]), { sync: false });
  await alpha.write(new Map());
  expect(writes).toEqual([
    [2, true],
    [1, false],
    [1, true],
    [1, false],
  ]);
  expect([...(await alpha.read())]).toEqual([['uid:1', { state: 'deleted' }]]);
  expect([...(await beta.read())]).toEqual([['uid:1', { state: 'left' }]]);
});
