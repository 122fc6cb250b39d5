import { Subject, VirtualTimeScheduler } from 'rxjs';
import { expect, test } from 'vitest';
import type { Definition } from '../../src/engine/definition-book.types.ts';
import { createMailboxFacts } from '../../src/engine/mailbox-facts.ts';
import { queueHigh$, queueWarnings } from '../../src/engine/queue-watch.ts';
import type { StatusFacts } from '../../src/engine/status-board.ts';
import { certificateWarnings, warningsOf } from '../../src/engine/warnings.ts';
import type { LedgerEntry } from '../../src/pop3/types.ts';
import type { Touched } from '../../src/store/fold.ts';
import { noFigures } from '../../src/store/rows.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const now = Date.UTC(2026, 10, 25);
const extendedWaitMs = 600_000;

interface Facts extends Partial<Omit<StatusFacts, 'definition' | 'journal' | 'figures'>> {
  readonly definition?: Partial<Omit<Definition, 'options' | 'config'>>;
  readonly options?: Partial<Definition['options']>;
  readonly journalType?: 'eej' | 'standard';
  readonly figures?: Partial<StatusFacts['figures']>;
}
const noMailbox = { blocked: null, left: null, certificateEndsAt: null };

function codes({ definition = {}, options = {}, journalType = 'eej', figures = {}, ...more }: Facts) {
  const timing = {
    initialProcessDelayMs: 0,
    deliveryWaitAttempts: 3,
    deliveryWaitIntervalMs: 60_000,
    extendedDeduplication: false,
  };
  const facts = {
    definition: {
      suspended: false,
      suspendedSince: null,
      secretLost: false,
      createdAt: 5,
      ...definition,
      config: { journalType },
      options: { ...timing, ...options },
    },
    since: 7,
    figures: { ...noFigures, ...figures },
    oldestAt: null,
    rejected: 0,
    refusal: null,
    mailbox: noMailbox,
    journal: { serviceStatus: 'active' },
    silence: null,
    canary: null,
    lapse: null,
    refusingSince: null,
    now,
    ...more,
  } as unknown as Parameters<typeof warningsOf>[0];
  return warningsOf(facts, { extendedWaitMs });
}
const codesOf = (facts: Facts): readonly string[] => codes(facts).map(({ code }) => code);

test('a healthy definition has none', () => {
  expect(codesOf({ figures: { received: 1_000, archived: 1_000 }, oldestAt: now - 1_000 })).toEqual([]);
});

/** The items from number `first` to number `last`. */
const items = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, at) => first + at);
test.each([
  ['all of few', { received: 19, spoilt: items(1, 19) }, 'eej', []],
  ['exactly 5 %', { received: 100, spoilt: items(96, 100) }, 'eej', []],
  ['more than 5 %', { received: 100, spoilt: items(95, 100) }, 'eej', ['envelope-quality']],
  [
    'more than 5 % of what has settled',
    { received: 150, queueMessages: 50, spoilt: items(95, 100) },
    'eej',
    ['envelope-quality'],
  ],
  [
    'more than 5 % of the last 200 of very many',
    { received: 100_000, spoilt: items(99_990, 100_000) },
    'eej',
    ['envelope-quality'],
  ],
  ['eleven of which one came before the last 200', { received: 100_000, spoilt: items(99_800, 99_810) }, 'eej', []],
  ['many that came before the last 200', { received: 100_000, spoilt: items(99_700, 99_800) }, 'eej', []],
  [
    'all of those that went through again and again',
    { received: 100, reopened: 900, spoilt: items(901, 1_000) },
    'eej',
    ['envelope-quality'],
  ],
  ['many that came before the last 200 ends', { received: 100, reopened: 900, spoilt: items(701, 800) }, 'eej', []],
  ['where no envelope is expected', { received: 100, spoilt: items(1, 90) }, 'standard', []],
] as const)('items without an envelope: %s', (_, figures, journalType, expected) => {
  expect(codesOf({ figures, journalType })).toEqual(expected);
});

