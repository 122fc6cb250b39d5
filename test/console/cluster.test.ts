import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Daybook, startDaybook } from '../../bench/peers/daybook.ts';
import type { EngineStatus } from '../../src/http/status.schema.ts';
import { barriers, noChromium, openBrowser, openPage } from '../support/browser.ts';
import { eventually } from '../support/eventually.ts';
import { longOfClusterLeftOut, type Postgres, startPostgres } from '../support/postgres.ts';

const config = (worker: string, url: string): string => `
logLevel: error
store: { backend: cluster, minimumFree: 1MB }
cluster: { postgres: "${url}", bodies: postgres, worker: ${worker} }
directory: { internalDomains: [north.example] }
definitions:
  - { id: first, description: First, transport: smtp, serviceEmailAddress: first@journal.north.example }
  - { id: second, description: Second, transport: smtp, serviceEmailAddress: second@journal.north.example }
`;

/** Two workers as the binary runs them: in the status, in the metrics and on the pages of the console. */
describe.skipIf(longOfClusterLeftOut() || noChromium())('a cluster, seen from one of its workers', () => {
  let postgres: Postgres;
  let browser: Browser;
  let one: Daybook;
  let two: Daybook;
  beforeAll(async () => {
    postgres = await startPostgres();
    browser = await openBrowser();
    one = await startDaybook({ config: config('one', postgres.url) });
    two = await startDaybook({ config: config('two', postgres.url) });
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    await one?.[Symbol.asyncDispose]();
    await two?.[Symbol.asyncDispose]();
    await postgres?.[Symbol.asyncDispose]();
  });
  const engineOf = async (daybook: Daybook): Promise<EngineStatus['engine']> =>
    (await daybook.get<EngineStatus>('/v1/status')).engine;

  test('the status of each names both, shares the definitions out, and says that one server is all there is', async () => {
    await eventually(
      async () => {
        const [a, b] = [(await engineOf(one)).cluster, (await engineOf(two)).cluster];
        const mine = [a, b].map((cluster) => cluster?.duties.find(({ kind }) => kind === 'definition')?.mine);
        const known = [a, b].map((cluster) => cluster?.workers.filter(({ version }) => version !== null).length);
        return `${mine} ${known}` === '1,1 2,2';
      },
      { what: 'a share for each', withinMs: 40_000 },
    );
    const { cluster, warnings } = await engineOf(one);
    expect(cluster?.workers.map(({ name, alive }) => [name, alive])).toEqual([
      ['one', true],
      ['two', true],
    ]);
    expect(cluster?.database).toEqual({ failingSince: null, isAwaited: false, standbys: 0, clockAheadSeconds: 0 });
    expect(warnings.map(({ code }) => code)).toEqual(['standby-none']);
    const metrics = await (await one.fetch('/metrics')).text();
    for (const line of [
      'daybook_worker_info{worker="one"} 1',
      'daybook_duties{kind="definition"} 1',
      'daybook_database_up 1',
      'daybook_database_synchronous_standbys 0',
    ])
      expect(metrics.split('\n')).toContain(line);
  });

  test('the list of definitions says who runs each, and the page of the store which workers there are', async () => {
    await using watched = await openPage(browser, one);
    const { page, troubles } = watched;
    await page.goto('/journaling');
    await page.getByRole('columnheader', { name: 'Worker' }).waitFor();
    const rows = page.getByRole('row').filter({ hasText: 'SMTP' });
    const shown = async (): Promise<readonly (string | undefined)[]> =>
      (await rows.allTextContents()).map((text) => /(one|two)SMTP/.exec(text)?.[1]);
    // Who has the other one is known here with the next look at the tenures.
    await eventually(async () => (await shown()).every((worker) => worker !== undefined), {
      what: 'a worker for each',
    });
    expect((await shown()).toSorted()).toEqual(['one', 'two']);
    await page.goto('/store');
    await page.getByRole('heading', { level: 2, name: 'Cluster' }).waitFor();
    await page.getByText('waits for no standby', { exact: true }).waitFor();
    await page.getByRole('row', { name: /^one lives .*complete/ }).waitFor();
    await page.getByRole('row', { name: /^two lives/ }).waitFor();
    expect(await barriers(page)).toEqual([]);
    await page.setViewportSize({ width: 400, height: 900 });
    expect(await page.evaluate('document.documentElement.scrollWidth'), 'it is not too wide').toBe(400);
    expect(troubles).toEqual([]);
  });

  test('one that is stopped has left, one that is killed is gone', async () => {
    await two.end('SIGTERM');
    await eventually(async () => (await engineOf(one)).cluster?.workers.length === 1, { what: 'its leaving' });
    two = await two.restart();
    const isAlive = async (): Promise<boolean | undefined> =>
      (await engineOf(one)).cluster?.workers.find(({ name }) => name === 'two')?.alive;
    await eventually(async () => (await isAlive()) === true, { what: 'its return' });
    await two.end('SIGKILL');
    await eventually(async () => (await isAlive()) === false, { what: 'its end', withinMs: 40_000 });
  }, 120_000);

  test('a standby that is waited for and not there is named while nothing can be written, and the status goes on', async () => {
    await postgres.asAdmin(`alter system set synchronous_standby_names = 'nobody'`);
    try {
      await postgres.asAdmin('select pg_reload_conf()');
      const codes = async () => (await engineOf(one)).warnings.map(({ code }) => code);
      await eventually(
        async () => {
          const known = await codes();
          return known.includes('database') && known.includes('standby-missing');
        },
        { what: 'both warnings', withinMs: 60_000 },
      );
    } finally {
      await postgres.asAdmin('alter system reset synchronous_standby_names');
      await postgres.asAdmin('select pg_reload_conf()');
    }
    await eventually(async () => (await engineOf(one)).warnings.every(({ code }) => code === 'standby-none'), {
      what: 'calm',
      withinMs: 60_000,
    });
  }, 150_000);
});
