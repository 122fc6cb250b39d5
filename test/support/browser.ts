import { AxeBuilder } from '@axe-core/playwright';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { expect } from 'vitest';
import type { Daybook } from '../../bench/peers/daybook.ts';
import { leftOut } from './journey-partners.ts';

const program = 'chromium';

/** True where there is no Chromium and nobody insists: the tests of the console are left out, and say so. */
export const noChromium = (): boolean => {
  const missing = leftOut({ programs: [program] });
  if (missing) console.warn(`left out: the tests of the console in a browser need ${program}`);
  return missing;
};

/** A real browser. It finds no name and no address but this machine's own, whatever a page asks for. */
export async function openBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: `/usr/bin/${program}`,
    args: ['--no-sandbox', '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1'],
  });
}

export interface WatchedPage extends AsyncDisposable {
  readonly page: Page;
  readonly context: BrowserContext;
  /** Errors and warnings of the page's console, thrown errors, violations of its content policy. */
  readonly troubles: string[];
  /** Requests to anything but the engine. */
  readonly foreign: string[];
}

export interface PageOptions {
  readonly scheme?: 'light' | 'dark';
  readonly width?: number;
  readonly height?: number;
}

/** A page of a browser profile of its own, watched from its first byte. */
export async function openPage(
  browser: Browser,
  daybook: Pick<Daybook, 'httpPort'>,
  { scheme = 'light', width = 1280, height = 900 }: PageOptions = {},
): Promise<WatchedPage> {
  const baseURL = `http://127.0.0.1:${daybook.httpPort}`;
  const context = await browser.newContext({ baseURL, colorScheme: scheme, viewport: { width, height } });
  const [troubles, foreign]: [string[], string[]] = [[], []];
  await context.exposeFunction('noteViolation', (text: string) => troubles.push(`content policy: ${text}`));
  await context.addInitScript(() => {
    const { noteViolation } = globalThis as unknown as { noteViolation(text: string): void };
    const place = globalThis as unknown as {
      addEventListener(type: string, heard: (event: { violatedDirective: string; blockedURI: string }) => void): void;
    };
    place.addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) =>
      noteViolation(`${violatedDirective} ${blockedURI}`),
    );
  });
  const page = await context.newPage();
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) troubles.push(`${message.type()}: ${message.text()}`);
  });
  page.on('pageerror', (error) => troubles.push(`thrown: ${error.message}`));
  page.on('request', (request) => {
    if (!request.url().startsWith(`${baseURL}/`)) foreign.push(request.url());
  });
  return { page, context, troubles, foreign, [Symbol.asyncDispose]: () => context.close() };
}

/** Tokens of the tests, one for each role; a name is `the-ROLE`. */
export const tokenOf = (role: string): string => `${role}-token-of-the-console`;
/** `http.tokens` for these roles, as it stands between the braces of the file. */
export const tokensOf = (...roles: readonly string[]): string =>
  `tokens: [${roles.map((role) => `{ name: the-${role}, role: ${role}, token: ${tokenOf(role)} }`).join(', ')}]`;

/** Waits until the page has what it asked for. */
export async function shown(page: Page): Promise<void> {
  await page.locator('main h1').waitFor();
  await expect.poll(() => page.getByText('Reading …').count(), { timeout: 30_000 }).toBe(0);
}

/** Signs in as a person does. */
export async function signIn(page: Page, token: string, path = '/'): Promise<void> {
  await page.goto(path);
  await page.getByLabel('Token').fill(token);
  await page.keyboard.press('Enter');
  await page.getByRole('navigation', { name: 'Console' }).waitFor();
}

/** The rules of axe that ask for colours. */
const colourRules = ['color-contrast', 'link-in-text-block'];

/**
 * Barriers that axe finds on the page as it is, each with what it is at. `colours`: only those of the colours, on a page
 * that was looked at in the other scheme already. No page has a frame of another origin, for which axe would make up its
 * results in a further page.
 */
export async function barriers(page: Page, scope: 'all' | 'colours' = 'all'): Promise<readonly string[]> {
  const axe = new AxeBuilder({ page }).options({ resultTypes: ['violations'] }).setLegacyMode();
  if (scope === 'colours') axe.withRules(colourRules);
  const { violations } = await axe.analyze();
  return violations.flatMap(({ id, nodes }) => nodes.map(({ target }) => `${id}: ${target.join(' ')}`));
}
