import { execFile } from 'node:child_process';
import { chmod, chown, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A Postfix of its own on loopback: own configuration, queue and processes; the machine's own instance is not touched. */
export interface Postfix extends AsyncDisposable {
  readonly port: number;
  /** Process id of the master, whose children do the work. */
  readonly pid: number;
  readonly configDirectory: string;
  readonly queueDirectory: string;
}
export interface PostfixOptions {
  readonly port: number;
  /** Lines of main.cf beside the base. */
  readonly main: readonly string[];
  /** Lines of master.cf beside the base. */
  readonly master?: readonly string[];
  /** Files beside them, by name; `CONFIG` in any line stands for their folder. */
  readonly files?: Readonly<Record<string, string>>;
}

/** Needs root, since Postfix does. @throws when Postfix does not start */
export async function startPostfix({ port, main, master = [], files = {} }: PostfixOptions): Promise<Postfix> {
  if (userInfo().uid !== 0) throw new Error('Postfix starts only as root');
  const base = await mkdtemp(join(tmpdir(), 'daybook-postfix-'));
  await chmod(base, 0o755);
  const configDirectory = join(base, 'config');
  const queueDirectory = join(base, 'queue');
  for (const folder of [configDirectory, queueDirectory, join(base, 'data')]) await mkdir(folder);
  const [uid, gid] = await idsOf('postfix');
  await chown(join(base, 'data'), uid, gid);
  const placed = (lines: readonly string[]): string => lines.join('\n').replaceAll('CONFIG', configDirectory);
  await writeFile(join(configDirectory, 'main.cf'), placed([...mainOf(base), ...main, '']));
  await writeFile(join(configDirectory, 'master.cf'), masterOf(port) + placed([...master, '']));
  for (const [name, text] of Object.entries(files)) await writeFile(join(configDirectory, name), text);
  await permitConfig(configDirectory);
  await run('postfix', ['-c', configDirectory, 'start']);
  const pid = Number((await readFile(join(queueDirectory, 'pid/master.pid'), 'utf8')).trim());
  return {
    port,
    pid,
    configDirectory,
    queueDirectory,
    [Symbol.asyncDispose]: async () => {
      await run('postfix', ['-c', configDirectory, 'stop']).catch(() => undefined);
      await rm(base, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
    },
  };
}

const mainOf = (base: string): readonly string[] => [
  'compatibility_level = 3.6',
  `queue_directory = ${base}/queue`,
  `data_directory = ${base}/data`,
  'command_directory = /usr/sbin',
  'daemon_directory = /usr/lib/postfix/sbin',
  'mail_owner = postfix',
  'setgid_group = postdrop',
  'inet_interfaces = loopback-only',
  'inet_protocols = ipv4',
  'mynetworks = 127.0.0.0/8',
  'myhostname = mx.north.example',
  'mydestination =',
  'local_recipient_maps =',
  'alias_maps =',
  'message_size_limit = 209715200',
  'smtpd_client_connection_count_limit = 0',
  'smtpd_client_connection_rate_limit = 0',
  'maillog_file =',
  'smtp_dns_support_level = disabled',
  'smtp_host_lookup = native',
];

/** The daemons that receiving, queueing and relaying need; none in a chroot. */
function masterOf(port: number): string {
  const lines = [
    `127.0.0.1:${port} inet n - n - 200 smtpd`,
    'pickup unix n - n 1 1 pickup',
    'cleanup unix n - n - 0 cleanup',
    'qmgr unix n - n 300 1 qmgr',
    'rewrite unix - - n - - trivial-rewrite',
    'bounce unix - - n - 0 bounce',
    'defer unix - - n - 0 bounce',
    'trace unix - - n - 0 bounce',
    'smtp unix - - n - - smtp',
    'relay unix - - n - - smtp',
    'error unix - - n - - error',
    'retry unix - - n - - error',
    'anvil unix - - n - 1 anvil',
    'discard unix - - n - - discard',
    'showq unix n - n - - showq',
    'postlog unix-dgram n - n - 1 postlogd',
  ];
  return `${lines.join('\n')}\n`;
}

/** Postfix's set-gid commands accept another configuration only where the machine's main.cf names it. */
async function permitConfig(configDirectory: string): Promise<void> {
  const machineConfig = '/etc/postfix/main.cf';
  const text = await readFile(machineConfig, 'utf8').catch(() => 'compatibility_level = 3.6\n');
  const others = text.split('\n').filter((line) => !line.startsWith('alternate_config_directories'));
  await writeFile(
    machineConfig,
    [...others.filter((line) => line !== ''), `alternate_config_directories = ${configDirectory}`, ''].join('\n'),
  );
}

async function idsOf(user: string): Promise<readonly [number, number]> {
  const { stdout: uid } = await run('id', ['-u', user]);
  const { stdout: gid } = await run('id', ['-g', user]);
  return [Number(uid), Number(gid)];
}
