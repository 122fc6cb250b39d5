import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Daybook, startDaybook } from '../../bench/peers/daybook.ts';
import type { Status } from '../../src/http/status.schema.ts';
import { eventually } from '../support/eventually.ts';
import { deliver, lunchReport } from '../support/journey-mail.ts';
import { SmtpClient } from '../support/smtp-client.ts';

/** A green light while nothing flows: mail that is sent away, and mail that is taken and not kept. */

const config = `
logLevel: error
store: { minimumFree: 1MB }
directory: { internalDomains: [typo.example] }
definitions:
  - id: away
    description: Another server
    transport: smtp
    serviceEmailAddress: away@journal.north.example
    smtp: { additionalSourceIpRanges: [192.0.2.0/24] }
  - { id: wrong, description: Wrong domain, transport: smtp, serviceEmailAddress: wrong@journal.north.example, smtp: { additionalSourceIpRanges: [127.0.0.1/32] } }
`;
let daybook: Daybook;
beforeAll(async () => {
  daybook = await startDaybook({ config });
});
afterAll(() => daybook?.[Symbol.asyncDispose]());

const warningsOf = async (id: string) => (await daybook.get<Status>(`/v1/definitions/${id}/status`)).warnings;
const alerts = async () =>
  (await daybook.get<{ readonly items: readonly { readonly title: string }[] }>('/v1/alerts')).items;

test('a sender that is sent away is told of where the status is, and why', async () => {
  await using client = await SmtpClient.ready(daybook.smtpPort);
  await client.command('MAIL FROM:<>');
  expect((await client.command('RCPT TO:<away@journal.north.example>')).code).toBe(451);
  expect(await warningsOf('away')).toMatchObject([
    { code: 'mail-refused', text: expect.stringMatching(/^mail from 127\.0\.0\.1 is refused \(451 4\.7\.1, once\): /) },
  ]);
  expect(await warningsOf('wrong')).toEqual([]);
});

test('mail that is all skipped is told of, and people hear of both', async () => {
  const to = ['wrong@journal.north.example'];
  for (let at = 0; at < 20; at += 1) await deliver(daybook.smtpPort, to, lunchReport(`skipped-${at}`));
  await eventually(async () => (await warningsOf('wrong')).length === 2);
  expect(await warningsOf('wrong')).toMatchObject([
    { code: 'suspect-report', text: expect.stringMatching(/^20 reports came, .* from no internal domain/) },
    {
      code: 'hardly-archived',
      text: expect.stringMatching(/^20 of 20 messages were skipped .* `directory\.internalDomains`/),
    },
  ]);
  await eventually(async () => (await alerts()).length === 3, { withinMs: 20_000 });
  expect((await alerts()).map(({ title }) => title).toSorted()).toEqual([
    'away refuses mail that is sent to it',
    'wrong archives hardly any of its mail',
    'wrong gets reports that cannot be read or trusted',
  ]);
});
