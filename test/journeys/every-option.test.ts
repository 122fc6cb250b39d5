import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Daybook, startDaybook } from '../../bench/peers/daybook.ts';
import { eventually } from '../support/eventually.ts';
import { type Entry, entryOf, type IntakeItem, intakeOf } from '../support/journal-api.ts';
import { dateOf, deliver, idOf, received, sha256 } from '../support/journey-mail.ts';
import { buildMessage, buildProtectedPair, buildReport, type MessageParts, type ReportParts } from '../support/mail.ts';
import { SmtpClient } from '../support/smtp-client.ts';

/** Rows of table e.1 of journaling, each option seen from the outside: one engine, a definition for each setting. */
const definitions = {
  plain: '',
  'standard-type': 'journalType: standard',
  'without-headers': 'removeJournalHeaders: true',
  'clear-text': 'preferClearTextVersion: true',
  'non-internal': 'journalNonInternalAddresses: true',
  'unknown-internal': 'journalUnknownInternalAddresses: true',
  delayed: 'initialProcessDelay: 1s',
  slow: 'deliveryWaitAttempts: 3\n    deliveryWaitInterval: 500ms',
  extended: 'extendedDeduplication: true',
  fenced: 'smtp: { additionalSourceIpRanges: [192.0.2.0/24, 2001:db8::/32, 127.0.0.1/32] }',
  elsewhere: 'smtp: { additionalSourceIpRanges: [192.0.2.0/24] }',
} as const;
type Id = keyof typeof definitions;

const config = `
logLevel: error
store: { minimumFree: 1MB }
directory: { internalDomains: [north.example], addresses: [ada@north.example, bo@north.example] }
matching: { extendedWait: 2s }
definitions:
${Object.entries(definitions)
  .map(
    ([id, more]) => `  - id: ${id}
    description: ${id}
    transport: smtp
    serviceEmailAddress: ${id}@journal.north.example
    ${more.includes('deliveryWaitAttempts') ? '' : 'deliveryWaitAttempts: 1'}
    ${more}
`,
  )
  .join('')}`;

interface Ended extends IntakeItem {
  readonly receivedAt: string;
  readonly steps: readonly { readonly at: string; readonly step: string; readonly detail: string | null }[];
}
const ends = ['archived', 'matched', 'skipped', 'held', 'quarantined'];

