import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { appendFile, chown, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from './free-port.ts';

const run = promisify(execFile);

/** Where the server's programs are: on Debian in a folder of each version, of which the newest counts. */
export function postgresPrograms(): string | undefined {
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian) ? readdirSync(debian).toSorted((a, b) => Number(b) - Number(a)) : [];
  const folders = [...versions.map((version) => join(debian, version, 'bin')), '/usr/local/pgsql/bin', '/usr/bin'];
  return folders.find((folder) => existsSync(join(folder, 'postgres')) && existsSync(join(folder, 'initdb')));
}

/** Who runs the server: PostgreSQL refuses to run as root, so root runs it as the `postgres` of the package. */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** @throws Error where root has no user `postgres` to run it as */
export async function ownerOfServer(): Promise<Owner> {
  const [uid, gid] = [process.getuid?.() ?? 0, process.getgid?.() ?? 0];
  if (uid !== 0) return { uid, gid };
  const idOf = async (option: string): Promise<number> => Number((await run('id', [option, 'postgres'])).stdout);
  return { uid: await idOf('-u'), gid: await idOf('-g') };
}

/** A cluster has checksums, UTF-8, an order of strings that no library's update changes, and passwords on every connection. */
export const initArguments = [
  ...['-U', 'postgres', '-A', 'scram-sha-256', '-E', 'UTF8', '--locale=C.UTF-8', '--data-checksums'],
];

/** An owner of one database who is no superuser. */
export const rolesOf = (password: string): string =>
  `CREATE ROLE daybook LOGIN PASSWORD '${password}';\nCREATE DATABASE daybook OWNER daybook;\n`;

export interface Making {
  readonly programs: string;
  readonly owner: Owner;
  /** Gets `data`, and `password` with the password of both roles. */
  readonly folder: string;
}

/** A cluster that never ran, in seconds. @throws Error with what `initdb` or the server says */
export async function makeCluster({ programs, owner, folder }: Making): Promise<void> {
  const data = join(folder, 'data');
  const options = { ...owner, cwd: folder, env: { PATH: process.env['PATH'], LC_ALL: 'C.UTF-8' } };
  const password = randomBytes(12).toString('hex');
  await writeFile(join(folder, 'password'), password, { mode: 0o600 });
  await chown(join(folder, 'password'), owner.uid, owner.gid);
  await run(join(programs, 'initdb'), [...initArguments, '--pwfile', join(folder, 'password'), '-D', data], options);
  // Single-user mode needs no port, and ends with its input.
  const made = run(join(programs, 'postgres'), ['--single', '-D', data, 'postgres'], options);
  made.child.stdin?.end(rolesOf(password));
  const { stderr } = await made;
  if (stderr.includes('ERROR')) throw new Error(`The roles were not made:\n${stderr}`);
}

/** A PostgreSQL of its own on loopback, as durable as it is by default, with memory as a small server has it. */
export interface PostgresServer extends AsyncDisposable {
  /** Process id of the postmaster, whose children do the work. */
  readonly pid: number;
  /** Connection string of this database, which `daybook` owns. */
  urlOf(database: string): string;
  /** The same as the superuser. */
  adminUrlOf(database: string): string;
}

/** One checkpoint in five minutes, as by default, and not one for each GB: it would fall into some rounds and not into others. */
const settings = `
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
shared_buffers = '512MB'
max_wal_size = '8GB'
max_connections = '100'
`;
const readyWithinMs = 30_000;

/** @throws Error where it is not installed, or with its log where it does not start */
export async function startPostgresServer(): Promise<PostgresServer> {
  const programs = postgresPrograms();
  if (programs === undefined) throw new Error('PostgreSQL is not installed (Debian: postgresql-15)');
  const owner = await ownerOfServer();
  const folder = await mkdtemp(join(await realpath(tmpdir()), 'daybook-postgres-'));
  let child: ChildProcess | undefined;
  const end = async (): Promise<void> => {
    if (child !== undefined) await exitAfter(child, 'SIGQUIT');
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await chown(folder, owner.uid, owner.gid);
    await makeCluster({ programs, owner, folder });
    await appendFile(join(folder, 'data', 'postgresql.conf'), settings);
    const port = await freePort();
    child = spawn(join(programs, 'postgres'), ['-D', join(folder, 'data'), '-p', String(port)], {
      ...owner,
      cwd: folder,
      env: { PATH: process.env['PATH'], LC_ALL: 'C.UTF-8' },
      stdio: 'ignore',
    });
    await ready(child, join(folder, 'data', 'postmaster.pid'));
    const password = await readFile(join(folder, 'password'), 'utf8');
    const urlAs = (user: string, database: string): string =>
      `postgres://${user}:${password}@127.0.0.1:${port}/${database}`;
    return {
      pid: child.pid ?? 0,
      urlOf: (database) => urlAs('daybook', database),
      adminUrlOf: (database) => urlAs('postgres', database),
      [Symbol.asyncDispose]: end,
    };
  } catch (error) {
    await end();
    throw error;
  }
}

/** postmaster.pid tells in its last line whether connections are taken, as `pg_ctl` reads it. */
async function ready(child: ChildProcess, file: string): Promise<void> {
  const until = Date.now() + readyWithinMs;
  while (Date.now() < until) {
    if (hasEnded(child)) throw new Error(`PostgreSQL ended with ${child.exitCode ?? child.signalCode}`);
    const lines = (await readFile(file, 'utf8').catch(() => '')).split('\n');
    if (lines[7]?.trim() === 'ready') return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`PostgreSQL was not ready in ${readyWithinMs} ms`);
}

const hasEnded = ({ exitCode, signalCode }: ChildProcess): boolean => exitCode !== null || signalCode !== null;

/** SIGQUIT ends a postmaster and its children at once: what is thrown away needs no checkpoint. */
async function exitAfter(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (hasEnded(child)) return;
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill(signal);
  await ended;
}
