import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { startDaybook } from '../../bench/peers/daybook.ts';
import { eventually } from '../support/eventually.ts';
import { all, difference, type Entry, statusOf } from '../support/journal-api.ts';
import { command } from '../support/journey-cli.ts';
import { deliver, idOf, lunchReport } from '../support/journey-mail.ts';
import { leftOut } from '../support/journey-partners.ts';

const config = `
logLevel: warn
store: { minimumFree: 1MB }
directory: { internalDomains: [north.example] }
matching: { maxAge: 36500d }
definitions:
  - id: exchange
    description: Exchange
    transport: smtp
    serviceEmailAddress: journal@journal.north.example
    deliveryWaitAttempts: 2
    deliveryWaitInterval: 20s
    retention: 30d
`;
const dayMs = 86_400_000;
const year = 365 * dayMs;
/** Berlin puts its clocks back then. */
const endOfSummer = Date.UTC(2026, 9, 25, 1);

describe.skipIf(leftOut({ programs: ['faketime'] }))('G17: a clock that is set, under a running engine', () => {
  test('loses no mail, keeps none back, and deletes none by its time', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'daybook-clock-'));
    const file = join(directory, 'clock');
    /** From now on the wall clock is so far from the true one; a text stands still. */
    const set = (to: number | string): Promise<void> =>
      writeFile(file, typeof to === 'string' ? to : `${to < 0 ? '' : '+'}${(to / 1_000).toFixed(3)}`);
    await set(0);
    try {
      await using daybook = await startDaybook({
        directory,
        config,
        environment: {
          LD_PRELOAD: execFileSync('faketime', ['-m', '-f', '+0', 'printenv', 'LD_PRELOAD'], {
            encoding: 'utf8',
          }).trim(),
          FAKETIME_TIMESTAMP_FILE: file,
          FAKETIME_NO_CACHE: '1',
          FAKETIME_DONT_FAKE_MONOTONIC: '1',
          TZ: 'Europe/Berlin',
        },
      });
      const sent: string[] = [];
      const send = async (name: string): Promise<void> => {
        await deliver(daybook.smtpPort, ['journal@journal.north.example'], lunchReport(name));
        sent.push(idOf(name));
      };
      const archived = async (): Promise<readonly (string | null)[]> =>
        (await all<Entry>(daybook, '/v1/messages')).map(({ messageId }) => messageId);
      const allArchived = (what: string): Promise<unknown> =>
        eventually(async () => (await archived()).length === sent.length, { withinMs: 150_000, what });

      await send('today');
      await set(10 * year);
      await send('ahead');
      expect(JSON.stringify(await daybook.get('/v1/status'))).toContain('retention-paused');
      await set(-10 * year);
      await send('behind');
      await allArchived('the mail that came ten years ahead and ten years behind');

      await set(endOfSummer - Date.now() - 2_000);
      await send('summer');
      await eventually(
        async () => Date.parse((await daybook.get<{ engine: { now: string } }>('/v1/status')).engine.now) > endOfSummer,
        {
          what: 'winter',
        },
      );
      await send('winter');
      await set(endOfSummer - Date.now() - 1_000);
      await send('leap');
      await set('2026-12-31 23:59:59');
      await send('frozen');
      expect((await archived()).length).toBeLessThan(sent.length);
      await set(0);
      await allArchived('all mail, once the clock is right again');

      expect([...(await archived())].sort()).toEqual([...sent].sort());
      const status = await statusOf(daybook, 'exchange');
      expect([difference(status), status.counts]).toEqual([
        0,
        expect.objectContaining({ received: sent.length, archived: sent.length }),
      ]);
      expect(await daybook.end('SIGTERM')).toBe(0);
      expect((await command(['verify', '--config', daybook.configFile])).code).toBe(0);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  }, 400_000);
});
