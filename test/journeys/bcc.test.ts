import { expect, test } from 'vitest';
import { type Daybook, startDaybook } from '../../bench/peers/daybook.ts';
import { freePort } from '../../bench/peers/free-port.ts';
import { eventually } from '../support/eventually.ts';
import { type Entry, type IntakeItem, openStream } from '../support/journal-api.ts';
import { dateOf, deliver, idOf } from '../support/journey-mail.ts';
import { buildMessage, buildReport } from '../support/mail.ts';
import { openPop3Server } from '../support/pop3-server.ts';

/** The hidden recipients, by the way in which each is known; nobody else has these names. */
const hidden = {
  envelope: 'hidden-envelope@north.example',
  header: 'hidden-header@north.example',
  gateway: 'hidden-gateway@north.example',
  blocked: 'hidden-blocked@north.example',
  searched: 'hidden-searched@north.example',
  held: 'held-canary@north.example',
} as const;
const roles = ['viewer', 'operator', 'auditor', 'admin'] as const;
type Role = (typeof roles)[number];
const mayRead: readonly Role[] = ['auditor', 'admin'];

const config = (gatewayPort: number, pop3Port: number): string => `
logLevel: debug
store: { minimumFree: 1MB }
gateway: { smtp: { port: ${gatewayPort} } }
pop3: { pollInterval: 200ms, timeout: 5s }
directory: { internalDomains: [north.example], addresses: [ada@north.example, bo@north.example] }
definitions:
  - { id: exchange, description: exchange, transport: smtp, serviceEmailAddress: journal@journal.north.example, deliveryWaitAttempts: 1, detailedLogging: true }
  - { id: standard, description: standard, transport: smtp, serviceEmailAddress: plain@journal.north.example, deliveryWaitAttempts: 1, journalType: standard, detailedLogging: true }
  - id: mailbox
    description: mailbox
    transport: pop3
    serviceEmailAddress: box@journal.north.example
    detailedLogging: true
    pop3: { host: 127.0.0.1, port: ${pop3Port}, mailboxName: box, password: secret, encrypted: false }
`;
const tokens = `tokens: [${roles.map((role) => `{ name: the-${role}, role: ${role}, token: token-of-${role} }`).join(', ')}]`;
const smtp = 'maxMessageSize: 1MB';
const authorization = (role: Role): Record<string, string> => ({ authorization: `Bearer token-of-${role}` });
const get = async <T>(daybook: Daybook, path: string): Promise<T> =>
  (await (await daybook.fetch(path, { headers: authorization('admin') })).json()) as T;

const sentAt = dateOf();
const original = (name: string, headers: readonly string[] = []): Buffer =>
  buildMessage({ messageId: idOf(name), date: sentAt, headers });
const report = (name: string): Buffer =>
  buildReport({
    messageId: idOf(name),
    originals: [original(name)],
    recipients: [{ address: 'bo@north.example' }, { address: hidden.envelope, type: 'bcc' }],
  });

/** Mail with hidden recipients by every way in; answers the ids of their intake records. */
async function takeIn(daybook: Daybook, gatewayPort: number): Promise<readonly IntakeItem[]> {
  const { header, gateway } = hidden;
  const withHeader = original('header', [`Bcc: ${header}`, `X-MS-Exchange-Organization-BCC: ${header}`]);
  const sent = [
    await deliver(daybook.smtpPort, ['journal@journal.north.example'], report('envelope')),
    await deliver(daybook.smtpPort, ['plain@journal.north.example'], withHeader),
    await deliver(gatewayPort, ['bo@north.example', gateway], original('gateway')),
    // Nobody of ours is in it: skipped, so that it can be released.
    await deliver(
      daybook.smtpPort,
      ['journal@journal.north.example'],
      buildMessage({ messageId: idOf('foreign'), date: dateOf(), from: 'x@south.example', to: 'y@south.example' }),
    ),
  ];
  const items: IntakeItem[] = [];
  for (const { id } of sent) {
    const look = async () => {
      const item = await get<IntakeItem>(daybook, `/v1/intake/${id}`);
      return ['archived', 'matched', 'skipped'].includes(item.state) && item;
    };
    items.push(await eventually(look, { what: `an end of ${id}` }));
  }
  const blocked = async () => (await get<{ items: [] }>(daybook, '/v1/events?type=pop3.blocked')).items.length > 0;
  await eventually(blocked, { what: 'the blocked item' });
  return items;
}

/** Every route of the reference that reads, with the ids that there are in the place of its parameters. */
async function readingRoutes(daybook: Daybook, items: readonly IntakeItem[]): Promise<readonly string[]> {
  const { paths } = await get<{ paths: Record<string, Record<string, unknown>> }>(daybook, '/openapi.json');
  const reading = Object.keys(paths).filter((path) => 'get' in paths[path]! && path !== '/v1/stream');
  return reading.flatMap((path) => {
    if (path.includes('/definitions/{id}')) return ['exchange', 'mailbox'].map((id) => path.replace('{id}', id));
    if (path.includes('/intake/{id}')) return items.map(({ id }) => path.replace('{id}', id));
    if (path.includes('/messages/{id}')) return items.map(({ entryId }) => path.replace('{id}', entryId ?? 'none'));
    if (path.includes('/holds/{id}')) return [path.replace('{id}', 'case-7')];
    expect(path, 'a route whose parameter this test does not know').not.toContain('{');
    return [path];
  });
}

