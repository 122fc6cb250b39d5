import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Daybook, startDaybook } from '../../bench/peers/daybook.ts';
import { eventually } from '../support/eventually.ts';
import { all, difference, type IntakeItem, intakeOf, statusOf } from '../support/journal-api.ts';
import { deliver, idOf, lunch, lunchReport, promiseIn, received, sha256 } from '../support/journey-mail.ts';
import { SmtpClient, type SmtpReply, stuff } from '../support/smtp-client.ts';
import { makeTlsPair } from '../support/tls-pair.ts';

const at = (name: string): string => `${name}@journal.north.example`;
const definition = (id: string, more = ''): string => `
  - id: ${id}
    description: ${id}
    transport: smtp
    serviceEmailAddress: ${at(id)}
    deliveryWaitAttempts: 1
${more}`;
const config = `
logLevel: error
store: { minimumFree: 1MB }
directory: { internalDomains: [north.example] }
definitions:${definition('open')}${definition('second')}${definition('off', '    suspended: true')}
${definition('ranges', '    smtp: { additionalSourceIpRanges: [127.0.0.2/32, 10.9.0.0/16] }')}
${definition('secure', '    smtp: { requireTls: true }')}
${definition('login', '    smtp: { useSmtpAuthentication: true, password: correct horse }')}
${definition('both', '    suspended: true\n    smtp: { useSmtpAuthentication: true, password: tall giraffe, requireTls: true, additionalSourceIpRanges: [127.0.0.1/32] }')}
`;
const plain = (user: string, password: string): string => Buffer.from(`\0${user}\0${password}`).toString('base64');
/** `250 2.1.5` of a reply: what a sending server acts on. */
const code = ({ code: number, text }: SmtpReply): string => `${number} ${/^\d\.\d+\.\d+/.exec(text)?.[0] ?? ''}`.trim();

