import { expect, test } from 'vitest';
import { Book } from '../../src/pop3/book.ts';
import { LedgerWriter } from '../../src/pop3/ledger-writer.ts';
import type { LedgerEntry, Pop3Ledger } from '../../src/pop3/types.ts';

/** A ledger whose writes wait until they are let through. */
function slowLedger() {
  const writes: ReadonlyMap<string, LedgerEntry | null>[] = [];
  const waiting: (() => void)[] = [];
  const ledger: Pop3Ledger = {
    read: async () => new Map(),
    write: (changes) => {
      writes.push(changes);
      return new Promise((resolve) => waiting.push(resolve));
    },
  };
  return { ledger, writes, letThrough: () => waiting.shift()?.() };
}
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
const entry = (state: LedgerEntry['state']): LedgerEntry => ({
  state,
  listSize: 3,
  headerSha256: null,
  rawSha256: null,
  failures: 0,
  reason: null,
  at: 0,
});

test('one write at a time: what comes during it goes out together behind it', async () => {
  const { ledger, writes, letThrough } = slowLedger();
  const writer = new LedgerWriter(ledger);
  const first = writer.put('uid:a', entry('left'));
  await turn();
  const [second, third] = [writer.put('uid:a', entry('failing')), writer.put('uid:b', entry('left'))];
  await turn();
  expect(writes.map(({ size }) => size)).toEqual([1]);
  letThrough();
  await first;
  await turn();
  expect(writes.map((changes) => [...changes.keys()])).toEqual([['uid:a'], ['uid:a', 'uid:b']]);
  expect(writes[1]?.get('uid:a')?.state).toBe('failing');
  letThrough();
  await Promise.all([second, third]);
});

test('a session that did not see the whole mailbox forgets no hash of what may be there still', async () => {
  const kept = new Map<string, LedgerEntry | null>();
  const synced: boolean[] = [];
  const ledger: Pop3Ledger = {
    read: async () => new Map(),
    write: async (changes, { sync } = { sync: true }) => {
      synced.push(sync);
      for (const [key, value] of changes) kept.set(key, value);
    },
  };
  const nameless = (n: number) => ({ n, uidl: null, listSize: 3, unique: false });
  const book = await Book.open(ledger, [nameless(1), nameless(2)]);
  book.noteFetched({ key: 'sha:r1', size: 3, headerSha256: 'h1' }, 'r1', 1);
  book.noteFetched({ key: 'sha:r2', size: 3, headerSha256: 'h2' }, 'r2', 1);
  book.noteDeleted('sha:r1');
  await book.confirm(2, false);
  expect([...kept]).toEqual([['sha:r1', null]]);
  await book.confirm(3, true);
  expect(kept.get('sha:r2')).toBeNull();
  // Of what is fetched the intake record tells; that it is gone must stay in mind.
  expect(synced).toEqual([true, true]);
});
