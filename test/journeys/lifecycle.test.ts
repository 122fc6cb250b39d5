import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { type Daybook, startDaybook } from '../../bench/peers/daybook.ts';
import { freePort } from '../../bench/peers/free-port.ts';
import { eventually } from '../support/eventually.ts';
import { all, difference, intakeOf, statusOf } from '../support/journal-api.ts';
import { deliver, idOf, lunchReport, promiseIn } from '../support/journey-mail.ts';
import { SmtpClient, stuff } from '../support/smtp-client.ts';

const config = (more = ''): string => `
logLevel: error
store: { minimumFree: 1MB }
directory: { internalDomains: [north.example] }
definitions:
  - id: exchange
    description: Exchange
    transport: smtp
    serviceEmailAddress: journal@journal.north.example
    deliveryWaitAttempts: 1
    ${more}
`;
const service = ['journal@journal.north.example'];
interface EventItem {
  readonly seq: number;
  readonly at: string;
  readonly type: string;
  readonly severity: string;
  readonly actor: string;
  readonly definition: string | null;
  readonly data: Readonly<Record<string, unknown>>;
}
const untilStatus = (daybook: Daybook, serviceStatus: string) =>
  eventually(
    async () => {
      const status = await statusOf(daybook, 'exchange');
      return status.serviceStatus === serviceStatus && status;
    },
    { what: `service status ${serviceStatus}` },
  );
/** Types of the definition's events, oldest first. */
const eventsOf = async (daybook: Daybook): Promise<readonly EventItem[]> =>
  (await all<EventItem>(daybook, '/v1/events?definition=exchange')).toReversed();
const typesOf = async (daybook: Daybook) => (await eventsOf(daybook)).map(({ type }) => type);

test('awaits its first message, is active with it, down after the silence, and back with the next one', async () => {
  await using daybook = await startDaybook({ config: config('periodOfInactivityAllowed: 1s') });
  const fresh = await statusOf(daybook, 'exchange');
  expect(fresh).toMatchObject({ lastSuccessfulExtract: null, lastMessageAt: null, counts: { received: 0 } });
  const silent = await untilStatus(daybook, 'down');
  expect(silent, 'silence from the start counts too').toMatchObject({
    reason: 'inactivity',
    lastSuccessfulExtract: null,
  });
  const sentAt = Date.now();
  await deliver(daybook.smtpPort, service, lunchReport('first'));
  const active = await statusOf(daybook, 'exchange');
  expect(active, 'an answer after the 250 knows of it').toMatchObject({
    serviceStatus: 'active',
    reason: null,
    hint: null,
  });
  expect(Date.parse(active.lastSuccessfulExtract!)).toBeGreaterThanOrEqual(sentAt);
  const down = await untilStatus(daybook, 'down');
  expect(down).toMatchObject({
    reason: 'inactivity',
    hint: expect.stringContaining('No message came'),
    counts: { received: 1 },
  });
  await deliver(daybook.smtpPort, service, lunchReport('second'));
  expect(await statusOf(daybook, 'exchange')).toMatchObject({ serviceStatus: 'active', counts: { received: 2 } });
  const lived = async () => (await eventsOf(daybook)).filter(({ type }) => /^(connector|run)\./.test(type));
  const events = await eventually(async () => {
    const found = await lived();
    return found.length >= 5 && found;
  });
  expect(events.map(({ type }) => type).slice(0, 5)).toEqual([
    'connector.down',
    'connector.recovered',
    'run.first',
    'connector.down',
    'connector.recovered',
  ]);
  expect(events.find(({ type }) => type === 'connector.down')).toMatchObject({ severity: 'warning', actor: 'engine' });
});

test('awaiting its first run is a status of its own, and a restart keeps what was reached', async () => {
  await using daybook = await startDaybook({ config: config() });
  expect(await statusOf(daybook, 'exchange')).toMatchObject({ serviceStatus: 'awaiting-initial-run', reason: null });
  await deliver(daybook.smtpPort, service, lunchReport('first'));
  const before = await statusOf(daybook, 'exchange');
  expect(before.serviceStatus).toBe('active');
  await eventually(async () => (await statusOf(daybook, 'exchange')).counts.archived === 1);
  expect(await daybook.end('SIGTERM')).toBe(0);
  await using again = await daybook.restart();
  const after = await statusOf(again, 'exchange');
  expect(after).toMatchObject({ serviceStatus: 'active', lastSuccessfulExtract: before.lastSuccessfulExtract });
  expect(after.counts).toMatchObject({ received: 1, archived: 1 });
  expect(await typesOf(again)).toContain('run.first');
});

