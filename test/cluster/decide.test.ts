import { expect, test } from 'vitest';
import { decide } from '../../src/cluster/decide.ts';
import type { Append, LogRecord, RecordDraft } from '../../src/store/commit-log.types.ts';
import { VirtualClock } from '../support/virtual-time.ts';

const draftOf = (facts: unknown): RecordDraft => ({ kind: 'command', facts, payload: [] });
const recordOf = (facts: unknown): LogRecord => ({
  kind: 'command',
  seq: 1,
  at: 0,
  facts,
  payloadLength: 0,
  payloadSha256: '',
  hash: '',
});

/** Runs a turn; `after` is what was appended by the way of all others. */
function run(work: (append: Append) => Promise<unknown>) {
  const clock = new VirtualClock(1_000);
  const after: unknown[] = [];
  const append: Append = async ({ facts }) => {
    after.push(facts);
    return recordOf(facts);
  };
  let answer: Promise<unknown> = Promise.resolve();
  const told = new Promise<unknown>((resolve, reject) => {
    answer = decide({ work, resolve, reject }, { append, clock, now: () => clock.now() });
  });
  told.catch(() => undefined);
  return { clock, after, answer: answer as ReturnType<typeof decide>, told };
}

test('a decision answers with what it appends, and is told once that is written', async () => {
  const { answer, told } = run(async (append) => (await append(draftOf('one'))).seq);
  const waiting = await answer;
  expect(waiting).toMatchObject({ draft: { facts: 'one' }, at: 1_000 });
  waiting?.resolve(recordOf('one'));
  expect(await told).toBe(1);
});

test('what is appended after it, or beside it, goes the way of all others', async () => {
  const { answer, told, after } = run(async (append) => {
    await Promise.all([append(draftOf('one')), append(draftOf('two'))]);
    await append(draftOf('three'));
    return 'done';
  });
  (await answer)?.resolve(recordOf('one'));
  expect(await told).toBe('done');
  expect(after).toEqual(['two', 'three']);
});

test('a decision that comes to nothing, or fails in whatever way, holds up nobody', async () => {
  const nothing = run(async () => 'nothing');
  expect(await nothing.answer).toBeNull();
  expect(await nothing.told).toBe('nothing');
  const failing = run(() => Promise.reject(new Error('no entry')));
  expect(await failing.answer).toBeNull();
  await expect(failing.told).rejects.toThrow('no entry');
  const throwing = run(() => {
    throw new Error('at once');
  });
  expect(await throwing.answer).toBeNull();
  await expect(throwing.told).rejects.toThrow('at once');
});

test('a decision that takes longer than 4 s is given up, and writes nothing when it comes to an end', async () => {
  let wake = (): void => undefined;
  const asleep = new Promise<void>((resolve) => {
    wake = resolve;
  });
  let late: unknown;
  const { clock, answer, told, after } = run(async (append) => {
    await asleep;
    late = await append(draftOf('late')).catch(String);
  });
  clock.runUntil(4_999);
  let isAnswered = false;
  void answer.then(() => {
    isAnswered = true;
  });
  await Promise.resolve();
  expect(isAnswered).toBe(false);
  clock.runUntil(5_000);
  expect(await answer).toBeNull();
  await expect(told).rejects.toMatchObject({ code: 'store-failed' });
  wake();
  await new Promise((resolve) => setImmediate(resolve));
  expect(late).toContain('longer than 4000 ms');
  expect(after).toEqual([]);
});
