import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Daybook, startDaybook } from '../../bench/peers/daybook.ts';
import { openStore } from '../../src/store/open-store.ts';
import { parserVersion } from '../../streams/parser-version.ts';
import { barriers, noChromium, openBrowser, openPage, signIn } from '../support/browser.ts';
import { lunchReport } from '../support/journey-mail.ts';
import { archiveAsOlder, type OlderMail } from '../support/older-parser.ts';
import { everybodyKnown, recipientOf } from '../support/stream-shapes.ts';

const tokenOf = (role: string): string => `${role}-token-of-the-archive`;
const tokens = ['operator', 'admin'].map((role) => `{ name: the-${role}, role: ${role}, token: ${tokenOf(role)} }`);
const config = `
logLevel: error
store: { minimumFree: 1MB }
directory: { internalDomains: [north.example] }
definitions:
  - { id: exchange, description: Exchange, transport: smtp, serviceEmailAddress: journal@journal.north.example, deliveryWaitAttempts: 1 }
`;
const hostile = '"<img src=x onerror=alert(1)>"@north.example';
const mails: readonly OlderMail[] = [
  { id: '0OLD1', bytes: lunchReport('right') },
  {
    id: '0OLD2',
    bytes: lunchReport('wrong'),
    older: (seen) => ({ ...seen, recipients: [recipientOf(hostile)] }),
  },
];

describe.skipIf(noChromium())('newer parses in the console', () => {
  let browser: Browser;
  let daybook: Daybook;

  beforeAll(async () => {
    browser = await openBrowser();
    daybook = await startDaybook({ config, http: `tokens: [${tokens.join(', ')}]` });
    await daybook.end('SIGTERM');
    const options = { bytes: 'segments', segmentBytes: 1_048_576, now: () => Date.now() } as const;
    const dataDir = join(daybook.directory, 'data');
    {
      await using store = await openStore({ ...options, dataDir, journalTypeOf: () => 'eej' });
      await archiveAsOlder(store, mails, { directory: everybodyKnown, now: () => Date.now() });
    }
    daybook = await daybook.restart();
  });
  afterAll(async () => {
    await browser?.close();
    await daybook[Symbol.asyncDispose]();
    await rm(daybook.directory, { recursive: true, force: true, maxRetries: 3 });
  });

  const says = `Parser ${parserVersion} says otherwise of 1 of 2 messages; 1 can be repaired.`;

  test('an operator sees how much would be otherwise, and neither who is in the mail nor a way to change it', async () => {
    await using watched = await openPage(browser, daybook);
    const { page, troubles } = watched;
    await signIn(page, tokenOf('operator'), '/intake?state=archived');
    await page.getByRole('button', { name: 'Parse again' }).click();
    await page.getByText(says).waitFor();
    expect(await page.locator('main').innerText()).toContain('recipients: — → —');
    expect(await page.getByRole('button', { name: 'Put it in force' }).count()).toBe(0);
    expect(troubles).toEqual([]);
  });

  test('an admin sees the difference, is asked, and puts it in force', async () => {
    await using watched = await openPage(browser, daybook);
    const { page, troubles } = watched;
    await signIn(page, tokenOf('admin'), '/intake?state=archived');
    await page.getByRole('button', { name: 'Parse again' }).click();
    await page.getByText(says).waitFor();
    expect(await page.locator('main').innerText()).toContain('to bo@north.example');
    expect(await page.locator('main').innerText()).toContain('<img src=x');
    expect(await barriers(page)).toEqual([]);
    await page.getByRole('button', { name: 'Put it in force' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
    await page.getByRole('button', { name: 'Put it in force' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Put in force' }).click();
    await page.getByText('1 message repaired of 2 looked at.').waitFor();
    await page.getByRole('button', { name: 'Parse again' }).click();
    await page.getByText(`Parser ${parserVersion} says otherwise of 0 of 2 messages; 0 can be repaired.`).waitFor();
    await page.goto('/intake/0OLD2');
    await page.locator('.story li.reparsed').waitFor();
    expect(await page.locator('.story li.reparsed').innerText()).toContain('by the-admin');
    await page.goto('/intake?state=held');
    await page.getByText('No record is like this.').waitFor();
    expect(await page.getByRole('button', { name: 'Parse again' }).count()).toBe(0);
    expect(troubles).toEqual([]);
  });
});
