import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Daybook, startDaybook } from '../../bench/peers/daybook.ts';
import { freePort } from '../../bench/peers/free-port.ts';
import { noChromium, openBrowser, openPage } from '../support/browser.ts';
import { deliver, lunch, lunchReport } from '../support/journey-mail.ts';

const to = ['journal@journal.north.example'];

describe.skipIf(noChromium())('the live page', () => {
  let browser: Browser;
  let daybook: Daybook;
  let gatewayPort: number;
  beforeAll(async () => {
    browser = await openBrowser();
    gatewayPort = await freePort();
    const config = `
logLevel: error
store: { minimumFree: 1MB }
directory: { internalDomains: [north.example] }
gateway: { smtp: { host: 127.0.0.1, port: ${gatewayPort} } }
definitions:
  - { id: exchange, description: Exchange, transport: smtp, serviceEmailAddress: journal@journal.north.example, deliveryWaitAttempts: 1 }
  - { id: slow, description: Slow gateway, transport: smtp, serviceEmailAddress: slow@journal.north.example, deliveryWaitAttempts: 4, deliveryWaitInterval: 1h }
`;
    daybook = await startDaybook({ config });
  });
  afterAll(async () => {
    await browser?.close();
    await daybook?.[Symbol.asyncDispose]();
  });

  test('shows mail on its way as it goes, and where it waits', async () => {
    await using watched = await openPage(browser, daybook);
    const { page, troubles } = watched;
    await page.goto('/live');
    const picture = page.getByRole('group', { name: /^The way of the mail/ });
    await picture.waitFor();
    const says = (text: string | RegExp) =>
      expect.poll(() => picture.getAttribute('aria-label'), { timeout: 20_000 }).toMatch(text);
    await says(/Ingest 0, .*Archive 0,/);
    await deliver(daybook.smtpPort, to, lunchReport('alone'));
    await says(/Ingest 1, .*Archive 1, Matched 0,/);
    await deliver(gatewayPort, ['bob@north.example'], lunch('twice'));
    await deliver(daybook.smtpPort, to, lunchReport('twice'));
    await says(/Ingest 2, .*Archive 1, Matched 1,/);
    await deliver(daybook.smtpPort, ['slow@journal.north.example'], lunchReport('waits'));
    await says(/Ingest 3, Delay 0 waiting, Match 1 waiting,/);
    await page.locator('.ways .moving').first().waitFor({ state: 'attached' });
    await page.getByLabel('Definition').selectOption('Slow gateway');
    await page.waitForURL('**/live/slow');
    await says(/Ingest 1, Delay 0 waiting, Match 1 waiting, Archive 0/);
    // One look-up was made; it waits for the second of four.
    await expect.poll(() => page.locator('.attempts').textContent()).toBe('attempt 10attempt 21attempt 30attempt 40');
    await page.getByText('The same as figures').click();
    await page.getByRole('row', { name: /Match 1 waiting now/ }).waitFor();
    await page.getByRole('link', { name: 'Match: 1 message waiting' }).press('Enter');
    await page.waitForURL('**/intake?state=matching&definition=slow');
    await page.getByRole('heading', { level: 1, name: 'Intake' }).waitFor();
    expect(troubles).toEqual([]);
  });

  test('draws the statechart with the current states lit, counts down, and has the last day', async () => {
    await using watched = await openPage(browser, daybook);
    const { page } = watched;
    let [looks, definitions] = [0, 0];
    page.on('request', (request) => {
      if (request.url().includes('type=engine.restored')) looks += 1;
      if (request.url().endsWith('/v1/definitions/exchange')) definitions += 1;
    });
    await page.goto('/live/exchange');
    const drawing = page.getByRole('img', { name: /^Current: / });
    await drawing.waitFor();
    expect(await drawing.getAttribute('aria-label')).toContain('session › smtp › listening');
    const lit = () => page.locator('.node.state.lit text').allTextContents();
    expect(await lit()).toEqual(['active', 'listening', 'open']);
    expect(await page.getByRole('timer').textContent()).toMatch(/^(3:00:00|2:59:\d\d)$/);
    await page.getByText('clock.checked [silent]').first().waitFor();
    const times = new Set<string | null>();
    await expect
      .poll(async () => times.add(await page.getByRole('timer').textContent()).size, { timeout: 20_000 })
      .toBeGreaterThan(3);
    expect(looks, 'the day is read once a minute, not with each second').toBeLessThan(3);
    expect(definitions, 'nor the definition with each look at what waits').toBe(1);
    await daybook.fetch('/v1/definitions/exchange/suspend', {
      method: 'POST',
      body: JSON.stringify({ reason: 'for the night' }),
      headers: { 'content-type': 'application/json' },
    });
    await expect.poll(lit).toEqual(['suspended', 'open']);
    await page.getByText('until Down, if no message comes').waitFor({ state: 'detached' });
    await page.getByText('until Exchange gives up what waits at the sender').waitFor();
    const day = page.getByRole('list').filter({ hasText: 'Not known' });
    await expect
      .poll(async () => (await day.locator('li').allTextContents()).map((text) => text.replace(/\d.*/, '')))
      .toEqual(['Suspended', 'Active', 'Awaiting Initial Run', 'Not known']);
  });

  test('moves nothing for who wants no motion', async () => {
    await using watched = await openPage(browser, daybook);
    const { page } = watched;
    await page.emulateMedia({ reducedMotion: 'reduce' });
    await page.goto('/live');
    await page.locator('.ways path').first().waitFor({ state: 'attached' });
    const moving = 'document.getAnimations().length';
    await deliver(daybook.smtpPort, ['slow@journal.north.example'], lunchReport('still'));
    await page.locator('.ways .moving').first().waitFor({ state: 'attached' });
    expect(await page.evaluate(moving)).toBe(0);
    await page.emulateMedia({ reducedMotion: 'no-preference' });
    await expect.poll(() => page.evaluate(moving)).toBeGreaterThan(0);
  });
});