test('reports that may be forged are told of for a week, one or several', () => {
  const suspect = { count: 3, firstAt: now - 9 * dayMs, lastAt: now - 7 * dayMs };
  expect(codes({ figures: { suspect } })).toEqual([
    {
      code: 'suspect-report',
      text: '3 reports came, the last on 2026-11-18, from no internal domain and may be forged: whom they name is shown as unverified; look at `daybook messages list --flag report-from-outside`',
      since: '2026-11-16T00:00:00.000Z',
    },
  ]);
  expect(codesOf({ figures: { suspect: { ...suspect, lastAt: suspect.lastAt - 1 } } })).toEqual([]);
  expect(codes({ figures: { suspect: { ...suspect, count: 1 } } })[0]?.text).toMatch(
    /^a report came from no .* it names is/,
  );
});

test.each([
  ['few', { received: 19, skipped: 19 }, 0, []],
  ['one in ten kept', { received: 20, skipped: 18, archived: 2 }, 0, []],
  ['less than one in ten kept', { received: 21, skipped: 19, archived: 2 }, 0, ['hardly-archived']],
  ['canaries, and little else', { received: 45, skipped: 40, archived: 5 }, 21, []],
] as const)('mail that is skipped: %s', (_, figures, came, expected) => {
  const canary =
    came === 0
      ? null
      : { state: { came, missed: 0, missedSince: null, missing: [], unsent: null, last: null }, options: {} };
  expect(codesOf({ figures, canary } as unknown as Facts).filter((code) => !code.startsWith('canary'))).toEqual(
    expected,
  );
});

test('mail that is refused is told with what would mend it', () => {
  const refusal = { peer: '192.0.2.7', reason: 'source', reply: '451 4.7.1', count: 12, since: 9 } as const;
  const text =
    'mail from 192.0.2.7 is refused (12 times, the last with 451 4.7.1): its address is in neither `smtp.additionalSourceIpRanges` nor `smtp.authorizedSources`';
  expect(codes({ refusal })).toEqual([{ code: 'mail-refused', text, since: '1970-01-01T00:00:00.009Z' }]);
  expect(codes({ refusal: { ...refusal, reason: 'too-large', count: 1 } })[0]?.text).toMatch(/, once\): a message is/);
});

test('suspended for more than a day, and not a moment sooner', () => {
  const suspended = (since: number) => codesOf({ definition: { suspended: true, suspendedSince: since } });
  expect([suspended(now - dayMs), suspended(now - dayMs - 1)]).toEqual([[], ['suspended-long']]);
});

test.each([
  [{}, 120_000],
  [{ deliveryWaitAttempts: 1 }, 0],
  [{ initialProcessDelayMs: 24 * hourMs }, 24 * hourMs + 120_000],
  [{ extendedDeduplication: true }, extendedWaitMs],
  [{ extendedDeduplication: true, initialProcessDelayMs: hourMs }, hourMs + 120_000],
] as const)('with %j an item is late ten minutes after its planned wait', (options, plannedMs) => {
  const lateMs = plannedMs + 600_000;
  expect(codesOf({ options, oldestAt: now - lateMs + 1, figures: { queueMessages: 1 } })).toEqual([]);
  const [late] = codes({ options, oldestAt: now - lateMs, figures: { queueMessages: 3 } });
  expect(late).toMatchObject({ code: 'backlog', since: new Date(now).toISOString(), text: /^3 messages/ });
});

test('S17: items that stay in the mailbox are told with since when, and forgotten once they are gone', async () => {
  const facts = createMailboxFacts();
  const entry = (state: LedgerEntry['state'], at: number) => ({ state, at }) as LedgerEntry;
  const stored = new Map([
    ['uid:a', entry('blocked', 30)],
    ['uid:b', entry('fetched', 1)],
  ]);
  const ledger = facts.listenTo('box', { read: async () => stored, write: async () => undefined });
  expect(facts.of('box')).toEqual(noMailbox);
  await ledger.read();
  await ledger.write(
    new Map([
      ['uid:c', entry('blocked', 20)],
      ['uid:d', entry('left', 40)],
    ]),
  );
  expect(facts.of('box')).toMatchObject({ blocked: { count: 2, since: 20 }, left: { count: 1, since: 40 } });
  expect(codesOf({ mailbox: facts.of('box') })).toEqual(['blocked-items', 'left-on-server']);
  await ledger.write(
    new Map([
      ['uid:a', null],
      ['uid:c', null],
      ['uid:d', null],
    ]),
  );
  expect(facts.of('box')).toEqual(noMailbox);
  expect(facts.of('another')).toEqual(noMailbox);
});

