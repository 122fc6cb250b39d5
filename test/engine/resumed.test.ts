import { BehaviorSubject, map, NEVER, Subject } from 'rxjs';
import { describe, expect, test } from 'vitest';
import type { JournalEmitted, Resumed, RuntimeRecord } from '../../machines/journal.events.ts';
import type { Duties } from '../../src/engine/duties.ts';
import { followJournal } from '../../src/engine/journal-news.ts';
import { whileResumed } from '../../src/engine/resumed.ts';
import type { Workshop } from '../../src/engine/workshop.ts';
import type { News } from '../../streams/ports.ts';
import { runtimeRecord } from '../machines/journal-rig.ts';

/** One definition of a cluster, held by whom the test says. */
function rig(saved: RuntimeRecord | Error | undefined) {
  const holder$ = new BehaviorSubject<string | null>(null);
  const clock = { now: () => at };
  let at = 0;
  const duties = {
    worker: 'one',
    isMine: () => holder$.value === 'one',
    mine$: () => holder$.pipe(map((holder) => holder === 'one')),
    doerOf: () => holder$.value,
  } as unknown as Duties;
  const definitions = {
    loadRuntime: async () => {
      if (saved instanceof Error) throw saved;
      return saved;
    },
  };
  const store = { definitions, figuresOf: () => ({ lastMessageAt: 7 }) };
  const notes: string[] = [];
  const logged: string[] = [];
  const workshop = {
    duties,
    store,
    book: { get: () => ({ config: { transport: 'smtp' } }) },
    clock,
    note: ({ type }: { type: string }) => void notes.push(type),
    log: (_: string, text: string) => void logged.push(text),
  } as unknown as Workshop;
  const pass = (ms: number): void => {
    at += ms;
  };
  return { holder$, workshop, notes, logged, pass };
}
const own = { notBeforeAt: null, backoffStep: 0 };
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('the source of a definition', () => {
  const run = ({ workshop }: ReturnType<typeof rig>) => {
    const starts: unknown[] = [];
    const told: (News | Resumed)[] = [];
    const running = whileResumed(workshop, 'a', own, (start) => {
      starts.push(start);
      return NEVER;
    }).subscribe((news) => told.push(news));
    return { starts, told, running };
  };

  test('goes on from what another engine saved, each time that it comes to be ours, and not before', async () => {
    const parts = rig(runtimeRecord({ failures: 2, nextRetryAt: 900, lastMessageAt: 3 }));
    const { starts, told } = run(parts);
    await settled();
    expect([starts, told]).toEqual([[], []]);
    parts.holder$.next('one');
    await settled();
    expect(starts).toEqual([{ notBeforeAt: 900, backoffStep: 2 }]);
    // The log knows of a later message than was saved.
    expect(told).toMatchObject([{ type: 'source.resumed', record: { failures: 2, lastMessageAt: 7 } }]);
    parts.holder$.next('two');
    parts.holder$.next('one');
    await settled();
    expect([starts.length, told.length]).toEqual([2, 2]);
  });

  test('begins as the journal says where it was ours before, as after a retry', async () => {
    const parts = rig(runtimeRecord({ failures: 2, nextRetryAt: 900 }));
    parts.holder$.next('one');
    const { starts, told } = run(parts);
    await settled();
    expect([starts, told]).toEqual([[own], []]);
  });

  test.each([undefined, new Error('the database is away')])(
    'begins all the same where nothing is read (%s)',
    async (saved) => {
      const parts = rig(saved);
      const { starts, told } = run(parts);
      parts.holder$.next('one');
      await settled();
      expect([starts, told]).toEqual([[own], []]);
      expect(parts.logged).toHaveLength(saved === undefined ? 0 : 1);
    },
  );
});

describe('the notes of a journal', () => {
  const follow = (parts: ReturnType<typeof rig>, transport = 'smtp') => {
    const said$ = new Subject<JournalEmitted>();
    const on = (_: string, hear: (emitted: JournalEmitted) => void) => said$.subscribe(hear);
    const subscribe = () => ({ unsubscribe: () => undefined });
    const journal = { on, subscribe, getSnapshot: () => ({ context: { transport } }) };
    followJournal(parts.workshop, new Subject(), 'a', journal as never);
    return said$;
  };
  const first = { type: 'run.first', at: 0 } as const;

  test('wait until somebody runs it: they are written where that is this engine, and dropped where it is not', () => {
    const parts = rig(undefined);
    const said$ = follow(parts);
    said$.next(first);
    expect(parts.notes).toEqual([]);
    parts.holder$.next('one');
    expect(parts.notes).toEqual(['run.first']);
    parts.holder$.next('two');
    said$.next(first);
    parts.holder$.next('one');
    expect(parts.notes).toEqual(['run.first']);
  });

  test('do not wait for long: another engine has come and gone', () => {
    const parts = rig(undefined);
    follow(parts).next(first);
    parts.pass(60_000);
    parts.holder$.next('one');
    expect(parts.notes).toEqual([]);
  });

  test('of an error of its own listener are those of each engine; of a mailbox, of the one that polls it', () => {
    const error = {
      type: 'connector.error',
      at: 0,
      part: 'source',
      kind: 'bind',
      detail: '',
      failures: 1,
      nextRetryAt: null,
    } as const;
    const parts = rig(undefined);
    parts.holder$.next('two');
    follow(parts).next(error);
    follow(parts, 'pop3').next(error);
    expect(parts.notes).toEqual(['connector.error']);
  });
});
