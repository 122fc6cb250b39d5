import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { type Daybook, startDaybook } from '../../bench/peers/daybook.ts';
import {
  barriers,
  noChromium,
  openBrowser,
  openPage,
  shown,
  tokenOf,
  tokensOf,
  type WatchedPage,
} from '../support/browser.ts';
import { eventually } from '../support/eventually.ts';
import { dateOf, deliver, idOf, lunchReport } from '../support/journey-mail.ts';
import { sentOf } from '../support/journey-reports.ts';
import { enter, fill, focused, tabTo } from '../support/keyboard.ts';
import { buildMessage } from '../support/mail.ts';
import { openPop3Server, type Pop3Server } from '../support/pop3-server.ts';

/** What a person does from the first day on, by the keys alone: one engine, one browser, one page, in this order. */

const root = join(import.meta.dirname, '../..');
const readme = readFileSync(join(root, 'README.md'), 'utf8');
/** The configuration of the README, and its line that sends a first report. */
const [, yaml = ''] = /```yaml\n([\s\S]*?)```/.exec(readme) ?? [];
const [sending = ''] = /^sed "s\/DATE[\s\S]*?-T -$/m.exec(readme) ?? [];
const { dataDir: _, smtp, definitions, ...rest } = parse(yaml);
const evil = '<img src=x onerror=alert(1)>\u202etxt.exe';
const evilShown = '<img src=x onerror=alert(1)>U+202Etxt.exe';
/** A long name, which no page is wider for. */
const long = `${evil} of the branch office in the North, the second of two`;
const longShown = `${evilShown} of the branch office in the North, the second of two`;
const more = { id: 'evil', description: long, transport: 'smtp', serviceEmailAddress: 'evil@journal.north.example' };
const config = stringify({
  ...rest,
  logLevel: 'error',
  store: { minimumFree: '1MB' },
  pop3: { pollInterval: '1h', timeout: '5s' },
  definitions: [...definitions, more],
});
/** The names of the guide's page and their order (journaling a); those of ours stand where they belong, the canary's apart. */
const guide = (transport: 'smtp' | 'pop3'): readonly string[] => [
  ...['Journal Service Properties', 'Id', 'Description', 'Transport Type', 'Disabled'],
  ...['Connection Properties', 'Service Email Address'],
  ...(transport === 'pop3'
    ? ['Mailbox Name', 'Password', 'Hostname / IP Address', 'Port']
    : ['Additional Source IP Ranges', 'Use SMTP Authentication', 'Password', 'Require TLS']),
  ...['Initial Process Delay', 'Delivery Wait Attempts', 'Delivery Wait Interval'],
  ...(transport === 'smtp' ? ['Period of Inactivity Allowed (Mins)'] : []),
  'Journal Type',
  ...(transport === 'pop3' ? ['Encrypted', 'Encryption Mode', 'Certificate Pin'] : []),
  ...['Remove Journal Headers', 'Detailed Logging', 'Prefer Clear Text Version', 'Extended De-Duplication'],
  ...['Journal Non Internal Addresses', 'Journal Unknown Internal Addresses', 'Retention'],
  ...['Service Status', 'Service Status', 'Last Successful Extract', 'Processing Queue'],
  ...(transport === 'pop3' ? ['POP3 Mailbox Queue'] : []),
  'Received',
  ...(transport === 'smtp' ? ['Refused', 'Usual Silence'] : []),
];
const journal = ['journal@journal.north.example'];

