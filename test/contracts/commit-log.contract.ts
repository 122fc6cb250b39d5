import { createHash, randomBytes } from 'node:crypto';
import { afterEach, describe, expect, test } from 'vitest';
import type { CommitLog, LogRecord, RecordDraft } from '../../src/store/commit-log.types.ts';
import { encodeParticulars } from '../../src/store/particulars.ts';
import { genesisHash } from '../../src/store/record.ts';
import { mailDraft } from '../support/shared-log-fixture.ts';

export interface OpenedLog {
  readonly log: CommitLog;
  /** What it has made its index know, in order. */
  readonly folded: readonly LogRecord[];
}
/** A log, empty at first. */
export interface LogHome extends OpenedLog {
  /** Who has written nothing of it, and folds it from its beginning as it stands. */
  another(): Promise<OpenedLog>;
  remove(): Promise<void>;
}

const command = (facts: unknown): RecordDraft => ({ kind: 'command', facts, payload: [] });
const seqsOf = (records: readonly LogRecord[]): readonly number[] => records.map(({ seq }) => seq);
const upTo = (count: number): readonly number[] => Array.from({ length: count }, (_, at) => at + 1);
const readAll = async (log: CommitLog, after = 0): Promise<readonly LogRecord[]> => {
  const records: LogRecord[] = [];
  for await (const record of log.records(after)) records.push(record);
  return records;
};
const equal = (one: Uint8Array, other: Uint8Array): boolean => Buffer.compare(one, other) === 0;

/** What each commit log promises, wherever its records lie. */
export function commitLogContract(name: string, makeHome: () => Promise<LogHome>): void {
  describe(`a commit log in ${name}`, () => {
    const homes: LogHome[] = [];
    const open = async (): Promise<LogHome> => {
      const home = await makeHome();
      homes.push(home);
      return home;
    };
    afterEach(async () => {
      for (const home of homes.splice(0)) await home.remove();
    });
    orderContract(open);
    payloadContract(open);
    decidingContract(open);
    closingContract(open);
  });
}

type Open = () => Promise<LogHome>;

function orderContract(open: Open): void {
  test('an empty log ends before its first record', async () => {
    const { log, folded } = await open();
    expect(log.head).toEqual({ seq: 0, hash: genesisHash });
    expect(log.waiting).toEqual({ count: 0, since: null });
    expect([await readAll(log), folded]).toEqual([[], []]);
    await expect(log.record(1)).rejects.toMatchObject({ code: 'missing' });
    await expect(log.slice(1, 0, 0)).rejects.toMatchObject({ code: 'missing' });
  });

  test('the order of the calls is the order of the records, and each is folded when it is told', async () => {
    const { log, folded } = await open();
    const told = Array.from({ length: 600 }, async (_, at) => {
      const record = await log.append(command({ at }));
      expect(folded.at(record.seq - 1)?.seq).toBe(record.seq);
      return record;
    });
    expect(log.waiting.count).toBe(600);
    const records = await Promise.all(told);
    expect(records.map(({ facts }) => (facts as { at: number }).at)).toEqual([...told.keys()]);
    expect(seqsOf(records)).toEqual(upTo(600));
    expect(seqsOf(folded)).toEqual(upTo(600));
    expect(log.head).toEqual({ seq: 600, hash: records.at(-1)?.hash });
    expect(log.waiting).toEqual({ count: 0, since: null });
  });

  test('each record names the one before, and is read back as it was told', async () => {
    const { log, another } = await open();
    const drafts = [command({ text: 'fäcts' }), mailDraft(randomBytes(10), { subject: 'one' }), command(null)];
    const told: LogRecord[] = [];
    for (const draft of drafts) told.push(await log.append(draft));
    const bare = told.map(({ particulars: _particulars, ...record }) => record);
    let before = genesisHash;
    for (const { seq, hash, payloadSha256, kind } of told) {
      const head = await log.record(seq);
      expect(head.previousHash).toBe(before);
      expect(head.record).toMatchObject({ ...bare[seq - 1] });
      const payload = Buffer.concat(drafts[seq - 1]?.payload ?? []);
      expect([payloadSha256, kind]).toEqual([
        createHash('sha256').update(payload).digest('hex'),
        drafts[seq - 1]?.kind,
      ]);
      before = hash;
    }
    for (const reader of [log, (await another()).log]) {
      for (const after of [0, 1, 2, 3]) expect(await readAll(reader, after)).toMatchObject(bare.slice(after));
      expect(reader.head).toEqual(log.head);
    }
    await expect(log.record(4)).rejects.toMatchObject({ code: 'missing' });
  });

  test('a draft that cannot be written harms no other', async () => {
    const { log } = await open();
    const bad = command({ at: 1n });
    const good = [1, 2].map((at) => log.append(command({ at })));
    const refused = log.append(bad);
    const later = log.append(mailDraft(randomBytes(10), 'told'));
    await expect(refused).rejects.toThrow(TypeError);
    expect(seqsOf(await Promise.all([...good, later]))).toEqual([1, 2, 3]);
    expect(equal(await log.slice(3, 10, 6), Buffer.from('"told"'))).toBe(true);
    await expect(log.deciding((append) => append(bad))).rejects.toThrow(TypeError);
    expect((await log.append(command('next'))).seq).toBe(4);
  });
}

