import { concat, NEVER, of, type Subject } from 'rxjs';
import { describe, expect, test } from 'vitest';
import { createActor } from 'xstate';
import type { ListenerNews } from '../../machines/engine.events.ts';
import { engineMachine } from '../../machines/engine.machine.ts';
import { readinessOf } from '../../machines/engine.readiness.ts';
import { journalOf } from '../../machines/follow.ts';
import type { JournalDefinition, SourceNews } from '../../machines/journal.events.ts';
import { definition, EngineRig } from './engine-rig.ts';
import { runtimeRecord } from './journal-rig.ts';

const stop = (rig: EngineRig) => rig.actor.send({ type: 'engine.stop', at: rig.time.now() });
const ready = (rig: EngineRig) => readinessOf(rig.actor.getSnapshot());

describe('opening', () => {
  test('the store first, then the journals and the listeners', async () => {
    const rig = new EngineRig();
    rig.actor.start();
    expect([rig.state, rig.listeners.size, rig.statusOf('a')]).toEqual(['opening', 0, undefined]);
    expect(ready(rig)).toEqual({ ready: false, missing: ['the store is not open yet'] });
    await rig.start();
    expect(rig.state).toEqual({ running: { smtp: { open: 'binding' }, gateway: 'off' } });
    expect(rig.statusOf('a')?.serviceStatus).toBe('awaiting-initial-run');
    expect(rig.said).toContainEqual({ type: 'engine.restored', at: 0, definitions: 1 });
  });

  test('each journal goes on from its runtime record', async () => {
    const records = { a: runtimeRecord({ since: 3 }), b: runtimeRecord({ status: 'suspended', since: 4 }) };
    const definitions = [definition('a'), definition('b', { suspended: true }), definition('c')];
    const rig = await new EngineRig({ records, definitions }).start();
    expect(['a', 'b', 'c'].map((id) => [rig.statusOf(id)?.serviceStatus, rig.statusOf(id)?.since])).toEqual([
      ['active', 3],
      ['suspended', 4],
      ['awaiting-initial-run', 0],
    ]);
  });

  test('a store that does not open ends the engine, which says why', async () => {
    const error = new Error('locked');
    const rig = await new EngineRig({ open: () => Promise.reject(error) }).start();
    expect(rig.actor.getSnapshot()).toMatchObject({ status: 'done', output: { fault: { part: 'store', error } } });
    expect(ready(rig)).toEqual({ ready: false, missing: ['the store could not be opened'] });
    expect(rig.closed).toBe(0);
  });

  test('a stop while it opens closes what was opened, and no journal starts', async () => {
    const rig = new EngineRig({ open: () => new Promise(() => undefined) });
    rig.actor.start();
    stop(rig);
    await rig.pass(0);
    expect(rig.actor.getSnapshot()).toMatchObject({ status: 'done', output: { fault: null } });
    expect([rig.closed, rig.said.map(({ type }) => type)]).toEqual([1, []]);
  });

  test('definitions that change while it opens are the ones that start', async () => {
    const rig = new EngineRig();
    rig.actor.start();
    rig.actor.send({
      type: 'definitions.changed',
      at: 0,
      listeners: [],
      definitions: [definition('z')],
      reconnect: [],
    });
    await rig.start();
    expect([rig.statusOf('a'), rig.statusOf('z')?.serviceStatus]).toEqual([undefined, 'awaiting-initial-run']);
  });

  test('a slot that nobody filled is a fault under its name', async () => {
    const rig = new EngineRig();
    const actor = createActor(engineMachine, { input: { definitions: [], listeners: [], clock: rig.time } }).start();
    await rig.pass(0);
    expect(String(actor.getSnapshot().output?.fault?.error)).toContain('the actor "store" was not provided');
  });
});

