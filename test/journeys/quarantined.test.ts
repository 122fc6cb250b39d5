import { expect, test } from 'vitest';
import { type Daybook, startDaybook } from '../../bench/peers/daybook.ts';
import { eventually } from '../support/eventually.ts';
import { difference, entryOf, type IntakeItem, intakeOf, statusOf } from '../support/journal-api.ts';
import { command } from '../support/journey-cli.ts';
import { dateOf, deliver, idOf, sha256 } from '../support/journey-mail.ts';
import { buildMessage, buildReport, type ReportParts } from '../support/mail.ts';

const service = ['journal@journal.north.example'];
const config = `
logLevel: error
store: { minimumFree: 1MB }
directory: { internalDomains: [north.example] }
definitions:
  - id: journal
    description: The journal
    transport: smtp
    serviceEmailAddress: journal@journal.north.example
    deliveryWaitAttempts: 1
`;
const parts = Array.from({ length: 250 }, () => 'Content-Type: image/gif\r\n\r\nx');
const unread = {
  partHeaders: ['Content-Type: message/rfc822', 'Content-Transfer-Encoding: x-uuencode'],
  originals: [Buffer.from('begin 644 x\r\n#0V%T\r\nend')],
};
const original = (name: string, body = 'Soup.') => buildMessage({ messageId: idOf(name), date: dateOf(), body });
const report = (name: string, more: ReportParts = {}): Buffer =>
  buildReport({
    messageId: idOf(name),
    recipients: [
      { address: 'bo@north.example', type: 'to' },
      { address: 'cy@south.example', type: 'bcc' },
    ],
    originals: [original(name)],
    ...more,
  });

/** Sends it, sees it set aside for that reason, lets the operator retry it, and answers what became of it. */
async function retried(daybook: Daybook, bytes: Buffer, reason: string): Promise<IntakeItem> {
  const { id } = await deliver(daybook.smtpPort, service, bytes);
  await eventually(async () => (await intakeOf(daybook, id)).state === 'quarantined');
  expect(await intakeOf(daybook, id)).toMatchObject({ reason, entryId: null });
  const answer = await command(['intake', 'retry', id, '--config', daybook.configFile]);
  expect([answer.code, answer.stderr]).toEqual([0, '']);
  return await eventually(async () => {
    const item = await intakeOf(daybook, id);
    return ['archived', 'matched', 'skipped'].includes(item.state) && item;
  });
}

test('a retry reads what was beyond the limits: its people, its original and its match', async () => {
  await using daybook = await startDaybook({ config });
  // The second is opened on the thread for large mail.
  const large = 'x\r\n'.repeat(500_000);
  for (const [name, body] of [
    ['small', 'Soup.'],
    ['large', large],
  ] as const) {
    const mail = original(name, body);
    const bytes = report(name, { originals: [mail], partsAfter: parts });
    const { state, entryId, flags } = await retried(daybook, bytes, 'limit:parts');
    expect([state, flags]).toEqual(['archived', ['limit:parts']]);
    const entry = await entryOf(daybook, entryId ?? '');
    expect(entry).toMatchObject({ messageId: idOf(name), sender: 'ada@north.example', sha256: sha256(mail) });
    expect(entry.recipients.map(({ address, type }) => [address, type])).toEqual([
      ['bo@north.example', 'to'],
      ['cy@south.example', 'bcc'],
    ]);
    const raw = await daybook.fetch(`/v1/messages/${entry.id}/raw`);
    expect(Buffer.from(await raw.arrayBuffer()).equals(mail)).toBe(true);
  }
  const originals = [original('whole')];
  const { id: whole } = await deliver(daybook.smtpPort, service, report('whole', { originals }));
  await eventually(async () => (await intakeOf(daybook, whole)).state === 'archived');
  const again = await retried(daybook, report('whole', { originals, partsAfter: parts }), 'limit:parts');
  expect(again).toMatchObject({ state: 'matched', entryId: (await intakeOf(daybook, whole)).entryId });
  // The other rules are for it as for all mail.
  const outside = { sender: 'mallory@east.example', recipients: [{ address: 'cy@south.example' }] };
  const strange = report('strange', { ...outside, partsAfter: parts });
  expect(await retried(daybook, strange, 'limit:parts')).toMatchObject({ state: 'skipped', reason: 'non-internal' });
  const status = await statusOf(daybook, 'journal');
  expect([difference(status), status.counts]).toEqual([
    0,
    expect.objectContaining({ received: 5, archived: 3, matched: 1, skipped: 1, quarantined: 0 }),
  ]);
});

test('a retry archives the report itself where its original cannot be read, under those whom it names', async () => {
  await using daybook = await startDaybook({ config });
  const bytes = report('uu', unread);
  const { state, entryId, flags } = await retried(daybook, bytes, 'decode');
  expect([state, flags]).toEqual(['archived', ['decode', 'original-missing']]);
  const entry = await entryOf(daybook, entryId ?? '');
  expect(entry).toMatchObject({ messageId: idOf('uu'), sender: 'ada@north.example' });
  expect(entry.recipients.map(({ address }) => address)).toEqual(['bo@north.example', 'cy@south.example']);
  const noHeaders = Buffer.from('\r\nnot a message\r\n');
  const blank = await retried(daybook, noHeaders, 'no-headers');
  expect(await entryOf(daybook, blank.entryId ?? '')).toMatchObject({ recipients: [], sha256: sha256(noHeaders) });
  // As it was received, whether anybody can read it or not.
  await daybook.end('SIGKILL');
  await using again = await daybook.restart();
  const raw = await again.fetch(`/v1/messages/${entry.id}/raw`);
  expect(sha256(Buffer.from(await raw.arrayBuffer()))).toBe(
    (await intakeOf(again, entry.observations[0]?.intakeId ?? '')).sha256,
  );
});
