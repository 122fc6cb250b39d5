import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { openCommitLog } from '../../../src/store/commit-log.ts';
import type { LogPosition, LogRecord, RecordDraft } from '../../../src/store/commit-log.types.ts';
import { EngineFailure } from '../../../streams/failure.ts';
import { MemoryDisk, memoryBytes } from '../../support/memory-bytes.ts';

const draft = (text: string, bytes = 100): RecordDraft => ({
  kind: 'intake',
  facts: { text },
  payload: [Buffer.alloc(bytes, text)],
});

interface Setup {
  readonly disk?: MemoryDisk;
  readonly foldedUpTo?: LogPosition | null;
  readonly fold?: (group: readonly LogRecord[]) => Promise<void>;
  readonly maxGroupBytes?: number;
  readonly maxGroupRecords?: number;
  readonly checkFree?: (bytes: number) => boolean;
}
async function setup({ disk = new MemoryDisk(), foldedUpTo = null, fold, ...rest }: Setup = {}) {
  const groups: LogRecord[][] = [];
  let now = 1_000;
  const log = await openCommitLog({
    bytes: memoryBytes(disk),
    now: () => (now += 1),
    fold:
      fold ??
      (async (group) => {
        groups.push([...group]);
      }),
    foldedUpTo,
    ...rest,
  });
  return { disk, log, groups, folded: () => groups.flat().map(({ facts }) => (facts as { text: string }).text) };
}

/** A promise and its key. */
function gate(): { readonly opened: Promise<void>; open: () => void } {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'resolved',
    (error: unknown) => (error instanceof EngineFailure ? error.code : String(error)),
  );