describe.skipIf(noChromium())('by the keys alone', () => {
  let browser: Browser;
  let daybook: Daybook;
  let mailbox: Pop3Server;
  let watched: WatchedPage;
  let page: Page;
  const asked: string[] = [];
  const aged = (name: string): Buffer => {
    const originals = [buildMessage({ messageId: idOf(name), date: dateOf(Date.now() - 90 * 86_400_000) })];
    return lunchReport(name, { originals, headers: [`Date: ${dateOf()}`] });
  };
  beforeAll(async () => {
    browser = await openBrowser();
    const sources = `authorizedSources: ${JSON.stringify(smtp.authorizedSources)}`;
    daybook = await startDaybook({ config, smtp: sources, http: tokensOf('admin') });
    mailbox = await openPop3Server({ user: 'box', password: 'right-password', items: [] });
    for (const name of ['skewed-1', 'skewed-2']) await deliver(daybook.smtpPort, journal, aged(name));
    await deliver(daybook.smtpPort, journal, sentOf('no header', 'broken').bytes);
    watched = await openPage(browser, daybook);
    page = watched.page;
    page.on('dialog', (dialog) => {
      asked.push(dialog.message());
      void dialog.dismiss();
    });
  });
  afterAll(async () => {
    await browser?.close();
    await mailbox?.[Symbol.asyncDispose]();
    await daybook?.[Symbol.asyncDispose]();
  });

  /** The heading of the page has the focus, and that is seen. */
  const arrived = async (title: string): Promise<void> => {
    await page.getByRole('heading', { level: 1, name: title }).waitFor();
    await expect.poll(() => focused(page)).toMatchObject({ name: title, tag: 'h1', isSeen: true });
  };
  const stays = (name: string) => expect.poll(async () => (await focused(page)).name).toBe(name);
  /** Nothing in the way of anybody here, by either scheme of colours. */
  const isOpenToAll = async (): Promise<void> => {
    expect(await barriers(page)).toEqual([]);
    await page.emulateMedia({ colorScheme: 'dark' });
    expect(await barriers(page, 'colours')).toEqual([]);
    await page.emulateMedia({ colorScheme: 'light' });
    await page.setViewportSize({ width: 400, height: 900 });
    expect(await page.evaluate('document.documentElement.scrollWidth'), 'it is not too wide').toBe(400);
    await page.setViewportSize({ width: 1280, height: 900 });
  };
  /** Goes round in the dialog and comes to nothing outside of it. */
  const isKept = async (): Promise<void> => {
    for (let steps = 0; steps < 6; steps += 1) {
      await page.keyboard.press('Tab');
      const { inDialog, tag } = await focused(page);
      expect(inDialog || tag === 'body').toBe(true);
    }
  };
  /** Every name on the page of a definition, in its order; the canary is a section of ours. */
  const names = async (): Promise<readonly string[]> => {
    const all = await page.locator('legend, .definition :is(label:not(.choice), .label, h2, dt)').allTextContents();
    const [canary, status] = [all.indexOf('Canary'), all.indexOf('Service Status')];
    return all.toSpliced(canary, status - canary).map((name) => name.replace(' required', ''));
  };
  const rows = () => page.locator('tbody tr').count();

  test('one signs in, and is where one wanted to go', async () => {
    await page.goto('/journaling');
    await stays('Token');
    await page.keyboard.type('a-guess\n');
    await page.getByText('This token is not known to the engine.').waitFor();
    await stays('Token');
    await page.keyboard.type(`${tokenOf('admin')}\n`);
    await arrived('Services | Journaling');
    await page.getByRole('link', { name: longShown }).waitFor();
  });

  test('the report of the README, sent by its line, is found, read, proven and taken along', async () => {
    const line = sending.replace('127.0.0.1:2525', `127.0.0.1:${daybook.smtpPort}`);
    const { stderr } = await promisify(execFile)('bash', ['-c', line], { cwd: root });
    expect(stderr).toContain('250 2.0.0 queued as');
    await eventually(async () => {
      const answer = await daybook.fetch('/v1/ledger', { headers: { authorization: `Bearer ${tokenOf('admin')}` } });
      return ((await answer.json()) as { inProcess: number }).inProcess === 0;
    });
    await page.keyboard.press('/');
    await page.keyboard.type('lunch\n');
    await arrived('Messages');
    await enter(page, 'Lunch');
    await arrived('Message');
    await page.getByText('At noon?').waitFor();
    await page.getByRole('row', { name: /cy@north.example bcc journal envelope/ }).waitFor();
    await enter(page, 'Headers (7)');
    await page.locator('details[open]').getByText('<lunch-1@north.example>').waitFor();
    await page.getByRole('list', { name: /^Steps of / }).waitFor();
    await enter(page, 'Make the proof');
    await page.getByText(/record \d+ of \d+ under the head/).waitFor();
    await stays('Make the proof');
    const coming = page.waitForEvent('download');
    await tabTo(page, 'Download .eml', { back: true });
    await page.keyboard.press('Enter');
    expect(await readFile(await (await coming).path(), 'utf8')).toMatch(/^From: Ada[\s\S]*\r\n\r\nAt noon\?\r\n/);
    await isOpenToAll();
  });

  test('each field of the search finds it, and one goes on from the same field', async () => {
    await page.goto('/messages');
    const today = new Date();
    const keyed = (at: Date): string =>
      [at.getMonth() + 1, at.getDate(), at.getFullYear()].map((part) => String(part).padStart(2, '0')).join('');
    const searches = [
      ['Participant', 'mailbox', 'cy@north.example'],
      ['From', 'from', 'ada@north.example'],
      ['To', 'to', 'bo@north.example'],
      ['Subject words', 'subject', 'lunch'],
      ['Message-ID', 'messageId', '<lunch-1@north.example>'],
    ] as const;
    await shown(page);
    for (const [label, name, text] of searches) {
      await fill(page, label, text);
      await page.keyboard.press('Enter');
      await page.waitForURL((url) => url.searchParams.get(name) === text && url.searchParams.size === 1);
      await expect.poll(rows).toBe(1);
      await stays(label);
      await page.keyboard.press('Control+a');
      await page.keyboard.press('Delete');
    }
    for (const [label, name] of [
      ['Since', 'since'],
      ['Until', 'until'],
    ] as const) {
      await tabTo(page, label);
      await page.keyboard.type(keyed(today));
      await page.keyboard.press('Enter');
      await page.waitForURL((url) => url.searchParams.get(name)?.startsWith(String(today.getFullYear())) === true);
    }
    await tabTo(page, 'Definition');
    await page.keyboard.press('ArrowDown');
    await fill(page, 'Flag', 'report-unreadable');
    await page.keyboard.press('Enter');
    await page.waitForURL(/definition=exchange.*flag=report-unreadable|flag=report-unreadable.*definition=exchange/);
    await page.getByText('No message fits.').waitFor();
    await enter(page, 'Clear');
    await arrived('Messages');
    await expect.poll(() => page.getByLabel('Flag').inputValue()).toBe('');
  });

  test('a definition is made: the form follows the transport, faults stand at their fields, the difference is shown', async () => {
    await page.goto('/journaling');
    await enter(page, 'New Journal Service Definition');
    await arrived('New Journal Service Definition');
    await page.getByLabel('Additional Source IP Ranges').waitFor();
    await fill(page, 'Id', 'mailbox');
    await fill(page, 'Description', 'Cloud mailbox');
    await tabTo(page, /^SMTP/);
    await page.keyboard.press('ArrowDown');
    await page.getByLabel('Mailbox Name').waitFor();
    expect((await focused(page)).name).toMatch(/^POP3/);
    expect(await page.getByLabel(/Additional Source|Period of Inactivity/).count()).toBe(0);
    await fill(page, 'Service Email Address', 'box@journal.north.example');
    await fill(page, 'Mailbox Name', 'box');
    await fill(page, 'Password', 'right-password');
    await fill(page, 'Hostname / IP Address', '127.0.0.1');
    await fill(page, 'Port', '70000');
    await tabTo(page, 'Encrypted');
    await page.keyboard.press('Space');
    await enter(page, 'Save and Exit');
    await page.getByRole('dialog').waitFor();
    expect((await focused(page)).name).toMatch(/^Reason/);
    await isKept();
    await isOpenToAll();
    await page.keyboard.press('Escape');
    await stays('Save and Exit');
    await page.keyboard.press('Enter');
    await enter(page, 'Save and Exit');
    await page.getByText('It was not saved. One field is not right:').waitFor();
    await stays('Port');
    await isOpenToAll();
    await page.keyboard.press('Control+a');
    await page.keyboard.type(`${mailbox.port}\n`);
    await enter(page, 'Save and Exit');
    await arrived('Services | Journaling');
    await page.getByRole('link', { name: 'Cloud mailbox' }).waitFor();
  });

  test('its connection is tested by ticks, and what a server says is text; it is suspended and activated', async () => {
    mailbox.script = (command, connection) => {
      if (!command.startsWith('PASS')) return false;
      connection.write(`-ERR ${evil}\r\n`);
      return true;
    };
    await enter(page, 'Cloud mailbox');
    await arrived('Cloud mailbox');
    await enter(page, 'Test Connection');
    await page.getByText('The connection does not work.').waitFor();
    await page.locator('.ticks').getByText('<img src=x onerror=alert(1)>').waitFor();
    await stays('Test Connection');
    mailbox.script = undefined;
    await page.keyboard.press('Enter');
    await page.getByText('The connection works.').waitFor();
    await stays('Test Connection');
    expect(await names()).toEqual(guide('pop3'));
    await isOpenToAll();
    await tabTo(page, 'Suspend …', { back: true });
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor();
    await isKept();
    await page.keyboard.press('Escape');
    await stays('Suspend …');
    await page.keyboard.press('Enter');
    await page.keyboard.type(evil);
    await enter(page, 'Suspend');
    await stays('Activate');
    await isOpenToAll();
    await page.keyboard.press('Enter');
    await stays('Suspend …');
    await enter(page, 'Cancel');
    await arrived('Services | Journaling');
  });

  test('one from the file is read only, by its own hostile name too', async () => {
    await enter(page, longShown);
    await arrived(longShown);
    await page.getByText('This definition is provisioned').waitFor();
    expect(await page.locator('form :is(input, select, textarea):not(:disabled)').count()).toBe(1);
    expect(await page.getByRole('button', { name: 'Save and Exit' }).count()).toBe(0);
    expect(await names()).toEqual(guide('smtp'));
    await tabTo(page, 'Suspend …');
  });

  test('the mail on its way is looked at, one definition after the other', async () => {
    await page.goto('/live');
    await tabTo(page, 'Definition');
    for (const id of ['exchange', 'evil']) {
      await page.keyboard.press('ArrowDown');
      await page.waitForURL(`**/live/${id}`);
      await page.getByRole('img', { name: /^Current: / }).waitFor();
      await stays('Definition');
    }
    await isOpenToAll();
    await enter(page, /^Held: /);
    await arrived('Intake');
  });

  test('what was held is released together, what is in quarantine explained and tried again', async () => {
    await page.goto('/intake');
    await expect.poll(rows).toBe(2);
    await enter(page, 'Release all of them');
    await isKept();
    await page.keyboard.press('Escape');
    await stays('Release all of them');
    await page.keyboard.press('Enter');
    await page.keyboard.press('Enter');
    await page.getByText('2 messages released.').waitFor();
    await arrived('Intake');
    await tabTo(page, /^quarantined/);
    await page.keyboard.press('Enter');
    await page.waitForURL('**/intake?state=quarantined');
    expect((await focused(page)).name).toMatch(/^quarantined/);
    await enter(page, /^[0-9A-Z]{26}$/);
    await arrived('Intake record');
    await enter(page, 'Explain');
    await arrived('Explain');
    await page.reload();
    await page
      .getByRole('row', { name: /^readable|^detect/ })
      .first()
      .waitFor();
    await isOpenToAll();
    await enter(page, 'Its intake record');
    await arrived('Intake record');
    await enter(page, 'Try again');
    await page.keyboard.insertText(evil);
    await enter(page, 'Try again');
    await page.locator('.story li.retried').waitFor();
    await page.goto('/intake?state=skipped');
    await page.getByText('No record is like this.').waitFor();
  });

  test('a file is explained before anybody sends it', async () => {
    const file = { name: 'asked.eml', mimeType: 'message/rfc822', buffer: lunchReport('asked') };
    // Before it is asked for: the browser has to know that somebody will answer.
    page.on('filechooser', (chooser) => void chooser.setFiles(file));
    await enter(page, 'Explain a message');
    await arrived('Explain');
    await tabTo(page, 'Message (.eml)');
    await page.keyboard.press('Enter');
    await expect.poll(() => page.locator('input[type=file]').evaluate((field) => field.files.length)).toBe(1);
    await tabTo(page, 'Explain');
    await page.keyboard.press('Enter');
    await page.getByRole('table', { name: 'Rules' }).waitFor();
    await page.locator('main dd').getByText('archived', { exact: true }).waitFor();
    await stays('Explain');
    await isOpenToAll();
  });

  test('an alert is acknowledged, and is asked of nobody again', async () => {
    await eventually(async () => (await page.getByRole('link', { name: /open alert/ }).count()) === 1, {
      withinMs: 20_000,
    });
    await page.goto('/journaling');
    await enter(page, /open alert/);
    await arrived('Alerts');
    await page.reload();
    await shown(page);
    const row = page.getByRole('row').filter({ hasText: 'in quarantine' });
    expect(await row.locator('code').first().textContent()).toBe('daybook intake list --state quarantined');
    expect(await row.getByRole('link', { name: 'Intake, quarantined' }).getAttribute('href')).toBe(
      '/intake?state=quarantined&definition=exchange',
    );
    const open = await page.getByText('Acknowledge …').count();
    await enter(page, 'Acknowledge …');
    await page.getByRole('dialog').waitFor();
    expect((await focused(page)).name).toMatch(/^Note/);
    await isKept();
    await page.keyboard.press('Escape');
    await stays('Acknowledge …');
    await page.keyboard.press('Enter');
    await page.keyboard.insertText(evil);
    await enter(page, 'Acknowledge');
    await page.getByText(evilShown).waitFor();
    expect(await page.getByText('Acknowledge …').count()).toBe(open - 1);
    await arrived('Alerts');
    await isOpenToAll();
  });

  test('events are followed, the account adds up, the store is verified', async () => {
    await page.goto('/events');
    await page.getByText(evilShown).first().waitFor();
    await isOpenToAll();
    const by = page.getByRole('cell', { name: 'engine', exact: true }).first();
    const box = await by.locator('bdi').boundingBox();
    expect(box?.height, 'a word stands on one line').toBeLessThan(30);
    await tabTo(page, 'Follow');
    await page.keyboard.press('Space');
    await stays('Follow');
    await fill(page, 'Type', 'definition.suspended');
    await page.keyboard.press('Enter');
    await expect.poll(rows).toBe(1);
    await stays('Type');
    await page.goto('/ledger');
    await page.getByText('The account adds up').waitFor();
    await isOpenToAll();
    await page.goto('/store');
    await page.getByText('All read again').waitFor();
    await isOpenToAll();
    await enter(page, 'Verify all now');
    await page.getByText('Everything is as it was written.').waitFor();
    await stays('Verify all now');
  });

  test('the reference of the API is open to all, and needs nothing from elsewhere', async () => {
    await page.goto('/docs');
    await page.getByRole('heading', { level: 1, name: 'Daybook API' }).waitFor();
    await isOpenToAll();
  });

  test('nothing that was written by others has run, and nothing has left for elsewhere', () => {
    const refused = [401, 400].map((status) => expect.stringContaining(`status of ${status}`));
    expect([asked, watched.troubles, watched.foreign], 'a guess and a wrong port apart').toEqual([[], refused, []]);
  });
});
