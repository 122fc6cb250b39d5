import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Daybook, startDaybook } from '../../bench/peers/daybook.ts';
import { freePort } from '../../bench/peers/free-port.ts';
import { eventually } from '../support/eventually.ts';
import { statusOf } from '../support/journal-api.ts';
import { command } from '../support/journey-cli.ts';
import { deliver, lunchReport } from '../support/journey-mail.ts';
import { leftOut } from '../support/journey-partners.ts';
import { onTerminal, type Pty } from '../support/pty.ts';

const config = `
logLevel: error
store: { minimumFree: 1MB }
directory: { internalDomains: [north.example] }
definitions:
  - { id: exchange, description: Exchange, transport: smtp, serviceEmailAddress: journal@journal.north.example, initialProcessDelay: 1h }
  - { id: quiet, description: Quiet, transport: smtp, serviceEmailAddress: quiet@journal.north.example }
`;
let daybook: Daybook;
beforeAll(async () => {
  daybook = await startDaybook({ config });
  for (const name of ['one', 'two'])
    await deliver(daybook.smtpPort, ['journal@journal.north.example'], lunchReport(name));
  await eventually(async () => (await statusOf(daybook, 'exchange')).processingQueue.messages === 2);
});
afterAll(() => daybook?.[Symbol.asyncDispose]());
const ask = (...args: readonly string[]) => command([...args, '--config', daybook.configFile]);

describe('status --check', () => {
  test('all well: one line on standard output, exit 0', async () => {
    const { code, stdout, stderr } = await ask('status', '--check');
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(
      /^DAYBOOK OK - 2 definitions, 2 in process \| 'exchange\.queue'=2;;;0 [^\n]*'quiet\.extract'=U [^\n]*\n$/,
    );
  });

  test('thresholds reached: 1 and 2, of one definition alone where it is named', async () => {
    const warning = await ask('status', '--check', '--queue', '2,3');
    expect([warning.code, warning.stdout]).toEqual([
      1,
      expect.stringContaining('WARNING - exchange: 2 messages in process |'),
    ]);
    expect((await ask('status', '--check', '--queue', '1,2')).code).toBe(2);
    expect((await ask('status', 'quiet', '--check', '--queue', '1,2')).code).toBe(0);
    const json = await ask('status', '--check', '--queue', '1,2', '--json');
    expect([json.code, JSON.parse(json.stdout)]).toEqual([2, expect.objectContaining({ state: 'critical', code: 2 })]);
  });

  test('the disk is asked about where a threshold is given', async () => {
    const { code, stdout } = await ask('status', '--check', '--disk-days', '30,7');
    expect([code, stdout]).toEqual([0, expect.stringMatching(/'disk_days'=U 'disk_free'=\d+B;;;0\n$/)]);
  });

  test('a suspended definition is a warning', async () => {
    await ask('definitions', 'suspend', 'quiet');
    const { code, stdout } = await ask('status', '--check');
    await ask('definitions', 'activate', 'quiet');
    expect([code, stdout]).toEqual([1, expect.stringContaining('WARNING - quiet is Suspended')]);
  });

  test('no engine is critical; wrong usage, no configuration and no such definition are unknown', async () => {
    const gone = await command(['status', '--check', '--url', `http://127.0.0.1:${await freePort()}`]);
    expect([gone.code, gone.stdout]).toEqual([2, expect.stringMatching(/^DAYBOOK CRITICAL - no engine answers/)]);
    const unknown = [
      ['--queue', 'many'],
      ['--disk-days', '7,30'],
      ['--nonsense'],
      ['--config', '/nowhere/daybook.yaml'],
      ['nobody', '--config', daybook.configFile],
    ];
    for (const args of unknown) {
      const { code, stdout } = await command(['status', '--check', ...args]);
      expect([args, code, stdout]).toEqual([args, 3, expect.stringMatching(/^DAYBOOK UNKNOWN - [^\n]+\n$/)]);
    }
  });
});

describe('top', () => {
  test('without a terminal, and with --once, prints one plain frame', async () => {
    for (const args of [['top'], ['top', '--once']]) {
      const { code, stdout, stderr } = await ask(...args);
      expect([code, stderr]).toEqual([0, '']);
      expect(stdout).toMatch(/exchange +Active .* 2 /);
      expect(stdout).toMatch(/quiet +Awaiting Initial Run/);
      expect(stdout).not.toContain('\u001b');
    }
    expect((await ask('top', '--interval', '1ms')).code).toBe(2);
    expect((await command(['top', '--url', `http://127.0.0.1:${await freePort()}`])).code).toBe(69);
  });
});

describe.skipIf(leftOut({ programs: ['script'] }))('top on a terminal', () => {
  const open = (more: object = {}): Pty =>
    onTerminal(['top', '--interval', '250ms', '--config', daybook.configFile], { cwd: daybook.directory, ...more });
  const entered = '\u001b[?1049h';
  const restored = '\u001b[?25h\u001b[?1049l';

  test('is drawn again and again, answers the arrows, and q gives the screen back', async () => {
    await using pty = open();
    await pty.until(entered);
    await pty.until('> exchange');
    pty.type('\u001b[B');
    await pty.until('> quiet');
    await pty.until('> quiet');
    pty.type('\u001b[C');
    await pty.until('figure: archived/s');
    pty.type('q');
    expect(await pty.ended).toBe(0);
    expect(pty.shown().trimEnd().endsWith(restored)).toBe(true);
  });

  test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)('%s gives the screen back too', async (signal) => {
    await using pty = open();
    await pty.until('> exchange');
    pty.signal(signal);
    expect(await pty.ended).toBe(0);
    expect(pty.shown().trimEnd().endsWith(restored)).toBe(true);
  });

  test('fits into a small window, and paints nothing with NO_COLOR', async () => {
    await using pty = open({ columns: 30, rows: 6, environment: { NO_COLOR: '1' } });
    await pty.until('> exchange');
    pty.type('\u0003');
    expect(await pty.ended).toBe(0);
    const sequence = '\u001b';
    const frames = pty.shown().split(`${sequence}[H`).slice(1);
    for (const frame of frames) {
      const lines = frame
        .split(/\r*\n/)
        .map((line) => line.replaceAll(new RegExp(`${sequence}\\[[?\\d]*[A-Za-z]`, 'g'), ''));
      expect(lines.length).toBeLessThanOrEqual(7);
      for (const line of lines) expect([...line].length).toBeLessThanOrEqual(30);
    }
    expect(pty.shown()).not.toMatch(new RegExp(`${sequence}\\[\\d+m`));
    expect(pty.shown()).toContain('Active');
  });

  test('paints the status where colours are wanted', async () => {
    await using pty = open();
    await pty.until('\u001b[32mActive\u001b[39m');
    pty.type('q');
    expect(await pty.ended).toBe(0);
  });
});
