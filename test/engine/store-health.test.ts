import { BehaviorSubject } from 'rxjs';
import { beforeEach, describe, expect, test } from 'vitest';
import type { EngineActor } from '../../machines/follow.ts';
import { followBodies, followStore } from '../../src/engine/store-health.ts';
import type { Workshop } from '../../src/engine/workshop.ts';
import { VirtualClock } from '../support/virtual-time.ts';

const noon = Date.UTC(2026, 11, 1, 12);
const failing = { since: noon, detail: 'connect ECONNREFUSED' };

/** An engine with a definition of each transport, whose journals note what they are told. */
function set() {
  const heard: string[] = [];
  const listener = { state: 'bound' };
  const health$ = new BehaviorSubject({ open: true, since: 0, detail: null as string | null });
  const context = { status: 'active', since: 0, processingFault: null, lastError: { kind: 'storage', detail: '' } };
  const journal = (id: string, own = context) => ({
    send: ({ type, detail = '' }: { readonly type: string; readonly detail?: string }) => {
      heard.push(`${id} ${type} ${detail}`.trim());
      own.status = type === 'source.failed' ? 'error' : 'active';
    },
    getSnapshot: () => ({ status: 'active', context: own }),
  });
  const actor = {
    getSnapshot: () => ({
      context: { listeners: { smtp: { state: listener } } },
      children: { 'journal.lines': journal('lines'), 'journal.box': journal('box', { ...context }) },
    }),
  } as unknown as EngineActor;
  const workshop = {
    store: {
      health$,
      get health() {
        return health$.value;
      },
    },
    book: {
      all: () => [
        { id: 'lines', config: { transport: 'smtp' }, options: {} },
        { id: 'box', config: { transport: 'pop3' }, options: {} },
      ],
    },
    clock: new VirtualClock(noon),
    watches: { bodiless: false },
    log: () => undefined,
    note: () => undefined,
    troubled: () => undefined,
  } as unknown as Workshop;
  followStore(workshop, actor);
  const storeIs = (open: boolean): void => health$.next({ open, since: noon, detail: open ? null : 'no disk' });
  return {
    heard,
    listener,
    lines: context,
    storeIs,
    bodies: followBodies(workshop, actor),
    flush: () => heard.splice(0),
  };
}

describe('what definitions hear of a store that takes no mail', () => {
  let { listener, lines, storeIs, bodies, flush } = set();
  beforeEach(() => {
    ({ listener, lines, storeIs, bodies, flush } = set());
  });

  test('one that fails is told to all, and when it is open SMTP listens and a mailbox is polled', () => {
    storeIs(false);
    expect(flush()).toEqual(['lines source.failed no disk', 'box source.failed no disk']);
    storeIs(true);
    expect(flush()).toEqual(['box definition.changed', 'lines source.bound']);
  });

  test('bodies that cannot be stored are told once to those that listen, and their end', () => {
    bodies(failing);
    bodies(failing);
    expect(flush()).toEqual(['lines source.failed connect ECONNREFUSED']);
    bodies(null);
    expect(flush()).toEqual(['lines source.bound']);
  });

  test('who is activated meanwhile hears of it too', () => {
    lines.status = 'suspended';
    bodies(failing);
    expect(flush()).toEqual([]);
    lines.status = 'active';
    bodies(failing);
    expect(flush()).toEqual(['lines source.failed connect ECONNREFUSED']);
  });

  test('nobody is told to listen before both are well, whichever is so first', () => {
    bodies(failing);
    storeIs(false);
    flush();
    storeIs(true);
    expect(flush()).toEqual(['box definition.changed']);
    bodies(null);
    expect(flush()).toEqual(['lines source.bound']);
    bodies(failing);
    storeIs(false);
    flush();
    bodies(null);
    expect(flush()).toEqual([]);
    storeIs(true);
    expect(flush()).toEqual(['box definition.changed', 'lines source.bound']);
  });

  test('where the listener is not bound it says so itself', () => {
    listener.state = 'failed';
    bodies(failing);
    bodies(null);
    expect(flush()).toEqual(['lines source.failed connect ECONNREFUSED']);
  });
});