describe('the commit log', () => {
  test('numbers records in the order of the calls and chains each to the one before', async () => {
    const { log, folded } = await setup();
    const records = await Promise.all(['a', 'b', 'c'].map((text) => log.append(draft(text))));
    expect(records.map(({ seq }) => seq)).toEqual([1, 2, 3]);
    expect(folded()).toEqual(['a', 'b', 'c']);
    expect(log.head).toEqual({ seq: 3, hash: records[2]?.hash });
    const read: LogRecord[] = [];
    for await (const record of log.records(0)) read.push(record);
    expect(read).toEqual(records);
    const after: number[] = [];
    for await (const { seq } of log.records(2)) after.push(seq);
    expect(after).toEqual([3]);
    expect(records[0]?.payloadSha256).toBe(createHash('sha256').update(Buffer.alloc(100, 'a')).digest('hex'));
  });

  test('says how many records wait, and since when the oldest does, until they are folded', async () => {
    const disk = new MemoryDisk();
    const [sync, folding] = [gate(), gate()];
    const { log } = await setup({ disk, fold: () => folding.opened });
    disk.pause = (step) => (step === 'sync' ? sync.opened : Promise.resolve());
    expect(log.waiting).toEqual({ count: 0, since: null });
    const first = log.append(draft('first'));
    const { since } = log.waiting;
    await turn();
    const others = [log.append(draft('second')), log.append(draft('third'))];
    expect(log.waiting).toEqual({ count: 3, since });
    sync.open();
    await turn();
    expect(log.waiting.count, 'durable, not folded').toBe(3);
    folding.open();
    await Promise.all([first, ...others]);
    expect(log.waiting).toEqual({ count: 0, since: null });
    await log.appendChunk([Buffer.alloc(10)]);
    expect(log.waiting.count, 'a chunk waits for nothing').toBe(0);
    disk.failWriteAt = disk.writes + 1;
    await Promise.allSettled([log.append(draft('failing')), log.append(draft('failing'))]);
    expect(log.waiting.count).toBe(0);
  });

  test('a lone record is not held back, and 200 that come during its sync share one', async () => {
    const disk = new MemoryDisk();
    const { log } = await setup({ disk });
    const sync = gate();
    disk.pause = (step) => (step === 'sync' && disk.syncs === 1 ? sync.opened : Promise.resolve());
    const first = log.append(draft('first'));
    await turn();
    expect(disk.syncs).toBe(1);
    const others = Array.from({ length: 200 }, (_, index) => log.append(draft(`m${index}`)));
    await turn();
    expect(disk.writes).toBe(1);
    sync.open();
    await Promise.all([first, ...others]);
    expect([disk.writes, disk.syncs]).toEqual([2, 2]);
  });

  test('what is appended in one turn goes out together', async () => {
    const { log, disk } = await setup();
    await Promise.all(Array.from({ length: 50 }, (_, index) => log.append(draft(`m${index}`))));
    expect([disk.writes, disk.syncs]).toEqual([1, 1]);
  });

  test('a group is bounded by records and by bytes; a larger record goes alone', async () => {
    const byRecords = await setup({ maxGroupRecords: 8 });
    await Promise.all(Array.from({ length: 20 }, () => byRecords.log.append(draft('x'))));
    expect(byRecords.groups.map(({ length }) => length)).toEqual([8, 8, 4]);
    const byBytes = await setup({ maxGroupBytes: 1_000 });
    await Promise.all([400, 400, 400, 5_000, 10].map((bytes) => byBytes.log.append(draft('x', bytes))));
    expect(byBytes.groups.map(({ length }) => length)).toEqual([2, 1, 1, 1]);
  });

  test('an append resolves only after its sync and its fold', async () => {
    const disk = new MemoryDisk();
    const [sync, folding] = [gate(), gate()];
    const { log } = await setup({ disk, fold: () => folding.opened });
    disk.pause = (step) => (step === 'sync' ? sync.opened : Promise.resolve());
    let resolved = false;
    const append = log.append(draft('a')).then(() => {
      resolved = true;
    });
    await turn();
    expect(disk.syncs).toBe(1);
    sync.open();
    await turn();
    expect(resolved).toBe(false);
    folding.open();
    await append;
    expect(resolved).toBe(true);
  });

  test('while a group is folded the next is written, but never a third', async () => {
    const folds: string[] = [];
    const gates = [gate(), gate(), gate()];
    const { log, disk } = await setup({
      maxGroupRecords: 1,
      fold: async (group) => {
        const index = folds.push((group[0]!.facts as { text: string }).text) - 1;
        await gates[index]?.opened;
      },
    });
    const appends = ['a', 'b', 'c'].map((text) => log.append(draft(text)));
    await turn();
    expect([folds, disk.syncs]).toEqual([['a'], 2]);
    gates[0]?.open();
    await turn();
    expect([folds, disk.syncs]).toEqual([['a', 'b'], 3]);
    for (const { open } of gates) open();
    await Promise.all(appends);
    expect(folds).toEqual(['a', 'b', 'c']);
  });

  test('a chunk is written without a sync of its own, and folded with the next synced group', async () => {
    const { log, disk, groups } = await setup();
    const chunk = await log.appendChunk([Buffer.from('ab'), Buffer.from('cd')]);
    expect([disk.writes, disk.syncs, groups.length]).toEqual([1, 0, 0]);
    expect(chunk).toMatchObject({ kind: 'chunk', seq: 1, payloadLength: 4 });
    expect(Buffer.from(await log.slice(1, 1, 2)).toString()).toBe('bc');
    expect(log.head.seq).toBe(0);
    await log.append(draft('a'));
    expect(disk.synced).toBe(2);
    expect(groups.flat().map(({ kind }) => kind)).toEqual(['chunk', 'intake']);
  });

  test('chunks that come without end are synced and folded before any message is whole: what waits is bounded', async () => {
    const { log, disk, groups } = await setup();
    for (let chunk = 0; chunk < 1_024; chunk += 1) await log.appendChunk([Buffer.from('x')]);
    expect([disk.syncs, groups.length]).toEqual([0, 0]);
    await log.appendChunk([Buffer.from('x')]);
    expect([disk.syncs, disk.synced, log.head.seq]).toEqual([1, 1_025, 1_025]);
    await log.append(draft('a'));
    expect(groups.flat().map(({ seq }) => seq)).toEqual(Array.from({ length: 1_026 }, (_, at) => at + 1));
  });

  test('chunks of an aborted message are skipped at the next start', async () => {
    const { log, disk } = await setup();
    await log.appendChunk([Buffer.from('lost')]);
    await log.append(draft('kept'));
    await log.appendChunk([Buffer.from('lost too')]);
    await log[Symbol.asyncDispose]();
    const again = await setup({ disk });
    // They are records of the log like any other; nothing follows from them.
    expect(again.groups.flat().map(({ kind, seq }) => `${seq} ${kind}`)).toEqual(['1 chunk', '2 intake', '3 chunk']);
    expect(again.log.recovery).toEqual({ tornBytes: 0, damaged: [], folded: 3 });
    expect((await again.log.append(draft('next'))).seq).toBe(4);
  });

  test.each(['write', 'sync'] as const)('after a failed %s nothing more is promised', async (step) => {
    const disk = new MemoryDisk();
    const { log } = await setup({ disk, maxGroupRecords: 2 });
    await log.append(draft('good'));
    if (step === 'write') disk.failWriteAt = disk.writes + 1;
    else disk.failSyncAt = disk.syncs + 1;
    const codes = await Promise.all(Array.from({ length: 5 }, () => codeOf(log.append(draft('x')))));
    expect(codes).toEqual(Array.from({ length: 5 }, () => 'store-failed'));
    const { writes, syncs } = disk;
    expect(await codeOf(log.append(draft('later')))).toBe('store-failed');
    expect(await codeOf(log.appendChunk([Buffer.from('later')]))).toBe('store-failed');
    await log[Symbol.asyncDispose]();
    expect([disk.writes, disk.syncs, disk.seals]).toEqual([writes, syncs, 0]);
    expect(log.head.seq).toBe(1);
  });

  test('a group before the failed one still resolves', async () => {
    const disk = new MemoryDisk();
    const folding = gate();
    const { log } = await setup({ disk, maxGroupRecords: 1, fold: () => folding.opened });
    disk.failSyncAt = 2;
    const codes = [codeOf(log.append(draft('a'))), codeOf(log.append(draft('b')))];
    await turn();
    folding.open();
    expect(await Promise.all(codes)).toEqual(['resolved', 'store-failed']);
  });

  test('a full disk refuses the group and nothing else; numbers go on without a gap', async () => {
    const disk = new MemoryDisk();
    const { log } = await setup({ disk });
    await log.append(draft('a'));
    disk.fullAt = disk.writes + 1;
    expect(await codeOf(log.append(draft('b')))).toBe('store-full');
    expect((await log.append(draft('c'))).seq).toBe(2);
    const again = await setup({ disk });
    expect(again.folded()).toEqual(['a', 'c']);
    expect(again.log.recovery.damaged).toEqual([]);
  });

  test('a group for which there is no room is refused before it is written', async () => {
    const asked: number[] = [];
    const { log, disk } = await setup({
      checkFree: (bytes) => {
        asked.push(bytes);
        return bytes < 2_000;
      },
    });
    expect(await codeOf(log.append(draft('big', 5_000)))).toBe('store-full');
    expect(disk.writes).toBe(0);
    expect(await codeOf(log.append(draft('small')))).toBe('resolved');
    expect(asked[0]).toBeGreaterThan(5_000);
  });

  test('when the index cannot take a group, it and all later ones fail', async () => {
    let folds = 0;
    const fold = () => {
      folds += 1;
      return Promise.reject(new Error('index is full'));
    };
    const { log, disk } = await setup({ maxGroupRecords: 1, fold });
    const codes = await Promise.all(['a', 'b', 'c'].map((text) => codeOf(log.append(draft(text)))));
    expect(codes).toEqual(['store-failed', 'store-failed', 'store-failed']);
    const { writes } = disk;
    expect(await codeOf(log.append(draft('later')))).toBe('store-failed');
    expect([disk.writes, folds]).toEqual([writes, 1]);
    await log[Symbol.asyncDispose]();
    const again = await setup({ disk });
    expect(again.folded()[0]).toBe('a');
  });

  test('a draft that cannot be encoded fails alone, as the bug it is', async () => {
    const { log } = await setup();
    const cyclic: Record<string, unknown> = {};
    cyclic['self'] = cyclic;
    const codes = await Promise.all([
      codeOf(log.append(draft('a'))),
      codeOf(log.append({ kind: 'event', facts: cyclic, payload: [] })),
      codeOf(log.append(draft('b'))),
    ]);
    expect(codes).toEqual(['resolved', expect.stringContaining('TypeError'), 'resolved']);
    expect(log.head.seq).toBe(2);
  });

  test('closing waits for what was appended, takes no more, and may be called twice', async () => {
    const { log, folded } = await setup();
    const append = log.append(draft('a'));
    const closing = log[Symbol.asyncDispose]();
    expect(await codeOf(log.append(draft('late')))).toBe('stopping');
    await Promise.all([append, closing, log[Symbol.asyncDispose]()]);
    expect(folded()).toEqual(['a']);
  });

  test('closing waits for the index too', async () => {
    const folding = gate();
    const { log } = await setup({ fold: () => folding.opened });
    const append = codeOf(log.append(draft('a')));
    let isClosed = false;
    const closing = log[Symbol.asyncDispose]().then(() => {
      isClosed = true;
    });
    for (let n = 0; n < 20; n += 1) await turn();
    expect(isClosed).toBe(false);
    folding.open();
    await closing;
    expect(await append).toBe('resolved');
  });

  test('what no sync has covered is no record, though its bytes be there', async () => {
    const [disk, sync] = [new MemoryDisk(), gate()];
    const { log } = await setup({ disk });
    disk.pause = (step) => (step === 'sync' ? sync.opened : Promise.resolve());
    const append = codeOf(log.append(draft('a')));
    for (let n = 0; n < 20; n += 1) await turn();
    expect([disk.writes, await codeOf(log.record(1))]).toEqual([1, 'missing']);
    sync.open();
    expect(await append).toBe('resolved');
    expect((await log.record(1)).record.seq).toBe(1);
  });

  test('only what the index does not know is folded at the start, in groups', async () => {
    const { log, disk } = await setup();
    const records = await Promise.all(['a', 'b', 'c', 'd', 'e'].map((text) => log.append(draft(text))));
    const { hash } = records[1] as LogRecord;
    const again = await setup({ disk, foldedUpTo: { seq: 2, hash }, maxGroupRecords: 2 });
    expect(again.folded()).toEqual(['c', 'd', 'e']);
    expect(again.groups.map(({ length }) => length)).toEqual([2, 1]);
    expect(again.log.recovery.folded).toBe(3);
    expect(again.log.head).toEqual(log.head);
  });

  test('an index that is ahead of the log, or of another log, is refused with what to run', async () => {
    const { log, disk } = await setup();
    await log.append(draft('a'));
    const { hash } = log.head;
    for (const foldedUpTo of [
      { seq: 2, hash },
      { seq: 1, hash: 'ff'.repeat(32) },
    ]) {
      await expect(setup({ disk, foldedUpTo })).rejects.toMatchObject({
        code: 'index-unknown',
        message: expect.stringContaining('daybook rebuild-index'),
      });
    }
    await expect(setup({ foldedUpTo: { seq: 1, hash } })).rejects.toMatchObject({ code: 'index-unknown' });
  });

  test('a record that does not continue the one before is reported, and served', async () => {
    const [one, other] = [await setup(), await setup()];
    await one.log.append(draft('a'));
    await one.log.append(draft('b'));
    await other.log.append(draft('A'));
    const [first] = other.disk.records;
    one.disk.records[0] = first as NonNullable<typeof first>;
    const again = await setup({ disk: one.disk });
    expect(again.folded()).toEqual(['A', 'b']);
    expect(again.log.recovery.damaged).toEqual([
      expect.objectContaining({ text: 'record 2 does not continue the record before it' }),
    ]);
    await expect(
      (async () => {
        for await (const record of again.log.records(0)) void record;
      })(),
    ).rejects.toMatchObject({ code: 'damaged' });
  });
});
