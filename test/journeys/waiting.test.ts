import { expect, test } from 'vitest';
import { type Daybook, startDaybook } from '../../bench/peers/daybook.ts';
import { freePort } from '../../bench/peers/free-port.ts';
import { eventually } from '../support/eventually.ts';
import { entryOf, type IntakeItem, intakeOf, statusOf } from '../support/journal-api.ts';
import { deliver, idOf, lunch, lunchReport } from '../support/journey-mail.ts';

/** Two ways to the archive: the journal, which waits, and another path, whose copies are archived at once. */
const config = (journal: string, more = ''): string => `
logLevel: error
store: { minimumFree: 1MB }
directory: { internalDomains: [north.example] }
${more}
definitions:
  - id: journal
    description: The journal
    transport: smtp
    serviceEmailAddress: journal@journal.north.example
${journal.replace(/^/gm, '    ')}
  - id: other
    description: The other path
    transport: smtp
    journalType: standard
    serviceEmailAddress: other@journal.north.example
    deliveryWaitAttempts: 1
`;
const journal = ['journal@journal.north.example'];
const other = ['other@journal.north.example'];
/** No wait of these journeys is over before its reason has been seen; what comes early was woken. */
const long = 'initialProcessDelay: 0s\ndeliveryWaitAttempts: 3\ndeliveryWaitInterval: 10m';

interface Item extends IntakeItem {
  readonly receivedAt: string;
  readonly deadline: string | null;
  readonly steps: readonly { readonly at: string; readonly step: string; readonly detail: string | null }[];
}
const itemOf = (daybook: Daybook, id: string): Promise<Item> => intakeOf(daybook, id) as Promise<Item>;
const until = (daybook: Daybook, id: string, state: string): Promise<Item> =>
  eventually(
    async () => {
      const item = await itemOf(daybook, id);
      return item.state === state && item;
    },
    { what: `state ${state}` },
  );
const msBetween = (from: string, to: string | null): number => Date.parse(to ?? '') - Date.parse(from);

test('delayed, then matching, then archived at the last attempt', async () => {
  const waits = 'initialProcessDelay: 600ms\ndeliveryWaitAttempts: 3\ndeliveryWaitInterval: 500ms';
  await using daybook = await startDaybook({ config: config(waits) });
  const { id } = await deliver(daybook.smtpPort, journal, lunchReport('alone'));
  const delayed = await until(daybook, id, 'delayed');
  expect(delayed.attempt).toBe(0);
  expect(msBetween(delayed.receivedAt, delayed.nextAttemptAt)).toBe(600);
  expect(msBetween(delayed.receivedAt, delayed.deadline)).toBe(1600);
  expect((await statusOf(daybook, 'journal')).processingQueue).toMatchObject({
    messages: 1,
    waiting: { delayed: 1, matching: 0 },
  });
  const matching = await until(daybook, id, 'matching');
  expect(msBetween(matching.receivedAt, matching.nextAttemptAt)).toBe(600 + 500 * matching.attempt);
  const archived = await until(daybook, id, 'archived');
  expect(archived.attempt).toBe(3);
  const attempts = archived.steps.filter(({ step }) => step === 'attempt');
  expect(attempts.map(({ detail }) => detail)).toEqual(['1', '2', '3']);
  for (const [at, { at: ranAt }] of attempts.entries()) {
    const late = msBetween(archived.receivedAt, ranAt) - (600 + 500 * at);
    expect(late, 'an attempt runs within a second of its time').toBeGreaterThanOrEqual(0);
    expect(late).toBeLessThan(1000);
  }
});

test('an item that waits is woken by the copy from the other path, and matched long before its next attempt', async () => {
  await using daybook = await startDaybook({ config: config(long) });
  const report = lunchReport('raced', {
    recipients: [{ address: 'bo@north.example' }, { address: 'legal@north.example', type: 'bcc' }],
  });
  const { id } = await deliver(daybook.smtpPort, journal, report);
  const waiting = await until(daybook, id, 'matching');
  expect(waiting.attempt).toBe(1);
  expect(msBetween(waiting.receivedAt, waiting.nextAttemptAt)).toBe(600_000);
  const copy = await deliver(daybook.smtpPort, other, lunch('raced', dateIn(report)));
  await until(daybook, copy.id, 'archived');
  const matched = await until(daybook, id, 'matched');
  expect(matched.attempt, 'a woken look-up costs no attempt').toBe(1);
  const entry = await entryOf(daybook, matched.entryId!);
  expect(entry.messageId).toBe(idOf('raced'));
  expect(entry.recipients.map(({ address, type }) => `${type}:${address}`).toSorted()).toEqual([
    'bcc:legal@north.example',
    'to:bo@north.example',
  ]);
  expect(entry.observations).toHaveLength(2);
});

test('an item still in its delay waits the delay out, then matches at its first attempt', async () => {
  await using daybook = await startDaybook({ config: config('initialProcessDelay: 2s\ndeliveryWaitInterval: 10m') });
  const report = lunchReport('delayed');
  const { id } = await deliver(daybook.smtpPort, journal, report);
  const copy = await deliver(daybook.smtpPort, other, lunch('delayed', dateIn(report)));
  await until(daybook, copy.id, 'archived');
  const matched = await until(daybook, id, 'matched');
  expect(matched).toMatchObject({ attempt: 1, entryId: (await itemOf(daybook, copy.id)).entryId });
  const looked = matched.steps.find(({ step }) => step === 'attempt')!;
  expect(msBetween(matched.receivedAt, looked.at)).toBeGreaterThanOrEqual(2000);
});

