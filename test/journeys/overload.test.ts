import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { startDaybook } from '../../bench/peers/daybook.ts';
import { eventually } from '../support/eventually.ts';
import { all, difference, type Entry, statusOf } from '../support/journal-api.ts';
import { idOf, lunchReport } from '../support/journey-mail.ts';
import { leftOut } from '../support/journey-partners.ts';
import { SmtpClient } from '../support/smtp-client.ts';

const recipient = 'journal@journal.north.example';
const config = `
logLevel: error
store: { minimumFree: 1MB, segmentSize: 1MB }
directory: { internalDomains: [north.example] }
definitions:
  - { id: exchange, description: Exchange, transport: smtp, serviceEmailAddress: ${recipient}, deliveryWaitAttempts: 1 }
`;
const limit = 200;
const clientsToCome = 400;

interface EngineStatus {
  readonly engine: { readonly warnings: readonly { readonly code: string; readonly text: string }[] };
}

test.skipIf(leftOut({ programs: ['prlimit'] }))(
  'with few descriptors connections are refused in time, and a sender that delivers goes on',
  async () => {
    const under = ['prlimit', `--nofile=${limit}`];
    await using daybook = await startDaybook({ config, under });
    const warnings = async (): Promise<readonly string[]> =>
      (await daybook.get<EngineStatus>('/v1/status')).engine.warnings.map(({ code }) => code);
    const acknowledged: string[] = [];
    const send = async (): Promise<number> => {
      const name = `few${acknowledged.length}`;
      await using client = await SmtpClient.ready(daybook.smtpPort);
      // Larger than a segment now and then, so that the store needs descriptors too.
      const report = Buffer.concat([lunchReport(name), Buffer.alloc(200_000, 'epilogue\r\n')]);
      const { code } = await client.mail([recipient], report);
      if (code === 250) acknowledged.push(idOf(name));
      return code;
    };
    expect(await send()).toBe(250);
    expect(await warnings()).toEqual([]);

    const clients: SmtpClient[] = [];
    const answers = { greeted: 0, refused: 0, closed: 0 };
    try {
      for (let n = 0; n < clientsToCome; n += 1) {
        const localAddress = `127.0.${1 + Math.floor(n / 200)}.${1 + (n % 200)}`;
        // Clients that stay, whatever they are told.
        const client = await SmtpClient.connect(daybook.smtpPort, { localAddress, allowHalfOpen: true });
        clients.push(client);
        const answer = await client.replyOrEnd();
        if (answer === undefined) answers.closed += 1;
        else if (answer.code === 220) answers.greeted += 1;
        else {
          expect(answer.code).toBe(421);
          answers.refused += 1;
        }
      }
      expect(answers.greeted).toBeGreaterThan(20);
      expect(answers.greeted).toBeLessThan(limit * 0.7);
      expect(answers.refused).toBeGreaterThan(0);
      // 127.0.0.1 has delivered: it gets the seat of one that has not, as soon as a refused one is gone.
      for (let n = 0; n < 20; n += 1) {
        await eventually(async () => (await send().catch(() => 0)) === 250, { what: 'a 250 among refused clients' });
      }
      expect(await warnings()).toContain('overloaded');
      const metrics = await (await daybook.fetch('/metrics')).text();
      expect(metrics).toMatch(/^daybook_shed_total\{reason="descriptors"\} [1-9]/m);
    } finally {
      for (const client of clients) client.destroy();
    }
    const greetsAgain = async (): Promise<boolean> => {
      await using client = await SmtpClient.connect(daybook.smtpPort, { localAddress: '127.0.0.9' });
      return (await client.reply()).code === 220;
    };
    await eventually(greetsAgain, { what: 'a seat for a stranger once the others are gone' });

    await eventually(async () => (await statusOf(daybook, 'exchange')).processingQueue.messages === 0);
    expect(difference(await statusOf(daybook, 'exchange'))).toBe(0);
    const ids = (await all<Entry>(daybook, '/v1/messages')).map(({ messageId }) => messageId);
    for (const id of acknowledged) expect(ids).toContain(id);
    expect(daybook.log(), 'no descriptor was lacking').not.toMatch(/EMFILE|too many open files/i);
    expect(await daybook.end('SIGTERM')).toBe(0);
  },
);

test('while the event loop is late a second message is put off with 452, the first is finished, and then all is as before', async () => {
  const hold = pathToFileURL(join(import.meta.dirname, '../support/loop-hold.mjs'));
  await using daybook = await startDaybook({ config, nodeArguments: ['--import', hold.href] });
  await using first = await SmtpClient.ready(daybook.smtpPort);
  for (const line of ['MAIL FROM:<>', `RCPT TO:<${recipient}>`, 'DATA']) await first.command(line);
  const body = lunchReport('late');
  await first.send(body.subarray(0, 500));
  await using second = await SmtpClient.ready(daybook.smtpPort);
  expect((await second.command('MAIL FROM:<>')).code).toBe(250);
  await second.command('RSET');
  process.kill(daybook.pid, 'SIGUSR2');
  const putOff = await eventually(async () => {
    const { code, text } = await second.command('MAIL FROM:<>');
    if (code === 250) await second.command('RSET');
    return code !== 250 && `${code} ${text}`;
  });
  expect(putOff).toMatch(/^452 4\.3\.2 /);
  const lines = (await (await daybook.fetch('/metrics')).text()).split('\n');
  expect(lines).toContain('daybook_shed_total{reason="event-loop"} 1');
  const { engine } = await daybook.get<EngineStatus>('/v1/status');
  expect(engine.warnings.map(({ text }) => text)).toEqual(['mail is put off until there is less of this: event-loop']);
  process.kill(daybook.pid, 'SIGUSR2');
  await first.send(Buffer.concat([body.subarray(500), Buffer.from('\r\n.\r\n')]));
  expect((await first.reply()).code, 'what was begun').toBe(250);
  await eventually(async () => (await second.mail([recipient], lunchReport('later'))).code === 250);
  const events = await all<{ readonly type: string }>(daybook, '/v1/events?type=overload.begun');
  expect(events).toHaveLength(1);
  expect(await daybook.end('SIGTERM')).toBe(0);
});
