import { readFile, writeFile } from 'node:fs/promises';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Daybook, startDaybook } from '../../bench/peers/daybook.ts';
import { barriers, noChromium, openBrowser, openPage, shown, signIn, tokenOf, tokensOf } from '../support/browser.ts';
import { eventually } from '../support/eventually.ts';
import { deliver, lunchReport } from '../support/journey-mail.ts';

const config = `
logLevel: error
store: { minimumFree: 1MB }
directory: { internalDomains: [north.example] }
definitions:
  - { id: exchange, description: Exchange, transport: smtp, serviceEmailAddress: journal@journal.north.example, deliveryWaitAttempts: 1 }
  - { id: branch, description: Old branch, transport: smtp, suspended: true, serviceEmailAddress: branch@journal.north.example }
`;
const paths = ['/', '/journaling', '/journaling/exchange', '/journaling?new', '/live', '/live/exchange'];
const words = ['Journaling', 'Live', 'Messages', 'Intake', 'Events', 'Ledger', 'Store'];

describe.skipIf(noChromium())('the console in a browser', () => {
  let browser: Browser;
  let daybook: Daybook;
  beforeAll(async () => {
    browser = await openBrowser();
    daybook = await startDaybook({ config, http: tokensOf('viewer', 'operator', 'auditor', 'admin') });
    await deliver(daybook.smtpPort, ['journal@journal.north.example'], lunchReport('first'));
  });
  afterAll(async () => {
    await browser?.close();
    await daybook?.[Symbol.asyncDispose]();
  });

  test.each([
    ['light', 1280],
    ['light', 400],
    ['dark', 1280],
  ] as const)(
    'every page, %s and %i wide, loads without an error, a barrier, a breach of the content policy or a request elsewhere',
    async (scheme, width) => {
      await using watched = await openPage(browser, daybook, { scheme, width });
      const { page, troubles, foreign } = watched;
      await page.goto('/');
      await page.getByLabel('Token').waitFor();
      expect(await barriers(page, scheme === 'dark' ? 'colours' : 'all')).toEqual([]);
      await signIn(page, tokenOf('admin'));
      for (const path of paths) {
        await page.goto(path);
        await shown(page);
        expect([path, await barriers(page, scheme === 'dark' ? 'colours' : 'all')]).toEqual([path, []]);
        expect(await page.evaluate('document.documentElement.scrollWidth'), `${path} is not too wide`).toBe(width);
      }
      expect([troubles, foreign]).toEqual([[], []]);
    },
  );

  test('a wrong token is said to be one, a right one opens the console where one wanted to go', async () => {
    await using watched = await openPage(browser, daybook);
    const { page, context } = watched;
    await page.goto('/live/exchange');
    await page.getByLabel('Token').fill('a-guess');
    await page.keyboard.press('Enter');
    await page.getByText('This token is not known to the engine.').waitFor();
    expect(await page.getByLabel('Token').inputValue()).toBe('');
    await page.getByLabel('Token').fill(tokenOf('operator'));
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: 'Live' }).waitFor();
    const [cookie] = await context.cookies();
    expect(cookie).toMatchObject({ httpOnly: true, sameSite: 'Strict', path: '/' });
    expect(cookie?.value).not.toContain('operator');
    const kept = 'document.cookie + JSON.stringify([{ ...localStorage }, { ...sessionStorage }])';
    expect(await page.evaluate(kept), 'no script sees a token or the session').toBe('[{},{}]');
    await page.reload();
    await page.getByRole('heading', { level: 1, name: 'Live' }).waitFor();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByText('You have signed out.').waitFor();
    await page.reload();
    await page.getByLabel('Token').waitFor();
  });

  test('navigation has these words in this order, and a role is shown those that it may use', async () => {
    const linksOf = async (role: string): Promise<readonly string[]> => {
      await using watched = await openPage(browser, daybook);
      await signIn(watched.page, tokenOf(role));
      return await watched.page.getByRole('navigation', { name: 'Console' }).getByRole('link').allTextContents();
    };
    expect(await linksOf('admin')).toEqual(words);
    expect(await linksOf('operator')).toEqual(words.filter((word) => word !== 'Messages' && word !== 'Ledger'));
    expect(await linksOf('viewer')).toEqual(['Journaling', 'Live', 'Store']);
    await using watched = await openPage(browser, daybook);
    await signIn(watched.page, tokenOf('viewer'), '/messages');
    await watched.page.getByText('The role viewer does not allow this page.').waitFor();
    await watched.page.goto('/journaling/branch');
    await watched.page.getByRole('heading', { level: 1, name: 'Old branch' }).waitFor();
    expect(await watched.page.getByRole('button', { name: /Save|Suspend|Activate|Test/ }).count()).toBe(0);
  });

  test('the keys alone reach everything', async () => {
    await using watched = await openPage(browser, daybook);
    const { page } = watched;
    await signIn(page, tokenOf('admin'));
    await page.goto('/journaling');
    await page.getByRole('link', { name: 'Old branch' }).waitFor();
    const focused = (): Promise<string> =>
      page.evaluate('document.activeElement.textContent || document.activeElement.getAttribute("aria-label")');
    await page.keyboard.press('Tab');
    expect(await focused()).toBe('Skip to the page');
    await page.keyboard.press('Enter');
    await page.keyboard.press('Tab');
    expect(await focused(), 'what is in front of the page is skipped').toBe('Alerts');
    await page.keyboard.press('/');
    expect(await focused()).toBe('Find messages');
    await page.keyboard.type('lunch /');
    await page.keyboard.press('Enter');
    await page.waitForURL('**/messages?subject=lunch+%2F');
    await page.getByRole('link', { name: 'Live', exact: true }).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: 'Live' }).waitFor();
    await expect
      .poll(() => page.evaluate('document.activeElement.localName'), { message: 'the heading has the focus' })
      .toBe('h1');
    expect(await focused()).toBe('Live');
    const outline = 'getComputedStyle(document.activeElement).outlineStyle';
    await page.keyboard.press('Tab');
    expect(await page.evaluate(outline), 'the focus is seen').toBe('solid');
    await page.goBack();
    await page.waitForURL('**/messages?subject=lunch+%2F');
  });

  test('a lost connection is said, and when it is back that is seen', async () => {
    await using lost = await startDaybook({ config });
    await using watched = await openPage(browser, lost);
    const { page } = watched;
    await page.clock.install();
    await page.goto('/');
    await page.getByRole('link', { name: 'Exchange' }).waitFor();
    expect(await page.getByLabel('Token').count(), 'without tokens nobody is asked').toBe(0);
    await lost.end('SIGKILL');
    const banner = page.getByText('The connection to the engine is lost.');
    await page.clock.runFor(9_000);
    expect(await banner.count()).toBe(0);
    await page.clock.runFor(3_000);
    await banner.waitFor();
    await using _again = await lost.restart();
    await eventually(
      async () => {
        await page.clock.runFor(1_000);
        return (await banner.count()) === 0;
      },
      { what: 'the end of the banner', withinMs: 30_000 },
    );
  });

  test('a session ends with its token, and the console says so', async () => {
    await using watched = await openPage(browser, daybook);
    const { page } = watched;
    await signIn(page, tokenOf('auditor'), '/live');
    const before = await readFile(daybook.configFile, 'utf8');
    await writeFile(daybook.configFile, before.replace(tokenOf('auditor'), 'another-token-of-the-auditor'));
    process.kill(daybook.pid, 'SIGHUP');
    await page.getByText('Your session has ended. Sign in again to go on.').waitFor();
    await page.keyboard.type('another-token-of-the-auditor');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: 'Live' }).waitFor();
  });
});
