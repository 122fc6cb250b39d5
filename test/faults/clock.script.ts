import { execFileSync } from 'node:child_process';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startDaybook } from '../../bench/peers/daybook.ts';
import { eventually } from '../support/eventually.ts';
import { all, difference, type Entry, statusOf } from '../support/journal-api.ts';
import { command } from '../support/journey-cli.ts';
import { deliver, idOf, lunchReport } from '../support/journey-mail.ts';
import { argumentsOf, script } from './script.ts';

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

/**
 * `npm run faults:clock -- [--rounds 3]`: reliability G17, with libfaketime (Debian: faketime). The clock of a running engine is
 * set ten years ahead and ten behind, over the end of summer time, to where a leap second was, and stands still.
 */
const { rounds } = argumentsOf({ rounds: 3 });
/** What waits by another clock is looked up out of turn a minute apart (D-099), twice here, and once is looked for it. */
const withinMs = 3 * 60_000 + 20_000;

interface Told {
  readonly sent: number;
  /** Message-IDs that were not archived in time after the clock was right again. */
  readonly missing: readonly string[];
  /** What else should have been; empty as it should be. */
  readonly faults: readonly string[];
}

async function round(): Promise<Told> {
  const directory = await mkdtemp(join(tmpdir(), 'daybook-clock-'));
  const file = join(directory, 'clock');
  /** From now on the wall clock is so far from the true one; a text stands still. Renamed into place: it is read at any time. */
  const set = async (to: number | string): Promise<void> => {
    await writeFile(`${file}.new`, typeof to === 'string' ? to : `${to < 0 ? '' : '+'}${(to / 1_000).toFixed(3)}`);
    await rename(`${file}.new`, file);
  };
  await set(0);
  const faults: string[] = [];
  try {
    await using daybook = await startDaybook({ directory, config, environment: environmentOf(file) });
    const sent: string[] = [];
    const send = async (name: string): Promise<void> => {
      await deliver(daybook.smtpPort, ['journal@journal.north.example'], lunchReport(name));
      sent.push(idOf(name));
    };
    const archived = async (): Promise<readonly (string | null)[]> =>
      (await all<Entry>(daybook, '/v1/messages')).map(({ messageId }) => messageId);
    const missing = async (): Promise<readonly string[]> => {
      const isThere = async (): Promise<boolean> => (await archived()).length === sent.length;
      await eventually(isThere, { withinMs, what: 'all mail' }).catch(() => undefined);
      const there = await archived();
      return sent.filter((id) => !there.includes(id));
    };

    await send('today');
    await set(10 * year);
    await send('ahead');
    if (!JSON.stringify(await daybook.get('/v1/status')).includes('retention-paused')) faults.push('retention goes on');
    await set(-10 * year);
    await send('behind');
    const first = await missing();
    if (first.length > 0) return { sent: sent.length, missing: first, faults };

    await set(endOfSummer - Date.now() - 2_000);
    await send('summer');
    const isWinter = async (): Promise<boolean> =>
      Date.parse((await daybook.get<{ engine: { now: string } }>('/v1/status')).engine.now) > endOfSummer;
    await eventually(isWinter, { what: 'winter' });
    await send('winter');
    await set(endOfSummer - Date.now() - 1_000);
    await send('leap');
    await set('2026-12-31 23:59:59');
    await send('frozen');
    await set(0);
    const last = await missing();
    const status = await statusOf(daybook, 'exchange');
    if (difference(status) !== 0) faults.push(`the account differs by ${difference(status)}`);
    if ((await daybook.end('SIGTERM')) !== 0) faults.push('the engine did not end well');
    const { code } = await command(['verify', '--config', daybook.configFile]);
    if (code !== 0) faults.push(`verify ended with ${code}`);
    return { sent: sent.length, missing: last, faults };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function environmentOf(file: string): Readonly<Record<string, string>> {
  const preload = execFileSync('faketime', ['-m', '-f', '+0', 'printenv', 'LD_PRELOAD'], { encoding: 'utf8' });
  return {
    LD_PRELOAD: preload.trim(),
    FAKETIME_TIMESTAMP_FILE: file,
    FAKETIME_NO_CACHE: '1',
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
    TZ: 'Europe/Berlin',
  };
}

await script(async () => {
  const told: Told[] = [];
  for (let n = 0; n < rounds; n += 1) told.push(await round());
  const held = told.every(({ missing, faults }) => missing.length === 0 && faults.length === 0);
  return { held, figures: { rounds: told } };
});
