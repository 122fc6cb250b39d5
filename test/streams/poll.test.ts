import { Observable, of } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { describe, expect, test } from 'vitest';
import { type Extraction, lateNews, type PollOptions, poll } from '../../streams/poll.ts';
import type { News } from '../../streams/ports.ts';

const minute = 60_000;
const options: PollOptions = { pollIntervalMs: minute, notBeforeAt: null, backoffStep: 0, random: () => 0.5 };
const done: Extraction = { type: 'extracted', count: 2, more: false };
const failed = (kind: string): Extraction => ({ type: 'failed', kind, detail: 'why' });
const broken: Extraction = { type: 'failed', kind: 'timeout', detail: 'why', inMessage: 'retrieval' };

/** Runs `sessions` one after another (the last one for ever) for `forMs` virtual time. */
function run(sessions: readonly (readonly Extraction[])[], forMs: number, parts: Partial<PollOptions> = {}) {
  const time = new TestScheduler((actual, expected) => expect(actual).toEqual(expected));
  const startedAt: number[] = [];
  const news: News[] = [];
  time.run(() => {
    const extract = (): Observable<Extraction> => {
      const session = sessions[Math.min(startedAt.length, sessions.length - 1)] ?? [];
      startedAt.push(time.now());
      return of(...session);
    };
    const subscription = poll(extract, { ...options, ...parts }, time).subscribe((each) => news.push(each));
    time.schedule(() => subscription.unsubscribe(), forMs);
  });
  return { startedAt, news };
}

