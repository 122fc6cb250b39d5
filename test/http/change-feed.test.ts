import { TestScheduler } from 'rxjs/testing';
import { expect, test } from 'vitest';
import type { EngineChange } from '../../src/http/api.types.ts';
import { changeFeed, type FeedOptions } from '../../src/http/change-feed.ts';
import { event, fakeEngine, status } from '../support/fake-engine-api.ts';

const virtualTime = () => new TestScheduler((actual, expected) => expect(actual).toEqual(expected));
const changes: Record<string, EngineChange> = {
  s: { kind: 'status', definitionId: 'exchange-1' },
  t: { kind: 'status', definitionId: 'mailbox-2' },
  u: { kind: 'status', definitionId: 'removed' },
  e: { kind: 'event', event: event(7) },
};

const reader = { role: 'operator', stands: () => true } as const;

/** A feed whose frames are told apart by a letter: the definition or `e`, with the failures of the status. */
function feedOf(marbles: string, expected: string, until: string, more: Partial<FeedOptions> = {}): void {
  virtualTime().run(({ hot, expectObservable }) => {
    const change$ = hot(marbles, changes);
    const time = { ids: new Set(['exchange-1', 'mailbox-2']) };
    const statusOf = (id: string) => (time.ids.has(id) ? status({ id }) : undefined);
    const engine = fakeEngine({ changes$: change$, statusOf });
    const values = {
      S: `event: status\ndata: ${JSON.stringify(status())}\n\n`,
      T: `event: status\ndata: ${JSON.stringify(status({ id: 'mailbox-2' }))}\n\n`,
      E: expect.stringMatching(/^event: event\nid: 7\ndata: \{"seq":7,"at":"2026-01-31T08:00:00\.000Z",.*\}\n\n$/),
      H: expect.stringMatching(/^event: beat\ndata: \{"now":"1970-01-01T00:00:\d\d\.000Z"\}\n\n$/),
    };
    const scheduler = change$.scheduler;
    expectObservable(changeFeed(engine.api, { ...reader, clock: scheduler, ...more }), until).toBe(expected, values);
  });
}

test('the first frame is the status as it is; changes within a second come once, at its end', () => {
  feedOf('100ms s 100ms s 100ms s', 'S 999ms S', '^ 3s !');
});

test('a change after a quiet second comes at once, and the next one a second later', () => {
  feedOf('2s s 99ms s', 'S 1999ms S 999ms S', '^ 3s !');
});

test('a definition that changes all the time is shown once a second, another one is not held up by it', () => {
  feedOf('300ms s 299ms s 299ms s 299ms t 299ms s', 'S 999ms S 199ms T 799ms S', '^ 3s !');
});

test('events come as they are, a definition that is gone not at all', () => {
  feedOf('100ms e u 98ms e', 'S 99ms E 99ms E', '^ 3s !');
});

test('who may not read the event log gets no events', () => {
  feedOf('100ms e 99ms e', 'S', '^ 3s !', { role: 'viewer' });
});

test('a quiet feed has a beat each 4 s with the time, and ends with the engine', () => {
  feedOf('10s |', 'S 3999ms H 3999ms H 1999ms |', '^ 40s !');
});

test('a feed ends at the first beat at which its reader may not have it any more', () => {
  const times = { asked: 0 };
  const stands = (): boolean => {
    times.asked += 1;
    return times.asked < 3;
  };
  feedOf('20s |', 'S 3999ms H 3999ms H 3999ms |', '^ 40s !', { stands });
});
