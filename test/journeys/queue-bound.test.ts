import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startDaybook } from '../../bench/peers/daybook.ts';
import { eventually } from '../support/eventually.ts';
import { statusOf } from '../support/journal-api.ts';
import { command } from '../support/journey-cli.ts';
import { lunchReport, promiseIn } from '../support/journey-mail.ts';
import { SmtpClient } from '../support/smtp-client.ts';

const recipient = 'journal@journal.north.example';
const config = `
logLevel: error
store: { minimumFree: 1MB }
limits: { processingQueue: { bytes: 256B } }
directory: { internalDomains: [north.example] }
definitions:
  - { id: exchange, description: Exchange, transport: smtp, serviceEmailAddress: ${recipient}, initialProcessDelay: 2s, deliveryWaitAttempts: 1 }
`;

test('mail that is larger than the queue may be is taken one by one, announced or not, by SMTP and by import', async () => {
  await using daybook = await startDaybook({ config });
  await using client = await SmtpClient.ready(daybook.smtpPort);
  const empty = () =>
    eventually(async () => (await statusOf(daybook, 'exchange')).processingQueue.messages === 0, { what: 'the line' });
  const announcing = async (name: string): Promise<number> => {
    const { code } = await client.command(`MAIL FROM:<> SIZE=${lunchReport(name).length}`);
    await client.command('RSET');
    return code;
  };
  expect(lunchReport('a').length).toBeGreaterThan(256);
  expect(await announcing('a')).toBe(250);
  promiseIn(await client.mail([recipient], lunchReport('a')));
  expect(await announcing('b')).toBe(452);
  await empty();
  expect(await announcing('b')).toBe(250);

  const folder = await mkdtemp(join(tmpdir(), 'daybook-bound-'));
  try {
    const file = join(folder, 'c.eml');
    await writeFile(file, lunchReport('c'));
    const args = ['import', file, '--definition', 'exchange', '--config', daybook.configFile, '--json'];
    expect(await command(args)).toMatchObject({ code: 0 });
    await empty();
    expect((await statusOf(daybook, 'exchange')).counts).toMatchObject({ received: 2, archived: 2 });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
