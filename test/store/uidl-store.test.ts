import { MemoryLevel } from 'memory-level';
import { expect, test } from 'vitest';
import type { CommandFacts, RecordDraft } from '../../src/store/commit-log.types.ts';
import { roomsOf } from '../../src/store/index-db.ts';
import { createLevelDocuments } from '../../src/store/level-documents.ts';
import { createUidlStore } from '../../src/store/uidl-store.ts';

function fixture() {
  const appended: Extract<CommandFacts, { command: 'mailbox' }>[] = [];
  const index = roomsOf(new MemoryLevel<string, string>() as never);
  const append = async ({ facts }: RecordDraft) => {
    appended.push(facts as (typeof appended)[number]);
    return undefined as never;
  };
  return { appended, ledger: createUidlStore(createLevelDocuments({ append }, index), 'alpha') };
}

test('what has to last goes into the log as one record, and what need not is in force without one', async () => {
  const { appended, ledger } = fixture();
  await ledger.write(new Map([['uid:1', { state: 'blocked' }]]));
  await ledger.write(new Map([['uid:2', null]]));
  await ledger.write(new Map([['uid:3', { state: 'fetched' }]]), { sync: false });
  await ledger.write(new Map([['uid:4', { state: 'deleted' }]]), { sync: false });
  await ledger.write(new Map([['uid:4', null]]), { sync: false });
  await ledger.write(new Map());
  expect(appended).toEqual([
    { command: 'mailbox', definitionId: 'alpha', changes: [['uid:1', { state: 'blocked' }]] },
    { command: 'mailbox', definitionId: 'alpha', changes: [['uid:2', null]] },
  ]);
  expect([...(await ledger.read())]).toEqual([['uid:3', { state: 'fetched' }]]);
});

test('a mailbox that was emptied by others is forgotten in records of 10,000 keys', async () => {
  const { appended, ledger } = fixture();
  await ledger.write(new Map(Array.from({ length: 20_001 }, (_, at) => [`uid:${at}`, null])));
  expect(appended.map(({ changes }) => changes.length)).toEqual([10_000, 10_000, 1]);
  expect(new Set(appended.flatMap(({ changes }) => changes.map(([key]) => key))).size).toBe(20_001);
});