function payloadContract(open: Open): void {
  test('bytes are cut out of the payload, over body and particulars, and nothing outside of it is given', async () => {
    const { log, another } = await open();
    const body = randomBytes(1_000);
    const told = { subject: 'over the edge' };
    const whole = Buffer.concat([body, encodeParticulars(told)]);
    await log.append(mailDraft(body, told));
    for (const reader of [log, (await another()).log]) {
      for (const [offset, end] of [
        [0, whole.length],
        [0, 1_000],
        [0, 0],
        [999, 1_001],
        [1_000, whole.length],
        [1_003, 1_004],
        [whole.length, whole.length],
      ] as const) {
        const bytes = await reader.slice(1, offset, end - offset);
        expect(equal(bytes, whole.subarray(offset, end)), `${offset} to ${end}`).toBe(true);
      }
      for (const [offset, length] of [
        [0, whole.length + 1],
        [-1, 1],
        [0, -1],
        [whole.length + 1, 0],
      ] as const)
        await expect(reader.slice(1, offset, length)).rejects.toMatchObject({ code: 'missing' });
    }
  });

  test('chunks take their turn with all else, and are read at once', async () => {
    const { log, another } = await open();
    const [one, two] = [randomBytes(5_000), randomBytes(70_000)];
    const [first, event, second] = await Promise.all([
      log.appendChunk([one.subarray(0, 100), one.subarray(100)]),
      log.append(command('between')),
      log.appendChunk([two]),
    ]);
    // Mail may come behind what was called after it.
    expect(seqsOf([first, event, second]).toSorted()).toEqual([1, 2, 3]);
    expect(first.seq).toBeLessThan(second.seq);
    expect(equal(await log.slice(first.seq, 0, 5_000), one)).toBe(true);
    expect(equal(await log.slice(second.seq, 69_000, 1_000), two.subarray(69_000))).toBe(true);
    const facts = {
      chunks: [
        [first.seq, 5_000],
        [second.seq, 70_000],
      ],
      size: 75_000,
      sha256: '',
    };
    await log.append({ kind: 'intake', facts, payload: [] });
    const other = await another();
    expect(seqsOf(other.folded)).toEqual([1, 2, 3, 4]);
    expect(other.folded.at(-1)?.kind).toBe('intake');
    expect(other.folded[event.seq - 1]?.kind).toBe('command');
    expect(equal(await other.log.slice(second.seq, 0, 70_000), two)).toBe(true);
  });

  test('who wrote a record and who reads it fold the same of what it tells', async () => {
    const { log, folded, another } = await open();
    const told = { subject: 'Grüße', to: ['bo@north.example'] };
    await log.append(mailDraft(randomBytes(100), told));
    await log.append(command('nothing told'));
    const restated = encodeParticulars([told]);
    const facts = { command: 'restate', of: 1, intakeIds: ['a'], particulars: restated.length };
    await log.append({ kind: 'command', facts, payload: [restated], particulars: [told] });
    const other = await another();
    for (const each of [folded, other.folded]) {
      expect(each.map(({ particulars }) => particulars)).toEqual([told, undefined, [told]]);
      expect('particulars' in (each[1] as LogRecord)).toBe(false);
    }
  });

  test('payloads that are dropped are gone, what they were told of too; heads, chain and all else stay', async () => {
    const { log, another } = await open();
    const bodies = Array.from({ length: 6 }, () => randomBytes(1_000));
    await Promise.all(bodies.map((body, at) => log.append(mailDraft(body, { at }))));
    await log.append(command('without a payload'));
    const before = await readAll(log);
    const lengths = before.map(({ payloadLength }) => payloadLength);
    expect(await log.drop(new Set([2, 5, 7, 99]))).toBe((lengths[1] ?? 0) + (lengths[4] ?? 0));
    expect(await log.drop(new Set([2, 5]))).toBe(0);
    const other = await another();
    const told = other.folded.map(({ particulars }) => particulars);
    expect(told).toEqual([{ at: 0 }, null, { at: 2 }, { at: 3 }, null, { at: 5 }, undefined]);
    for (const reader of [log, other.log]) {
      expect(await readAll(reader)).toEqual(before);
      for (const seq of [2, 5]) await expect(reader.slice(seq, 0, 1)).rejects.toMatchObject({ code: 'missing' });
      for (const seq of [1, 3, 4, 6])
        expect(equal(await reader.slice(seq, 0, 1_000), bodies[seq - 1] ?? randomBytes(1))).toBe(true);
    }
    expect((await log.append(command('next'))).seq).toBe(8);
  });
}

