import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Daybook, startDaybook } from '../../bench/peers/daybook.ts';
import { barriers, noChromium, openBrowser, openPage, signIn } from '../support/browser.ts';
import { deliver, lunchReport } from '../support/journey-mail.ts';
import { openPop3Server } from '../support/pop3-server.ts';

const config = `
logLevel: error
store: { minimumFree: 1MB }
pop3: { pollInterval: 1h, timeout: 5s }
directory: { internalDomains: [north.example] }
definitions:
  - { id: provisioned, description: From the file, transport: smtp, serviceEmailAddress: file@journal.north.example }
`;
const tokens =
  'tokens: [{ name: ann, role: admin, token: token-of-ann }, { name: olaf, role: operator, token: token-of-olaf }]';
const bearer = { authorization: 'Bearer token-of-ann' };
const headers = { ...bearer, 'content-type': 'application/json' };

interface EventItem {
  readonly type: string;
  readonly actor: string;
  readonly data: Readonly<Record<string, unknown>>;
}

describe.skipIf(noChromium())('a journal service definition in the console', () => {
  let browser: Browser;
  let daybook: Daybook;
  beforeAll(async () => {
    browser = await openBrowser();
    daybook = await startDaybook({ config, http: tokens });
  });
  afterAll(async () => {
    await browser?.close();
    await daybook?.[Symbol.asyncDispose]();
  });

  const read = async <T>(path: string): Promise<T> => (await (await daybook.fetch(path, { headers })).json()) as T;
  const put = (id: string, document: object, ifMatch?: string) =>
    daybook.fetch(`/v1/definitions/${id}`, {
      method: 'PUT',
      body: JSON.stringify(document),
      headers: { ...headers, ...(ifMatch === undefined ? {} : { 'if-match': ifMatch }) },
    });
  const eventsOf = async (id: string): Promise<readonly EventItem[]> =>
    (await read<{ readonly items: readonly EventItem[] }>(`/v1/events?definition=${id}`)).items;
  const save = (page: Page) => page.getByRole('button', { name: 'Save and Exit' });
  /** In the list; what would change is shown in rows too. */
  const rowOf = (page: Page, name: string) =>
    page.getByRole('table', { name: 'Journal service definitions' }).getByRole('row', { name });
  /** The rows of what would change, each as its cells. */
  const differences = async (page: Page): Promise<readonly string[][]> => {
    const rows = page.getByRole('dialog').locator('tbody tr');
    await rows.first().waitFor();
    return rows.evaluateAll((each) =>
      (each as unknown as { cells: { textContent: string }[] }[]).map(({ cells }) =>
        [...cells].map(({ textContent }) => textContent),
      ),
    );
  };
  /** Of the mailbox: a canary has one too. */
  const password = (page: Page) => page.getByRole('group', { name: 'Connection Properties' }).getByLabel('Password');
  const accept = (page: Page) => page.getByRole('dialog').getByRole('button', { name: 'Save and Exit' });

  test('is made by the form, faults at their fields first, takes mail, and is changed', async () => {
    await using watched = await openPage(browser, daybook);
    const { page, foreign } = watched;
    await signIn(page, 'token-of-olaf');
    await page.getByRole('link', { name: 'New Journal Service Definition' }).click();
    await page.getByLabel('Id required').fill('exchange');
    await page.getByLabel('Description').fill('from the FILE');
    await page.getByLabel('Service Email Address').fill('nobody');
    await page.getByLabel('Additional Source IP Ranges').fill('192.0.2.0/24\n10.0.0.5/8');
    await page.getByLabel('Delivery Wait Attempts').fill('many');
    expect(await password(page).isDisabled()).toBe(true);
    await page.getByLabel('Use SMTP Authentication').check();
    expect(await password(page).isDisabled()).toBe(false);
    await page.getByLabel('Use SMTP Authentication').uncheck();
    await save(page).click();
    expect(await differences(page)).toEqual([
      ['Id', 'none', 'exchange'],
      ['Description', 'none', 'from the FILE'],
      ['Transport Type', 'none', 'smtp'],
      ['Service Email Address', 'none', 'nobody'],
      ['Additional Source IP Ranges', 'none', '192.0.2.0/24, 10.0.0.5/8'],
      ['Delivery Wait Attempts', '3', 'many'],
    ]);
    expect(await barriers(page)).toEqual([]);
    expect(await page.getByText('Try it on').count(), 'it has received nothing').toBe(0);
    await accept(page).click();
    await page.getByText('It was not saved.').waitFor();
    const faults = await page.locator('.field.faulty').allTextContents();
    expect(faults.map((text) => /^(?:Description|Service|Additional|Delivery)/.exec(text)?.[0])).toEqual([
      ...['Description', 'Service', 'Additional', 'Delivery'],
    ]);
    expect(faults[2]).toContain('Line 2: ');
    expect(faults[2]).toContain('did you mean 10.0.0.0/8?');
    expect(faults[3]).toContain('whole number from 1 to 20');
    // In the frame after the one that shows the faults.
    const focused = 'document.activeElement.getAttribute("aria-invalid")';
    await expect.poll(() => page.evaluate(focused), { message: 'the first fault has the focus' }).toBe('true');
    expect(await page.getByLabel('Service Email Address').getAttribute('aria-invalid')).toBe('true');
    expect(await barriers(page)).toEqual([]);
    await page.getByLabel('Service Email Address').fill('journal@journal.north.example');
    await page.getByLabel('Additional Source IP Ranges').fill('192.0.2.0/24\n\n127.0.0.0/8\n');
    await page.getByLabel('Delivery Wait Attempts').fill('1');
    await page.getByLabel('Description').fill('Exchange on premises');
    await save(page).click();
    await page.getByLabel('Reason').fill('the first one');
    await accept(page).click();
    const row = rowOf(page, 'Exchange on premises');
    await row.waitFor();
    expect(await row.textContent()).toContain('Awaiting Initial Run');
    expect(await read('/v1/definitions/exchange')).toMatchObject({
      smtp: { additionalSourceIpRanges: ['192.0.2.0/24', '127.0.0.0/8'] },
      deliveryWaitAttempts: 1,
    });
    await deliver(daybook.smtpPort, ['journal@journal.north.example'], lunchReport('made-in-the-console'));
    await row.getByText('Active').waitFor();
    await row.getByRole('link').click();
    await page.getByLabel('Period of Inactivity Allowed (Mins)').fill('240');
    await page.getByLabel('Delivery Wait Interval').fill('2m');
    await page.getByLabel('Detailed Logging').check();
    await save(page).click();
    expect(await differences(page)).toEqual([
      ['Delivery Wait Interval', '60s', '2m'],
      ['Period of Inactivity Allowed (Mins)', '180', '240'],
      ['Detailed Logging', 'no', 'yes'],
    ]);
    const tryIt = page.getByRole('button', { name: 'Try it on the last 100 messages' });
    await tryIt.click();
    await page.getByText('0 of 1 message would have ended otherwise, 0 sooner or later.').waitFor();
    await page.getByRole('button', { name: 'Back to the form' }).click();
    await page.getByLabel('Journal Type').selectOption('standard');
    await save(page).click();
    await tryIt.click();
    await page.getByText('1 of 1 message would have ended otherwise').waitFor();
    await page
      .getByRole('dialog')
      .getByText(/^level: L0 → /)
      .waitFor();
    expect(await barriers(page)).toEqual([]);
    await page.getByRole('button', { name: 'Back to the form' }).click();
    await page.getByLabel('Journal Type').selectOption('eej');
    await save(page).click();
    await accept(page).click();
    await row.waitFor();
    const [changed, , created] = await eventsOf('exchange');
    expect(created).toMatchObject({ type: 'definition.created', actor: 'olaf', data: { reason: 'the first one' } });
    expect(changed?.data).toMatchObject({
      old: { deliveryWaitInterval: '60s', detailedLogging: false },
      new: { deliveryWaitInterval: '2m', periodOfInactivityAllowed: '240m', detailedLogging: true },
    });
    expect(foreign).toEqual([]);
  });

  test('that somebody else has changed meanwhile is not overwritten, and nothing typed is lost', async () => {
    const document = {
      description: 'Two at once',
      transport: 'smtp',
      serviceEmailAddress: 'two@journal.north.example',
    };
    await put('two', document);
    await using watched = await openPage(browser, daybook);
    const { page } = watched;
    await signIn(page, 'token-of-ann', '/journaling/two');
    await page.getByLabel('Initial Process Delay').fill('30s');
    await put('two', { ...document, description: 'Two at once, renamed', initialProcessDelay: '5s' }, '"1"');
    await save(page).click();
    await accept(page).click();
    await page.getByText('Somebody else has changed this definition').waitFor();
    await page.getByRole('button', { name: 'Read it again' }).click();
    await expect.poll(() => page.getByLabel('Description').inputValue()).toBe('Two at once, renamed');
    expect(await page.getByLabel('Initial Process Delay').inputValue()).toBe('30s');
    await save(page).click();
    expect(await differences(page)).toEqual([['Initial Process Delay', '5s', '30s']]);
    await accept(page).click();
    await rowOf(page, 'Two at once, renamed').waitFor();
    expect(await read('/v1/definitions/two')).toMatchObject({ version: 3, initialProcessDelay: '30s' });
  });

  test('of a mailbox is tested step by step, keeps its password unseen, and is suspended with a reason', async () => {
    await using server = await openPop3Server({ user: 'box', password: 'right-password', items: [] });
    await using watched = await openPage(browser, daybook);
    const { page } = watched;
    await signIn(page, 'token-of-olaf', '/journaling?new');
    await page.getByLabel('Id required').fill('mailbox');
    await page.getByLabel('Description').fill('Cloud mailbox');
    await page.getByLabel('Period of Inactivity Allowed').waitFor();
    await page.getByLabel('POP3').check();
    expect(await page.getByLabel('Period of Inactivity Allowed').count(), 'it is for SMTP alone').toBe(0);
    expect(await page.getByLabel('Encryption Mode').locator('option', { hasText: 'relaxed' }).isDisabled()).toBe(true);
    await page.getByLabel('Service Email Address').fill('box@journal.north.example');
    await page.getByLabel('Mailbox Name').fill('box');
    await password(page).fill('wrong-password');
    await page.getByLabel('Hostname / IP Address').fill('127.0.0.1');
    await page.getByLabel('Port', { exact: true }).fill(String(server.port));
    await page.getByLabel('Encrypted', { exact: true }).uncheck();
    expect(await page.getByLabel('Encryption Mode').isDisabled(), 'it would do nothing').toBe(true);
    expect(await page.getByText('Only with Encrypted.').count()).toBe(2);
    await save(page).click();
    expect(await page.getByRole('dialog').textContent()).not.toContain('wrong-password');
    await accept(page).click();
    await page.getByRole('link', { name: 'Cloud mailbox' }).click();
    const steps = page.locator('.ticks li');
    await page.getByRole('button', { name: 'Test Connection' }).click();
    await page.getByText('The connection does not work.').waitFor();
    expect(await steps.last().textContent()).toContain('✗log in failed');
    expect(await password(page).inputValue()).toBe('');
    await password(page).fill('right-password');
    await save(page).click();
    expect(await differences(page)).toEqual([['Password', '********', '********']]);
    await accept(page).click();
    await page.getByRole('link', { name: 'Cloud mailbox' }).click();
    await page.getByRole('button', { name: 'Test Connection' }).click();
    await page.getByText('The connection works.').waitFor();
    expect((await steps.allTextContents()).every((step) => step.startsWith('✓'))).toBe(true);
    await page.getByRole('button', { name: 'Poll now' }).click();
    await page.getByText('Received0 no message yet').waitFor();
    await page.getByRole('link', { name: 'All definitions' }).click();
    await rowOf(page, 'Cloud mailbox').getByText('no message yet').waitFor();
    await page.getByRole('link', { name: 'Cloud mailbox' }).click();
    await page.getByRole('button', { name: 'Suspend …' }).click();
    const suspend = page.getByRole('dialog').getByRole('button', { name: 'Suspend' });
    expect(await suspend.isDisabled(), 'without a reason').toBe(true);
    expect(await barriers(page)).toEqual([]);
    await page.getByLabel('Reason').fill('the mailbox moves');
    await suspend.click();
    await page.getByRole('button', { name: 'Activate' }).waitFor();
    expect((await eventsOf('mailbox')).find(({ type }) => type === 'definition.suspended')).toMatchObject({
      actor: 'olaf',
      data: { reason: 'the mailbox moves' },
    });
    await expect.poll(() => page.getByLabel('Disabled').isChecked(), { message: 'the form shows it' }).toBe(true);
    await page.getByRole('button', { name: 'Delete …' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
    await rowOf(page, 'From the file').waitFor();
    expect(await rowOf(page, 'Cloud mailbox').count()).toBe(0);
  });

  test('from the file says so, takes no change, and can be suspended all the same', async () => {
    await using watched = await openPage(browser, daybook);
    const { page } = watched;
    await signIn(page, 'token-of-ann', '/journaling/provisioned');
    await page.getByText('This definition is provisioned').waitFor();
    expect(await page.getByLabel('Description').isDisabled()).toBe(true);
    expect(await save(page).count()).toBe(0);
    await page.getByRole('button', { name: 'Suspend …' }).click();
    await page.getByRole('dialog').waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Suspend …' }).click();
    await page.getByLabel('Reason').fill('for a test');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Activate' }).waitFor();
    const clocks = page.getByRole('timer');
    const runs = (days: number) => expect.stringMatching(`^(${days} d 0:00:00|${days - 1} d 23:5)`);
    await expect.poll(() => clocks.allTextContents()).toEqual([runs(2), runs(8)]);
    await page.getByText('until Gmail gives up what waits at the sender').waitFor();
    await expect(deliver(daybook.smtpPort, ['file@journal.north.example'], lunchReport('late'))).rejects.toThrow('450');
    await page.getByRole('link', { name: 'All definitions' }).click();
    await rowOf(page, 'From the file')
      .getByText(/^Exchange gives up what waits at the sender in [12] d /)
      .waitFor();
    await page.getByRole('link', { name: 'From the file' }).click();
    await page.getByRole('button', { name: 'Activate' }).click();
    await page.getByRole('button', { name: 'Suspend …' }).waitFor();
    await expect.poll(() => clocks.count()).toBe(0);
    const service = page.getByRole('region', { name: 'Service Status' });
    await service.getByRole('link', { name: '1' }).click();
    await page.waitForURL('**/events?type=smtp.rejected&definition=provisioned');
    await page.getByRole('cell', { name: '450 4.3.2' }).waitFor();
  });

  test('is not left unsaved without a question', async () => {
    await using watched = await openPage(browser, daybook);
    const { page } = watched;
    await signIn(page, 'token-of-ann', '/journaling?new');
    await page.getByLabel('Description').fill('half done');
    const asked: string[] = [];
    page.on('dialog', async (dialog) => {
      asked.push(dialog.message());
      if (asked.length === 1) await dialog.dismiss();
      else await dialog.accept();
    });
    await page.getByRole('link', { name: 'Live', exact: true }).click();
    expect(await page.getByLabel('Description').inputValue()).toBe('half done');
    await page.getByRole('link', { name: 'Live', exact: true }).click();
    await page.getByRole('heading', { level: 1, name: 'Live' }).waitFor();
    expect(asked).toEqual(Array.from({ length: 2 }, () => 'Leave without saving what you have changed?'));
  });
});