test('hidden recipients are shown to auditor and admin alone, over every route', async () => {
  const gatewayPort = await freePort();
  const head = `Subject: large\r\nBcc: ${hidden.blocked}\r\n\r\n`;
  const large = { uidl: 'large', bytes: Buffer.from(`${head}${'x'.repeat(78)}\r\n`), listSize: 2_000_000 };
  await using server = await openPop3Server({ items: [large] });
  await using daybook = await startDaybook({ config: config(gatewayPort, server.port), http: tokens, smtp });
  const streams = await Promise.all(
    roles.map(async (role) => [role, await openStream(daybook, authorization(role))] as const),
  );
  const items = await takeIn(daybook, gatewayPort);
  await daybook.fetch(`/v1/messages?to=${hidden.searched}`, { headers: authorization('auditor') });
  const hold = { id: 'case-7', reason: `about ${hidden.held}`, query: { mailbox: hidden.held } };
  const placed = await daybook.fetch('/v1/holds', {
    method: 'POST',
    headers: { ...authorization('admin'), 'content-type': 'application/json' },
    body: JSON.stringify(hold),
  });
  expect(placed.status).toBe(201);
  // All of the event log: each look at mail is a line of it.
  const wholeLog = (route: string): string => (route === '/v1/events' ? `${route}?limit=500` : route);
  const routes = (await readingRoutes(daybook, items)).map(wholeLog);
  /** Role, where it saw it, and what: never of a viewer or an operator. */
  const seen = new Set<string>();
  const look = (role: Role, where: string, text: string): void => {
    for (const [how, address] of Object.entries(hidden))
      if (text.includes(address)) seen.add(`${role} ${where} ${how}`);
  };
  for (const role of roles) {
    for (const route of [...routes, '/v1/messages?to=bo@north.example', '/v1/events?type=pop3.blocked']) {
      const answer = await daybook.fetch(route, { headers: authorization(role) });
      look(role, route.replaceAll(/[0-9A-Z]{26}/g, '{id}').replace(/\?.*/, ''), await answer.text());
    }
    // A copy that says nothing of the hidden ones and would join the entry that has them.
    const explained = await daybook.fetch('/v1/explain?definition=exchange', {
      method: 'POST',
      headers: { ...authorization(role), 'content-type': 'message/rfc822' },
      body: original('envelope'),
    });
    const text = await explained.text();
    if (role !== 'viewer') expect(JSON.parse(text)).toMatchObject({ outcome: 'matched' });
    expect(
      Object.values(hidden).filter((address) => text.includes(address)),
      `explain by ${role}`,
    ).toEqual([]);
    const skipped = items.at(-1)?.id;
    const released = await daybook.fetch(`/v1/intake/${skipped}/release`, {
      method: 'POST',
      headers: authorization(role),
    });
    look(role, 'release', await released.text());
  }
  for (const [role, stop] of streams) {
    const text = await stop();
    expect(text).toContain('event: status');
    look(role, 'stream', text);
  }
  expect([...seen].filter((line) => !mayRead.some((role) => line.startsWith(role)))).toEqual([]);
  for (const role of mayRead) {
    const ways = (where: string): readonly string[] =>
      [...seen].filter((line) => line.startsWith(`${role} ${where} `)).map((line) => line.split(' ').at(-1) ?? '');
    expect(ways('/v1/messages')).toEqual(expect.arrayContaining(['envelope', 'header', 'gateway']));
    expect(ways('/v1/messages/{id}')).toEqual(expect.arrayContaining(['envelope', 'header', 'gateway']));
    expect(ways('/v1/intake/{id}')).toEqual(['gateway']);
    expect(ways('/v1/intake/{id}/explain')).toEqual(expect.arrayContaining(['envelope', 'header', 'gateway']));
    expect(ways('/v1/intake/{id}/raw')).toEqual(expect.arrayContaining(['envelope', 'header']));
    expect(ways('/v1/events')).toEqual(expect.arrayContaining(['blocked', 'searched', 'held']));
    expect(ways('stream')).toEqual(expect.arrayContaining(['blocked', 'searched', 'held']));
    expect(ways('/v1/holds')).toEqual(['held']);
  }
  const entry = await get<Entry>(daybook, `/v1/messages/${items[0]?.entryId}`);
  expect(entry.recipients).toContainEqual(expect.objectContaining({ address: hidden.envelope, type: 'bcc' }));
  expect(await daybook.end('SIGTERM')).toBe(0);
  for (const address of Object.values(hidden)) expect(daybook.log()).not.toContain(address);
});
