/** `npm run pictures`: the pictures of the console in `docs/pictures`, each page in light and dark, over an engine with mail. */

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { type Daybook, startDaybook } from '../../bench/peers/daybook.ts';
import { script } from '../faults/script.ts';
import { openBrowser, openPage } from '../support/browser.ts';
import { eventually } from '../support/eventually.ts';
import { dateOf, deliver, idOf } from '../support/journey-mail.ts';
import { buildMessage, buildReport } from '../support/mail.ts';

const into = join(import.meta.dirname, '../../docs/pictures');
const height = 800;

const definition = (id: string, description: string, more: string): string =>
  `  - { id: ${id}, description: ${description}, transport: smtp, serviceEmailAddress: ${id}@journal.north.example, ${more} }`;
const config = `
logLevel: error
store: { minimumFree: 1MB }
directory: { internalDomains: [north.example] }
definitions:
${definition('exchange', 'Exchange Online', 'deliveryWaitAttempts: 1')}
${definition('workspace', 'Google Workspace', 'deliveryWaitAttempts: 3, deliveryWaitInterval: 10m')}
${definition('branch', 'Branch office', 'periodOfInactivityAllowed: 1s')}
  - { id: mailbox, description: Old mailbox, transport: pop3, serviceEmailAddress: pop3@journal.north.example,
      suspended: true, pop3: { host: 127.0.0.1, port: 995, mailboxName: journal, password: not-a-secret } }
`;

const people = ['ada', 'bo', 'cy', 'di', 'eve', 'finn'];
const subjects = [
  'Minutes of the board meeting',
  'Offer 2026-118, second version',
  'Lunch on Friday',
  'Re: Delivery to the harbour',
  'Contract with South Trading',
  'Figures of the third quarter',
  'Holiday list',
  'Invoice 40117',
  'Re: Question about the audit',
  'New key cards from Monday on',
];

/** A report about one message of the house, sent `minutesAgo`. */
function report(at: number, minutesAgo: number): Buffer {
  const subject = subjects[at % subjects.length] ?? '';
  const [from, to, hidden] = [at, at + 1, at + 3].map((each) => `${people[each % people.length]}@north.example`);
  const messageId = idOf(`${subject.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')}-${at}`);
  const date = dateOf(Date.now() - minutesAgo * 60_000);
  const body = `Hello,\r\n\r\n${subject}: please find the details below.\r\n\r\nKind regards\r\n${from}\r\n`;
  const original = buildMessage({ from: `${from}`, to: `${to}`, subject, messageId, date, body });
  const recipients = [
    { address: `${to}`, type: 'to' as const },
    ...(at % 3 === 0 ? [{ address: `${hidden}`, type: 'bcc' as const }] : []),
  ];
  return buildReport({ sender: `${from}`, subject, messageId, recipients, originals: [original] });
}

async function fill(daybook: Daybook): Promise<void> {
  const send = (id: string, bytes: Buffer) => deliver(daybook.smtpPort, [`${id}@journal.north.example`], bytes);
  for (let at = 0; at < 40; at += 1) await send('exchange', report(at, 3 * (40 - at)));
  for (let at = 40; at < 46; at += 1) await send('workspace', report(at, 1));
  await send('branch', report(50, 5));
  await send('exchange', report(60, 45 * 24 * 60));
  await send('exchange', Buffer.from('\u0001\u0002 no header at all\r\nrandom bytes'));
  // Alerts are looked for every five seconds.
  await eventually(async () => (await daybook.get<{ items: readonly unknown[] }>('/v1/alerts')).items.length >= 3, {
    withinMs: 20_000,
  });
  await eventually(async () => {
    const { definitions } = await daybook.get<{
      definitions: readonly { serviceStatus: string; processingQueue: { messages: number } }[];
    }>('/v1/status');
    const [exchange, , branch] = definitions;
    return exchange?.processingQueue.messages === 0 && branch?.serviceStatus === 'down';
  });
}

/** Each page: its picture's name, and where it is. */
async function pagesOf(daybook: Daybook): Promise<readonly (readonly [name: string, path: string])[]> {
  const { items } = await daybook.get<{ items: readonly { id: string }[] }>('/v1/messages?subject=audit&limit=1');
  return [
    ['journaling', '/journaling'],
    ['definition', '/journaling/exchange'],
    ['live', '/live/exchange'],
    ['messages', '/messages'],
    ['message', `/messages/${items[0]?.id}`],
    ['intake', '/intake'],
    ['events', '/events'],
    ['ledger', '/ledger'],
    ['store', '/store'],
    ['alerts', '/alerts'],
  ];
}

async function picture(browser: Browser, daybook: Daybook, scheme: 'light' | 'dark'): Promise<readonly string[]> {
  await using watched = await openPage(browser, daybook, { scheme, height });
  const { page, troubles } = watched;
  for (const [name, path] of await pagesOf(daybook)) {
    await page.goto(path);
    await page.locator('main :is(table, svg, dl, fieldset)').first().waitFor();
    await eventually(async () => (await page.locator('main .waiting').count()) === 0);
    await page.screenshot({ path: join(into, `${name}-${scheme}.png`) });
  }
  return troubles;
}

await script(async () => {
  await mkdir(into, { recursive: true });
  await using daybook = await startDaybook({ config });
  await fill(daybook);
  const browser = await openBrowser();
  try {
    const troubles = [...(await picture(browser, daybook, 'light')), ...(await picture(browser, daybook, 'dark'))];
    return { held: troubles.length === 0, figures: { into: 'docs/pictures', troubles } };
  } finally {
    await browser.close();
  }
});
