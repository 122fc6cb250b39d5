import { describe, expect, it, test } from 'vitest';
import { runtimeOf } from '../../machines/journal.context.ts';
import type { JournalEvent } from '../../machines/journal.events.ts';
import { hourMs, JournalRig, journalInput, minuteMs, runtimeRecord } from './journal-rig.ts';

const bound = (at: number) => ({ type: 'source.bound', at }) as const;
const mail = (at: number, count = 1) => ({ type: 'source.extracted', at, count }) as const;
const failure = (at: number, kind = 'refused', nextRetryAt = at + 30_000) =>
  ({ type: 'source.failed', at, kind, detail: `${kind} it was`, nextRetryAt }) as const;
const suspend = (at: number) => ({ type: 'operator.suspend', at }) as const;
const activate = (at: number) => ({ type: 'operator.activate', at }) as const;
const retry = (at: number) => ({ type: 'operator.retry', at }) as const;
const stop = (at: number) => ({ type: 'engine.stop', at }) as const;
const changed = (at: number, inactivityAllowedMs = 180 * minuteMs, reconnect = false) =>
  ({ type: 'definition.changed', at, inactivityAllowedMs, reconnect }) as const;
const crash = (rig: JournalRig, slot: 'source' | 'processing', message: string) =>
  rig.send({ type: `xstate.error.actor.${slot}`, error: new Error(message), actorId: slot } as unknown as JournalEvent);

const listening = { smtp: 'listening' };
const pop3 = (change: object = {}) => new JournalRig({ transport: 'pop3', ...change });

describe('starting', () => {
  test('a new SMTP definition awaits its initial run and the listener (T1)', () => {
    const rig = new JournalRig();
    expect(rig.snapshot.value).toEqual({
      connection: { enabled: { health: 'awaitingInitialRun', session: { smtp: 'binding' } } },
      processing: { draining: 'open' },
    });
    expect(rig.notes).toEqual([]);
  });

  test('a definition that is suspended starts so, and keeps processing (T1)', () => {
    const rig = new JournalRig({ suspended: true });
    expect(rig.snapshot.value).toEqual({ connection: 'suspended', processing: { draining: 'open' } });
    expect(rig.snapshot.children['source']).toBeUndefined();
    expect(rig.snapshot.children['processing']).toBeDefined();
  });

  test('one suspended over a restart keeps since when', () => {
    const record = runtimeRecord({ status: 'suspended', since: 5 });
    expect(new JournalRig({ suspended: true, record }).status.since).toBe(5);
  });

  test('one suspended in the file while the engine was stopped forgets its failures (T3)', () => {
    const record = runtimeRecord({ status: 'error', failures: 3, lastError: { at: 1, kind: 'auth', detail: '' } });
    const rig = new JournalRig({ suspended: true, record });
    expect(rig.status).toMatchObject({ serviceStatus: 'suspended', failures: 0, reason: null });
    expect(rig.send(activate(9)).health).toBe('active');
  });

  test.each([
    ['awaitingInitialRun', { firstRunDone: false }],
    ['active', {}],
    ['down', { listenedMs: 180 * minuteMs, silenceNoted: true }],
    ['error', { failures: 2, listenedMs: 180 * minuteMs, lastError: { at: 1, kind: 'auth', detail: '' } }],
  ])('a restart derives %s again from the runtime record (d.4, T17)', (health, change) => {
    const rig = new JournalRig({ record: runtimeRecord(change) });
    expect(rig.health).toBe(health);
    expect(rig.notes).toEqual([]);
  });

  test('silence is no trouble of a POP3 definition', () => {
    expect(pop3({ record: runtimeRecord({ listenedMs: 999 * hourMs }) }).health).toBe('active');
  });

  test('since when a status holds outlives a restart', () => {
    const record = runtimeRecord({ status: 'down', since: 77, listenedMs: 180 * minuteMs });
    expect(new JournalRig({ record }).status).toMatchObject({ serviceStatus: 'down', since: 77 });
  });

  test.each([0, -1, Number.NaN, 7 * 24 * hourMs + 1])(
    'a period of %d ms is a bug and is said so',
    (inactivityAllowedMs) => {
      const { snapshot } = new JournalRig({ inactivityAllowedMs });
      expect(snapshot).toMatchObject({ status: 'error', error: expect.any(RangeError) });
    },
  );
});

