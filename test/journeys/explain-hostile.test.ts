import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { type Daybook, startDaybook } from '../../bench/peers/daybook.ts';
import { dateOf, idOf } from '../support/journey-mail.ts';
import { heldByHostileMail, isLongRun, loopProbe } from '../support/loop-held.ts';
import { buildMessage, buildReport } from '../support/mail.ts';
import { SmtpClient } from '../support/smtp-client.ts';

/** Each other setting opens the message once more, the same way: that is for the long run. */
const tryOthers = isLongRun;
const recipient = 'journal@journal.north.example';
const config = (matching = '') => `
logLevel: error
store: { minimumFree: 1MB }
${matching}
directory: { internalDomains: [north.example] }
definitions:
  - { id: exchange, description: Exchange, transport: smtp, serviceEmailAddress: ${recipient}, deliveryWaitAttempts: 1 }
`;
const killer = pathToFileURL(join(import.meta.dirname, '../support/killed-by-mail.mjs'));

async function explain(daybook: Daybook, message: Buffer): Promise<{ outcome: string; reason: string | null }> {
  const headers = { 'content-type': 'message/rfc822' };
  const body = new Uint8Array(message);
  const answer = await daybook.fetch(`/v1/explain?definition=exchange&whatIf=${tryOthers}`, {
    method: 'POST',
    headers,
    body,
  });
  expect(answer.status, await answer.clone().text()).toBe(200);
  return (await answer.json()) as { outcome: string; reason: string | null };
}

test('whatever is in a message that is asked about, the event loop is never held over 200 ms', async () => {
  const file = join(tmpdir(), `daybook-explain-${process.pid}`);
  try {
    await using daybook = await startDaybook({ config: config(), nodeArguments: loopProbe(file) });
    await explain(daybook, buildReport());
    const slow = await heldByHostileMail(daybook, file, (message) => explain(daybook, message));
    expect(slow).toEqual([]);
    expect(await daybook.end('SIGTERM')).toBe(0);
  } finally {
    await rm(file, { force: true });
  }
}, 300_000);

test('a message that would end the process where it is parsed ends it neither by explain nor before its answer', async () => {
  await using daybook = await startDaybook({
    config: config('matching: { expiredAction: reject }'),
    nodeArguments: ['--import', killer.href],
  });
  const old = dateOf(Date.now() - 40 * 86_400_000);
  const messageId = idOf('poison');
  const original = Buffer.concat([Buffer.from('X-Kill: parse\r\n'), buildMessage({ messageId, date: old })]);
  const report = buildReport({ messageId, originals: [original] });
  expect(await explain(daybook, report)).toMatchObject({ outcome: 'rejected', reason: 'expired' });
  await using client = await SmtpClient.ready(daybook.smtpPort);
  expect((await client.mail([recipient], report)).code).toBe(550);
  expect(await explain(daybook, buildReport({ originals: [buildMessage({ date: dateOf() })] }))).toMatchObject({
    outcome: 'archived',
  });
  expect(daybook.isRunning()).toBe(true);
});