test('a ledger that could not be written changes nothing that is told', async () => {
  const facts = createMailboxFacts();
  const broken = { read: async () => new Map(), write: () => Promise.reject(new Error('disk')) };
  const left = { state: 'left', at: 1 } as LedgerEntry;
  await expect(facts.listenTo('box', broken).write(new Map([['uid:a', left]]))).rejects.toThrow('disk');
  expect(facts.of('box')).toEqual(noMailbox);
});

test('a certificate is told from two weeks before its end on, and when it has ended', () => {
  const told = (endsAt: number) => certificateWarnings('smtp.tls', endsAt, now).map(({ text }) => text);
  expect(told(now + 14 * dayMs + 1)).toEqual([]);
  expect(told(now + 14 * dayMs)).toEqual(['the certificate of smtp.tls ends on 2026-12-09']);
  expect(told(now - dayMs)).toEqual(['the certificate of smtp.tls ended on 2026-11-24']);
  expect(certificateWarnings('smtp.tls', null, now)).toEqual([]);
});

test('a silence beyond what is usual at this hour is told while nothing worse is', () => {
  const usual = { longestMs: 600_000, limitMs: 1_500_000, weeks: 6 };
  const silent = (silentMs: number, serviceStatus = 'active') =>
    codes({ silence: { silentMs, usual }, journal: { serviceStatus } } as Facts);
  expect(silent(1_500_000)).toEqual([]);
  expect(silent(1_500_001)).toMatchObject([
    { code: 'silence-unusual', text: /^no message for 25 min; on Wednesdays about 00:00 UTC .* 6 weeks was 10 min/ },
  ]);
  expect(silent(1_500_001, 'down')).toEqual([]);
  expect(codes({ silence: { silentMs: hourMs, usual: null } })).toEqual([]);
});

test('held items are told until they are released', () => {
  expect([codesOf({ figures: { held: 1 } }), codesOf({ figures: { held: 0 } })]).toEqual([['held-expired'], []]);
});

test('a password that cannot be read is told', () => {
  expect(codesOf({ definition: { secretLost: true } })).toEqual(['secret-lost']);
});

test('the queue is high from four fifths of either limit on, until it is below three fifths of both', () => {
  const clock = new VirtualTimeScheduler();
  const touched$ = new Subject<Touched>();
  const queue = { messages: 0, bytes: 0, settled: 0 };
  const told: string[] = [];
  const limits = { queueMessages: 100, queueBytes: 1_000 };
  queueHigh$({ touched$, queue }, limits).subscribe((high) => told.push(`${clock.now()} ${high}`));
  for (const [at, messages, bytes] of [
    [1, 79, 0],
    [2, 80, 0],
    [3, 100, 0],
    [4, 60, 0],
    [5, 59, 599],
    [6, 0, 800],
    [7, 0, 600],
    [8, 0, 0],
  ] as const) {
    clock.schedule(() => {
      Object.assign(queue, { messages, bytes });
      touched$.next({} as Touched);
    }, at);
  }
  clock.flush();
  expect(told).toEqual(['0 false', '2 true', '5 false', '6 true', '8 false']);
});

test.each([
  [85, 10, 'the processing queue is 85 % full: at its limit mail is put off'],
  [10, 999, 'the processing queue is 99 % full: at its limit mail is put off'],
  [100, 10, 'the processing queue is full: mail is put off until it is shorter'],
  [10, 1_200, 'the processing queue is full: mail is put off until it is shorter'],
])('a queue of %i messages and %i bytes says whether mail is put off by now', (messages, bytes, text) => {
  const limits = { queueMessages: 100, queueBytes: 1_000 };
  const queue = { messages, bytes, settled: 0 };
  expect(queueWarnings({ queue }, limits, 0)).toEqual([
    { code: 'queue-high', text, since: '1970-01-01T00:00:00.000Z' },
  ]);
  expect(queueWarnings({ queue }, limits, null)).toEqual([]);
});
