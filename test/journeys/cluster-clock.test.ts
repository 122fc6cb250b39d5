import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Daybook, startDaybook } from '../../bench/peers/daybook.ts';
import { eventually } from '../support/eventually.ts';
import { intakeOf, statusOf } from '../support/journal-api.ts';
import { deliver, lunchReport } from '../support/journey-mail.ts';
import { type Postgres, postgresLeftOut, startPostgres } from '../support/postgres.ts';

const config = (worker: string, url: string): string => `
logLevel: warn
store: { backend: cluster, minimumFree: 1MB }
cluster: { postgres: "${url}", bodies: postgres, worker: ${worker}, synchronousStandby: none }
directory: { internalDomains: [north.example] }
definitions:
  - id: exchange
    description: Exchange
    transport: smtp
    serviceEmailAddress: journal@journal.north.example
    deliveryWaitAttempts: 2
    deliveryWaitInterval: 3s
`;
/** And some seconds, since an hour less a millisecond is told as 59 minutes. */
const hourMs = 3_630_000;
const minuteMs = 60_000;

/** A worker whose machine is an hour ahead of the others: what it takes must be due by the time of all. */
describe.skipIf(postgresLeftOut())('a worker whose clock is an hour ahead', () => {
  let postgres: Postgres;
  let right: Daybook;
  let ahead: Daybook;
  beforeAll(async () => {
    postgres = await startPostgres();
    right = await startDaybook({ config: config('right', postgres.url) });
    ahead = await startDaybook({
      config: config('ahead', postgres.url),
      nodeArguments: ['--import', join(import.meta.dirname, '../support/skewed-clock.mjs')],
      environment: { SKEW_MS: String(hourMs) },
    });
  });
  afterAll(async () => {
    await ahead?.[Symbol.asyncDispose]();
    await right?.[Symbol.asyncDispose]();
    await postgres?.[Symbol.asyncDispose]();
  });

  const isArchived = (daybook: Daybook, id: string) => async (): Promise<boolean> =>
    (await intakeOf(daybook, id).catch(() => undefined))?.state === 'archived';
  const isNow = (time: string | null): boolean => Math.abs(Date.parse(time ?? '') - Date.now()) < minuteMs;

  test('archives what it takes in its time, and says of it when it came by the time of the database', async () => {
    const { id } = await deliver(ahead.smtpPort, ['journal@journal.north.example'], lunchReport('by-two'));
    await eventually(isArchived(right, id), { what: 'the mail in the archive' });
    expect((await intakeOf(right, id)).receivedAt).toSatisfy(isNow);
    const status = await ahead.get<{ engine: { now: string } }>('/v1/status');
    expect(status.engine.now).toSatisfy(isNow);
    expect((await statusOf(ahead, 'exchange')).lastSuccessfulExtract).toSatisfy(isNow);
  });

  test('is told of, by itself and by the other', async () => {
    const warnings = async (daybook: Daybook) => {
      const { engine } = await daybook.get<{ engine: { warnings: { code: string; text: string }[] } }>('/v1/status');
      return engine.warnings;
    };
    await eventually(async () => (await warnings(ahead)).some(({ code }) => code === 'clock-off'), {
      what: 'a warning',
      withinMs: 40_000,
    });
    const told = (await warnings(ahead)).find(({ code }) => code === 'clock-off');
    expect(told?.text).toContain("the clock of this machine is 1 h ahead of the database's");
    expect((await warnings(right)).filter(({ code }) => code === 'clock-off')).toEqual([]);
    const isHeard = async (): Promise<boolean> => {
      const { items } = await right.get<{ items: { text: string }[] }>('/v1/alerts');
      return items.some(({ text }) => text.startsWith('on the worker ahead: the clock of this machine'));
    };
    await eventually(isHeard, { what: 'an alert', withinMs: 60_000 });
  });

  test('leaves nothing that is due an hour ahead when it is killed', async () => {
    const { id } = await deliver(ahead.smtpPort, ['journal@journal.north.example'], lunchReport('left-over'));
    await ahead.end('SIGKILL');
    await eventually(isArchived(right, id), { what: 'what it had taken', withinMs: 60_000 });
  });
});
