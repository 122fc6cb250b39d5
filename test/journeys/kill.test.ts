import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { type Daybook, startDaybook } from '../../bench/peers/daybook.ts';
import { eventually } from '../support/eventually.ts';
import { all, difference, type Entry, type IntakeItem, intakeOf, promised, statusOf } from '../support/journal-api.ts';
import { prng } from '../support/prng.ts';
import { SmtpClient } from '../support/smtp-client.ts';

const kills = 20;
const senders = 6;
const config = (bytes: string): string => `
logLevel: error
store: { bytes: ${bytes}, minimumFree: 1MB, segmentSize: 4MB }
directory: { internalDomains: [north.example] }
definitions:
  - { id: exchange, description: Exchange, transport: smtp, serviceEmailAddress: journal@journal.north.example, deliveryWaitAttempts: 1 }
`;

/** What the outside saw: every message sent, and the promise it got for it, if any. */
interface Outside {
  readonly sent: Map<string, string>;
  readonly promises: Map<string, { readonly id: string; readonly sha256: string; readonly messageId: string }>;
}

for (const bytes of ['segments', 'leveldb']) {
  const rounds = bytes === 'segments' ? kills : 4;
  test(`killed ${rounds} times under load, nothing acknowledged is lost, doubled or changed (${bytes})`, async () => {
    const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
    console.log(`seed ${seed}`);
    const random = prng(seed);
    const outside: Outside = { sent: new Map(), promises: new Map() };
    const readyAfterMs: number[] = [];
    let daybook = await startDaybook({ config: config(bytes) });
    await using first = daybook;
    for (let round = 0; round < rounds; round += 1) {
      const stop = new AbortController();
      const sending = Array.from({ length: senders }, (_, sender) =>
        send(daybook, `${seed}-${round}-${sender}`, outside, stop.signal),
      );
      const enough = outside.promises.size + 20 + Math.floor(random() * 60);
      await eventually(async () => outside.promises.size >= enough, { what: `${enough} acknowledged messages` });
      await daybook.end('SIGKILL');
      stop.abort();
      await Promise.all(sending);
      const restartedAt = performance.now();
      daybook = await daybook.restart();
      readyAfterMs.push(performance.now() - restartedAt);
    }
    await check(daybook, outside);
    console.log(
      `${outside.promises.size} acknowledged of ${outside.sent.size} sent; ready after ${Math.round(Math.max(...readyAfterMs))} ms at most`,
    );
    expect(await daybook.end('SIGTERM')).toBe(0);
    expect(first.directory).toBe(daybook.directory);
  }, 180_000);
}

async function check(daybook: Daybook, { promises }: Outside): Promise<void> {
  const status = await eventually(
    async () => {
      const now = await statusOf(daybook, 'exchange');
      return now.processingQueue.messages === 0 && now;
    },
    { what: 'an empty processing queue' },
  );
  expect(difference(status)).toBe(0);
  const intake = new Map((await all<IntakeItem>(daybook, '/v1/intake')).map((item) => [item.id, item]));
  expect(status.counts.received).toBe(intake.size);
  for (const { id, sha256 } of promises.values()) {
    expect(intake.get(id), `intake ${id}`).toMatchObject({ sha256, state: expect.stringMatching(/archived|matched/) });
  }
  const entries = await all<Entry>(daybook, '/v1/messages');
  const ids = entries.map(({ messageId }) => messageId);
  expect(new Set(ids).size, 'no message archived twice').toBe(ids.length);
  for (const { id, messageId } of promises.values()) {
    expect(ids, `message ${messageId} of intake ${id}`).toContain(messageId);
  }
  for (const { id, sha256 } of [...promises.values()].slice(-60)) {
    const raw = Buffer.from(await (await daybook.fetch(`/v1/intake/${id}/raw`)).arrayBuffer());
    expect(createHash('sha256').update(raw).digest('hex')).toBe(sha256);
    expect((await intakeOf(daybook, id)).size).toBe(raw.length);
  }
}

/** One connection that sends until it is cut, and sends the message it got no answer for again on the next one. */
async function send(daybook: Daybook, name: string, { sent, promises }: Outside, stop: AbortSignal): Promise<void> {
  let n = 0;
  try {
    await using client = await SmtpClient.ready(daybook.smtpPort);
    while (!stop.aborted) {
      n += 1;
      const messageId = `<${name}.${n}@north.example>`;
      const report = reportOf(messageId);
      const sha256 = createHash('sha256').update(report).digest('hex');
      sent.set(messageId, sha256);
      await client.command('MAIL FROM:<MicrosoftExchange0@north.example>');
      await client.command('RCPT TO:<journal@journal.north.example>');
      await client.command('DATA');
      await client.send(`${report}.\r\n`);
      const { code, text } = await client.reply();
      if (code !== 250) throw new Error(`${code} ${text}`);
      const promise = promised(text);
      expect(promise.sha256).toBe(sha256);
      promises.set(messageId, { id: promise.ids[0]!, sha256, messageId });
    }
  } catch (error) {
    if (!stop.aborted && !/closed|ECONN|EPIPE/.test(String(error))) throw error;
  }
}

function reportOf(messageId: string): string {
  const original = [
    'From: Ada <ada@north.example>',
    'To: bo@north.example',
    'Subject: Lunch',
    `Message-ID: ${messageId}`,
    `Date: ${new Date().toUTCString().replace('GMT', '+0000')}`,
    '',
    'Soup today. '.repeat(200),
  ];
  const lines = [
    'From: Journal <MicrosoftExchange0@north.example>',
    'X-MS-Journal-Report:',
    'MIME-Version: 1.0',
    'Content-Type: multipart/mixed; boundary="B"',
    '',
    '--B',
    'Content-Type: text/plain; charset=us-ascii',
    '',
    'Sender: ada@north.example',
    'Subject: Lunch',
    `Message-Id: ${messageId}`,
    'To: bo@north.example',
    '',
    '--B',
    'Content-Type: message/rfc822',
    '',
    ...original,
    '--B--',
    '',
  ];
  return lines.join('\r\n');
}
