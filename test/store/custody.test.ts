import { expect, test } from 'vitest';
import type { CommitLog, LogRecord, RecordDraft } from '../../src/store/commit-log.types.ts';
import { createCustody } from '../../src/store/custody.ts';
import { recentBytes } from '../../src/store/recent-bytes.ts';
import type { Received } from '../../streams/message.ts';
import type { Receipt } from '../../streams/ports.ts';

const piece = Buffer.alloc(16 * 1024, 'm');
const received: Received = {
  targets: [{ intakeId: 'i', definitionId: 'exchange', definitionVersion: 1 }],
  origin: 'journal',
  receivedAt: 0,
  transport: {
    kind: 'smtp',
    peer: null,
    mailFrom: '',
    rcptTo: [],
    tls: null,
    authenticatedAs: null,
    uidl: null,
  },
};

/** Custody over a log that notes how large its chunks are; `fails` makes the next ones fail. */
function open() {
  const chunks: number[] = [];
  const log = { fails: false };
  const record = (payloadLength: number) => ({ seq: 1, payloadLength }) as LogRecord;
  const lengthOf = (payload: readonly Uint8Array[]) => payload.reduce((sum, each) => sum + each.length, 0);
  const commitLog = {
    append: async ({ payload }: { payload: readonly Uint8Array[] }) => record(lengthOf(payload)),
    appendChunk: async (payload: readonly Uint8Array[]) => {
      if (log.fails) throw new Error('no');
      chunks.push(lengthOf(payload));
      return record(lengthOf(payload));
    },
  } as unknown as CommitLog;
  const recent = recentBytes(1_000_000, Date.now);
  const custody = createCustody({ log: commitLog, recent, chunkBytes: 256 * 1024 });
  return { custody, chunks, log, recent };
}
async function write(receipt: Receipt, pieces: number): Promise<void> {
  for (let at = 0; at < pieces; at += 1) await receipt.write(piece);
}

test('one message goes to the log in chunks of 256 KiB', async () => {
  const { custody, chunks } = open();
  const receipt = custody.begin();
  await write(receipt, 40);
  expect(chunks).toEqual([17 * piece.length, 17 * piece.length]);
  await receipt.commit(received);
});

test('two hundred large messages at once hold no more than small chunks of each', async () => {
  const { custody, chunks } = open();
  const receipts = Array.from({ length: 200 }, () => custody.begin());
  for (let at = 0; at < 100; at += 1) for (const receipt of receipts) await receipt.write(piece);
  const heldBytes = 200 * 100 * piece.length - chunks.reduce((sum, each) => sum + each, 0);
  expect(heldBytes).toBeLessThan(18 * 1024 * 1024);
});

test('however the others ended, one message alone has large chunks again', async () => {
  const { custody, chunks, log } = open();
  for (const [at, pieces] of Array.from({ length: 600 }, (_, at) => [at, at % 3 === 2 ? 20 : 8] as const)) {
    const receipt = custody.begin();
    log.fails = at % 3 === 2;
    await write(receipt, pieces).catch(() => undefined);
    if (at % 3 === 0) await receipt.commit(received);
    else if (at % 3 === 1) receipt.abort();
    else await receipt.commit(received).catch(() => undefined);
  }
  log.fails = false;
  chunks.length = 0;
  await write(custody.begin(), 17);
  expect(chunks).toEqual([17 * piece.length]);
});

test('a chunk is done once it is on disk and nobody will parse it any more', async () => {
  const { custody, recent } = open();
  const done: Uint8Array[] = [];
  const begin = () => custody.begin((chunks) => void done.push(...chunks));
  const large = begin();
  await write(large, 40);
  expect(done.length).toBe(34);
  await large.commit(received);
  expect(done.length).toBe(40);
  const small = begin();
  await write(small, 3);
  const { sha256 } = await small.commit(received);
  expect(done.length).toBe(40);
  expect(recent.lend(sha256, (bytes) => ({ length: bytes.length }))).toEqual({ length: 3 * piece.length });
  expect(done.length).toBe(43);
});

test('nothing is done of a chunk that could not be written', async () => {
  const { custody, log } = open();
  const done: Uint8Array[] = [];
  const receipt = custody.begin((chunks) => void done.push(...chunks));
  log.fails = true;
  await write(receipt, 17).catch(() => undefined);
  await receipt.commit(received).catch(() => undefined);
  expect(done.length).toBe(0);
});

test('a receipt is committed once, takes no more, and never after it was given up', async () => {
  const { custody } = open();
  const [one, two] = [custody.begin(), custody.begin()];
  await write(one, 1);
  const { size } = await one.commit(received);
  await write(one, 1);
  expect([size, one.size, custody.unwrittenBytes]).toEqual([piece.length, piece.length, 0]);
  await expect(one.commit(received)).rejects.toThrow(/once/);
  await write(two, 1);
  two.abort();
  await write(two, 1);
  expect(custody.unwrittenBytes).toBe(0);
  await expect(two.commit(received)).rejects.toThrow(/once/);
});

test('a commit waits for the chunk that is under way, and tells of it', async () => {
  const appended: RecordDraft[] = [];
  let written: (record: LogRecord) => void = () => undefined;
  const log = {
    append: async (draft: RecordDraft) => void appended.push(draft),
    appendChunk: () => new Promise<LogRecord>((resolve) => (written = resolve)),
  } as unknown as CommitLog;
  const receipt = createCustody({ log, recent: recentBytes(1_000, Date.now), chunkBytes: 10 }).begin();
  void receipt.write(Buffer.from('more than ten bytes'));
  const committed = receipt.commit(received);
  await new Promise<void>((resolve) => setImmediate(resolve));
  expect(appended).toEqual([]);
  written({ seq: 7, payloadLength: 19 } as LogRecord);
  await committed;
  expect(appended).toMatchObject([{ facts: { size: 19, chunks: [[7, 19]] } }]);
});

test('bytes count as unwritten from their arrival until they are on disk, or given up', async () => {
  const { custody, log } = open();
  const [one, two, three] = [custody.begin(), custody.begin(), custody.begin()];
  for (const receipt of [one, two, three]) await write(receipt, 2);
  expect(custody.unwrittenBytes).toBe(6 * piece.length);
  const committed = one.commit(received);
  expect(custody.unwrittenBytes, 'handed over, not on disk').toBe(6 * piece.length);
  await committed;
  expect(custody.unwrittenBytes).toBe(4 * piece.length);
  two.abort();
  two.abort();
  expect(custody.unwrittenBytes).toBe(2 * piece.length);
  log.fails = true;
  await expect(write(three, 20)).rejects.toThrow();
  await expect(three.commit(received)).rejects.toThrow();
  expect(custody.unwrittenBytes).toBe(0);
});
