import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { startDaybook } from '../../bench/peers/daybook.ts';
import { eventually } from '../support/eventually.ts';
import { hostileMailboxes } from '../support/hostile-mailboxes.ts';
import { all, difference, type IntakeItem, statusOf } from '../support/journal-api.ts';
import { deliver, lunchReport } from '../support/journey-mail.ts';
import { openPop3Server, type Pop3Server } from '../support/pop3-server.ts';

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

test('twenty hostile mailboxes at once: each whole message once, nothing half, nothing deleted that is not held, and the rest goes on', async () => {
  const mailboxes = hostileMailboxes();
  expect(mailboxes).toHaveLength(20);
  const servers = new Map<string, Pop3Server>();
  for (const { name, options } of mailboxes) servers.set(name, await openPop3Server(options));
  await using _servers = {
    [Symbol.asyncDispose]: async () => {
      await Promise.all([...servers.values()].map((server) => server[Symbol.asyncDispose]()));
    },
  };
  const config = `
logLevel: error
store: { minimumFree: 1MB }
pop3: { pollInterval: 300ms, timeout: 600ms }
directory: { internalDomains: [north.example] }
definitions:
  - { id: exchange, description: Exchange, transport: smtp, serviceEmailAddress: journal@journal.north.example, deliveryWaitAttempts: 1 }
${mailboxes
  .map(
    ({ name }) => `  - id: ${name}
    description: ${name}
    transport: pop3
    serviceEmailAddress: ${name}@journal.north.example
    deliveryWaitAttempts: 1
    pop3: { host: 127.0.0.1, port: ${servers.get(name)?.port}, mailboxName: box, password: secret, encrypted: false }`,
  )
  .join('\n')}
`;
  await using daybook = await startDaybook({ config, smtp: 'maxMessageSize: 2MB' });
  const intakeOfBox = (name: string) => all<IntakeItem>(daybook, `/v1/intake?definition=${name}`);
  for (const { name, whole, empties } of mailboxes) {
    const done = async () => {
      const status = await statusOf(daybook, name);
      const left = servers.get(name)?.items.length ?? -1;
      return status.counts.archived === whole.length && (!empties || left === 0);
    };
    await eventually(done, { what: `the end of ${name}`, withinMs: 40_000 });
  }
  let pushed = 0;
  for (const { name, whole } of mailboxes) {
    await deliver(daybook.smtpPort, ['journal@journal.north.example'], lunchReport(`beside-${name}`));
    pushed += 1;
    const held = (await intakeOfBox(name)).map(({ sha256: hash }) => hash);
    expect(held.toSorted(), `${name}: whole, once, nothing else`).toEqual(whole.map(sha256).toSorted());
    const sent = mailboxes.find((each) => each.name === name)?.options.items ?? [];
    const left = new Set(servers.get(name)?.items.map(({ bytes }) => sha256(bytes)));
    const deleted = sent.map(({ bytes }) => sha256(bytes)).filter((hash) => !left.has(hash));
    expect(
      deleted.filter((hash) => !held.includes(hash)),
      `${name}: deleted and not held`,
    ).toEqual([]);
    expect(difference(await statusOf(daybook, name))).toBe(0);
  }
  await eventually(async () => (await statusOf(daybook, 'exchange')).counts.archived === pushed, {
    what: 'the pushed ones',
  });
  expect((await daybook.fetch('/readyz')).ok).toBe(true);
  expect(await daybook.end('SIGTERM')).toBe(0);
}, 120_000);
