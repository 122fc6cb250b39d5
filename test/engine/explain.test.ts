import { asyncScheduler } from 'rxjs';
import { afterAll, expect, test } from 'vitest';
import { type Explaining, explainPosted, explainStored } from '../../src/engine/explain.ts';
import { openExaminers } from '../../src/engine/large-mail.ts';
import { processingSetup } from '../../src/engine/pipelines.ts';
import { EngineFailure } from '../../streams/failure.ts';
import type { JournalOptions, MatchingOptions } from '../../streams/message.ts';
import { hashAfterHeader } from '../support/line.ts';
import { buildMessage, buildReport } from '../support/mail.ts';
import { openStoreFixture, type StoreFixture, sha256, value } from '../support/store-fixture.ts';
import { day, directoryOf, journalOptions, matchingOptions, minute, noon } from '../support/stream-shapes.ts';

const examiners = openExaminers(asyncScheduler);
afterAll(() => examiners[Symbol.asyncDispose]());

interface Parts {
  readonly options?: Partial<JournalOptions>;
  readonly matching?: Partial<MatchingOptions>;
  readonly asked?: Pick<Explaining['examiners']['asked'], 'open' | 'read'>;
}

/** An engine with one definition, at noon; ada alone is known. */
function engineOn({ store }: StoreFixture, { options, matching, asked }: Parts) {
  const journal = { ...journalOptions, ...options };
  const rules = { ...matchingOptions, ...matching };
  const setup = processingSetup(store, {
    directory: directoryOf('ada@north.example'),
    hashContent: hashAfterHeader,
    large: examiners.asked,
    trustedRecipientHeaders: [],
    matching: rules,
    optionsFor: () => journal,
    suspicion: { isSuspect: () => false, alone: (_, work) => work(0) },
    ownMail: { flagOf: (mail) => (Buffer.from(mail).includes('X-Own: yes') ? 'own-notice' : null) },
  });
  const workshop = {
    ...{ store, setup, options: { matching: rules }, note: () => undefined },
    book: { get: () => undefined },
    clock: { now: () => noon, schedule: asyncScheduler.schedule.bind(asyncScheduler) },
    examiners: { ...examiners, ...(asked === undefined ? {} : { asked }) },
  } as unknown as Explaining;
  return { workshop, journal };
}

/** Explains a message that nobody has received. */
async function explain(fixture: StoreFixture, bytes: Uint8Array, parts: Parts = {}) {
  const { workshop, journal } = engineOn(fixture, parts);
  const definition = { id: 'exchange', version: 1, config: { transport: 'smtp' }, options: journal };
  const message = { chunks: [bytes.subarray(0, 9), bytes.subarray(9)], size: bytes.length, sha256: sha256(bytes) };
  return explainPosted(definition as unknown as Parameters<typeof explainPosted>[0], message, {
    workshop,
    wanted: { whatIf: true },
  });
}

const at = (time: number): string => new Date(time).toUTCString().replace('GMT', '+0000');
const mail = (parts: Parameters<typeof buildMessage>[0] = {}) => buildMessage({ date: at(noon), ...parts });
const report = (parts: Parameters<typeof buildReport>[0] = {}) => buildReport({ originals: [mail()], ...parts });

test('N4 each rule is told in its order with the option behind it, up to the one that stops the message', async () => {
  await using fixture = await openStoreFixture();
  const passed = await explain(fixture, report());
  expect(passed.rules.map(({ rule, verdict, option }) => [rule, verdict, option])).toEqual([
    ['detect', 'applied', 'journalType'],
    ['original', 'applied', null],
    ['readable', 'passed', null],
    ['age', 'passed', 'matching.maxAge'],
    ['scope', 'passed', null],
    ['delay', 'off', 'initialProcessDelay'],
    ['wait', 'applied', 'deliveryWaitAttempts'],
    ['match', 'missed', 'matching.matchOnContent'],
  ]);
  expect(passed).toMatchObject({ outcome: 'archived', stores: { as: 'entry' }, decidedAt: isoOf(noon + 2 * minute) });
  expect(passed.lookUps).toEqual([noon, noon + minute, noon + 2 * minute].map(isoOf));
  const old = await explain(fixture, report({ originals: [mail({ date: at(noon - 40 * day) })] }));
  expect(old.rules.at(-1)).toMatchObject({ rule: 'age', verdict: 'stopped', value: '30d' });
  expect(old.stores.as).toBe('bytes');
});
const isoOf = (time: number): string => new Date(time).toISOString();

