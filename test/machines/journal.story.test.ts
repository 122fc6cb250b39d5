import { concat, filter, map, NEVER, Observable, of, throwError, timer } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { expect, test } from 'vitest';
import { createActor, fromEventObservable } from 'xstate';
import { emittedBy, type JournalActor } from '../../machines/follow.ts';
import type { JournalInput, ProcessingInput, SourceInput, SourceNews } from '../../machines/journal.events.ts';
import { journalMachine } from '../../machines/journal.machine.ts';
import { statusOf } from '../../machines/journal.status.ts';
import { schedulerClock } from '../../streams/clock.ts';
import type { News } from '../../streams/ports.ts';
import { journalInput, minuteMs, runtimeRecord } from './journal-rig.ts';

/** The chart as it runs: its sources are marbles, and all its clocks are the one of the scheduler. */

const words = {
  b: { type: 'source.bound' },
  m: { type: 'source.extracted', count: 1 },
  f: { type: 'source.failed', kind: 'bind', detail: 'EADDRINUSE' },
} as const;
type Word = (typeof words)[keyof typeof words];
const shown = { w: 'awaiting-initial-run', a: 'active', s: 'suspended', d: 'down', e: 'error' } as const;

interface Play extends Partial<JournalInput> {
  readonly source: (input: SourceInput) => Observable<SourceNews>;
  /** The minute timer of listening never ends by itself. */
  readonly forMs: number;
}

/** A journal that starts in the first frame, so that what is subscribed before hears all of it. */
function journal(time: TestScheduler, { source, forMs, ...change }: Play): JournalActor {
  const actors = {
    source: fromEventObservable<SourceNews, SourceInput>(({ input }) => source(input)),
    processing: fromEventObservable<News, ProcessingInput>(() => NEVER),
  };
  const input = journalInput({ clock: time, ...change });
  const actor = createActor(journalMachine.provide({ actors }), { input, clock: schedulerClock(time) });
  time.schedule(() => actor.start());
  time.schedule(() => actor.stop(), forMs);
  return actor;
}

/** Each Service Status as it comes to be. */
function statuses(actor: JournalActor): Observable<string> {
  return new Observable((subscriber) => {
    let last = '';
    const subscription = actor.subscribe((snapshot) => {
      const { serviceStatus } = statusOf(snapshot);
      if (serviceStatus !== last) subscriber.next(serviceStatus);
      last = serviceStatus;
    });
    return () => subscription.unsubscribe();
  });
}

const newTime = () => new TestScheduler((actual, expected) => expect(actual).toEqual(expected));
const toldAt = (time: TestScheduler, words$: Observable<Word>): Observable<SourceNews> =>
  words$.pipe(map((word) => ({ ...word, at: time.now() })));
const tell = (time: TestScheduler, atMs: number, act: () => void) => timer(atMs, time).subscribe(act);

test('S9: a journal silent for 180 minutes is down, and active again with the next message', () => {
  const time = newTime();
  time.run(({ cold, expectObservable, expectSubscriptions }) => {
    const source$ = cold('b-m 180m m             ', words);
    const expected = '    w-a 179m 59s 999ms da';
    const actor = journal(time, { source: () => toldAt(time, source$), forMs: 181 * minuteMs });
    expectObservable(statuses(actor), '^ 181m !').toBe(expected, shown);
    expectSubscriptions(source$.subscriptions).toBe('^ 10859999ms !');
  });
});

test('suspending ends the source and freezes the inactivity clock; activating lets both go on', () => {
  const time = newTime();
  time.run(({ cold, expectObservable, expectSubscriptions }) => {
    const source$ = cold('b', words);
    const period = { inactivityAllowedMs: 10 * minuteMs, forMs: 100 * minuteMs };
    const actor = journal(time, { source: () => toldAt(time, source$), ...period });
    tell(time, 4 * minuteMs, () => actor.send({ type: 'operator.suspend', at: time.now() }));
    tell(time, 90 * minuteMs, () => actor.send({ type: 'operator.activate', at: time.now() }));
    expectObservable(statuses(actor), '^ 100m !').toBe('w 239999ms s 5159999ms w 359999ms d', shown);
    expectSubscriptions(source$.subscriptions).toBe(['^ 239999ms !', '5400s ^ 599999ms !']);
  });
});

test('S9: a restart in between neither resets nor advances the inactivity clock', () => {
  const before = newTime();
  const left = before.run(({ cold, flush }) => {
    const source = () => toldAt(before, cold('b', words));
    const actor = journal(before, { source, forMs: 101 * minuteMs });
    tell(before, 100 * minuteMs, () => actor.send({ type: 'engine.stop', at: before.now() }));
    flush();
    return actor.getSnapshot();
  });
  expect(left.output?.listenedMs).toBe(100 * minuteMs);

  const after = newTime();
  after.run(({ cold, expectObservable }) => {
    const source = () => toldAt(after, cold('b', words));
    const actor = journal(after, { source, record: left.output ?? null, forMs: 81 * minuteMs });
    expectObservable(statuses(actor), '^ 81m !').toBe('w 4799999ms d', shown);
  });
});

