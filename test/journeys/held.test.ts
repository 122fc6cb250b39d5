import { expect, test } from 'vitest';
import { type Daybook, startDaybook } from '../../bench/peers/daybook.ts';
import { eventually } from '../support/eventually.ts';
import { all, difference, type IntakeItem, intakeOf, statusOf } from '../support/journal-api.ts';
import { command } from '../support/journey-cli.ts';
import { dateOf, deliver, idOf, lunchReport, promiseIn } from '../support/journey-mail.ts';
import { buildMessage } from '../support/mail.ts';
import { openPop3Server } from '../support/pop3-server.ts';
import { SmtpClient } from '../support/smtp-client.ts';

const service = ['journal@journal.north.example'];
const config = (matching = '', more = ''): string => `
logLevel: error
store: { minimumFree: 1MB }
directory: { internalDomains: [north.example] }
pop3: { pollInterval: 5s }
matching: { ${matching} }
definitions:
  - id: journal
    description: The journal
    transport: smtp
    serviceEmailAddress: journal@journal.north.example
    deliveryWaitAttempts: 1
${more}
`;
const mailbox = (port: number): string => `
  - id: mailbox
    description: The mailbox
    transport: pop3
    serviceEmailAddress: box@journal.north.example
    deliveryWaitAttempts: 1
    pop3: { host: 127.0.0.1, port: ${port}, mailboxName: journal, password: secret, encrypted: false }
`;
const dayMs = 86_400_000;
/** A report whose original is dated so many days ago; `skewed`: the report itself is dated now. */
function aged(name: string, days: number, { skewed = false } = {}): Buffer {
  const date = dateOf(Date.now() - days * dayMs);
  const originals = [buildMessage({ messageId: idOf(name), date })];
  return lunchReport(name, { originals, headers: [`Date: ${skewed ? dateOf() : date}`] });
}
const listOf = (daybook: Daybook, query: string): Promise<readonly IntakeItem[]> =>
  all<IntakeItem>(daybook, `/v1/intake?${query}`);
interface Event {
  readonly type: string;
  readonly intakeId: string | null;
  readonly data: Readonly<Record<string, unknown>>;
}
const eventsOf = (daybook: Daybook, type: string): Promise<readonly Event[]> =>
  all<Event>(daybook, `/v1/events?type=${type}`);
const heldCount = (daybook: Daybook, count: number) =>
  eventually(async () => (await statusOf(daybook, 'journal')).counts.held === count, { what: `${count} held` });
const releaseWith = ({ configFile }: Daybook, ...args: readonly string[]) =>
  command(['intake', 'release', ...args, '--config', configFile]);

test('S17 held mail is listed by its flag and released in bulk, more of it than one call takes', async () => {
  await using daybook = await startDaybook({ config: config() });
  const count = 520;
  {
    await using client = await SmtpClient.ready(daybook.smtpPort);
    for (let n = 0; n < count; n += 1) {
      promiseIn(await client.mail(service, aged(`old-${n}`, 31 + n), 'MicrosoftExchange0@north.example'));
    }
  }
  const skewed = await deliver(daybook.smtpPort, service, aged('skewed', 400, { skewed: true }));
  const young = await deliver(daybook.smtpPort, service, aged('young', 29));
  await heldCount(daybook, count + 1);
  await eventually(async () => (await intakeOf(daybook, young.id)).state === 'archived');
  const flagged = await listOf(daybook, 'state=held&flag=suspected-clock-skew');
  expect(flagged.map(({ id, reason }) => [id, reason])).toEqual([[skewed.id, 'expired']]);
  expect((await daybook.get<{ clock: { date: string } }>(`/v1/intake/${skewed.id}`)).clock.date).toMatch(/^20/);
  expect(difference(await statusOf(daybook, 'journal'))).toBe(0);

  const one = await releaseWith(daybook, '--all', '--flag', 'suspected-clock-skew');
  expect([one.code, one.stdout]).toEqual([0, 'released 1\n']);
  await eventually(async () => (await intakeOf(daybook, skewed.id)).state === 'archived');
  expect((await statusOf(daybook, 'journal')).counts.held).toBe(count);

  const rest = await releaseWith(daybook, '--all', '--definition', 'journal', '--json');
  expect([rest.code, JSON.parse(rest.stdout)]).toEqual([0, { released: count, remaining: 0 }]);
  await daybook.end('SIGKILL');
  await using again = await daybook.restart();
  await eventually(async () => (await statusOf(again, 'journal')).processingQueue.messages === 0);
  const status = await statusOf(again, 'journal');
  expect(status.counts).toMatchObject({ received: count + 2, archived: count + 2, held: 0 });
  expect(difference(status)).toBe(0);
  const released = await eventsOf(again, 'item.released');
  expect(new Set(released.map(({ intakeId }) => intakeId)).size).toBe(count + 1);
}, 120_000);