describe('listeners', () => {
  test('it is ready once every configured listener is bound', async () => {
    const rig = await new EngineRig({ listeners: ['smtp', 'gateway'] }).start();
    expect(ready(rig).missing).toEqual(['the smtp listener is not bound', 'the gateway listener is not bound']);
    rig.bind('smtp');
    expect(rig.state).toEqual({ running: { smtp: { open: 'bound' }, gateway: { open: 'binding' } } });
    rig.lose('gateway');
    expect(ready(rig).missing).toEqual(['the gateway listener is not bound: EADDRINUSE']);
    await rig.pass(5_000);
    rig.bind('gateway');
    expect(ready(rig)).toEqual({ ready: true, missing: [] });
  });

  test('every SMTP journal hears of it, and no other one', async () => {
    const definitions = [definition('a'), definition('b'), definition('p', { transport: 'pop3' })];
    const rig = await new EngineRig({ definitions, listeners: ['smtp', 'gateway'] }).start();
    const heard = (id: string) => [rig.statusOf(id)?.serviceStatus, rig.statusOf(id)?.nextRetryAt];
    await rig.pass(100);
    rig.lose('smtp');
    expect([heard('a'), heard('b')]).toEqual([
      ['error', 5_100],
      ['error', 5_100],
    ]);
    expect(heard('p')).toEqual(['awaiting-initial-run', null]);
    await rig.pass(5_000);
    rig.bind('smtp');
    rig.lose('gateway');
    expect([heard('a'), heard('b')]).toEqual([
      ['awaiting-initial-run', null],
      ['awaiting-initial-run', null],
    ]);
    expect(rig.notes).toEqual(['connector.error', 'connector.recovered'].flatMap((type) => [`a ${type}`, `b ${type}`]));
  });

  test('binding is tried again after 5, 15, then each 60 s, and from 5 s on after a success', async () => {
    const rig = await new EngineRig().start();
    const waits: number[] = [];
    const waitToOpen = async () => {
      const since = rig.time.now();
      while (!rig.listeners.has('smtp')) await rig.pass(1_000);
      waits.push(rig.time.now() - since);
    };
    for (let failures = 1; failures <= 4; failures++) {
      rig.lose();
      await waitToOpen();
    }
    rig.bind();
    rig.lose();
    await waitToOpen();
    expect(waits).toEqual([5_000, 15_000, 60_000, 60_000, 5_000]);
  });

  test('a retry of the operator cuts the wait short', async () => {
    const rig = await new EngineRig().start();
    rig.lose();
    expect(rig.listeners.has('smtp')).toBe(false);
    rig.actor.send({ type: 'operator.retry', at: rig.time.now() });
    expect(rig.state).toMatchObject({ running: { smtp: { open: 'binding' } } });
    rig.bind();
    expect(rig.statusOf('a')?.serviceStatus).toBe('awaiting-initial-run');
  });

  test.each([
    ['breaks', (listener: Subject<ListenerNews>) => listener.error(new Error('a bug'))],
    ['ends by itself', (listener: Subject<ListenerNews>) => listener.complete()],
  ])('a listener that %s is lost like any other, and opened again', async (_, end) => {
    const rig = await new EngineRig().start();
    rig.bind();
    end(rig.listener('smtp'));
    expect(rig.statusOf('a')).toMatchObject({ serviceStatus: 'error', reason: 'faulted' });
    expect(rig.said.at(-1)).toMatchObject({ type: 'listener.error', name: 'smtp', failures: 1, nextRetryAt: 5_000 });
    await rig.pass(5_000);
    rig.bind();
    await rig.pass(60_000);
    expect(rig.statusOf('a')?.serviceStatus).toBe('awaiting-initial-run');
  });

  test('a lasting failure is told once, then at the 12th', async () => {
    const rig = await new EngineRig({ listeners: ['gateway'] }).start();
    for (let failures = 1; failures <= 12; failures++) {
      rig.lose('gateway');
      await rig.pass(60_000);
    }
    const told = rig.said.flatMap((said) => (said.type === 'listener.error' ? [said.failures] : []));
    expect(told).toEqual([1, 12]);
  });
});