describe('running', () => {
  test('the first message makes it active and is noted (T4)', () => {
    const rig = new JournalRig().send(bound(10)).send(mail(20));
    expect(rig.health).toBe('active');
    expect(rig.notes).toEqual([{ type: 'run.first', at: 20 }]);
    expect(rig.status).toMatchObject({ lastSuccessfulExtractAt: 20, lastMessageAt: 20, since: 20 });
  });

  test('later messages only move the times (T5)', () => {
    const rig = new JournalRig().send(bound(10)).send(mail(20)).send(mail(30, 4));
    expect(rig.notes).toEqual([]);
    expect(rig.status).toMatchObject({ serviceStatus: 'active', lastMessageAt: 30, since: 20 });
  });

  test('a POP3 run over an empty mailbox is a success without a message', () => {
    const rig = pop3().send({ type: 'source.extracted', at: 20, count: 0, nextPollAt: 80 });
    expect(rig.status).toMatchObject({
      serviceStatus: 'active',
      lastSuccessfulExtractAt: 20,
      lastMessageAt: null,
      nextPollAt: 80,
    });
  });

  test('a session under way has no time to come, and one that says nothing of the connection is told by the next', () => {
    const rig = pop3().send({ type: 'source.extracted', at: 20, count: 0, nextPollAt: 80 });
    expect(rig.send({ type: 'source.began', at: 80 }).status).toMatchObject({
      serviceStatus: 'active',
      nextPollAt: null,
    });
    rig.send({ type: 'source.delayed', at: 90, nextPollAt: 150 });
    expect(rig.session).toEqual({ pop3: 'polling' });
    expect(rig.status).toMatchObject({ serviceStatus: 'active', lastSuccessfulExtractAt: 20, nextPollAt: 150 });
    rig.send(retry(100));
    expect(rig.notes, 'a run may be asked for meanwhile').toEqual([{ type: 'connector.retry', at: 100 }]);
  });

  test('the mailbox count is kept with its time', () => {
    const rig = pop3().send({ type: 'source.counted', at: 20, count: 144_524 });
    expect(rig.status).toMatchObject({ pop3MailboxQueue: 144_524, pop3MailboxQueueAt: 20 });
  });
});

describe('a definition that another engine has run', () => {
  const error = { at: 40, kind: 'auth', detail: 'no' };
  const failing = { status: 'error', since: 40, failures: 3, lastError: error, nextRetryAt: 900 } as const;

  test('by POP3 it goes on where that one was: its failures, its next try, and when a message last came', () => {
    const rig = pop3().send({ type: 'source.resumed', at: 50, record: runtimeRecord({ ...failing, mailboxQueue: 7 }) });
    expect(rig.status).toMatchObject({ serviceStatus: 'error', since: 40, reason: 'auth', nextRetryAt: 900 });
    expect(rig.status).toMatchObject({ failures: 3, pop3MailboxQueue: 7, lastSuccessfulExtractAt: 0 });
    expect(rig.session).toEqual({ pop3: 'backoff' });
    rig.send({ type: 'source.resumed', at: 60, record: runtimeRecord({ lastMessageAt: 55 }) });
    expect(rig.status).toMatchObject({ serviceStatus: 'active', failures: 0, lastMessageAt: 55 });
    expect(rig.session).toEqual({ pop3: 'polling' });
  });

  test('by SMTP its silence goes on, and an error of the listener stays that of the engine it belongs to', () => {
    const rig = new JournalRig().send(bound(0));
    rig.send({ type: 'source.resumed', at: 50, record: runtimeRecord({ ...failing, listenedMs: 70_000 }) });
    expect(rig.status).toMatchObject({ serviceStatus: 'active', failures: 0 });
    expect(rig.snapshot.context).toMatchObject({ listenedMs: 70_000, listeningSinceAt: 50 });
    const down = { status: 'down', since: 30, listenedMs: 180 * minuteMs, silenceNoted: true } as const;
    rig.send({ type: 'source.resumed', at: 60, record: runtimeRecord(down) });
    expect(rig.status).toMatchObject({ serviceStatus: 'down', since: 30 });
    expect(
      rig.emitted.filter(({ type }) => type === 'connector.down'),
      'noted by the one before',
    ).toEqual([]);
  });

  test('what this engine knows better stays, and nothing of it suspends', () => {
    const rig = pop3().send({ type: 'source.extracted', at: 80, count: 1 });
    const old = runtimeRecord({ status: 'suspended', since: 10, firstRunDone: false, lastMessageAt: null });
    rig.send({ type: 'source.resumed', at: 90, record: old });
    expect(rig.status).toMatchObject({ serviceStatus: 'active', since: 80, lastMessageAt: 80 });
  });
});

