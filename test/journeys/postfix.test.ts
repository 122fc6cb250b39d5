import { SMTPServer } from 'smtp-server';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Daybook, startDaybook } from '../../bench/peers/daybook.ts';
import { freePort } from '../../bench/peers/free-port.ts';
import { type Postfix, startPostfix } from '../../bench/peers/postfix.ts';
import { eventually } from '../support/eventually.ts';
import { all, type Entry, type IntakeItem, intakeOf, statusOf } from '../support/journal-api.ts';
import { dateOf, idOf, lunchReport, sha256 } from '../support/journey-mail.ts';
import { leftOut, partner, swaks } from '../support/journey-partners.ts';
import { buildMessage } from '../support/mail.ts';

const config = `
logLevel: error
store: { minimumFree: 1MB }
directory: { internalDomains: [north.example] }
definitions:
  - { id: postfix, description: Postfix, transport: smtp, serviceEmailAddress: journal@journal.north.example, deliveryWaitAttempts: 1 }
`;
const partners = { programs: ['postfix', 'postqueue', 'swaks'], asRoot: true };

describe.skipIf(leftOut(partners))('Postfix in front of Daybook', () => {
  let daybook: Daybook;
  let mailboxes: Mailboxes;
  let postfix: Postfix;
  beforeAll(async () => {
    [daybook, mailboxes] = [await startDaybook({ config }), await openMailboxes()];
    const routes = [
      `{ journal.north.example = smtp:[127.0.0.1]:${daybook.smtpPort} }`,
      `{ north.example = smtp:[127.0.0.1]:${mailboxes.port} }`,
    ];
    postfix = await startPostfix({
      port: await freePort(),
      main: [
        `transport_maps = inline:{ ${routes.join(', ')} }`,
        'parent_domain_matches_subdomains =',
        'always_bcc = journal@journal.north.example',
        'smtputf8_autodetect_classes = all',
      ],
    });
  });
  afterAll(async () => {
    await postfix?.[Symbol.asyncDispose]();
    await mailboxes?.[Symbol.asyncDispose]();
    await daybook?.[Symbol.asyncDispose]();
  });

  test('copies each mail to the service address; the recipients get theirs', async () => {
    const mail = buildMessage({
      messageId: idOf('copied'),
      date: dateOf(),
      to: 'bo@north.example',
      cc: 'cy@north.example',
    });
    await hand(mail, ['bo@north.example', 'cy@north.example']);
    const entry = await archived(idOf('copied'));
    expect(entry).toMatchObject({ sender: 'ada@north.example', observations: [{ level: 'L4', family: null }] });
    expect(entry.recipients.map(({ address, type }) => `${type}:${address}`)).toEqual([
      'to:bo@north.example',
      'cc:cy@north.example',
    ]);
    await eventually(async () => mailboxes.recipients().includes('cy@north.example'), { what: 'the mail of Cy' });
    const [raw, kept] = await Promise.all([
      bytes(`/v1/messages/${entry.id}/raw`),
      bytes(`/v1/intake/${entry.observations[0]!.intakeId}/raw`),
    ]);
    expect(raw).toEqual(kept);
    expect(raw.toString('latin1')).toMatch(/^Received: from client\.north\.example/);
    expect(raw.toString('latin1')).toContain(mail.toString('latin1').trimEnd());
  });

  test('relays a report; its own Received line leaves the original as it was', async () => {
    await hand(lunchReport('relayed'), ['journal@journal.north.example']);
    const entry = await archived(idOf('relayed'));
    expect(entry.observations[0]).toMatchObject({ level: 'L0', family: 'ms2007', flags: [] });
    const original = /From: Ada[\s\S]*(?=\r\n--B--)/.exec(
      (await bytes(`/v1/intake/${entry.observations[0]!.intakeId}/raw`)).toString('latin1'),
    );
    expect(entry.sha256).toBe(sha256(Buffer.from(original![0], 'latin1')));
  });

  test('hands an internationalised sender on by SMTPUTF8', async () => {
    const mail = buildMessage({
      messageId: idOf('utf8'),
      date: dateOf(),
      from: 'Jörg <jörg@north.example>',
      subject: 'Müll',
    });
    await hand(mail, ['bo@north.example'], 'jörg@north.example');
    const entry = await archived(idOf('utf8'));
    expect(entry).toMatchObject({ sender: 'jörg@north.example', subject: 'Müll' });
    const item = await intakeOf(daybook, entry.observations[0]!.intakeId);
    expect(item).toMatchObject({ transport: { mailFrom: 'jörg@north.example' } });
  });

  test('keeps mail in its queue while the definition is suspended, and delivers it after', async () => {
    await daybook.fetch('/v1/definitions/postfix/suspend', { method: 'POST' });
    const { counts } = await statusOf(daybook, 'postfix');
    const reports = ['waits-1', 'waits-2', 'waits-3'];
    for (const name of reports) await hand(lunchReport(name), ['journal@journal.north.example']);
    await eventually(async () => (await deferred()).length === reports.length, { what: 'three deferred messages' });
    const waiting = await deferred();
    for (const { recipients } of waiting) {
      expect(recipients[0]?.delay_reason).toContain('450 4.3.2 this journal definition is suspended');
    }
    expect((await statusOf(daybook, 'postfix')).counts).toMatchObject({
      received: counts.received,
      rejected: counts.rejected + waiting.flatMap(({ recipients }) => recipients).length,
    });
    await daybook.fetch('/v1/definitions/postfix/activate', { method: 'POST' });
    expect(await partner('postqueue', ['-c', postfix.configDirectory, '-f'])).toMatchObject({ code: 0 });
    for (const name of reports) expect(await archived(idOf(name))).toMatchObject({ messageId: idOf(name) });
    await eventually(async () => (await queue()).length === 0, { what: 'an empty queue of Postfix' });
    expect((await all<IntakeItem>(daybook, '/v1/intake')).length).toBe(counts.received + reports.length);
  });

  async function hand(mail: Uint8Array, to: readonly string[], from = 'ada@north.example'): Promise<void> {
    const said = await swaks(postfix.port, mail, ['--from', from, '--to', to.join(',')]);
    expect(said.code, said.stdout).toBe(0);
  }

  const archived = (messageId: string): Promise<Entry> =>
    eventually(
      async () => {
        const path = `/v1/messages?messageId=${encodeURIComponent(messageId)}`;
        return (await daybook.get<{ items: Entry[] }>(path)).items[0];
      },
      { what: `the entry of ${messageId}` },
    );
  const bytes = async (path: string): Promise<Buffer> => Buffer.from(await (await daybook.fetch(path)).arrayBuffer());
  const queue = async (): Promise<readonly Queued[]> =>
    (await partner('postqueue', ['-c', postfix.configDirectory, '-j'])).stdout
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Queued);
  const deferred = async (): Promise<readonly Queued[]> =>
    (await queue()).filter(({ queue_name: name }) => name === 'deferred');
});

interface Queued {
  readonly queue_name: string;
  readonly recipients: readonly { readonly address: string; readonly delay_reason?: string }[];
}
interface Mailboxes extends AsyncDisposable {
  readonly port: number;
  recipients(): readonly string[];
}

/** The server of the people themselves: takes all mail. */
async function openMailboxes(): Promise<Mailboxes> {
  const recipients: string[] = [];
  const server = new SMTPServer({
    disabledCommands: ['AUTH', 'STARTTLS'],
    disableReverseLookup: true,
    logger: false,
    onData: (stream, { envelope }, done) => {
      stream.on('data', () => undefined);
      stream.on('end', () => {
        recipients.push(...envelope.rcptTo.map(({ address }) => address));
        done();
      });
    },
  });
  const port = await freePort();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    port,
    recipients: () => recipients,
    [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
