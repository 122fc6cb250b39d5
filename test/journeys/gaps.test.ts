import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Daybook, startDaybook } from '../../bench/peers/daybook.ts';
import type { Status } from '../../src/http/status.schema.ts';
import { eventually } from '../support/eventually.ts';
import { all, statusOf } from '../support/journal-api.ts';
import { command } from '../support/journey-cli.ts';
import { deliver, idOf } from '../support/journey-mail.ts';
import { buildMessage, buildReport } from '../support/mail.ts';

const service = ['journal@journal.north.example'];
const dayMs = 86_400_000;
/** A day that has settled; the reports before it are of the day before. */
const noon = Math.floor(Date.now() / dayMs) * dayMs - 3 * dayMs + dayMs / 2;
const day = new Date(noon).toISOString().slice(0, 10);
const [bo, cy, ed] = ['bo@north.example', 'cy@north.example', 'ed@north.example'] as const;

let daybook: Daybook;
beforeAll(async () => {
  daybook = await startDaybook({
    config: `
logLevel: error
store: { minimumFree: 1MB }
directory: { internalDomains: [north.example], addresses: [ada@north.example, ${bo}, ${cy}, ${ed}] }
definitions:
  - { id: exchange, description: Exchange, transport: smtp, serviceEmailAddress: journal@journal.north.example, deliveryWaitAttempts: 1 }
`,
  });
});
afterAll(() => daybook?.[Symbol.asyncDispose]());

/** One report of a mail to Cy and somebody else. */
async function report(name: string, at: number, other: string, reported: readonly string[]): Promise<void> {
  const date = new Date(at).toUTCString().replace('GMT', '+0000');
  const original = buildMessage({ messageId: idOf(name), date, to: `${other}, ${cy}` });
  const recipients = reported.map((address) => ({ address }));
  await deliver(daybook.smtpPort, service, buildReport({ messageId: idOf(name), recipients, originals: [original] }));
}

test('somebody who is in no report any more is found, a message reported in two parts is not, and a warning says so', async () => {
  await report('before', noon - dayMs, ed, [ed, cy]);
  for (const name of ['short-1', 'short-2', 'short-3']) await report(name, noon, ed, [cy]);
  await report('in-parts', noon, bo, [cy]);
  await report('in-parts', noon, bo, [bo]);
  await eventually(async () => (await statusOf(daybook, 'exchange')).processingQueue.messages === 0);
  const shown = await eventually(
    async () => {
      const said = await command(['gaps', '--day', day, '--config', daybook.configFile]);
      return said.code === 0 ? said : undefined;
    },
    { withinMs: 60_000, what: 'a look at the day' },
  );
  expect(shown.stdout).toMatch(
    /: 4 messages with a report that names fewer people than the headers, 3 of them incomplete\n/,
  );
  expect(shown.stdout).toMatch(/\nexchange +ed@north\.example +lapsed +.* +3 +\S+ *\n$/);
  expect(shown.stdout).not.toContain(bo);
  const warned = await eventually(
    async () =>
      ((await statusOf(daybook, 'exchange')) as unknown as Status).warnings.find(
        (each) => each.code === 'coverage-lapsed',
      ),
    { what: 'the warning' },
  );
  expect(warned.text).not.toContain('@');
  const isTold = async (): Promise<boolean> =>
    (await daybook.get<{ items: { kind: string }[] }>('/v1/alerts')).items.some(({ kind }) => kind === 'gap');
  await eventually(isTold, { withinMs: 20_000, what: 'the alert' });
  const events = await all<{ type: string }>(daybook, '/v1/events');
  expect(
    events.some(({ type }) => type === 'messages.searched'),
    'who looked is in the event log',
  ).toBe(true);
}, 120_000);

test('after a restart it is still known; a rebuilt index finds the same messages', async () => {
  await daybook.end('SIGTERM');
  daybook = await daybook.restart();
  const { stdout } = await command(['gaps', '--day', day, '--json', '--config', daybook.configFile]);
  expect(JSON.parse(stdout)).toMatchObject({ day, definitions: [{ definition: 'exchange', incomplete: 3 }] });
});