describe('silence', () => {
  test('a whole period of listening without a message is down, within one timer of its end (T6)', () => {
    const rig = new JournalRig({ inactivityAllowedMs: 90_000 }).send(bound(0));
    rig.runOut('listeningTick');
    expect([rig.at, rig.health]).toEqual([60_000, 'awaitingInitialRun']);
    rig.runOut('listeningTick');
    expect([rig.at, rig.health]).toEqual([90_000, 'down']);
    expect(rig.notes).toEqual([
      { type: 'connector.down', at: 90_000, lastMessageAt: null, inactivityAllowedMs: 90_000 },
    ]);
    rig.runOut('listeningTick');
    expect([rig.health, rig.notes]).toEqual(['down', []]);
  });

  test('the next message heals it and tells how long the silence was (T7)', () => {
    const rig = new JournalRig({ inactivityAllowedMs: 60_000 }).send(bound(0)).send(mail(1_000));
    rig.runOut('listeningTick').runOut('listeningTick');
    expect([rig.at, rig.health]).toEqual([61_000, 'down']);
    rig.send(mail(95_000));
    expect(rig.health).toBe('active');
    expect(rig.notes).toEqual([
      { type: 'connector.recovered', at: 95_000, from: 'down', kind: 'inactivity', lastedMs: 94_000 },
    ]);
  });

  test('a definition that went down before its first message notes the first run when it comes', () => {
    const rig = new JournalRig({ inactivityAllowedMs: 60_000 })
      .send(bound(0))
      .runOut('listeningTick')
      .send(mail(70_000));
    expect(rig.notes.map(({ type }) => type)).toEqual(['connector.recovered', 'run.first']);
    expect(rig.notes[0]).toMatchObject({ lastedMs: 70_000 });
  });

  test('each silence is noted, not the first alone', () => {
    const rig = new JournalRig({ inactivityAllowedMs: 60_000 }).send(bound(0)).runOut('listeningTick');
    rig.send(mail(61_000)).runOut('listeningTick').runOut('listeningTick');
    expect(rig.notes.map(({ type }) => type)).toEqual(['connector.down']);
  });

  test.each([
    ['suspended', (rig: JournalRig) => rig.send(suspend(30_000))],
    ['unbound', (rig: JournalRig) => rig.send(failure(30_000, 'bind'))],
    ['stopped', (rig: JournalRig) => rig.send(stop(30_000))],
  ])('the inactivity clock is frozen while %s', (_, freeze) => {
    const rig = freeze(new JournalRig().send(bound(0)));
    expect(runtimeOf(rig.snapshot.context, 999 * hourMs).listenedMs).toBe(30_000);
  });

  test('what a session says of its mailbox is kept at its end; a message by SMTP is in the log', () => {
    const extracted = { type: 'source.extracted', at: 20, count: 0 } as const;
    const mailbox = pop3({ record: runtimeRecord() }).send({ ...extracted, nextPollAt: 80 });
    expect(mailbox.emitted).toEqual([{ type: 'runtime.due', at: 20 }]);
    const smtp = new JournalRig({ record: runtimeRecord() }).send(bound(0));
    expect(smtp.send({ ...extracted, count: 1 }).emitted).toEqual([]);
  });

  test('what has been listened is told to the millisecond at any moment', () => {
    const rig = new JournalRig().send(bound(0)).runOut('listeningTick');
    expect(runtimeOf(rig.snapshot.context, 71_234).listenedMs).toBe(71_234);
    expect(rig.emitted).toContainEqual({ type: 'runtime.due', at: 60_000 });
  });

  test('a wall clock that is set is not taken for silence', () => {
    const rig = new JournalRig().send(bound(0));
    const { event } = rig.delayOf('listeningTick');
    rig.at = 5 * hourMs;
    rig.send(event);
    expect([rig.health, rig.snapshot.context.listenedMs]).toEqual(['awaitingInitialRun', 60_000]);
    rig.at = 1 * hourMs;
    expect(runtimeOf(rig.snapshot.context, rig.at).listenedMs).toBe(60_000);
  });

  test('a silence that ends its period in the moment the listener is lost is noted once it is back', () => {
    const rig = new JournalRig({ inactivityAllowedMs: 60_000 }).send(bound(0)).send(failure(60_000, 'bind'));
    expect(rig.send(bound(65_000)).health).toBe('down');
    expect(rig.notes.map(({ type }) => type)).toEqual(['connector.recovered', 'connector.down']);
    rig.send(failure(70_000, 'bind')).send(bound(75_000));
    expect([rig.health, rig.notes.map(({ type }) => type)]).toEqual(['down', ['connector.recovered']]);
  });

  test('a longer period heals a silence that it allows; a shorter one finds it (T11)', () => {
    const rig = new JournalRig({ inactivityAllowedMs: 60_000 }).send(bound(0)).runOut('listeningTick');
    expect(rig.health).toBe('down');
    rig.send(changed(61_000, 90_000));
    expect([rig.health, rig.notes]).toEqual(['awaitingInitialRun', []]);
    rig.send(changed(70_000, 70_000));
    expect(rig.health).toBe('down');
    expect(rig.notes).toEqual([expect.objectContaining({ type: 'connector.down', inactivityAllowedMs: 70_000 })]);
  });

  test('a shorter period is met on time', () => {
    const rig = new JournalRig().send(bound(0)).send(changed(10_000, 15_000));
    expect(rig.delayOf('listeningTick').delayMs).toBe(5_000);
    expect(rig.runOut('listeningTick').health).toBe('down');
  });
});

