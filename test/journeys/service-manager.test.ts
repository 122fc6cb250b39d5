import { spawn } from 'node:child_process';
import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { startDaybook } from '../../bench/peers/daybook.ts';
import { freePort } from '../../bench/peers/free-port.ts';
import { eventually } from '../support/eventually.ts';
import { leftOut } from '../support/journey-partners.ts';

/** What systemd would hear: the datagrams of its socket, one after another. */
async function openNotifySocket() {
  const folder = await mkdtemp(join(tmpdir(), 'daybook-notify-'));
  const path = join(folder, 'socket');
  const script = `use Socket; $| = 1; socket(S, PF_UNIX, SOCK_DGRAM, 0) or die; bind(S, sockaddr_un($ARGV[0])) or die;
    print "OPEN\\n"; while (defined(recv(S, $m, 4096, 0))) { print "$m\\n"; }`;
  const child = spawn('perl', ['-e', script, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  let heard = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    heard += text;
  });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  await eventually(async () => heard.includes('OPEN'), { what: 'the socket' });
  return {
    path,
    /** Assignments heard so far, in order; those of systemd-notify's own are left out. */
    said: () => heard.split('\n').filter((line) => /^(?:READY|RELOADING|STOPPING|WATCHDOG|MONOTONIC_USEC)=/.test(line)),
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL');
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}
const config = 'logLevel: warn\nstore: { minimumFree: 1MB }\n';

describe.skipIf(leftOut({ programs: ['systemd-notify', 'perl'] }))('a service manager', () => {
  test('hears when the engine is ready, reloads and stops, and that it lives', async () => {
    await using socket = await openNotifySocket();
    const env = { NOTIFY_SOCKET: socket.path, WATCHDOG_USEC: '1000000' };
    await using daybook = await startDaybook({ config, environment: env });
    await eventually(async () => socket.said()[0] === 'READY=1', { what: 'READY' });
    const beats = () => socket.said().filter((line) => line === 'WATCHDOG=1').length;
    await eventually(async () => beats() >= 2, { what: 'two beats of the watchdog' });
    process.kill(daybook.pid, 'SIGHUP');
    const told = async () => {
      const said = socket.said().filter((line) => line !== 'WATCHDOG=1');
      return /^READY=1,RELOADING=1,MONOTONIC_USEC=\d+,READY=1$/.test(said.join(','));
    };
    await eventually(told, { what: 'the reload' });
    expect(await daybook.end('SIGTERM')).toBe(0);
    await eventually(async () => socket.said().includes('STOPPING=1'), { what: 'STOPPING' });
    expect(daybook.log()).not.toContain('systemd could not be told');
  });

  test('is not waited for: one that is gone is told of once, and mail goes on', async () => {
    await using daybook = await startDaybook({ config, environment: { NOTIFY_SOCKET: '/nowhere/at/all' } });
    await eventually(async () => daybook.log().includes('systemd could not be told'));
    expect((await daybook.fetch('/readyz')).status).toBe(200);
    expect(await daybook.end('SIGTERM')).toBe(0);
  });
});

test('a signal in the middle of the start ends nothing: SIGHUP is heard after it, SIGTERM stops it in order', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'daybook-early-'));
  try {
    const ports = [await freePort(), await freePort()] as const;
    const starting = startDaybook({ config, directory, ports });
    const pidOf = (): Promise<string> => readFile(join(directory, 'data/lock'), 'utf8');
    const pid = await eventually(
      async () => Number(/pid (\d+)/.exec(await pidOf().catch(() => ''))?.[1] ?? 0) || undefined,
    );
    process.kill(pid, 'SIGHUP');
    await using daybook = await starting;
    expect(daybook.isRunning()).toBe(true);
    await appendFile(daybook.configFile, 'directory: { internalDomains: [north.example] }\n');
    process.kill(pid, 'SIGHUP');
    expect(await daybook.end('SIGTERM')).toBe(0);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});