describe('definitions', () => {
  test('are started, told and stopped without touching the others', async () => {
    const definitions = [definition('a'), definition('b'), definition('c', { transport: 'pop3' })];
    const rig = await new EngineRig({ definitions }).start();
    rig.bind();
    const actors = (ids: string) => [...ids].map((id) => journalOf(rig.actor, id));
    const [a, b, c] = actors('abc');
    rig.actor.send({
      type: 'definitions.changed',
      at: rig.time.now(),
      listeners: [],
      definitions: [definition('a'), definition('c', { inactivityAllowedMs: 60_000 }), definition('d')],
      reconnect: [],
    });
    expect(actors('a')).toEqual([a]);
    expect(rig.statusOf('b')).toBeUndefined();
    expect(b?.getSnapshot().status).toBe('stopped');
    expect(c === journalOf(rig.actor, 'c')).toBe(false);
    expect(rig.ended.toSorted()).toEqual(['processing b', 'processing c', 'source b', 'source c']);
    expect(rig.statusOf('d')).toMatchObject({
      machine: { connection: { enabled: { session: { smtp: 'listening' } } } },
    });
  });

  test('the first definition of its transport opens the listener, and without it the listener stays', async () => {
    const rig = await new EngineRig({ definitions: [], listeners: [] }).start();
    expect([...rig.listeners.keys()]).toEqual([]);
    const change = (definitions: readonly JournalDefinition[]) =>
      rig.actor.send({
        type: 'definitions.changed',
        at: 0,
        definitions,
        listeners: definitions.length > 0 ? ['smtp'] : [],
        reconnect: [],
      });
    change([definition('a')]);
    expect([...rig.listeners.keys()]).toEqual(['smtp']);
    rig.bind();
    expect(rig.statusOf('a')?.machine).toMatchObject({ connection: { enabled: { session: { smtp: 'listening' } } } });
    change([]);
    expect(rig.actor.getSnapshot().value).toMatchObject({ running: { smtp: { open: 'bound' } } });
  });

  test('a changed option or secret is told to the journal that has it', async () => {
    const starts: string[] = [];
    const source = ({ definitionId }: { readonly definitionId: string }) => {
      starts.push(definitionId);
      return NEVER;
    };
    const pop3 = (id: string, change = {}) => definition(id, { transport: 'pop3', ...change });
    const rig = await new EngineRig({ definitions: [pop3('a'), pop3('b')], source }).start();
    const definitions = [pop3('a', { inactivityAllowedMs: 60_000 }), pop3('b')];
    rig.actor.send({ type: 'definitions.changed', at: 0, listeners: [], definitions, reconnect: ['b'] });
    expect(starts).toEqual(['a', 'b', 'b']);
    expect(journalOf(rig.actor, 'a')?.getSnapshot().context.inactivityAllowedMs).toBe(60_000);
  });

  test('a definition that did not change is left alone, even while it waits', async () => {
    const failed = { type: 'source.failed', at: 0, kind: 'auth', detail: '', nextRetryAt: 300_000 } as const;
    const source = () => concat(of<SourceNews>(failed), NEVER);
    const definitions = [definition('p', { transport: 'pop3' })];
    const rig = await new EngineRig({ definitions, source }).start();
    rig.actor.send({ type: 'definitions.changed', at: 5, listeners: [], definitions, reconnect: [] });
    expect(rig.statusOf('p')).toMatchObject({ nextRetryAt: 300_000, failures: 1 });
    expect(rig.notes).toEqual(['p connector.error']);
  });

  test('what a journal says while it starts is heard', async () => {
    const source = () => concat(of<SourceNews>({ type: 'source.extracted', at: 0, count: 1 }), NEVER);
    const rig = await new EngineRig({ source }).start();
    expect(rig.notes).toEqual(['a run.first']);
  });

  test('a journal whose chart breaks is told, shown as error, and started again with what it knew', async () => {
    const rig = await new EngineRig().start();
    rig.bind();
    const journal = journalOf(rig.actor, 'a');
    journal?.send({ type: 'source.extracted', at: 40, count: 1 });
    journal?.send({ type: 'definition.changed', at: 50, inactivityAllowedMs: -1, reconnect: false });
    expect(rig.statusOf('a')).toMatchObject({ serviceStatus: 'error', reason: 'faulted' });
    expect(rig.said.at(-1)).toMatchObject({ type: 'journal.broke', definitionId: 'a' });
    await rig.pass(29_999);
    expect(rig.statusOf('a')?.serviceStatus).toBe('error');
    await rig.pass(1);
    expect(rig.statusOf('a')).toMatchObject({ serviceStatus: 'active', lastMessageAt: 40 });
    expect(rig.statusOf('a')?.machine).toMatchObject({ connection: { enabled: { session: { smtp: 'listening' } } } });
  });

  test('one that was replaced meanwhile is not started again either', async () => {
    const rig = await new EngineRig().start();
    journalOf(rig.actor, 'a')?.send({ type: 'definition.changed', at: 0, inactivityAllowedMs: -1, reconnect: false });
    const definitions = [definition('a', { transport: 'pop3' })];
    rig.actor.send({ type: 'definitions.changed', at: 0, listeners: [], definitions, reconnect: [] });
    const replaced = journalOf(rig.actor, 'a');
    await rig.pass(60_000);
    expect(journalOf(rig.actor, 'a')).toBe(replaced);
    expect(rig.statusOf('a')?.serviceStatus).toBe('awaiting-initial-run');
  });

  test('one that was removed meanwhile is not started again', async () => {
    const rig = await new EngineRig().start();
    journalOf(rig.actor, 'a')?.send({ type: 'definition.changed', at: 0, inactivityAllowedMs: -1, reconnect: false });
    rig.actor.send({
      type: 'definitions.changed',
      at: 0,
      listeners: [],
      definitions: [],
      reconnect: [],
    });
    await rig.pass(60_000);
    expect(rig.statusOf('a')).toBeUndefined();
    expect(rig.actor.getSnapshot().status).toBe('active');
  });
});

