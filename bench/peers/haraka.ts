import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A Haraka of its own on loopback that writes each message to its outbound queue, synced, and delivers none. */
export interface Haraka extends AsyncDisposable {
  readonly pid: number;
  readonly queueDirectory: string;
}

const files: Readonly<Record<string, (port: number) => string>> = {
  'config/me': () => 'haraka.north.example\n',
  'config/smtp.ini': (port) => `listen=127.0.0.1:${port}\nnodes=0\n`,
  'config/outbound.ini': () => 'disabled=true\n',
  'config/plugins': () => 'queue_all\n',
  'config/loglevel': () => 'LOGCRIT\n',
  // What is relayed is queued; a plugin is how Haraka is told to.
  'plugins/queue_all.js': () =>
    'exports.hook_rcpt = (next, connection) => { connection.relaying = true; next(OK); };\n',
};

/** `folder` is where `npm install Haraka` was run: it is no dependency of ours. */
export async function startHaraka(folder: string, port: number): Promise<Haraka> {
  const base = await mkdtemp(join(tmpdir(), 'daybook-haraka-'));
  for (const name of ['config', 'plugins', 'queue']) await mkdir(join(base, name));
  for (const [name, text] of Object.entries(files)) await writeFile(join(base, name), text(port));
  const installed = join(folder, 'node_modules/Haraka');
  // Its own file with larger mail: one that leaves a section out ends each connection.
  const connection = await readFile(join(installed, 'config/connection.ini'), 'utf8');
  await writeFile(join(base, 'config/connection.ini'), connection.replace(/^bytes=.*$/m, 'bytes=104857600'));
  const child: ChildProcess = spawn(process.execPath, [join(installed, 'bin/haraka'), '-c', base], { stdio: 'ignore' });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  return {
    pid: child.pid ?? 0,
    queueDirectory: join(base, 'queue'),
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL');
      await ended;
      await rm(base, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
    },
  };
}
