import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { appendFile, chown, mkdtemp, open, readFile, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Client, type QueryResultRow } from 'pg';
import { freePort } from '../../bench/peers/free-port.ts';
import { type Owner, ownerOfServer, postgresPrograms } from '../../bench/peers/postgres.ts';
import { eventually } from './eventually.ts';
import { openTemplate } from './postgres-template.ts';
import { hasEnded, killIn, pauseIn, resumeIn } from './processes.ts';

const run = promisify(execFile);

/** A PostgreSQL of its own on loopback, with TCP and passwords (SCRAM) and without a socket in the file system. */
export interface Postgres extends AsyncDisposable {
  /** Signs in as `daybook`, who owns the empty database `daybook` and is no superuser. */
  readonly url: string;
  /** The same database as the superuser `postgres`. */
  readonly adminUrl: string;
  /** Stays the same through all restarts. */
  readonly port: number;
  /** Of both roles. */
  readonly password: string;
  /** Where its files are. */
  readonly data: string;
  /** Process id of the postmaster, whose children do the work. @throws when it does not run */
  pid(): number;
  /** What the server has written to its log since the first start. */
  log(): Promise<string>;
  /** Rows of one statement, as `daybook`, on a connection of its own. @throws DatabaseError of pg */
  query<R extends QueryResultRow>(sql: string, values?: readonly unknown[]): Promise<readonly R[]>;
  /** The same as the superuser. */
  asAdmin<R extends QueryResultRow>(sql: string, values?: readonly unknown[]): Promise<readonly R[]>;
  /** Shuts down as `systemctl stop` does: sessions are ended, all is on disk. Nothing when it does not run. */
  stop(): Promise<void>;
  /** SIGKILL to all its processes. What is on disk is what a crash of the server leaves. */
  kill(): Promise<void>;
  /** Stops it where it runs, then starts it on the same files and port, and resolves when it answers. */
  restart(): Promise<void>;
  /** SIGSTOP to all its processes: connections stay open and nothing answers. */
  pause(): Promise<void>;
  resume(): void;
}

export interface PostgresOptions {
  /** Lines of postgresql.conf by name, e.g. `{ max_connections: '10' }`; they stand after those of the test server. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** Of a test server: small, quick to start, and as durable as its default (fsync and full_page_writes are on). */
const baseSettings = {
  shared_buffers: '32MB',
  max_connections: '50',
  unix_socket_directories: '',
  listen_addresses: '127.0.0.1',
  log_line_prefix: '%m [%p] %u ',
};

/** Another process may take a free port before the server does. */
const portTries = 5;

/** True when tests against PostgreSQL must be left out here, and says so. In CI none is: they fail instead. */
export function postgresLeftOut(): boolean {
  if (process.env['CI'] === 'true') return false;
  const isMissing = postgresPrograms() === undefined || process.platform !== 'linux';
  if (isMissing) console.warn('left out: what needs PostgreSQL (Debian: postgresql-15) on Linux');
  return isMissing;
}

/** True for the long tests of a cluster, which go by the word that its other partners go by: `DAYBOOK_CLUSTER=1 npm test`. */
export function longOfClusterLeftOut(): boolean {
  const isAsked = process.env['DAYBOOK_CLUSTER'] !== undefined;
  if (!isAsked) console.warn('left out: long tests of a cluster (DAYBOOK_CLUSTER is not set)');
  return !isAsked || postgresLeftOut();
}

/** @throws Error with the end of the server's log when it does not start, or with what is missing */
export async function startPostgres({ settings = {} }: PostgresOptions = {}): Promise<Postgres> {
  const programs = postgresPrograms();
  if (programs === undefined) throw new Error('PostgreSQL is not installed (Debian: postgresql-15)');
  const owner = await ownerOfServer();
  const template = await openTemplate(programs, owner);
  const base = await mkdtemp(join(await realpath(tmpdir()), 'daybook-postgres-'));
  const data = join(base, 'data');
  await run('cp', ['-a', join(template, 'data'), data]);
  await chown(base, owner.uid, owner.gid);
  const lines = Object.entries({ ...baseSettings, ...settings }).map(([name, value]) => `${name} = '${value}'\n`);
  await appendFile(join(data, 'postgresql.conf'), lines.join(''));
  const server = new Server({ programs, owner, base, data });
  try {
    await server.startOnFreePort();
  } catch (error) {
    await server.kill();
    await rm(base, { recursive: true, force: true });
    throw error;
  }
  return handleOf(server, await readFile(join(template, 'password'), 'utf8'));
}

function handleOf(server: Server, password: string): Postgres {
  const urlOf = (user: string): string => `postgres://${user}:${password}@127.0.0.1:${server.port}/daybook`;
  const [url, adminUrl] = [urlOf('daybook'), urlOf('postgres')];
  return {
    url,
    adminUrl,
    port: server.port,
    password,
    data: server.place.data,
    pid: () => server.pid(),
    log: () => server.log(),
    query: (sql, values) => ask(url, sql, values),
    asAdmin: (sql, values) => ask(adminUrl, sql, values),
    stop: () => server.stop(),
    kill: () => server.kill(),
    restart: async () => {
      await server.stop();
      await server.start();
    },
    pause: () => pauseIn(server.place.base),
    resume: () => resumeIn(server.place.base),
    [Symbol.asyncDispose]: async () => {
      await server.kill();
      await rm(server.place.base, { recursive: true, force: true });
    },
  };
}

/** Longest wait for a connection, and for an answer, ms: far above what a healthy server needs on a busy machine. */
const askWithinMs = 20_000;

/**
 * Rows of one statement, on a connection of its own, so that no pool outlives a server that is killed.
 * @throws DatabaseError of pg, and Error when connecting or answering takes longer than `withinMs`
 */
export async function ask<R extends QueryResultRow>(
  url: string,
  sql: string,
  values: readonly unknown[] = [],
  withinMs = askWithinMs,
): Promise<readonly R[]> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: withinMs, query_timeout: withinMs });
  // A server that goes away between two answers is told by the next query.
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query<R>(sql, [...values])).rows;
  } finally {
    await client.end().catch(() => undefined);
  }
}