test('suspend is in force with its answer, drains what was accepted, outlives a kill, and activate ends it', async () => {
  const tokens =
    'tokens: [ { name: olga, role: operator, token: olga-token-0123456789 }, { name: root, role: admin, token: root-token-0123456789 } ]';
  await using daybook = await startDaybook({ config: config('initialProcessDelay: 1s'), http: tokens });
  const as = (token: string, running: Daybook = daybook): Daybook => ({
    ...running,
    fetch: (path, init) => running.fetch(path, { ...init, headers: { authorization: `Bearer ${token}` } }),
    get: async <T>(path: string) =>
      (await (await running.fetch(path, { headers: { authorization: `Bearer ${token}` } })).json()) as T,
  });
  const [olga, root] = [as('olga-token-0123456789'), as('root-token-0123456789')];
  // One message is accepted before, one is in DATA while the suspension comes.
  const before = await deliver(daybook.smtpPort, service, lunchReport('before'));
  await using inData = await SmtpClient.ready(daybook.smtpPort);
  for (const line of ['MAIL FROM:<>', 'RCPT TO:<journal@journal.north.example>', 'DATA']) await inData.command(line);

  const answer = await olga.fetch('/v1/definitions/exchange/suspend', { method: 'POST' });
  expect(answer.status).toBe(200);
  expect(await answer.json()).toMatchObject({ id: 'exchange', serviceStatus: 'suspended' });
  await using refused = await SmtpClient.ready(daybook.smtpPort);
  expect(await refused.mail(service, lunchReport('refused'))).toMatchObject({
    code: 450,
    text: expect.stringMatching(/^4\.3\.2 /),
  });
  await inData.send(stuff(lunchReport('in-data')));
  const during = promiseIn(await inData.reply());
  for (const { id } of [before, during]) {
    await eventually(async () => (await intakeOf(root, id)).state === 'archived', { what: 'the drain' });
  }
  const drained = await statusOf(root, 'exchange');
  expect(drained).toMatchObject({ serviceStatus: 'suspended', counts: { received: 2, archived: 2, rejected: 1 } });
  expect(difference(drained)).toBe(0);

  await daybook.end('SIGKILL');
  await using again = await daybook.restart();
  const rootAgain = as('root-token-0123456789', again);
  expect(await statusOf(rootAgain, 'exchange')).toMatchObject({
    serviceStatus: 'suspended',
    counts: { received: 2, rejected: 1 },
  });
  await using still = await SmtpClient.ready(again.smtpPort);
  expect(await still.mail(service, lunchReport('still'))).toMatchObject({ code: 450 });
  await rootAgain.fetch('/v1/definitions/exchange/activate', { method: 'POST' });
  const { id } = await deliver(again.smtpPort, service, lunchReport('after'));
  await eventually(async () => (await intakeOf(rootAgain, id)).state === 'archived');
  expect(await statusOf(rootAgain, 'exchange')).toMatchObject({ serviceStatus: 'active', counts: { received: 3 } });
  const found = await rootAgain.get<{ items: unknown[] }>(
    `/v1/messages?messageId=${encodeURIComponent(idOf('after'))}`,
  );
  expect(found.items).toHaveLength(1);

  const events = (await eventsOf(rootAgain)).filter(({ type }) => /^definition\.(suspended|enabled)$/.test(type));
  expect(events).toMatchObject([
    { type: 'definition.suspended', actor: 'olga', data: { old: { suspended: false }, new: { suspended: true } } },
    { type: 'definition.enabled', actor: 'root', data: { old: { suspended: true }, new: { suspended: false } } },
  ]);
  expect(JSON.stringify(events)).not.toContain('token-0123');
});

test('a port that is taken is the error bind, until it is free', async () => {
  const smtpPort = await freePort();
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(smtpPort, '127.0.0.1', resolve));
  await using daybook = await startDaybook({
    config: config(),
    ports: [smtpPort, await freePort()],
    until: 'healthz',
  });
  const error = await untilStatus(daybook, 'error');
  expect(error).toMatchObject({ reason: 'bind', hint: expect.stringContaining('port'), failures: expect.any(Number) });
  const readiness = await daybook.fetch('/readyz');
  expect(readiness.status).toBe(503);
  expect(await readiness.text()).toContain('smtp');
  expect((await daybook.fetch('/v1/health?strict')).status).toBe(503);
  await new Promise<void>((resolve) => other.close(() => resolve()));
  await untilStatus(daybook, 'awaiting-initial-run');
  expect((await daybook.fetch('/readyz')).status).toBe(200);
  await deliver(smtpPort, service, lunchReport('bound'));
  expect(await statusOf(daybook, 'exchange')).toMatchObject({ serviceStatus: 'active', reason: null });
  await eventually(async () => (await typesOf(daybook)).includes('connector.recovered'));
  expect((await eventsOf(daybook)).find(({ type }) => type === 'connector.error')).toMatchObject({
    severity: 'error',
    data: { kind: 'bind' },
  });
});