describe('the answers of interface section 8 and journaling c.7', () => {
  let daybook: Daybook;
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'daybook-contract-'));
    const { cert, key } = makeTlsPair('daybook.test');
    const [certFile, keyFile] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
    await writeFile(certFile, cert);
    await writeFile(keyFile, key, { mode: 0o600 });
    daybook = await startDaybook({ config, smtp: `tls: { cert: ${certFile}, key: ${keyFile} }, maxMessageSize: 64KB` });
  });
  afterAll(async () => {
    await daybook?.[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  interface As {
    readonly from?: string;
    readonly tls?: boolean;
    /** Of AUTH PLAIN; its reply must be 235. */
    readonly login?: readonly [user: string, password: string];
  }
  async function session({ from, tls = false, login }: As): Promise<SmtpClient> {
    const client = await SmtpClient.ready(daybook.smtpPort, from === undefined ? {} : { localAddress: from });
    if (tls) {
      expect((await client.startTls()).code).toBe(220);
      await client.command('EHLO client.test');
    }
    if (login !== undefined) expect((await client.command(`AUTH PLAIN ${plain(...login)}`)).code).toBe(235);
    return client;
  }
  const rcpt = async (id: string, as: As = {}): Promise<string> => {
    await using client = await session(as);
    await client.command('MAIL FROM:<>');
    return code(await client.command(`RCPT TO:<${at(id)}>`));
  };

  test('EHLO offers what a journaling server needs, STARTTLS only in the clear', async () => {
    await using client = await SmtpClient.connect(daybook.smtpPort);
    expect(await client.reply()).toMatchObject({ code: 220, text: expect.stringMatching(/^daybook\.test /) });
    const offered = (await client.command('EHLO client.test')).text.split('\n').slice(1);
    expect(offered).toEqual(
      expect.arrayContaining(['PIPELINING', '8BITMIME', 'SMTPUTF8', 'ENHANCEDSTATUSCODES', 'STARTTLS', 'SIZE 65536']),
    );
    await client.startTls();
    expect((await client.command('EHLO client.test')).text).not.toContain('STARTTLS');
  });

  test.each<readonly [what: string, id: string, as: As, answer: string]>([
    ['an unknown address', 'nobody', {}, '550 5.1.1'],
    ['an unknown address from anywhere', 'nobody', { from: '127.0.0.3' }, '550 5.1.1'],
    ['an open definition', 'open', {}, '250 2.1.5'],
    ['an open definition, all in capitals', 'OPEN', {}, '250 2.1.5'],
    ['a suspended definition', 'off', {}, '450 4.3.2'],
    ['ranges without this peer', 'ranges', {}, '451 4.7.1'],
    ['ranges with this peer', 'ranges', { from: '127.0.0.2' }, '250 2.1.5'],
    ['required TLS, in the clear', 'secure', {}, '530 5.7.0'],
    ['required TLS, inside TLS', 'secure', { tls: true }, '250 2.1.5'],
    ['required AUTH, before it', 'login', {}, '530 5.7.0'],
    ['required AUTH, after it', 'login', { login: [at('login'), 'correct horse'] }, '250 2.1.5'],
    ['AUTH as another definition', 'both', { tls: true, login: [at('login'), 'correct horse'] }, '550 5.7.1'],
    ['all at once: the source first', 'both', { from: '127.0.0.2' }, '451 4.7.1'],
    ['all at once: then TLS', 'both', {}, '530 5.7.0'],
    ['all at once: then AUTH', 'both', { tls: true }, '530 5.7.0'],
    ['all at once: suspended last', 'both', { tls: true, login: [at('both'), 'tall giraffe'] }, '450 4.3.2'],
    ['a login that the definition does not ask for', 'open', { login: [at('login'), 'correct horse'] }, '250 2.1.5'],
  ])('RCPT to %s', async (_what, id, as, answer) => {
    expect(await rcpt(id, as)).toBe(answer);
  });

  test('S7: wrong credentials are 535, whoever asks', async () => {
    for (const [user, password] of [
      [at('login'), 'wrong'],
      [at('nobody'), 'correct horse'],
      [at('login'), 'tall giraffe'],
    ] as const) {
      await using client = await session({ from: '127.0.0.4', tls: true });
      expect(code(await client.command(`AUTH PLAIN ${plain(user, password)}`))).toBe('535 5.7.8');
    }
  });

  test('AUTH LOGIN inside TLS, and the message in its name', async () => {
    await using client = await session({ tls: true });
    expect((await client.command('AUTH LOGIN')).code).toBe(334);
    expect((await client.command(Buffer.from(at('login')).toString('base64'))).code).toBe(334);
    expect((await client.command(Buffer.from('correct horse').toString('base64'))).code).toBe(235);
    const { id } = promiseIn(await client.mail([at('login')], lunchReport('logged-in')));
    expect(await intakeOf(daybook, id)).toMatchObject({
      definition: 'login',
      transport: {
        authenticatedAs: at('login'),
        peer: '127.0.0.1',
        tls: expect.stringMatching(/TLS/),
        rcptTo: [at('login')],
      },
    });
  });

  test('a size beyond the limit is 552: as announced at MAIL, and as it comes', async () => {
    await using client = await session({});
    expect(code(await client.command('MAIL FROM:<> SIZE=65537'))).toBe('552 5.3.4');
    const reply = await client.mail([at('open')], `Subject: large\r\n\r\n${'x'.repeat(70_000)}\r\n`);
    expect(code(reply)).toBe('552 5.3.4');
    const fits = `Subject: fits\r\n\r\n${'x'.repeat(65_536 - 19)}\r\n`;
    expect(fits.length).toBe(65_536);
    expect(promiseIn(await client.mail([at('open')], fits)).sha256).toBe(sha256(Buffer.from(fits)));
  });

  test('whatever is wrong with the content is 250: it is ours, never the sender’s', async () => {
    await using client = await session({});
    const contents = [
      '\u0001\u0002 no header',
      '',
      `From: a@b.example\r\n\r\n${'l'.repeat(5000)}`,
      lunch('old', 'Mon, 02 Mar 2020 09:00:00 +0000'),
    ];
    for (const content of contents) {
      const { sha256: hash } = promiseIn(await client.mail([at('open')], content));
      expect(hash).toBe(sha256(content === '' ? Buffer.alloc(0) : received(Buffer.from(content as string))));
    }
  });

  test('two service addresses in one transaction: two ids with a comma, one hash, two records', async () => {
    await using client = await session({});
    const report = lunchReport('shared');
    const promise = promiseIn(await client.mail([at('open'), at('second')], report, 'exchange@north.example'));
    expect(promise.ids).toHaveLength(2);
    expect(promise.sha256).toBe(sha256(received(report)));
    const records = await Promise.all(promise.ids.map((id) => intakeOf(daybook, id)));
    expect(records.map(({ definition: id }) => id)).toEqual(['open', 'second']);
    expect(records.map(({ sha256: hash }) => hash)).toEqual([promise.sha256, promise.sha256]);
    for (const id of promise.ids) {
      const raw = Buffer.from(await (await daybook.fetch(`/v1/intake/${id}/raw`)).arrayBuffer());
      expect(sha256(raw)).toBe(promise.sha256);
    }
    const settled = await eventually(async () => {
      const items = await Promise.all(promise.ids.map((id) => intakeOf(daybook, id)));
      return items.every(({ entryId }) => entryId !== null) && items;
    });
    expect(new Set(settled.map(({ entryId }) => entryId)).size, 'one entry').toBe(1);
    expect(settled.map(({ state }) => state).toSorted()).toEqual(['archived', 'matched']);
  });

  test('one refused recipient spoils nothing for the other; none left is 503 or 554', async () => {
    await using client = await session({});
    await client.command('MAIL FROM:<>');
    expect(code(await client.command(`RCPT TO:<${at('off')}>`))).toBe('450 4.3.2');
    expect(Math.floor((await client.command('DATA')).code / 100)).toBe(5);
    expect(code(await client.command(`RCPT TO:<${at('open')}>`))).toBe('250 2.1.5');
    expect((await client.command('DATA')).code).toBe(354);
    await client.send(stuff(lunchReport('one-of-two')));
    expect(promiseIn(await client.reply()).ids).toHaveLength(1);
  });

  test('all of a transaction may come in one segment, and SMTPUTF8 addresses are taken', async () => {
    await using client = await session({});
    await client.send(
      Buffer.concat([
        Buffer.from(`MAIL FROM:<jörg@north.example> BODY=8BITMIME SMTPUTF8\r\nRCPT TO:<${at('open')}>\r\nDATA\r\n`),
        stuff(lunchReport('pipelined')),
        Buffer.from('QUIT\r\n'),
      ]),
    );
    const lines = await client.replyLines(5);
    expect(lines.map((line) => line.slice(0, 3))).toEqual(['250', '250', '354', '250', '221']);
    const { ids } = promiseIn({ code: 250, text: lines[3]!.slice(4) });
    expect(await intakeOf(daybook, ids[0]!)).toMatchObject({ transport: { mailFrom: 'jörg@north.example' } });
  });

  test('a client that vanishes in DATA leaves nothing, and nothing said here is in the log', async () => {
    const before = (await all<IntakeItem>(daybook, '/v1/intake')).length;
    const client = await session({});
    for (const line of ['MAIL FROM:<>', `RCPT TO:<${at('open')}>`, 'DATA']) await client.command(line);
    await client.send('Subject: half\r\n\r\nand then');
    client.reset();
    await client.closed;
    await deliver(daybook.smtpPort, [at('open')], lunchReport('after'));
    expect((await all<IntakeItem>(daybook, '/v1/intake')).length).toBe(before + 1);
    for (const id of ['open', 'second', 'login']) expect(difference(await statusOf(daybook, id))).toBe(0);
    expect(daybook.log()).not.toMatch(/horse|giraffe/);
  });
});

test('past limits.processingQueue 452, until there is room again', async () => {
  const limits = 'limits: { processingQueue: { messages: 3 } }';
  const slow = definition('open', '    initialProcessDelay: 2s');
  const text = `logLevel: error\n${limits}\nstore: { minimumFree: 1MB }\ndirectory: { internalDomains: [north.example] }\ndefinitions:${slow}`;
  await using daybook = await startDaybook({ config: text });
  await using client = await SmtpClient.ready(daybook.smtpPort);
  for (const name of ['q1', 'q2', 'q3']) promiseIn(await client.mail([at('open')], lunchReport(name)));
  expect(code(await client.mail([at('open')], lunchReport('q4')))).toBe('452 4.3.1');
  expect((await statusOf(daybook, 'open')).counts).toMatchObject({ received: 3 });
  await eventually(async () => (await statusOf(daybook, 'open')).processingQueue.messages === 0);
  promiseIn(await client.mail([at('open')], lunchReport('q4')));
  await eventually(async () => {
    const { items } = await daybook.get<{ items: unknown[] }>(
      `/v1/messages?messageId=${encodeURIComponent(idOf('q4'))}`,
    );
    return items.length === 1;
  });
});

test('below store.minimumFree 452, and nothing is taken', async () => {
  const text = `logLevel: error\nstore: { minimumFree: 900000GB }\ndirectory: { internalDomains: [north.example] }\ndefinitions:${definition('open')}`;
  await using daybook = await startDaybook({ config: text });
  await using client = await SmtpClient.ready(daybook.smtpPort);
  expect(code(await client.mail([at('open')], lunchReport('no-room')))).toBe('452 4.3.1');
  expect((await statusOf(daybook, 'open')).counts).toMatchObject({ received: 0 });
});