interface Place {
  readonly programs: string;
  readonly owner: Owner;
  readonly base: string;
  readonly data: string;
}

/** One postmaster at a time on the same files. */
class Server {
  port = 0;
  readonly place: Place;
  #child: ChildProcess | undefined;

  constructor(place: Place) {
    this.place = place;
  }

  async startOnFreePort(): Promise<void> {
    for (let tried = 1; ; tried++) {
      this.port = await freePort();
      try {
        return await this.start();
      } catch (error) {
        if (tried === portTries || !String(error).includes('Address already in use')) throw error;
      }
    }
  }

  /** Resolves when it takes connections, which postmaster.pid tells in its last line, as `pg_ctl` reads it. */
  async start(): Promise<void> {
    const { programs, owner, base, data } = this.place;
    const log = await open(join(base, 'log'), 'a');
    const child = spawn(join(programs, 'postgres'), ['-D', data, '-p', String(this.port)], {
      ...owner,
      cwd: base,
      env: { PATH: process.env['PATH'], LC_ALL: 'C.UTF-8' },
      stdio: ['ignore', log.fd, log.fd],
    });
    await log.close();
    this.#child = child;
    const isReady = async (): Promise<boolean> => {
      if (isFetched(child)) throw new Error(`PostgreSQL did not start:\n${(await this.log()).slice(-2_000)}`);
      const lines = (await readFile(join(data, 'postmaster.pid'), 'utf8').catch(() => '')).split('\n');
      return lines[0] === String(child.pid) && ['ready', 'standby'].includes(lines[7]?.trim() ?? '');
    };
    await eventually(isReady, { what: `PostgreSQL on port ${this.port}`, withinMs: 30_000 });
  }

  pid(): number {
    const pid = this.#child?.pid;
    if (pid === undefined || hasEnded(pid)) throw new Error('PostgreSQL does not run');
    return pid;
  }

  log = (): Promise<string> => readFile(join(this.place.base, 'log'), 'utf8');

  async stop(): Promise<void> {
    const child = this.#child;
    if (child === undefined || isFetched(child)) return;
    resumeIn(this.place.base);
    // Fast shutdown: SIGTERM alone would wait until every client has left.
    child.kill('SIGINT');
    await exitOf(child);
  }

  async kill(): Promise<void> {
    const child = this.#child;
    await killIn(this.place.base);
    if (child !== undefined) await exitOf(child);
  }
}

const isFetched = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null;

/** Waits until its exit code is fetched: as long as its pid is taken, the next server believes that it still runs. */
const exitOf = (child: ChildProcess): Promise<true> =>
  eventually(async () => isFetched(child), { what: 'the end of PostgreSQL', withinMs: 30_000 });
