import { expect, test } from 'vitest';
import { type Daybook, startDaybook } from '../../bench/peers/daybook.ts';
import { freePort } from '../../bench/peers/free-port.ts';
import { eventually } from '../support/eventually.ts';
import { entryOf, type IntakeItem, intakeOf, statusOf } from '../support/journal-api.ts';
import { dateOf, deliver, idOf } from '../support/journey-mail.ts';
import { buildMessage, buildReport } from '../support/mail.ts';
import { SmtpClient } from '../support/smtp-client.ts';

const config = (gatewayPort: number, more = ''): string => `
logLevel: error
store: { minimumFree: 1MB }
gateway: { smtp: { port: ${gatewayPort} } }
directory: { internalDomains: [north.example] }
${more}
definitions:
  - id: journal
    description: The journal
    transport: smtp
    serviceEmailAddress: journal@journal.north.example
    deliveryWaitAttempts: 2
    deliveryWaitInterval: 1h
  - id: at-once
    description: Without a wait
    transport: smtp
    serviceEmailAddress: at-once@journal.north.example
    deliveryWaitAttempts: 1
  - id: extended
    description: Extended De-Duplication
    transport: smtp
    serviceEmailAddress: extended@journal.north.example
    deliveryWaitAttempts: 1
    extendedDeduplication: true
`;
const original = (name: string, subject = 'Lunch'): Buffer =>
  buildMessage({ messageId: idOf(name), date: dateOf(sentAt), subject });
const sentAt = Date.now();
/** The report names Bo and, in its envelope alone, Cy. */
const report = (name: string): Buffer =>
  buildReport({
    messageId: idOf(name),
    originals: [original(name)],
    recipients: [
      { address: 'bo@north.example', type: 'to' },
      { address: 'cy@north.example', type: 'bcc' },
    ],
  });
const until = (daybook: Daybook, id: string, state: string): Promise<IntakeItem> =>
  eventually(
    async () => {
      const item = await intakeOf(daybook, id);
      return item.state === state && item;
    },
    { what: `${id} ${state}` },
  );

test.each([
  ['before', 'archived', 'matched'],
  ['during', 'archived', 'matched'],
  ['after', 'matched', 'archived'],
] as const)(
  'a gateway copy %s the journal copy: one entry, recipients united',
  async (when, gatewayEnds, journalEnds) => {
    const gatewayPort = await freePort();
    await using daybook = await startDaybook({ config: config(gatewayPort) });
    const gateway = async () => {
      const { id } = await deliver(gatewayPort, ['bo@north.example', 'eve@south.example'], original(when));
      return until(daybook, id, gatewayEnds);
    };
    const definition = when === 'after' ? 'at-once' : 'journal';
    const journal = () => deliver(daybook.smtpPort, [`${definition}@journal.north.example`], report(when));
    let copy: IntakeItem | undefined;
    if (when === 'before') copy = await gateway();
    const { id } = await journal();
    if (when === 'during') await until(daybook, id, 'matching');
    if (when === 'after') await until(daybook, id, 'archived');
    copy ??= await gateway();
    const ended = await until(daybook, id, journalEnds);
    expect([copy.definition, copy.entryId]).toEqual([null, ended.entryId]);
    const entry = await entryOf(daybook, ended.entryId ?? '');
    expect(entry.recipients.map(({ address, type }) => `${type}:${address}`).toSorted()).toEqual([
      'bcc:cy@north.example',
      'to:bo@north.example',
      'undisclosed:eve@south.example',
    ]);
    expect(entry.observations).toHaveLength(2);
    const { counts } = await statusOf(daybook, definition);
    expect(counts, 'the gateway counts for no definition').toMatchObject({ received: 1, [journalEnds]: 1 });
  },
);

test('a copy in the extended wait wakes it; a tagged subject is a variant of the same mail; the null sender is fine', async () => {
  const gatewayPort = await freePort();
  await using daybook = await startDaybook({ config: config(gatewayPort, 'matching: { extendedWait: 1h }') });
  const { id } = await deliver(daybook.smtpPort, ['extended@journal.north.example'], report('tagged'));
  await until(daybook, id, 'matching');
  await using client = await SmtpClient.ready(gatewayPort);
  const { code } = await client.mail(['bo@north.example'], original('tagged', '[EXTERNAL] Lunch'));
  expect(code).toBe(250);
  const { entryId, reason } = await until(daybook, id, 'matched');
  expect(reason).toBe('M2');
  const entry = await entryOf(daybook, entryId ?? '');
  expect(entry.flags).toContain('variant');
  expect(entry.representations).toHaveLength(2);
});

test('S15: in a continuity event nobody waits for the gateway', async () => {
  const gatewayPort = await freePort();
  const matching = 'matching: { extendedWait: 1h, continuityEvent: true }';
  await using daybook = await startDaybook({ config: config(gatewayPort, matching) });
  const { id } = await deliver(daybook.smtpPort, ['extended@journal.north.example'], report('continuity'));
  await until(daybook, id, 'archived');
  const { items } = await daybook.get<{ readonly items: readonly unknown[] }>('/v1/events?type=continuity.on');
  expect(items).toHaveLength(1);
});