describe('errors', () => {
  test('a failure is an error of its kind (T8)', () => {
    const rig = pop3().send(failure(20, 'auth', 320));
    expect(rig.snapshot.value).toMatchObject({
      connection: { enabled: { health: 'error', session: { pop3: 'backoff' } } },
    });
    expect(rig.status).toMatchObject({
      serviceStatus: 'error',
      reason: 'auth',
      failures: 1,
      nextRetryAt: 320,
      since: 20,
    });
  });

  test('the event log hears of the first failure, of each other kind, and of each 12th', () => {
    const rig = pop3();
    const noted: string[] = [];
    const kinds = [...Array(5).fill('refused'), ...Array(20).fill('timeout')];
    kinds.forEach((kind, index) => {
      rig.send(failure(index, kind));
      noted.push(
        ...rig.notes.map((note) => (note.type === 'connector.error' ? `${note.failures} ${note.kind}` : note.type)),
      );
    });
    expect(noted).toEqual(['1 refused', '6 timeout', '12 timeout', '24 timeout']);
    expect(rig.status.since).toBe(0);
  });

  test('a restart goes on counting', () => {
    const record = runtimeRecord({
      status: 'error',
      failures: 3,
      lastError: { at: 1, kind: 'auth', detail: '' },
      nextRetryAt: 900,
    });
    const rig = pop3({ record });
    expect(rig.session).toEqual({ pop3: 'backoff' });
    rig.send(failure(900, 'auth'));
    expect([rig.status.failures, rig.notes]).toEqual([4, []]);
    expect(rig.snapshot.context.backoffStep).toBe(4);
  });

  test('a successful run heals POP3 to active, and its failures are gone (T9)', () => {
    const rig = pop3().send(failure(20)).send(failure(50)).send(mail(80, 0));
    expect(rig.health).toBe('active');
    expect(rig.session).toEqual({ pop3: 'polling' });
    expect(rig.status).toMatchObject({ failures: 0, nextRetryAt: null, reason: null });
    expect(rig.notes).toEqual([
      { type: 'connector.recovered', at: 80, from: 'error', kind: 'refused', lastedMs: 60 },
      { type: 'run.first', at: 80 },
    ]);
  });

  test('a retry under way waits for nothing any more, and the error stands until a session succeeds (d.1)', () => {
    const rig = pop3()
      .send(failure(20, 'refused', 50))
      .send({ type: 'source.began', at: 50 });
    expect([rig.health, rig.session]).toEqual(['error', { pop3: 'retrying' }]);
    expect(rig.status).toMatchObject({ serviceStatus: 'error', reason: 'refused', failures: 1, nextRetryAt: null });
    expect(rig.send(failure(55, 'refused', 115)).session).toEqual({ pop3: 'backoff' });
    rig.send({ type: 'source.began', at: 115 }).send({ type: 'source.delayed', at: 120, nextPollAt: 180 });
    expect([rig.health, rig.session]).toEqual(['error', { pop3: 'backoff' }]);
    expect(rig.status).toMatchObject({ failures: 2, nextRetryAt: 180, nextPollAt: null });
    rig.send({ type: 'source.began', at: 180 }).send(mail(190, 0));
    expect([rig.health, rig.session]).toEqual(['active', { pop3: 'polling' }]);
    expect(rig.status).toMatchObject({ failures: 0, nextRetryAt: null });
  });

  test.each([
    ['awaitingInitialRun', runtimeRecord({ firstRunDone: false })],
    ['active', runtimeRecord()],
    ['down', runtimeRecord({ status: 'down', listenedMs: 180 * minuteMs, silenceNoted: true })],
  ])('binding again returns SMTP to %s as before (T9)', (health, record) => {
    const rig = new JournalRig({ record }).send(bound(0));
    expect([rig.health, rig.session]).toEqual([health, listening]);
    rig.send(failure(10, 'bind'));
    expect([rig.health, rig.session]).toEqual(['error', { smtp: 'bindBackoff' }]);
    expect(rig.status.failures).toBe(1);
    rig.send(bound(5_010));
    expect([rig.health, rig.session]).toEqual([health, listening]);
    expect(rig.notes).toEqual([
      { type: 'connector.recovered', at: 5_010, from: 'error', kind: 'bind', lastedMs: 5_000 },
    ]);
  });

  test('a message still in DATA when the listener was lost does not hide that it is lost', () => {
    const rig = new JournalRig().send(bound(0)).send(failure(10, 'bind')).send(mail(11));
    expect(rig.health).toBe('error');
    expect(rig.status.lastMessageAt).toBe(11);
    expect(rig.send(bound(20)).health).toBe('active');
  });

  test('a listener that failed while the definition was suspended is an error once it is active', () => {
    const rig = new JournalRig({ suspended: true }).send(failure(10, 'bind')).send(activate(20));
    expect([rig.health, rig.session]).toEqual(['error', { smtp: 'bindBackoff' }]);
    expect(rig.notes).toEqual([expect.objectContaining({ type: 'connector.error', kind: 'bind', failures: 1 })]);
  });

  test('a listener bound while the definition was suspended is listened to at once', () => {
    const rig = new JournalRig({ suspended: true }).send(bound(10)).send(activate(20));
    expect([rig.health, rig.session]).toEqual(['awaitingInitialRun', listening]);
    expect(rig.snapshot.context.listeningSinceAt).toBe(20);
  });

  test.each([
    ['a retry', retry(70)],
    ['a saved change', changed(70)],
  ])('%s connects a POP3 source that waits or tries at once, from the first wait on (T10)', (_, event) => {
    const waiting = pop3()
      .send(failure(20, 'auth', 9_000))
      .send(failure(50, 'auth', 99_000));
    const trying = pop3()
      .send(failure(20, 'auth', 40))
      .send(failure(50, 'auth', 60))
      .send({ type: 'source.began', at: 60 });
    for (const rig of [waiting, trying]) {
      const before = rig.snapshot.children['source'];
      rig.send(event);
      expect(rig.snapshot.children['source']).not.toBe(before);
      expect([rig.health, rig.session]).toEqual(['error', { pop3: 'backoff' }]);
      expect(rig.notes).toEqual([{ type: 'connector.retry', at: 70 }]);
      expect(rig.status).toMatchObject({ nextRetryAt: null, failures: 2 });
      expect(rig.snapshot.context.backoffStep).toBe(0);
    }
  });

  test('a retry of SMTP waits for what the listener says next (T10)', () => {
    const rig = new JournalRig().send(failure(10, 'bind')).send(retry(20));
    expect([rig.health, rig.session]).toEqual(['error', { smtp: 'binding' }]);
    expect(rig.notes).toEqual([{ type: 'connector.retry', at: 20 }]);
    expect(rig.send(bound(30)).session).toEqual(listening);
  });

  test('a run asked for between two polls starts one, and is told with who asked (T10, c.8)', () => {
    const rig = pop3().send({ ...mail(10, 0), nextPollAt: 60_000 });
    const before = rig.snapshot.children['source'];
    rig.send({ type: 'operator.retry', at: 50, actor: 'ada' });
    expect(rig.snapshot.children['source']).not.toBe(before);
    expect(rig.notes).toEqual([{ type: 'connector.retry', at: 50, actor: 'ada' }]);
    expect(rig.status).toMatchObject({ nextPollAt: null, serviceStatus: 'active' });
  });

  test('a run asked for while one is under way changes nothing', () => {
    const first = pop3();
    const overdue = pop3().send({ ...mail(10, 0), nextPollAt: 60 });
    for (const rig of [first, overdue]) {
      const before = rig.snapshot.children['source'];
      rig.send(retry(61));
      expect(rig.snapshot.children['source']).toBe(before);
      expect(rig.notes).toEqual([]);
    }
  });

  test('a retry of what works changes nothing', () => {
    const rig = pop3().send(mail(10));
    const before = rig.snapshot;
    expect(rig.send(retry(20)).snapshot.value).toEqual(before.value);
    expect(rig.notes).toEqual([]);
  });

  test('a new secret makes a polling source connect again, other options do not (T11)', () => {
    const rig = pop3().send(mail(10));
    const first = rig.snapshot.children['source'];
    expect(rig.send(changed(20)).snapshot.children['source']).toBe(first);
    expect(rig.send(changed(30, 180 * minuteMs, true)).snapshot.children['source']).not.toBe(first);
    expect(rig.health).toBe('active');
  });
});