describe('every option', () => {
  let daybook: Daybook;
  beforeAll(async () => {
    daybook = await startDaybook({ config });
  });
  afterAll(() => daybook[Symbol.asyncDispose]());

  async function outcomeOf(id: Id, bytes: Uint8Array): Promise<Ended> {
    const { id: intakeId } = await deliver(daybook.smtpPort, [`${id}@journal.north.example`], bytes);
    const look = async () => {
      const item = (await intakeOf(daybook, intakeId)) as Ended;
      return ends.includes(item.state) && item;
    };
    return eventually(look, { what: `an outcome for ${id}` });
  }
  async function entryAfter(id: Id, bytes: Uint8Array): Promise<Entry> {
    const { state, entryId } = await outcomeOf(id, bytes);
    expect([state, typeof entryId]).toEqual(['archived', 'string']);
    return entryOf(daybook, entryId ?? '');
  }
  const rawOf = async (entry: Entry): Promise<Buffer> =>
    Buffer.from(await (await daybook.fetch(`/v1/messages/${entry.id}/raw`)).arrayBuffer());
  const mail = (name: string, parts: MessageParts = {}): Buffer =>
    buildMessage({ messageId: idOf(name), date: dateOf(), ...parts });
  const report = (name: string, parts: ReportParts = {}): Buffer =>
    buildReport({ messageId: idOf(name), originals: [mail(name)], ...parts });
  /** Milliseconds from the receipt to the end. */
  const waited = ({ receivedAt, steps }: Ended): number => Date.parse(steps.at(-1)?.at ?? '') - Date.parse(receivedAt);

  test('S3: the service address chooses the definition whatever its case; an unknown one is 550 5.1.1', async () => {
    await using client = await SmtpClient.ready(daybook.smtpPort);
    await client.command('MAIL FROM:<>');
    expect((await client.command('RCPT TO:<PLAIN@Journal.North.Example>')).code).toBe(250);
    const unknown = await client.command('RCPT TO:<nobody@journal.north.example>');
    expect(`${unknown.code} ${unknown.text}`).toMatch(/^550 5\.1\.1 /);
  });

  test('S6: a peer outside the ranges of the definition is 451 4.7.1, a mapped one inside is taken', async () => {
    for (const [id, expected] of [
      ['fenced', /^250 /],
      ['elsewhere', /^451 4\.7\.1 /],
    ] as const) {
      await using client = await SmtpClient.ready(daybook.smtpPort);
      await client.command('MAIL FROM:<>');
      const { code, text } = await client.command(`RCPT TO:<${id}@journal.north.example>`);
      expect(`${code} ${text}`).toMatch(expected);
    }
  });

  test('S8: the initial delay and the attempts keep their times', async () => {
    const [delayed, slow] = await Promise.all([
      outcomeOf('delayed', report('delayed')),
      outcomeOf('slow', report('slow')),
    ]);
    expect([delayed.attempt, slow.attempt]).toEqual([1, 3]);
    for (const item of [delayed, slow]) {
      expect(waited(item)).toBeGreaterThanOrEqual(1_000);
      expect(waited(item), 'within a second of its time').toBeLessThan(2_000);
    }
  });

  test('S10: a report in a standard definition is archived as it stands; plain mail in an eej one is absorbed', async () => {
    const bytes = report('forged', { from: 'Ada <ada@north.example>', date: dateOf() });
    const standard = await entryAfter('standard-type', bytes);
    expect(standard.sha256).toBe(sha256(received(bytes)));
    expect(standard.flags).toContain('looks-like-report');
    await entryAfter('standard-type', report('forged again', { from: 'Ada <ada@north.example>', date: dateOf() }));
    const { items } = await daybook.get<{ readonly items: readonly { readonly data: { readonly option: string } }[] }>(
      '/v1/events?definition=standard-type&type=config.warning',
    );
    expect(
      items.map(({ data }) => data.option),
      'told once an hour',
    ).toEqual(['journalType']);
    const absorbed = await entryAfter('plain', mail('plain mail'));
    expect(absorbed.observations).toMatchObject([{ level: 'L4' }]);
  });

  test('S11: whatever is wrong with a report, it is accepted and ends in an outcome', async () => {
    const broken: readonly Uint8Array[] = [
      report('no text', { text: '' }),
      report('no closing boundary', { closed: false }),
      report('nothing attached', { originals: [] }),
      Buffer.from('no header at all'),
      Buffer.from(`From: ada@north.example\r\nTo: bo@north.example\r\nDate: ${dateOf()}\r\n\r\n\0\xff`, 'latin1'),
    ];
    const states = await Promise.all(broken.map(async (bytes) => (await outcomeOf('plain', bytes)).state));
    expect(states.every((state) => ends.includes(state))).toBe(true);
    expect(states.filter((state) => state !== 'quarantined').length).toBeGreaterThanOrEqual(4);
  });

  test('S12: exactly the two journal headers are cut, after their recipients were taken', async () => {
    const kept = ['X-MS-Exchange-Organization-BCC2: keep@north.example', 'X-Other: 1'];
    const cut = [
      'X-MS-Exchange-Organization-BCC: legal@north.example,\r\n audit@north.example',
      'x-ms-exchange-crosspremises-bcc: eve@north.example',
    ];
    const body = `${cut[1]}\r\n\r\nin the body it stays`;
    const date = dateOf();
    const withAll = mail('headers', { date, headers: [cut[0]!, kept[0]!, cut[1]!, kept[1]!], body });
    const entry = await entryAfter('without-headers', report('headers', { originals: [withAll] }));
    expect((await rawOf(entry)).toString()).toBe(mail('headers', { date, headers: kept, body }).toString());
    const bcc = entry.recipients.filter(({ type }) => type === 'bcc').map(({ address }) => address);
    expect(bcc.toSorted()).toEqual(['audit@north.example', 'eve@north.example', 'legal@north.example']);
    const same = await entryAfter('plain', report('kept', { originals: [mail('kept', { headers: cut })] }));
    expect((await rawOf(same)).toString(), 'off: nothing is cut').toContain(cut[0]);
  });

  test('S14: of a protected pair the clear copy is primary where it is preferred, and both are stored', async () => {
    const { clear, guarded } = buildProtectedPair('<m3@north.example>', dateOf());
    const parts = { subject: 'Secret', messageId: '<m3@north.example>', originals: [guarded, clear] };
    const entry = await entryAfter('clear-text', buildReport(parts));
    expect(await rawOf(entry)).toEqual(clear);
    expect(entry.representations.map(({ sha256: hash }) => hash).toSorted()).toEqual(
      [sha256(clear), sha256(guarded)].toSorted(),
    );
  });

  test('S15: internal mail waits out the extended time, other mail does not', async () => {
    const abroad = { recipients: [{ address: 'eve@south.example', type: 'to' as const }] };
    const [internal, mixed] = await Promise.all([
      outcomeOf('extended', report('internal')),
      outcomeOf('extended', report('mixed', abroad)),
    ]);
    expect(waited(internal)).toBeGreaterThanOrEqual(2_000);
    expect(waited(mixed)).toBeLessThan(1_500);
  });

  test.each([
    ['one known address', 'ada@north.example', 'archived', 'archived', 'archived'],
    [
      'unknown internal addresses alone',
      'new@north.example',
      'skipped unknown-internal',
      'skipped unknown-internal',
      'archived',
    ],
    ['no internal address', 'eve@south.example', 'skipped non-internal', 'archived', 'skipped non-internal'],
  ])('S16: %s', async (what, address, neither, nonInternal, unknownInternal) => {
    const name = what.replaceAll(' ', '-');
    const sent = (id: Id) => {
      const parts = { from: address, to: address };
      const recipients = [{ address, type: 'to' as const }];
      return report(`${name}-${id}`, { sender: address, recipients, originals: [mail(`${name}-${id}`, parts)] });
    };
    const outcomes = [];
    for (const id of ['plain', 'non-internal', 'unknown-internal'] as const) {
      const { state, reason } = await outcomeOf(id, sent(id));
      outcomes.push(state === 'archived' ? state : `${state} ${reason}`);
    }
    expect(outcomes).toEqual([neither, nonInternal, unknownInternal]);
  });
});
