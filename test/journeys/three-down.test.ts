import { expect, test } from 'vitest';
import { type Daybook, startDaybook } from '../../bench/peers/daybook.ts';
import { freePort } from '../../bench/peers/free-port.ts';
import { eventually } from '../support/eventually.ts';
import { all, difference, type Status, statusOf } from '../support/journal-api.ts';
import { deliver, lunchReport } from '../support/journey-mail.ts';
import { openPop3Server, type Pop3Server } from '../support/pop3-server.ts';

const pushed = ['push-a', 'push-b', 'push-c', 'push-d'];
const pulled = ['pull-a', 'pull-b', 'pull-c'];
const address = (id: string): string => `${id}@journal.north.example`;
const smtp = (id: string, period: string): string => `
  - id: ${id}
    description: ${id}
    transport: smtp
    serviceEmailAddress: ${address(id)}
    deliveryWaitAttempts: 1
    periodOfInactivityAllowed: ${period}`;
const pop3 = (id: string, port: number, password = 'secret'): string => `
  - id: ${id}
    description: ${id}
    transport: pop3
    serviceEmailAddress: ${address(id)}
    deliveryWaitAttempts: 1
    pop3: { host: 127.0.0.1, port: ${port}, mailboxName: box, password: ${password}, encrypted: false }`;

interface Shown extends Status {
  readonly hint: string | null;
  readonly since: string;
  readonly pop3MailboxQueue: number | null;
}
const shown = async (daybook: Daybook): Promise<ReadonlyMap<string, Shown>> => {
  const { definitions } = await daybook.get<{ readonly definitions: readonly Shown[] }>('/v1/status');
  return new Map(definitions.map((status) => [status.id, status]));
};
const brief = (statuses: ReadonlyMap<string, Shown>) =>
  Object.fromEntries(
    [...statuses].map(([id, { serviceStatus, reason }]) => [id, `${serviceStatus} ${reason ?? ''}`.trim()]),
  );

test('S1, S18: three definitions not well for three reasons, seven healthy; each status is right, and stays so over restarts', async () => {
  const mailbox = (name: string) =>
    openPop3Server({ items: [{ uidl: name, bytes: lunchReport(name) }], capabilities: ['TOP', 'UIDL', 'PIPELINING'] });
  await using one = await mailbox('pull-a');
  await using two = await mailbox('pull-b');
  await using three = await mailbox('pull-c');
  const servers: readonly Pop3Server[] = [one, two, three];
  const refused = await freePort();
  const config = `
logLevel: error
store: { minimumFree: 1MB }
pop3: { pollInterval: 300ms }
directory: { internalDomains: [north.example] }
definitions:${smtp('silent', '1s')}${pushed.map((id) => smtp(id, '1h')).join('')}${pulled
    .map((id, at) => pop3(id, servers[at]?.port ?? 0))
    .join('')}${pop3('locked-out', one.port, 'wrong')}${pop3('nobody-there', refused)}
`;
  const expected = {
    silent: 'down inactivity',
    'locked-out': 'error auth',
    'nobody-there': 'error refused',
    ...Object.fromEntries([...pushed, ...pulled].map((id) => [id, 'active'])),
  };
  let daybook = await startDaybook({ config });
  await using _first = daybook;
  await using _last = { [Symbol.asyncDispose]: () => daybook[Symbol.asyncDispose]() };
  for (const id of pushed) await deliver(daybook.smtpPort, [address(id)], lunchReport(id));
  const right = async () => {
    const statuses = await shown(daybook);
    // A poll has seen since that the mailbox is empty.
    if (!pulled.every((id) => statuses.get(id)?.pop3MailboxQueue === 0)) return false;
    return JSON.stringify(sorted(brief(statuses))) === JSON.stringify(sorted(expected)) && statuses;
  };
  const before = await eventually(right, { what: JSON.stringify(expected) });
  for (const id of ['silent', 'locked-out', 'nobody-there'])
    expect(before.get(id)?.hint).toMatch(/\w+ .*\.(?: It said: .+)?$/);
  expect([...before.values()].map(difference)).toEqual(Array.from({ length: 10 }, () => 0));
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    await daybook.end(signal);
    daybook = await daybook.restart();
    const restored = await shown(daybook);
    for (const id of [...pushed, ...pulled]) {
      expect(restored.get(id), `${id} after ${signal}`).toMatchObject({
        serviceStatus: 'active',
        lastSuccessfulExtract: expect.any(String),
        counts: { archived: 1 },
      });
    }
    const after = await eventually(right, { what: `the same after ${signal}` });
    if (signal === 'SIGTERM') expect(after.get('silent')?.since).toBe(before.get('silent')?.since);
    expect([...after.values()].map(({ counts }) => counts.archived)).toEqual(
      [...after.keys()].map((id) => (pushed.includes(id) || pulled.includes(id) ? 1 : 0)),
    );
  }
});

test('S2: suspending a definition in error clears the error and its backoff, with the event; activating runs again', async () => {
  await using server = await openPop3Server({ password: 'right' });
  const config = `
logLevel: error
store: { minimumFree: 1MB }
pop3: { pollInterval: 200ms }
directory: { internalDomains: [north.example] }
definitions:${pop3('mailbox', server.port, 'wrong')}
`;
  await using daybook = await startDaybook({ config });
  const failing = async () => {
    const status = await statusOf(daybook, 'mailbox');
    return status.failures >= 1 && status;
  };
  expect(await eventually(failing, { what: 'the refused login' })).toMatchObject({ reason: 'auth' });
  await daybook.fetch('/v1/definitions/mailbox/suspend', { method: 'POST' });
  expect(await statusOf(daybook, 'mailbox')).toMatchObject({
    serviceStatus: 'suspended',
    reason: null,
    failures: 0,
    nextRetryAt: null,
  });
  const logins = server.commands.filter((command) => command === 'PASS').length;
  await daybook.fetch('/v1/definitions/mailbox/activate', { method: 'POST' });
  await eventually(async () => server.commands.filter((command) => command === 'PASS').length > logins, {
    what: 'the next login, at once',
  });
  await eventually(failing, { what: 'the error again' });
  // What a command changed is told by its answer; the log of it is written a moment later.
  const wanted = ['connector.error', 'definition.suspended', 'definition.enabled', 'connector.test'];
  await eventually(
    async () => {
      const events = await all<{ readonly type: string }>(daybook, '/v1/events?definition=mailbox');
      return wanted.every((type) => events.some((event) => event.type === type));
    },
    { what: wanted.join(', ') },
  );
});

const sorted = (record: Readonly<Record<string, string>>) =>
  Object.entries(record).toSorted(([a], [b]) => (a < b ? -1 : 1));