describe('suspending', () => {
  test('it ends the source, forgets the error and its counters, and goes on processing (T3)', () => {
    const rig = pop3().send(failure(20)).send(failure(50)).send(suspend(60));
    expect(rig.snapshot.value).toEqual({ connection: 'suspended', processing: { draining: 'open' } });
    expect(rig.snapshot.children['source']).toBeUndefined();
    expect(rig.snapshot.children['processing']).toBeDefined();
    expect(rig.status).toMatchObject({
      serviceStatus: 'suspended',
      since: 60,
      reason: null,
      failures: 0,
      nextRetryAt: null,
    });
    expect(rig.emitted).toContainEqual({ type: 'runtime.due', at: 60 });
  });

  test('twice changes nothing', () => {
    const rig = new JournalRig().send(suspend(60)).send(suspend(90));
    expect([rig.status.since, rig.emitted]).toEqual([60, []]);
  });

  test('activating returns to where it was, the inactivity clock where it stood (T2)', () => {
    const rig = new JournalRig()
      .send(bound(0))
      .send(mail(1_000))
      .send(suspend(31_000))
      .send(activate(5 * hourMs));
    expect([rig.health, rig.session]).toEqual(['active', listening]);
    expect(rig.snapshot.context).toMatchObject({ listenedMs: 30_000, listeningSinceAt: 5 * hourMs });
  });

  test('a message in DATA at that moment still counts', () => {
    const rig = new JournalRig().send(bound(0)).send(suspend(10)).send(mail(12));
    expect(rig.status).toMatchObject({ serviceStatus: 'suspended', lastMessageAt: 12 });
  });

  test('options may change while suspended (T12)', () => {
    const rig = new JournalRig({ suspended: true }).send(changed(10, 5 * minuteMs));
    expect(rig.snapshot.context.inactivityAllowedMs).toBe(5 * minuteMs);
    expect(rig.status.serviceStatus).toBe('suspended');
  });
});