function decidingContract(open: Open): void {
  test('decisions are made one at a time, each on all that was decided before', async () => {
    const { log, folded } = await open();
    let running = 0;
    const decisions = upTo(20).map((at) =>
      log.deciding(async (append) => {
        running += 1;
        expect(running).toBe(1);
        expect(folded.filter(({ kind }) => kind === 'command')).toHaveLength(at - 1);
        await Promise.resolve();
        const { seq } = await append(command({ at }));
        running -= 1;
        return seq;
      }),
    );
    // Mail goes on meanwhile.
    const mail = upTo(20).map((at) => log.append(mailDraft(randomBytes(10), { at })));
    const seqs = await Promise.all(decisions);
    await Promise.all(mail);
    expect(seqs).toEqual([...seqs].sort((one, other) => one - other));
    expect(seqsOf(folded)).toEqual(upTo(40));
  });

  test('a decision may come to nothing, fail, or append more than one; the next is made all the same', async () => {
    const { log, folded } = await open();
    expect(await log.deciding(async () => 'nothing')).toBe('nothing');
    await expect(log.deciding(() => Promise.reject(new Error('no entry')))).rejects.toThrow('no entry');
    const two = await log.deciding(async (append) => {
      const first = await append(command('first'));
      return [first, await append(command('second'))];
    });
    expect(seqsOf(two)).toEqual([1, 2]);
    const failing = log.deciding(async (append) => {
      await append(command('written'));
      throw new Error('after it was written');
    });
    await expect(failing).rejects.toThrow('after it was written');
    expect((await log.deciding((append) => append(command('last')))).seq).toBe(4);
    expect(folded.map(({ facts }) => facts)).toEqual(['first', 'second', 'written', 'last']);
  });
}

function closingContract(open: Open): void {
  test('closing waits for what was taken, and after it nothing is', async () => {
    const { log, folded, another } = await open();
    await log.append(command('first'));
    let begin = (): void => undefined;
    const begun = new Promise<void>((resolve) => {
      begin = resolve;
    });
    const decided = log.deciding((append) => {
      begin();
      return append(command('decided'));
    });
    await begun;
    const taken = [decided, log.append(mailDraft(randomBytes(10), 'told'))];
    const closed = log[Symbol.asyncDispose]();
    const refused = log.append(command('late'));
    await expect(refused).rejects.toMatchObject({ code: 'stopping' });
    expect(seqsOf(await Promise.all(taken))).toEqual([2, 3]);
    await closed;
    await log[Symbol.asyncDispose]();
    await expect(log.append(command('late'))).rejects.toMatchObject({ code: 'stopping' });
    await expect(log.appendChunk([randomBytes(1)])).rejects.toMatchObject({ code: 'stopping' });
    const late = log.deciding((append) => append(command('late')));
    await expect(late).rejects.toMatchObject({ code: 'stopping' });
    expect(seqsOf(folded)).toEqual([1, 2, 3]);
    expect(seqsOf((await another()).folded)).toEqual([1, 2, 3]);
  });
}