describe('stopping', () => {
  test('sources and listeners first, then the windows, the store last', async () => {
    const rig = await new EngineRig({ definitions: [definition('a'), definition('b')] }).start();
    rig.bind();
    stop(rig);
    expect([rig.state, ready(rig).missing]).toEqual(['draining', ['the engine is stopping']]);
    expect([...rig.ended].sort()).toEqual(['listener smtp', 'source a', 'source b']);
    rig.windowsEnd.next();
    await rig.pass(0);
    expect(rig.ended.slice(3)).toEqual(['processing a', 'processing b', 'store']);
    expect(rig.actor.getSnapshot()).toMatchObject({ status: 'done', value: 'stopped' });
    expect(rig.said.map(({ type }) => type)).toContain('engine.stopping');
  });

  test('its output has the runtime record of each journal', async () => {
    const rig = await new EngineRig().start();
    rig.bind();
    await rig.pass(7_000);
    stop(rig);
    rig.windowsEnd.next();
    await rig.pass(0);
    expect(rig.actor.getSnapshot().output).toMatchObject({ records: { a: { listenedMs: 7_000 } }, fault: null });
  });

  test('a window that does not end is left after 15 s, well inside the 30 s', async () => {
    const rig = await new EngineRig().start();
    stop(rig);
    await rig.pass(14_999);
    expect(rig.state).toBe('draining');
    await rig.pass(1);
    expect([rig.state, rig.time.now()]).toEqual(['stopped', 15_000]);
  });

  test('a journal whose chart breaks meanwhile does not hold up the stop', async () => {
    const rig = await new EngineRig().start();
    stop(rig);
    rig.actor.send({ type: 'xstate.error.actor.journal.a', actorId: 'journal.a', error: new Error('a bug') });
    await rig.pass(0);
    expect(rig.state).toBe('stopped');
  });

  test('one that broke before the stop does not either', async () => {
    const rig = await new EngineRig().start();
    journalOf(rig.actor, 'a')?.send({ type: 'definition.changed', at: 0, inactivityAllowedMs: -1, reconnect: false });
    stop(rig);
    await rig.pass(0);
    expect(rig.state).toBe('stopped');
  });

  test.each([
    [0, 26_000],
    [15_000, 11_000],
  ])('closing has what the journals left of 26 s: after %d ms of theirs %d', async (windowsMs, leftMs) => {
    const rig = await new EngineRig({ close: () => new Promise<void>(() => undefined) }).start();
    stop(rig);
    await rig.pass(windowsMs);
    rig.windowsEnd.next();
    await rig.pass(leftMs - 1);
    expect(rig.state).toBe('closing');
    await rig.pass(1);
    expect([rig.state, rig.time.now()]).toEqual(['stopped', 26_000]);
  });

  test('a client in DATA that takes its 10 s makes no fault of the stop', async () => {
    let listenersClosed = (): void => undefined;
    const close = () => new Promise<void>((resolve) => (listenersClosed = resolve));
    const rig = await new EngineRig({ definitions: [], close }).start();
    stop(rig);
    await rig.pass(10_500);
    listenersClosed();
    await rig.pass(0);
    expect(rig.actor.getSnapshot()).toMatchObject({ value: 'stopped', output: { fault: null } });
  });

  test.each([
    ['fails', () => Promise.reject(new Error('EIO')), 'EIO'],
    ['hangs', () => new Promise<void>(() => undefined), 'closing took too long'],
  ])('a store whose closing %s is said, and the engine ends', async (_, close, why) => {
    const rig = await new EngineRig({ definitions: [], close }).start();
    stop(rig);
    await rig.pass(0);
    await rig.pass(26_000);
    const { status, output } = rig.actor.getSnapshot();
    expect([status, output?.fault?.part, String(output?.fault?.error)]).toEqual(['done', 'closing', `Error: ${why}`]);
  });
});