test('N4 each single option by which something would be otherwise is told with what that is, and no other', async () => {
  await using fixture = await openStoreFixture();
  const stranger = { sender: 'new@north.example', recipients: [{ address: 'bo@north.example' }] };
  const skipped = await explain(fixture, report({ ...stranger, originals: [mail({ from: 'new@north.example' })] }));
  expect(skipped).toMatchObject({ outcome: 'skipped', reason: 'unknown-internal' });
  const others = skipped.whatIf.map(({ option, to, changes }) => [option, to, changes[0]?.to]);
  expect(others).toEqual([
    ['journalUnknownInternalAddresses', true, 'archived'],
    ['journalType', 'standard', 'L4'],
  ]);
  const old = await explain(fixture, report({ date: at(noon), originals: [mail({ date: at(noon - 40 * day) })] }));
  expect(old.whatIf.map(({ option, to }) => [option, to])).toEqual([
    ['matching.maxAge', '40d'],
    ['matching.expiryClock', 'latest'],
    ['journalType', 'standard'],
  ]);
  const internal = await explain(fixture, report({ recipients: [{ address: 'ada@north.example' }] }));
  const extended = internal.whatIf.find(({ option }) => option === 'extendedDeduplication');
  const later = { from: isoOf(noon + 2 * minute), to: isoOf(noon + 10 * minute) };
  expect(extended?.changes).toEqual([{ field: 'decidedAt', ...later }]);
});

test('N4 what waits already is tried as it would go on, also under a setting by which it would wait for longer', async () => {
  await using fixture = await openStoreFixture();
  fixture.clock.at = noon;
  const text = Buffer.from(report({ recipients: [{ address: 'ada@north.example' }] })).toString();
  const id = await fixture.take(text, { at: noon });
  const [item] = await fixture.due('exchange', noon);
  if (item === undefined) throw new Error('nothing is due');
  const waits = { state: 'matching', attempt: 1, dueAt: noon + minute, deadline: noon + 2 * minute } as const;
  const verdict = { kind: 'defer', item: { ...item, ...waits } } as const;
  await value(fixture.store.archive.settle([{ item, keys: [], decide: () => verdict }]));
  const record = await fixture.store.intake.get(id);
  if (record === undefined) throw new Error('no record');
  const { workshop } = engineOn(fixture, {});
  const told = await explainStored(record, { workshop, wanted: { whatIf: true } });
  expect(told).toMatchObject({ outcome: 'archived', recorded: { state: 'matching' } });
  const extended = told.whatIf.find(({ option }) => option === 'extendedDeduplication');
  const later = { from: isoOf(noon + 2 * minute), to: isoOf(noon + 10 * minute) };
  expect(extended?.changes).toEqual([{ field: 'decidedAt', ...later }]);
});

test('N4 what the parser does not get through is quarantined after its tries, and nothing else is tried on it', async () => {
  await using fixture = await openStoreFixture();
  let opened = 0;
  const open = async (): Promise<never> => {
    opened += 1;
    throw new EngineFailure('parser-crash', 'thread ended with 1');
  };
  const crashed = await explain(fixture, report(), { asked: { open, read: examiners.asked.read } });
  expect(crashed).toMatchObject({ outcome: 'quarantined', reason: 'parser-crash', level: null, whatIf: [] });
  expect(crashed.rules).toMatchObject([{ rule: 'readable', verdict: 'stopped' }]);
  expect(opened).toBe(1);
  const stopping = async (): Promise<never> => {
    throw new EngineFailure('stopping');
  };
  await expect(explain(fixture, report(), { asked: { open: stopping, read: examiners.asked.read } })).rejects.toThrow(
    EngineFailure,
  );
});

test('an alert of this engine is told to be skipped, as the line would', async () => {
  await using fixture = await openStoreFixture();
  const own = await explain(fixture, report({ originals: [mail({ headers: ['X-Own: yes'] })] }));
  expect(own).toMatchObject({ outcome: 'skipped', reason: 'loop', flags: ['own-notice'] });
  expect(own.rules.at(-1)).toMatchObject({ rule: 'scope', verdict: 'stopped' });
});

test('S17 with reject the outcome is that it would not be accepted', async () => {
  await using fixture = await openStoreFixture();
  const old = report({ originals: [mail({ date: at(noon - 40 * day) })] });
  const rejected = await explain(fixture, old, { matching: { expiredAction: 'reject' } });
  expect(rejected).toMatchObject({ outcome: 'rejected', reason: 'expired', stores: { as: 'nothing' } });
  const held = await explain(fixture, old, { matching: { expiredAction: 'leave' } });
  expect(held).toMatchObject({ outcome: 'held', reason: 'expired' });
});