describe('our own crashes', () => {
  test('a source that breaks is an error that says so, and rests before it starts again', () => {
    const rig = new JournalRig().send(bound(0));
    rig.at = 100;
    crash(rig, 'source', 'a bug');
    expect([rig.health, rig.session]).toEqual(['error', 'faulted']);
    expect(rig.status).toMatchObject({ reason: 'faulted', detail: 'Error: a bug', nextRetryAt: 30_100, since: 100 });
    expect(rig.notes).toEqual([expect.objectContaining({ type: 'connector.error', part: 'source', kind: 'faulted' })]);
    rig.runOut('faultRest');
    expect([rig.at, rig.session, rig.health]).toEqual([30_100, listening, 'error']);
    expect(rig.notes).toEqual([]);
  });

  test.each([
    ['a message', (rig: JournalRig) => rig.send(mail(rig.at + 5))],
    ['a minute of listening', (rig: JournalRig) => rig.runOut('listeningTick')],
  ])('%s after the new start heals it', (_, heal) => {
    const rig = new JournalRig().send(bound(0));
    crash(rig, 'source', 'a bug').runOut('faultRest');
    heal(rig);
    expect(rig.status).toMatchObject({ failures: 0, reason: null });
    expect(rig.notes[0]).toMatchObject({ type: 'connector.recovered', kind: 'faulted' });
  });

  test('a source that breaks at every start is noted once, not each time', () => {
    const rig = new JournalRig().send(bound(0));
    const noted: number[] = [];
    for (let crashes = 1; crashes <= 12; crashes++) {
      crash(rig, 'source', 'a bug');
      noted.push(rig.notes.length);
      rig.runOut('faultRest');
    }
    expect(noted).toEqual([1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
  });

  test('a source that ends by itself is a crash too', () => {
    const rig = pop3().send({
      type: 'xstate.done.actor.source',
      output: undefined,
      actorId: 'source',
    } as unknown as JournalEvent);
    expect([rig.health, rig.session]).toEqual(['error', 'faulted']);
  });

  test.each(['source', 'processing'] as const)(
    'a crash of %s that is heard after it was left breaks nothing',
    (slot) => {
      const rig = new JournalRig().send(suspend(10));
      crash(crash(rig, slot, 'a bug'), slot, 'late');
      expect(rig.status).toMatchObject({ serviceStatus: 'suspended' });
      expect(rig.snapshot.status).toBe('active');
    },
  );

  test('the listener may come and go while a source rests', () => {
    const rig = new JournalRig().send(bound(0));
    crash(rig, 'source', 'a bug').send(failure(10, 'bind')).send(bound(20));
    expect([rig.session, rig.health]).toEqual(['faulted', 'error']);
    expect(rig.runOut('faultRest').session).toEqual(listening);
  });

  test.each([retry(10), changed(10)])('an operator need not wait for the rest', (event) => {
    const rig = new JournalRig().send(bound(0));
    expect(crash(rig, 'source', 'a bug').send(event).session).toEqual(listening);
  });

  test('processing that breaks is shown as error while it rests, even though the connection works', () => {
    const rig = new JournalRig().send(bound(0)).send(mail(5));
    rig.at = 50;
    crash(rig, 'processing', 'a bug');
    expect(rig.snapshot.value).toMatchObject({ processing: 'faulted', connection: { enabled: { health: 'active' } } });
    expect(rig.status).toMatchObject({ serviceStatus: 'error', reason: 'faulted', since: 50, detail: 'Error: a bug' });
    expect(rig.notes).toEqual([expect.objectContaining({ part: 'processing', failures: 1, nextRetryAt: 30_050 })]);
    rig.runOut('faultRest');
    expect(rig.snapshot.value).toMatchObject({ processing: { draining: 'open' } });
    expect(rig.status.serviceStatus).toBe('active');
  });

  test('processing that breaks in a row is noted at the first and each 12th, until it has settled something', () => {
    const rig = new JournalRig();
    const noted: number[] = [];
    for (let crashes = 1; crashes <= 12; crashes++) {
      crash(rig, 'processing', 'a bug');
      noted.push(rig.notes.length);
      rig.runOut('faultRest');
    }
    expect(noted).toEqual([1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    rig.send({ type: 'processing.settled', at: rig.at, settlements: [] });
    expect(crash(rig, 'processing', 'a bug').notes).toHaveLength(1);
  });

  test('processing that ends by itself is a crash, unless the engine stops', () => {
    const done = {
      type: 'xstate.done.actor.processing',
      output: undefined,
      actorId: 'processing',
    } as unknown as JournalEvent;
    expect(new JournalRig().send(done).snapshot.value).toMatchObject({ processing: 'faulted' });
    const stopped = new JournalRig().send(stop(10)).send(done).snapshot;
    expect(stopped).toMatchObject({ status: 'done', value: { connection: 'stopped', processing: 'stopped' } });
  });
});

describe('stopping (T16)', () => {
  test('the source ends first, the window in hand may finish', () => {
    const rig = new JournalRig().send(bound(0)).send(stop(10));
    expect(rig.snapshot.value).toEqual({ connection: 'stopped', processing: { draining: 'finishing' } });
    expect(rig.snapshot.children['source']).toBeUndefined();
    expect(rig.snapshot.children['processing']).toBeDefined();
  });

  test('a window that does not end is left, it is on disk', () => {
    const rig = new JournalRig().send(bound(0)).send(stop(10)).runOut('stopGrace');
    expect([rig.at, rig.snapshot.status]).toEqual([15_010, 'done']);
  });

  test('its output is the record to start from again', () => {
    const rig = new JournalRig().send(bound(0)).send(mail(5)).send(stop(1_005)).runOut('stopGrace');
    expect(rig.snapshot.output).toEqual(
      runtimeRecord({ since: 5, listenedMs: 1_000, lastMessageAt: 5, lastSuccessfulExtractAt: 5 }),
    );
    expect(rig.status.serviceStatus).toBe('active');
  });

  it.each([journalInput({ suspended: true }), journalInput({ transport: 'pop3' })])('works from anywhere', (input) => {
    const rig = new JournalRig(input).send(stop(10));
    crash(rig, 'processing', 'a bug').send(stop(20));
    expect(rig.snapshot.status).toBe('done');
  });
});
