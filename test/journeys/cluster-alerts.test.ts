import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Daybook, startDaybook } from '../../bench/peers/daybook.ts';
import { eventually } from '../support/eventually.ts';
import { define, statusOf } from '../support/journal-api.ts';
import { command } from '../support/journey-cli.ts';
import { type Postgres, postgresLeftOut, startPostgres } from '../support/postgres.ts';

interface AlertItem {
  readonly id: string;
  readonly kind: string;
  readonly state: string;
  readonly acknowledgedBy: string | null;
  readonly knownBy: readonly string[];
}
/** Two workers, of which one tells people what is wrong: whichever is asked, and whichever is lost. */
describe.skipIf(postgresLeftOut())('the alerts of a cluster', () => {
  /** Step, kind and definition of each notice, in the order in which they came. */
  const called: string[] = [];
  const hook = createServer((request, response) => {
    let body = '';
    request.on('data', (piece) => {
      body += piece;
    });
    request.on('end', () => {
      for (const { event, kind, definition } of JSON.parse(body).data.notices)
        called.push(`${event} ${kind} ${definition}`);
      response.writeHead(204).end();
    });
  });
  let postgres: Postgres;
  let first: Daybook;
  let second: Daybook;
  let id: string;
  beforeAll(async () => {
    await new Promise<void>((resolve) => hook.listen(0, '127.0.0.1', resolve));
    postgres = await startPostgres();
    const url = `http://127.0.0.1:${(hook.address() as AddressInfo).port}/`;
    const config = (worker: string): string => `
logLevel: error
store: { backend: cluster, minimumFree: 1MB }
cluster: { postgres: "${postgres.url}", bodies: postgres, worker: ${worker}, synchronousStandby: none }
directory: { internalDomains: [north.example] }
alerts: { channels: [{ name: hook, kind: webhook, url: "${url}", secret: a-secret-of-the-hook }] }
definitions:
  - id: exchange
    description: Exchange
    transport: smtp
    serviceEmailAddress: journal@journal.north.example
    deliveryWaitAttempts: 1
    periodOfInactivityAllowed: 3s
`;
    // The first one to be there has the archive's duty.
    first = await startDaybook({ config: config('first') });
    await eventually(async () => (await statusOf(first, 'exchange')).serviceStatus === 'down', { withinMs: 30_000 });
    second = await startDaybook({ config: config('second') });
  });
  afterAll(async () => {
    await first?.[Symbol.asyncDispose]();
    await second?.[Symbol.asyncDispose]();
    await postgres?.[Symbol.asyncDispose]();
    hook.closeAllConnections();
    hook.close();
  });

  const alertsOf = async (daybook: Daybook): Promise<readonly AlertItem[]> =>
    (await daybook.get<{ items: readonly AlertItem[] }>('/v1/alerts')).items.filter(({ kind }) => kind === 'down');

  test('are shown by both, with what the channel was told', async () => {
    for (const daybook of [first, second])
      await eventually(async () => (await alertsOf(daybook))[0]?.knownBy.includes('hook') === true, {
        withinMs: 60_000,
        what: 'an alert that was told',
      });
    const [[one], [two]] = [await alertsOf(first), await alertsOf(second)];
    expect(two).toEqual(one);
    expect(one).toMatchObject({ state: 'open' });
    id = one?.id ?? '';
    expect(called).toEqual(['raised down exchange']);
  });

  test('are acknowledged at the one that does not tell, and it is told by the one that does', async () => {
    const { code, stderr } = await command(['alerts', 'acknowledge', id, '--config', second.configFile]);
    expect([code, stderr]).toEqual([0, '']);
    expect(await alertsOf(second)).toMatchObject([{ id, state: 'acknowledged', acknowledgedBy: 'operator' }]);
    await eventually(async () => called.includes('acknowledged down exchange'), {
      withinMs: 60_000,
      what: 'the notice',
    });
    expect(await alertsOf(first)).toMatchObject([{ id, state: 'acknowledged', acknowledgedBy: 'operator' }]);
    const isKnown = async (): Promise<boolean> => (await alertsOf(second))[0]?.knownBy.includes('hook') === true;
    await eventually(isKnown, { what: 'what the channel was told, on the other one' });
    const { items } = await first.get<{ items: readonly object[] }>('/v1/events?type=alert.acknowledged');
    expect(items).toHaveLength(1);
  });

  test('go on at the other one when that is killed: acknowledged still, and told to nobody again', async () => {
    expect(await first.end('SIGKILL')).not.toBe(0);
    // What comes after it shows that nothing came before.
    const settings = { transport: 'smtp', description: 'Other', serviceEmailAddress: 'other@journal.north.example' };
    await define(second, 'other', { ...settings, periodOfInactivityAllowed: '3s' });
    await eventually(async () => called.includes('raised down other'), { withinMs: 60_000, what: 'the next notice' });
    const known = (await alertsOf(second)).find((alert) => alert.id === id);
    expect(known).toMatchObject({ state: 'acknowledged', acknowledgedBy: 'operator' });
    const told = ['raised down exchange', 'acknowledged down exchange', 'raised down other'];
    expect(called.filter((notice) => notice.includes(' down '))).toEqual(told);
  });
});
