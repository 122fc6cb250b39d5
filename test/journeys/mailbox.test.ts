import { createHash, X509Certificate } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { type Daybook, startDaybook } from '../../bench/peers/daybook.ts';
import { type Dovecot, startDovecot } from '../../bench/peers/dovecot.ts';
import { isOnCluster } from '../../bench/peers/other-backend.ts';
import { eventually } from '../support/eventually.ts';
import { all, difference, type Entry, type IntakeItem, statusOf } from '../support/journal-api.ts';
import { command } from '../support/journey-cli.ts';
import { lunchReport } from '../support/journey-mail.ts';
import { leftOut } from '../support/journey-partners.ts';
import { leftOutOfCluster } from '../support/other-backend.ts';
import { openPop3Server } from '../support/pop3-server.ts';
import { prng } from '../support/prng.ts';
import { makeTlsPair } from '../support/tls-pair.ts';

const messages = 2_000;
const kills = 3;
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** `lines`: how the mailbox is reached. */
const config = (...lines: readonly string[]): string => `
logLevel: error
store: { minimumFree: 1MB, segmentSize: 1MB }
pop3: { pollInterval: 200ms }
directory: { internalDomains: [north.example] }
definitions:
  - id: mailbox
    description: The journaling mailbox
    transport: pop3
    serviceEmailAddress: journal@journal.north.example
    deliveryWaitAttempts: 1
    pop3:
      host: 127.0.0.1
      mailboxName: journal
      password: pw
      ${lines.join('\n      ')}
`;
const overTls = ({ tlsPort }: Dovecot, cert: string): string =>
  config(
    `port: ${tlsPort}`,
    'encryptionMode: relaxed',
    `certificatePin: "${new X509Certificate(cert).fingerprint256}"`,
  );

interface Status {
  readonly pop3MailboxQueue: number | null;
  readonly serviceStatus: string;
}
const hashesOf = async (dovecot: Dovecot): Promise<readonly string[]> =>
  [...(await dovecot.held('journal')).values()].map(sha256);
const inCustody = async (daybook: Daybook): Promise<readonly IntakeItem[]> =>
  all<IntakeItem>(daybook, '/v1/intake?definition=mailbox');

describe.skipIf(leftOut({ programs: ['dovecot', 'openssl'], asRoot: true }))('a mailbox of Dovecot over POP3S', () => {
  test(`S4: ${messages} messages, the engine killed ${kills} times: all archived, none deleted before it was in custody`, async () => {
    const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
    console.log(`seed ${seed}`);
    const random = prng(seed);
    const pair = makeTlsPair('pop.north.example');
    await using dovecot = await startDovecot({ tls: pair });
    const sent = Array.from({ length: messages }, (_, at) => lunchReport(`mailbox-${seed}-${at}`));
    const expected = new Set(sent.map(sha256));
    await dovecot.fill('journal', sent);
    let daybook = await startDaybook({ config: overTls(dovecot, pair.cert) });
    await using _first = daybook;
    for (let kill = 0; kill < kills; kill += 1) {
      const enough = Math.floor(((kill + 0.3 + 0.6 * random()) * messages) / (kills + 1));
      await eventually(async () => (await statusOf(daybook, 'mailbox')).counts.received >= enough, {
        what: `${enough} messages in custody`,
        withinMs: 60_000,
      });
      await daybook.end('SIGKILL');
      const left = new Set(await hashesOf(dovecot));
      daybook = await daybook.restart();
      const held = new Set((await inCustody(daybook)).map(({ sha256: hash }) => hash));
      const lost = [...expected].filter((hash) => !left.has(hash) && !held.has(hash));
      expect(lost, 'neither in the mailbox nor in custody').toEqual([]);
    }
    const settled = async () => {
      const status = await statusOf(daybook, 'mailbox');
      const { pop3MailboxQueue } = await daybook.get<Status>('/v1/definitions/mailbox/status');
      return pop3MailboxQueue === 0 && status.processingQueue.messages === 0 && status;
    };
    const status = await eventually(settled, { what: 'the empty mailbox', withinMs: 90_000 });
    expect(difference(status)).toBe(0);
    expect(await hashesOf(dovecot), 'the mailbox is empty').toEqual([]);
    const entries = await all<Entry>(daybook, '/v1/messages');
    expect(new Set(entries.map(({ messageId }) => messageId)).size, 'one entry for each').toBe(messages);
    expect(entries).toHaveLength(messages);
    const intake = await inCustody(daybook);
    expect(new Set(intake.map(({ sha256: hash }) => hash))).toEqual(expected);
    expect(intake.filter(({ state }) => state !== 'archived' && state !== 'matched')).toEqual([]);
    for (const item of [intake[0]!, intake[Math.floor(random() * intake.length)]!]) {
      const raw = Buffer.from(await (await daybook.fetch(`/v1/intake/${item.id}/raw`)).arrayBuffer());
      expect(sha256(raw)).toBe(item.sha256);
    }
    // In files the ledger of a mailbox is durable with the message itself; in a cluster it is written behind it.
    if (!isOnCluster()) expect(intake, 'one record for each').toHaveLength(messages);
    expect(await daybook.end('SIGTERM')).toBe(0);
  }, 180_000);
});

describe.skipIf(leftOutOfCluster('an index of files made anew'))('an index that was made anew', () => {
  test.each([true, false])(
    'knows what is still in the mailbox, and takes nothing a second time (UIDL: %s)',
    async (hasUidl) => {
      const items = Array.from({ length: 5 }, (_, at) => ({ uidl: `u${at}`, bytes: lunchReport(`rebuilt-${at}`) }));
      await using server = await openPop3Server({
        user: 'journal',
        password: 'pw',
        items: [...items],
        ...(hasUidl ? {} : { unknown: ['UIDL'] }),
        // What it has handed over it will not delete.
        script: (line, { write }) => {
          if (!line.startsWith('DELE')) return false;
          write('-ERR read-only\r\n');
          return true;
        },
      });
      let daybook = await startDaybook({ config: config(`port: ${server.port}`, 'encrypted: false') });
      await using _first = daybook;
      await eventually(async () => (await statusOf(daybook, 'mailbox')).counts.archived === items.length);
      expect(await daybook.end('SIGTERM')).toBe(0);
      const rebuilt = await command(['rebuild-index', '--config', daybook.configFile]);
      expect(rebuilt.code, rebuilt.stderr).toBe(0);
      const sessions = server.commands.filter((line) => line === 'QUIT').length;
      daybook = await daybook.restart();
      await eventually(async () => server.commands.filter((line) => line === 'QUIT').length > sessions + 1);
      expect((await statusOf(daybook, 'mailbox')).counts).toMatchObject({ received: items.length, matched: 0 });
      server.script = undefined;
      await eventually(async () => server.items.length === 0);
      expect(await inCustody(daybook)).toHaveLength(items.length);
      expect(await daybook.end('SIGTERM')).toBe(0);
    },
  );
});
