import { filter, firstValueFrom, from, type SchedulerLike, type Subscription, tap } from 'rxjs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { unwrap } from '../../src/report/unwrap.ts';
import { decode } from '../../src/store/bodies.ts';
import type { Store } from '../../src/store/open-store.ts';
import type { SpoolItem } from '../../streams/message.ts';
import { processing } from '../../streams/processing.ts';
import type { Spool, Whose } from '../../streams/spool.ts';
import { insert, matchOrInsert, parsedAs, request, waiting } from '../contracts/store-home.ts';
import { type ClusterFixture, openClusterFixture, quickClock, sameHead, takeInto } from '../support/cluster-fixture.ts';
import { eventually } from '../support/eventually.ts';
import { lunchReport } from '../support/journey-mail.ts';
import { type Postgres, postgresLeftOut, startPostgres } from '../support/postgres.ts';
import { sha256, value } from '../support/store-fixture.ts';
import { everybodyKnown, journalOptions, matchingOptions, minute, second } from '../support/stream-shapes.ts';

const now = Date.now() + minute;
const [left, theirs] = [now + 8 * second, now + 10 * second];

/** Two workers of which the first does not hold the definition. */
describe.skipIf(postgresLeftOut())('who works on what, of two workers', () => {
  let postgres: Postgres;
  let cluster: ClusterFixture;
  let taker: Store;
  let holder: Store;
  beforeAll(async () => {
    postgres = await startPostgres();
  });
  afterAll(async () => {
    await postgres?.[Symbol.asyncDispose]();
  });

  describe('by what each spool gives out', () => {
    beforeEach(async () => {
      cluster = await openClusterFixture({ postgres: postgres.url, now: () => now });
      taker = await cluster.open('taker');
      holder = await cluster.open('holder');
    });
    afterEach(() => cluster[Symbol.asyncDispose]());

    const due = async (store: Store, whose: Whose, at = now, limit = 100): Promise<readonly SpoolItem[]> =>
      (await firstValueFrom(from(store.spool.due('exchange', at, limit, whose)))).items;
    const ids = async (...of: Parameters<typeof due>) => (await due(...of)).map(({ intakeId }) => intakeId);
    const taken = async (...intakeIds: readonly string[]): Promise<void> => {
      for (const id of intakeIds) await takeInto(taker, id, { at: now });
      await sameHead(taker, holder);
    };

    test('it is its taker that has it for 8 s, and then whoever has all', async () => {
      await taken('one');
      await takeInto(holder, 'two', { at: now });
      await sameHead(holder, taker);
      expect(await ids(taker, 'own')).toEqual(['one']);
      expect(await ids(holder, 'own')).toEqual(['two']);
      expect(await ids(holder, 'all')).toEqual(['two']);
      expect(await ids(taker, 'own', left - 1)).toEqual(['one']);
      expect(await ids(taker, 'own', left)).toEqual([]);
      expect(await ids(holder, 'all', theirs - 1)).toEqual(['two']);
      expect(await ids(holder, 'all', theirs)).toEqual(['one', 'two']);
    });

    test('who has all steps over what others work on, however much it is, and sees when the next is due', async () => {
      await Promise.all(Array.from({ length: 40 }, (_, at) => takeInto(taker, `a-${at + 10}`, { at: now - 1 })));
      await sameHead(taker, holder);
      await takeInto(holder, 'z-1', { at: now });
      await takeInto(holder, 'z-2', { at: now });
      await takeInto(holder, 'z-3', { at: now + 1 });
      expect(await ids(holder, 'all', now, 1)).toEqual(['z-1']);
      expect(await firstValueFrom(from(holder.spool.due('exchange', now, 7, 'all')))).toMatchObject({
        items: [{ intakeId: 'z-1' }, { intakeId: 'z-2' }],
        nextDueAt: now + 1,
      });
    });

    test('what it has put back is its own when it is due again, as it has parsed it', async () => {
      await taken('waits');
      const [item] = await due(taker, 'own');
      const parsed = parsedAs(item as SpoolItem, '<waits@north.example>');
      await value(taker.spool.defer([{ ...waiting(parsed, now + minute), attempt: 1 }]));
      await sameHead(taker, holder);
      expect(await ids(taker, 'own', theirs)).toEqual([]);
      expect(await due(taker, 'own', now + minute)).toMatchObject([{ parsed: { class: 'envelope' }, attempt: 1 }]);
      expect(await ids(holder, 'all', theirs + minute - 1)).toEqual([]);
      expect(await ids(holder, 'all', theirs + minute)).toEqual(['waits']);
    });

    test('a change of the archive wakes it for its taker', async () => {
      await taken('waits');
      const [item] = await due(taker, 'own');
      const parsed = parsedAs(item as SpoolItem, '<woken@north.example>');
      await value(taker.spool.defer([{ ...waiting(parsed, now + minute), attempt: 1 }]));
      expect(await ids(taker, 'own')).toEqual([]);
      await takeInto(holder, 'copy', { at: now });
      const [copy] = await due(holder, 'all');
      await value(holder.archive.settle([matchOrInsert(parsedAs(copy as SpoolItem, '<woken@north.example>'))]));
      await sameHead(holder, taker);
      expect(await due(taker, 'own')).toMatchObject([{ intakeId: 'waits', woken: true }]);
    });

    test('who has put back what another one took in goes on with it', async () => {
      await taken('over');
      const [item] = await due(holder, 'all', theirs);
      const parsed = parsedAs(item as SpoolItem, '<over@north.example>');
      await value(holder.spool.defer([{ ...waiting(parsed, now + minute), attempt: 1 }]));
      await sameHead(holder, taker);
      expect(await ids(holder, 'all', now + minute)).toEqual(['over']);
      expect(await ids(taker, 'own', now + minute)).toEqual([]);
    });

    test('what has ended is nobody’s, and what an operator lets go again is for whoever has all', async () => {
      await taken('held');
      const [item] = await due(taker, 'own');
      const parsed = parsedAs(item as SpoolItem, '<held@north.example>');
      const clock = { ...(parsed.parsed as NonNullable<typeof parsed.parsed>).times, messageTime: 0 };
      const end = { kind: 'end', outcome: 'held', reason: 'expired', clock } as const;
      await value(taker.archive.settle([request(parsed, () => end)]));
      await sameHead(taker, holder);
      expect(await ids(taker, 'own')).toEqual([]);
      const event = { type: 'item.released', severity: 'info', actor: 'op', entryId: null, data: {} } as const;
      await holder.log.append({
        kind: 'command',
        facts: {
          ...{ command: 'release', intakeId: 'held', overrides: ['age'] },
          event: { ...event, definitionId: 'exchange', intakeId: 'held' },
        },
        payload: [],
      });
      await sameHead(holder, taker);
      expect(await ids(taker, 'own')).toEqual([]);
      expect(await ids(holder, 'all')).toEqual(['held']);
    });

    test('after a start everything is anybody’s', async () => {
      await taken('before');
      await holder[Symbol.asyncDispose]();
      await takeInto(taker, 'meanwhile', { at: now });
      await taker[Symbol.asyncDispose]();
      [taker, holder] = [await cluster.open('taker'), await cluster.open('holder')];
      expect(await ids(taker, 'own')).toEqual([]);
      expect(await ids(holder, 'all')).toEqual(['before', 'meanwhile']);
    });

    test('whoever settles, all hear what ended without an entry', async () => {
      await taken('canary');
      const heard: unknown[] = [];
      for (const store of [taker, holder])
        store.touched$.pipe(tap(({ ended }) => ended && heard.push(ended))).subscribe();
      const [item] = await due(taker, 'own');
      const parsed = parsedAs(item as SpoolItem);
      const end = { kind: 'end', outcome: 'skipped', reason: 'canary' } as const;
      await value(taker.archive.settle([request(parsed, () => end)]));
      await sameHead(taker, holder);
      const told = [{ intakeId: 'canary', reason: 'canary' }];
      expect(heard).toEqual([told, told]);
      await taken('archived');
      const [other] = await due(taker, 'own');
      const archived = parsedAs(other as SpoolItem, '<archived@north.example>');
      await value(taker.archive.settle([request(archived, () => insert(archived))]));
      await sameHead(taker, holder);
      expect(heard).toHaveLength(2);
    });
  });

  describe('by what their lines do', () => {
    let quick: ReturnType<typeof quickClock>;
    let clock: SchedulerLike;
    const running: Subscription[] = [];
    beforeEach(async () => {
      quick = quickClock();
      ({ clock } = quick);
      cluster = await openClusterFixture({ postgres: postgres.url, clock, now: () => clock.now() });
      taker = await cluster.open('taker');
      holder = await cluster.open('holder');
    });
    afterEach(async () => {
      for (const line of running.splice(0)) line.unsubscribe();
      await cluster[Symbol.asyncDispose]();
      quick[Symbol.dispose]();
    });

    /** The real line over the store of a worker; answers what it has settled, when it was first given an item, and how many bodies it has read. */
    const startLine = (store: Store, whose: Whose) => {
      const told = { settled: [] as string[], at: Number.NaN, reads: 0 };
      const { archive, messages, bodies } = store;
      const spool = {
        ...store.spool,
        due: async (...of: Parameters<Spool['due']>) => {
          const window = await value(store.spool.due(...of));
          if (window.items.length > 0 && Number.isNaN(told.at)) [, told.at] = of;
          return window;
        },
      };
      const ports = {
        ...{ spool, archive, messages, unwrap, decode, hashBytes: sha256, hashContent: async () => '' },
        ...{ directory: everybodyKnown, trustedRecipientHeaders: [] },
        bodies: {
          ...bodies,
          read: (...of: Parameters<typeof bodies.read>) => {
            told.reads += 1;
            return bodies.read(...of);
          },
        },
        wake$: store.touched$.pipe(filter(({ due }) => due.has('exchange'))),
      };
      const optionsFor = () => ({ ...journalOptions, deliveryWaitAttempts: 1 });
      const options = { definitionId: 'exchange', window: 16, whose, optionsFor, matching: matchingOptions };
      running.push(
        processing(ports, options, clock).subscribe((news) => {
          if (news.type === 'processing.settled')
            told.settled.push(...news.settlements.map(({ intakeId }) => intakeId));
        }),
      );
      return told;
    };
    const take = async (id: string): Promise<number> => {
      const at = clock.now();
      await takeInto(taker, id, { at, text: lunchReport(id).toString('latin1') });
      return at;
    };

    test('what one takes in that does not hold the definition it ends itself, and the holder reads no body', async () => {
      const [own, all] = [startLine(taker, 'own'), startLine(holder, 'all')];
      const mail = Array.from({ length: 30 }, (_, at) => `mail-${at}`);
      await Promise.all(mail.map(take));
      await eventually(async () => own.settled.length === mail.length, { what: 'the end of all mail' });
      expect(own.settled.toSorted()).toEqual(mail.toSorted());
      await sameHead(taker, holder);
      expect(holder.figuresOf('exchange')).toMatchObject({ archived: mail.length, queueMessages: 0 });
      expect(all).toEqual({ settled: [], at: Number.NaN, reads: 0 });
      expect(own.reads).toBe(0);
    });

    test('what a taker leaves that was killed or hangs, the holder ends within 12 s', async () => {
      const all = startLine(holder, 'all');
      const at = await take('left');
      await eventually(async () => all.settled.length > 0, { what: 'the end of it' });
      expect(all).toMatchObject({ settled: ['left'], reads: 1 });
      expect(all.at - at).toBeGreaterThanOrEqual(10 * second);
      expect(all.at - at).toBeLessThan(12 * second);
    });
  });
});