describe('a polled mailbox', () => {
  test('is visited at start and then one interval after the end of each session', () => {
    const { startedAt, news } = run([[{ type: 'counted', count: 7 }, done]], 3 * minute - 1);
    expect(startedAt).toEqual([0, minute, 2 * minute]);
    expect(news.slice(0, 3)).toEqual([
      { type: 'source.began', at: 0 },
      { type: 'source.counted', at: 0, count: 7 },
      { type: 'source.extracted', at: 0, count: 2, nextPollAt: minute },
    ]);
  });

  test('is never visited twice at a time, however long a session takes', () => {
    const time = new TestScheduler((actual, expected) => expect(actual).toEqual(expected));
    time.run(({ cold, expectObservable, expectSubscriptions }) => {
      const session = cold<Extraction>('90s (d|)', { d: done });
      const news$ = poll(() => session, { ...options, pollIntervalMs: 1000 }, time);
      const began = (at: number): News => ({ type: 'source.began', at });
      const news = { a: extracted(90_000, 1000), b: extracted(181_000, 1000) };
      const begun = { x: began(0), y: began(91_000), z: began(182_000) };
      expectObservable(news$, '^ 182499ms !').toBe('x 89999ms a 999ms y 89999ms b 999ms z', { ...news, ...begun });
      expectSubscriptions(session.subscriptions).toBe(['^ 89999ms !', '91s ^ 89999ms !', '182s ^ 499ms !']);
    });
  });

  test('is visited again at once while a batch limit ends the sessions', () => {
    expect(run([[{ ...done, more: true }], [{ ...done, more: true }], [done]], minute + 1).startedAt).toEqual([
      0,
      0,
      0,
      minute,
    ]);
  });

  test('that fails is tried after half an interval, then 1, 2, 5 and 10, at most 10 minutes', () => {
    const { startedAt, news } = run([[failed('refused')]], 40 * minute);
    expect(startedAt.map((at) => at / minute)).toEqual([0, 0.5, 1.5, 3.5, 8.5, 18.5, 28.5, 38.5]);
    expect(news[1]).toEqual({ type: 'source.failed', at: 0, kind: 'refused', detail: 'why', nextRetryAt: minute / 2 });
    const slow = run([[failed('refused')]], 40 * minute, { pollIntervalMs: 6 * minute });
    expect(slow.startedAt.map((at) => at / minute)).toEqual([0, 3, 9, 19, 29, 39]);
    const hourly = run([[failed('refused')]], 170 * minute, { pollIntervalMs: 60 * minute });
    expect(hourly.startedAt.map((at) => at / minute)).toEqual([0, 30, 90, 150]);
  });

  test('that refuses the password is tried after 5, 15 and 60 intervals, at most an hour', () => {
    const { startedAt } = run([[failed('auth')]], 200 * minute);
    expect(startedAt.map((at) => at / minute)).toEqual([0, 5, 20, 80, 140]);
    const slow = run([[failed('auth')]], 160 * minute, { pollIntervalMs: 6 * minute });
    expect(slow.startedAt.map((at) => at / minute)).toEqual([0, 30, 90, 150]);
  });

  test('has its waits spread by a tenth to either side', () => {
    expect(run([[failed('refused')]], 29_000, { random: () => 0 }).startedAt).toEqual([0, 27_000]);
    expect(run([[failed('refused')]], 34_000, { random: () => 0.999_999 }).startedAt).toEqual([0, 33_000]);
  });

  test('that works again forgets its failures', () => {
    const { startedAt } = run([[failed('dns')], [failed('dns')], [done], [failed('dns')], [done]], 4 * minute + 1);
    expect(startedAt.map((at) => at / minute)).toEqual([0, 0.5, 1.5, 2.5, 3, 4]);
  });

  test('locked by another client is an error at the third time only, and tried at each poll', () => {
    const { startedAt, news } = run([[failed('mailbox-locked')]], 4 * minute - 1);
    expect(startedAt.map((at) => at / minute)).toEqual([0, 1, 2, 3]);
    const ends = news.filter(({ type }) => type !== 'source.began');
    expect(ends.slice(0, 3)).toEqual([
      { type: 'source.delayed', at: 0, nextPollAt: minute },
      { type: 'source.delayed', at: minute, nextPollAt: 2 * minute },
      { type: 'source.failed', at: 2 * minute, kind: 'mailbox-locked', detail: 'why', nextRetryAt: 3 * minute },
    ]);
    expect(ends.slice(3).map(({ type }) => type)).toEqual(['source.failed']);
  });

  test('that one message ends the sessions of is no error: tried as after failures, and told at the fourth in a row', () => {
    const { startedAt, news } = run([[broken]], 10 * minute);
    expect(startedAt.map((at) => at / minute)).toEqual([0, 0.5, 1.5, 3.5, 8.5]);
    const ends = news.filter(({ type }) => type !== 'source.began');
    expect(ends.map(({ type }) => type)).toEqual([
      ...Array(3).fill('source.delayed'),
      ...Array(2).fill('source.failed'),
    ]);
    expect(ends[0]).toEqual({ type: 'source.delayed', at: 0, nextPollAt: minute / 2 });
    expect(ends[3]).toMatchObject({ kind: 'timeout', detail: 'why' });
  });

  test('that ends once more in the headers of a message that is given up is none either', () => {
    const given: Extraction = { type: 'failed', kind: 'timeout', detail: 'why', inMessage: 'headers' };
    const { news } = run([[broken], [broken], [given], [broken], [given], [{ ...done, count: 0 }]], 30 * minute);
    expect(news.filter(({ type }) => type === 'source.failed')).toEqual([]);
  });

  test('gets its three again from a session that brought mail, not from an empty one', () => {
    const empty: Extraction = { ...done, count: 0 };
    const thrice = [[broken], [broken], [broken]];
    const failures = (sessions: readonly (readonly Extraction[])[]) =>
      run([...sessions, [empty]], 30 * minute).news.filter(({ type }) => type === 'source.failed').length;
    expect(failures([...thrice, [done], ...thrice])).toBe(0);
    expect(failures([...thrice, [empty], [broken]])).toBe(1);
    expect(failures([...thrice, [failed('refused')]]), 'what is no message is an error at once').toBe(1);
  });

  test('is not visited before its time, and backs off from where it stood before a restart', () => {
    const { startedAt } = run([[failed('refused')]], 20 * minute, { notBeforeAt: 3 * minute, backoffStep: 3 });
    expect(startedAt.map((at) => at / minute)).toEqual([3, 8, 18]);
  });

  test('is left at once when nobody listens any more', () => {
    const time = new TestScheduler((actual, expected) => expect(actual).toEqual(expected));
    let left = false;
    const session = new Observable<Extraction>(() => () => {
      left = true;
    });
    const subscription = poll(() => session, options, time).subscribe();
    expect(left).toBe(false);
    subscription.unsubscribe();
    expect(left).toBe(true);
  });
});

test('of a session that was left, what it has seen and done is news, and its failure is not', () => {
  expect(lateNews({ type: 'counted', count: 7 }, 5)).toEqual({ type: 'source.counted', at: 5, count: 7 });
  expect(lateNews({ ...done, more: true }, 5)).toEqual({ type: 'source.extracted', at: 5, count: 2 });
  expect(lateNews(failed('timeout'), 5)).toBeNull();
});

function extracted(at: number, restMs: number): News {
  return { type: 'source.extracted', at, count: 2, nextPollAt: at + restMs };
}
