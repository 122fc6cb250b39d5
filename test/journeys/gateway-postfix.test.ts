import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Daybook, startDaybook } from '../../bench/peers/daybook.ts';
import { freePort } from '../../bench/peers/free-port.ts';
import { startPostfix } from '../../bench/peers/postfix.ts';
import { eventually } from '../support/eventually.ts';
import { all, difference, type Entry, statusOf } from '../support/journal-api.ts';
import { dateOf, idOf, sha256 } from '../support/journey-mail.ts';
import { leftOut, partner, swaks } from '../support/journey-partners.ts';
import { buildMessage } from '../support/mail.ts';

const docs = join(import.meta.dirname, '../../docs/postfix-gateway');
const maps = ['daybook-recipients', 'daybook-transport', 'daybook-originals'];

/** The documented configuration as it stands, for the ports and the folder of this test. */
async function documented(smtpPort: number, gatewayPort: number) {
  const read = async (name: string): Promise<string> =>
    (await readFile(join(docs, name), 'utf8'))
      .replaceAll('/etc/postfix/', 'CONFIG/')
      .replaceAll(':2526', `:${gatewayPort}`)
      .replaceAll(':2525', `:${smtpPort}`);
  const files = Object.fromEntries(await Promise.all(maps.map(async (name) => [name, await read(name)] as const)));
  return { main: [await read('main.cf')], master: [await read('master.cf')], files };
}

const config = (gatewayPort: number): string => `
logLevel: error
store: { minimumFree: 1MB }
gateway: { smtp: { port: ${gatewayPort} } }
directory: { internalDomains: [north.example] }
definitions:
  - id: journal
    description: The journal copies of Postfix
    transport: smtp
    serviceEmailAddress: journal@journal.north.example
    deliveryWaitAttempts: 3
    deliveryWaitInterval: 2s
`;
const recipients = ['bo@north.example', 'cy@north.example', 'legal@north.example'];
const mail = (name: string): Buffer =>
  buildMessage({ messageId: idOf(name), date: dateOf(), to: 'bo@north.example', cc: 'cy@north.example' });

describe.skipIf(leftOut({ programs: ['postfix', 'postqueue', 'swaks'], asRoot: true }))('a Postfix gateway', () => {
  test('sends its own copy with the true envelope and a journal copy: one entry, the Bcc recipient known, over an outage too', async () => {
    const gatewayPort = await freePort();
    let daybook = await startDaybook({ config: config(gatewayPort) });
    await using _first = daybook;
    const { main, master, files } = await documented(daybook.smtpPort, gatewayPort);
    await using postfix = await startPostfix({
      port: await freePort(),
      main: [...main, 'virtual_transport = discard:', 'relay_transport = discard:', 'default_transport = discard:'],
      master,
      files,
    });
    const hand = (name: string) =>
      swaks(postfix.port, mail(name), ['--from', 'ada@north.example', '--to', recipients.join(',')]);

    await hand('through');
    await check(daybook, 'through');

    expect(await daybook.end('SIGTERM')).toBe(0);
    await hand('outage');
    const queue = async (option: '-p' | '-f') =>
      (await partner('postqueue', ['-c', postfix.configDirectory, option])).stdout;
    await eventually(async () => (await queue('-p')).includes('ada@'), { what: 'the deferred copies' });
    daybook = await daybook.restart();
    // Again and again: a flush passes by what is still being tried in vain.
    const sent = async () => {
      await queue('-f');
      return (await queue('-p')).includes('queue is empty');
    };
    await eventually(sent, { what: 'an empty queue' });
    await check(daybook, 'outage');
    expect(await daybook.get('/v1/ledger')).toMatchObject({ received: 4, difference: 0 });
    expect(await daybook.end('SIGTERM')).toBe(0);
  }, 120_000);
});

/** Both copies are in one entry, with the envelope of the gateway's and the bytes that Postfix sent. */
async function check(daybook: Daybook, name: string): Promise<void> {
  const found = async () => {
    const [entry, ...more] = await all<Entry>(daybook, `/v1/messages?messageId=${encodeURIComponent(idOf(name))}`);
    expect(more).toEqual([]);
    return entry?.observations.length === 2 && entry;
  };
  const entry = await eventually(found, { what: `both copies of ${name}` });
  expect(entry.sender).toBe('ada@north.example');
  expect(entry.recipients.map(({ address }) => address).toSorted()).toEqual(recipients);
  expect(entry.representations, 'both are the same bytes').toHaveLength(1);
  const raw = Buffer.from(await (await daybook.fetch(`/v1/messages/${entry.id}/raw`)).arrayBuffer());
  expect(sha256(raw)).toBe(entry.sha256);
  const text = raw.toString('latin1');
  const sent = mail(name)
    .toString('latin1')
    .replace(/Date: .*\r\n/, '');
  expect(text.replace(/Date: .*\r\n/, '')).toContain(sent.slice(0, sent.indexOf('\r\n\r\n')));
  expect(text).not.toContain('daybook.invalid');
  const status = await statusOf(daybook, 'journal');
  expect([difference(status), status.counts.received - status.counts.archived - status.counts.matched]).toEqual([0, 0]);
}