test.each(['SIGTERM', 'SIGKILL'] as const)(
  '%s in the middle of a wait keeps attempts, times and the wake',
  async (signal) => {
    await using daybook = await startDaybook({ config: config(long) });
    const reports = ['kept-1', 'kept-2'].map((name) => lunchReport(name));
    const ids: string[] = [];
    for (const report of reports) ids.push((await deliver(daybook.smtpPort, journal, report)).id);
    const before = [];
    for (const id of ids) before.push(await until(daybook, id, 'matching'));
    expect(await daybook.end(signal)).toBe(signal === 'SIGTERM' ? 0 : null);
    await using again = await daybook.restart();
    for (const [at, id] of ids.entries()) expect(await itemOf(again, id)).toEqual(before[at]);
    expect((await statusOf(again, 'journal')).processingQueue.waiting).toEqual({ delayed: 0, matching: 2 });
    const copy = await deliver(again.smtpPort, other, lunch('kept-1', dateIn(reports[0]!)));
    await until(again, copy.id, 'archived');
    expect((await until(again, ids[0]!, 'matched')).attempt).toBe(1);
    expect(await itemOf(again, ids[1]!), 'the other one still waits').toEqual(before[1]);
  },
);

test('attempts that fell into the outage are not burnt: the overdue one runs now, the next keeps its interval', async () => {
  const waits = 'deliveryWaitAttempts: 3\ndeliveryWaitInterval: 1500ms';
  await using daybook = await startDaybook({ config: config(waits) });
  const { id } = await deliver(daybook.smtpPort, journal, lunchReport('outage'));
  const before = await until(daybook, id, 'matching');
  await daybook.end('SIGKILL');
  // The outage lasts until two attempts would have been due.
  await eventually(async () => Date.now() > Date.parse(before.receivedAt) + 3_300);
  await using again = await daybook.restart();
  const late = await eventually(async () => {
    const item = await itemOf(again, id);
    return item.attempt === 2 && item;
  });
  const second = late.steps.findLast(({ step }) => step === 'attempt')!;
  expect(msBetween(second.at, late.nextAttemptAt)).toBe(1500);
  expect(await until(again, id, 'archived')).toMatchObject({ attempt: 3 });
});

test('the extended wait of internal mail ends at its absolute time, restart or not; other mail does not wait', async () => {
  const extended = 'extendedDeduplication: true\ndeliveryWaitAttempts: 1';
  await using daybook = await startDaybook({ config: config(extended, 'matching: { extendedWait: 6s }') });
  const { id } = await deliver(daybook.smtpPort, journal, lunchReport('internal'));
  const abroad = { recipients: [{ address: 'cy@south.example' }] };
  const mixed = await deliver(daybook.smtpPort, journal, lunchReport('mixed', abroad));
  await until(daybook, mixed.id, 'archived');
  const waiting = await until(daybook, id, 'matching');
  expect(msBetween(waiting.receivedAt, waiting.deadline)).toBe(6000);
  expect(waiting.nextAttemptAt).toBe(waiting.deadline);
  await daybook.end('SIGKILL');
  await using again = await daybook.restart();
  expect((await itemOf(again, id)).deadline).toBe(waiting.deadline);
  const archived = await until(again, id, 'archived');
  const late = msBetween(waiting.deadline!, archived.steps.findLast(({ step }) => step === 'attempt')!.at);
  expect(late).toBeGreaterThanOrEqual(0);
  expect(late).toBeLessThan(1500);
});

test('the gateway’s own copy is archived at once and wakes the journal’s; one that comes late still merges', async () => {
  const gatewayPort = await freePort();
  const gateway = `gateway: { smtp: { host: 127.0.0.1, port: ${gatewayPort} } }`;
  await using daybook = await startDaybook({ config: config(long, gateway) });
  const early = lunchReport('early');
  const { id } = await deliver(daybook.smtpPort, journal, early);
  await until(daybook, id, 'matching');
  const copy = await deliver(gatewayPort, ['bo@north.example', 'eve@north.example'], lunch('early', dateIn(early)));
  expect(await until(daybook, copy.id, 'archived')).toMatchObject({ definition: null });
  const matched = await until(daybook, id, 'matched');
  const entry = await entryOf(daybook, matched.entryId!);
  expect(entry.recipients.map(({ address }) => address).toSorted()).toEqual(['bo@north.example', 'eve@north.example']);

  const late = lunchReport('late');
  const first = await deliver(daybook.smtpPort, other, lunch('late', dateIn(late)));
  const archived = await until(daybook, first.id, 'archived');
  const second = await deliver(gatewayPort, ['bo@north.example'], lunch('late', dateIn(late)));
  expect(await until(daybook, second.id, 'matched')).toMatchObject({ entryId: archived.entryId });
  expect((await statusOf(daybook, 'journal')).counts, 'the gateway counts for no definition').toMatchObject({
    received: 1,
  });
  expect(await daybook.get('/v1/ledger')).toMatchObject({ received: 4, difference: 0 });
});

/** The Date of the original in a report, so that a copy is the same message. */
const dateIn = (report: Buffer): string => /\r\nDate: (.*)\r\n/.exec(report.toString('latin1'))![1]!;
