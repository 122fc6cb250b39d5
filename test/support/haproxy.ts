import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { freePort } from '../../bench/peers/free-port.ts';
import { eventually } from './eventually.ts';

/** One `listen` section: lines of its own, and the `server` line that it ends with, without name. */
export interface Balanced {
  readonly server: string;
  readonly more?: string;
}
/** A real HAProxy on loopback, a process of its own. */
export interface Haproxy<Name extends string> extends AsyncDisposable {
  readonly ports: Readonly<Record<Name, number>>;
  /** What its health check of this section's server came to last, such as `L4OK`, and how many failed. */
  checked(name: Name): Promise<{ readonly status: string; readonly failed: number }>;
}

/** Starts it with a port for each section, and waits until all are open. @throws Error with what it said when it ends */
export async function startHaproxy<Name extends string>(
  sections: Readonly<Record<Name, Balanced>>,
): Promise<Haproxy<Name>> {
  const directory = await mkdtemp(join(tmpdir(), 'daybook-haproxy-'));
  const stats = join(directory, 'stats.sock');
  const names = Object.keys(sections) as Name[];
  const ports = {} as Record<Name, number>;
  for (const name of names) ports[name] = await freePort();
  const listens = names.map((name) => {
    const { more = '', server } = sections[name];
    return `listen ${name}\n  bind 127.0.0.1:${ports[name]}\n  ${more}\n  server daybook ${server}\n`;
  });
  const file = join(directory, 'haproxy.cfg');
  const times = ['connect 5s', 'check 20s', 'client 60s', 'server 60s'].map((each) => `  timeout ${each}\n`).join('');
  await writeFile(file, `global\n  stats socket ${stats}\ndefaults\n  mode tcp\n${times}${listens.join('')}`);
  const env = { ...process.env, PATH: [process.env['PATH'], '/usr/sbin'].join(delimiter) };
  const child = spawn('haproxy', ['-db', '-f', file], { env, stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-10_000);
  });
  const end = async (): Promise<void> => {
    await ended(child);
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await eventually(async () => (await rows(stats)) !== undefined || child.exitCode !== null, { what: 'HAProxy' });
    if (child.exitCode !== null) throw new Error(`haproxy ended with ${child.exitCode}: ${said}`);
  } catch (error) {
    await end();
    throw error;
  }
  return {
    ports,
    checked: async (name) => {
      const row = (await rows(stats))?.find((each) => each['# pxname'] === name && each['svname'] === 'daybook');
      return { status: row?.['check_status'] ?? '', failed: Number(row?.['chkfail'] ?? '0') };
    },
    [Symbol.asyncDispose]: end,
  };
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const over = once(child, 'exit');
  child.kill('SIGKILL');
  await over;
}

/** `show stat` as objects by the names of its first line; undefined as long as nobody answers. */
async function rows(socketFile: string): Promise<readonly Record<string, string>[] | undefined> {
  const socket = connect(socketFile);
  try {
    await once(socket, 'connect');
    socket.write('show stat\n');
    let text = '';
    for await (const bytes of socket) text += String(bytes);
    const [names = '', ...lines] = text.trim().split('\n');
    const keys = names.split(',');
    return lines.map((line) => {
      const values = line.split(',');
      return Object.fromEntries(keys.map((key, at) => [key, values[at] ?? '']));
    });
  } catch {
    return undefined;
  } finally {
    socket.destroy();
  }
}
