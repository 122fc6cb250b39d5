import { expect, test } from 'vitest';
import { startDaybook } from '../../bench/peers/daybook.ts';
import type { Status } from '../../src/http/status.schema.ts';
import { eventually } from '../support/eventually.ts';
import { dateOf, deliver, lunchReport } from '../support/journey-mail.ts';
import { buildMessage } from '../support/mail.ts';

const service = 'exchange@journal.north.example';
const config = `
logLevel: error
store: { minimumFree: 1MB }
directory: { internalDomains: [north.example] }
definitions:
  - id: exchange
    description: Reports, and plain copies of outside mail too
    transport: smtp
    serviceEmailAddress: ${service}
    deliveryWaitAttempts: 1
    smtp: { additionalSourceIpRanges: [127.0.0.1/32] }
`;

test('a report that may be forged, and mail that is none, are told of in status and log', async () => {
  await using daybook = await startDaybook({ config });
  const status = () => daybook.get<Status>('/v1/definitions/exchange/status');
  const codes = async () => (await status()).warnings.map(({ code }) => code);
  const settled = (count: number) =>
    eventually(async () => {
      const { counts, processingQueue } = await status();
      return counts.received === count && processingQueue.messages === 0;
    });
  for (let at = 0; at < 18; at += 1) await deliver(daybook.smtpPort, [service], lunchReport(`fine-${at}`));
  await settled(18);
  expect(await codes()).toEqual([]);
  await deliver(daybook.smtpPort, [service], lunchReport('forged', { from: 'Journal <mallory@evil.example>' }));
  await settled(19);
  expect((await status()).warnings).toMatchObject([
    { code: 'suspect-report', text: expect.stringMatching(/^a report came from no internal domain and may be forged/) },
  ]);
  for (let at = 0; at < 2; at += 1) {
    await deliver(daybook.smtpPort, [service], buildMessage({ messageId: `<plain-${at}@x>`, date: dateOf() }));
  }
  await settled(21);
  expect((await status()).warnings.map(({ code, text }) => [code, text.slice(0, 23)])).toEqual([
    ['envelope-quality', '2 of the last 21 items '],
    ['suspect-report', 'a report came from no i'],
  ]);
  const { items } = await daybook.get<{ readonly items: readonly { readonly entryId: string }[] }>(
    '/v1/events?type=item.suspect-report',
  );
  const { items: found } = await daybook.get<{ readonly items: readonly { readonly id: string }[] }>(
    '/v1/messages?flag=report-from-outside',
  );
  expect(items.map(({ entryId }) => entryId)).toEqual(found.map(({ id }) => id));
  expect(found).toHaveLength(1);
});