test('S17 one id is released alone, and what makes no sense together is a fault of usage', async () => {
  await using daybook = await startDaybook({ config: config() });
  const { id } = await deliver(daybook.smtpPort, service, aged('alone', 31));
  const { id: other } = await deliver(daybook.smtpPort, service, aged('other', 31));
  await heldCount(daybook, 2);
  for (const args of [[], [id, '--all'], [id, '--flag', 'x'], ['--state', 'held']]) {
    expect(await releaseWith(daybook, ...args)).toMatchObject({ code: 2, stdout: '' });
  }
  expect(await releaseWith(daybook, '--all', '--state', 'archived')).toMatchObject({ code: 2, stdout: '' });
  expect(await releaseWith(daybook, '--all', '--reason', 'loop')).toMatchObject({ code: 0, stdout: 'released 0\n' });
  expect(await releaseWith(daybook, id)).toMatchObject({ code: 0 });
  await eventually(async () => (await intakeOf(daybook, id)).state === 'archived');
  expect(await intakeOf(daybook, other)).toMatchObject({ state: 'held' });
});

test('S17 what is rejected by age hears 550 after DATA and is an event; a mailbox holds instead', async () => {
  await using server = await openPop3Server({
    user: 'journal',
    password: 'secret',
    items: [{ uidl: 'old', bytes: aged('boxed', 31) }],
  });
  await using daybook = await startDaybook({ config: config('expiredAction: reject', mailbox(server.port)) });
  await using client = await SmtpClient.ready(daybook.smtpPort);
  const refused = await client.mail(service, aged('late', 31), 'MicrosoftExchange0@north.example');
  expect(`${refused.code} ${refused.text}`).toBe('550 5.6.0 journal item older than 30 days');
  promiseIn(await client.mail(service, aged('in-time', 29), 'MicrosoftExchange0@north.example'));
  const [event] = await eventually(async () => {
    const events = await eventsOf(daybook, 'expired-rejected');
    return events.length > 0 && events;
  });
  expect(event?.data).toMatchObject({ messageId: idOf('late'), peer: '127.0.0.1' });
  expect((await statusOf(daybook, 'journal')).counts).toMatchObject({ received: 1, rejected: 1, held: 0 });
  await eventually(async () => (await statusOf(daybook, 'mailbox')).counts.held === 1);
  await eventually(async () => server.items.length === 0);
});

test('S17 what is left in its mailbox stays there, is an event and a warning; SMTP holds instead', async () => {
  await using server = await openPop3Server({
    user: 'journal',
    password: 'secret',
    items: [
      { uidl: 'old', bytes: aged('boxed', 31) },
      { uidl: 'young', bytes: aged('fresh', 29) },
    ],
  });
  await using daybook = await startDaybook({ config: config('expiredAction: leave', mailbox(server.port)) });
  await deliver(daybook.smtpPort, service, aged('late', 31));
  await heldCount(daybook, 1);
  await eventually(async () => (await statusOf(daybook, 'mailbox')).counts.archived === 1);
  await eventually(async () => server.items.map(({ uidl }) => uidl).join() === 'old');
  expect(await eventsOf(daybook, 'pop3.left-on-server')).toMatchObject([{ data: { key: 'uid:old' } }]);
  const codes = async (id: string): Promise<readonly string[]> =>
    (await daybook.get<{ warnings: { code: string }[] }>(`/v1/definitions/${id}/status`)).warnings.map(
      ({ code }) => code,
    );
  expect(await codes('mailbox')).toEqual(['left-on-server']);
  expect(await codes('journal')).toEqual(['held-expired']);
  expect(difference(await statusOf(daybook, 'mailbox'))).toBe(0);
});