test('a journal whose listener is lost is in error, then what it was before, and that time is no silence', () => {
  const time = newTime();
  time.run(({ cold, expectObservable }) => {
    const source$ = cold('b 539999ms f 4999ms b             114999ms f 59999ms b', words);
    const expected = '    w 539999ms e 4999ms w 59999ms d  54999ms e 59999ms d';
    const period = { inactivityAllowedMs: 10 * minuteMs, forMs: 20 * minuteMs };
    const actor = journal(time, { source: () => toldAt(time, source$), ...period });
    expectObservable(statuses(actor), '^ 800s !').toBe(expected, shown);
  });
});

test('a source that crashes rests 30 s, starts anew, and is healed by its next message', () => {
  const time = newTime();
  time.run(({ cold, expectObservable, expectSubscriptions }) => {
    const crashing$ = cold('b-m-#', words);
    const working$ = cold('b 3s m', words);
    const expected = '      w-a-e 33s a';
    const lives = [crashing$, working$];
    const source = () => toldAt(time, lives.shift() ?? throwError(() => new Error('a third life')));
    const actor = journal(time, { source, forMs: 50_000 });
    expectObservable(statuses(actor), '^ 40s !').toBe(expected, shown);
    expectSubscriptions(crashing$.subscriptions).toBe('^---!');
    expectSubscriptions(working$.subscriptions).toBe('30004ms ^ 19995ms !');
  });
});

test('the event log hears of a lasting failure at its first, at another kind and at the 12th', () => {
  const time = newTime();
  time.run(({ cold, expectObservable }) => {
    const said = { r: failure('refused'), t: failure('timeout'), x: { type: 'source.extracted', count: 0 } } as const;
    const source$ = cold('  rrrttttttttttx', said);
    const expected = '      r--t-------t-(vx)';
    const source = () => source$.pipe(map((word) => ({ ...word, at: time.now() }) as SourceNews));
    const actor = journal(time, { source, transport: 'pop3', forMs: 1_000 });
    const notes$ = emittedBy(actor).pipe(
      filter((said) => said.type !== 'runtime.due'),
      map((note) => ('kind' in note ? `${note.type} ${note.kind}` : note.type)),
    );
    const lines = {
      r: 'connector.error refused',
      t: 'connector.error timeout',
      v: 'connector.recovered timeout',
      x: 'run.first',
    };
    expectObservable(notes$, '^ 100ms !').toBe(expected, lines);
  });
});

test('news said at the moment of subscribing are heard', () => {
  const time = newTime();
  time.run(({ flush }) => {
    const source = () => concat(of<SourceNews>({ type: 'source.bound', at: 0 }), NEVER);
    const actor = journal(time, { source, forMs: 10 });
    tell(time, 1, () =>
      expect(actor.getSnapshot().matches({ connection: { enabled: { session: { smtp: 'listening' } } } })).toBe(true),
    );
    flush();
  });
  expect.assertions(1);
});

test('a POP3 source that is retried is subscribed to anew, without a wait', () => {
  const time = newTime();
  time.run(({ cold, flush }) => {
    const started: SourceInput[] = [];
    const source = (input: SourceInput) => {
      started.push(input);
      const failed = { ...failure('auth'), at: time.now(), nextRetryAt: 300_000 };
      return started.length === 1 ? cold('ff', { f: failed }) : NEVER;
    };
    const actor = journal(time, { source, transport: 'pop3', forMs: 10_000 });
    tell(time, 1_000, () => actor.send({ type: 'operator.retry', at: time.now() }));
    flush();
    const atOnce = { definitionId: 'exchange-1', notBeforeAt: null, backoffStep: 0 };
    expect(started).toEqual([atOnce, atOnce]);
    expect(statusOf(actor.getSnapshot())).toMatchObject({ failures: 2, reason: 'auth' });
  });
});

test('a POP3 source keeps over a restart the wait it had', () => {
  const time = newTime();
  time.run(({ flush }) => {
    const started: SourceInput[] = [];
    const source = (input: SourceInput) => {
      started.push(input);
      return NEVER;
    };
    const record = runtimeRecord({ status: 'error', failures: 4, nextRetryAt: 600_000 });
    journal(time, { source, transport: 'pop3', record, forMs: 10 });
    flush();
    expect(started).toEqual([{ definitionId: 'exchange-1', notBeforeAt: 600_000, backoffStep: 4 }]);
  });
});

test('a slot that nobody filled faults under its name', () => {
  const time = newTime();
  time.run(({ flush }) => {
    const actor = createActor(journalMachine, { input: journalInput({ clock: time }), clock: schedulerClock(time) });
    actor.start();
    expect(statusOf(actor.getSnapshot())).toMatchObject({
      serviceStatus: 'error',
      reason: 'faulted',
      detail: 'Error: the actor "source" was not provided',
    });
    actor.stop();
    flush();
  });
});

function failure(kind: string) {
  return { type: 'source.failed', kind, detail: '' } as const;
}
