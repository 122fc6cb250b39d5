import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { chown, mkdir, open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from '../../bench/peers/free-port.ts';
import type { Owner } from '../../bench/peers/postgres.ts';
import { killIn, pauseIn, processesIn, resumeIn } from '../support/processes.ts';

const run = promisify(execFile);

/** Ports of one machine, all on 127.0.0.1. */
export interface NodePorts {
  readonly postgres: number;
  /** Patroni's REST, which a balancer asks for `GET /primary`. */
  readonly rest: number;
  readonly etcd: number;
  readonly etcdPeer: number;
}

/** What a member of etcd holds under a key; nothing when it does not answer within `withinMs`, or there is no such key. */
export async function readKey(api: EtcdApi, url: string, key: string, withinMs: number): Promise<string | undefined> {
  const signal = AbortSignal.timeout(withinMs);
  if (api === 'etcd') {
    const answer = await fetch(`${url}/v2/keys${key}?quorum=true`, { signal }).catch(() => undefined);
    const { node } = ((await answer?.json()) ?? {}) as { readonly node?: { readonly value?: string } };
    return node?.value;
  }
  // The gRPC gateway of v3 has keys and values in base64.
  const body = JSON.stringify({ key: Buffer.from(key).toString('base64') });
  const answer = await fetch(`${url}/v3/kv/range`, { method: 'POST', body, signal }).catch(() => undefined);
  const { kvs } = ((await answer?.json()) ?? {}) as { readonly kvs?: readonly { readonly value: string }[] };
  return kvs?.[0] === undefined ? undefined : Buffer.from(kvs[0].value, 'base64').toString();
}

/** Ports for so many machines. */
export async function freePortsOf(machines: number): Promise<readonly NodePorts[]> {
  const found: NodePorts[] = [];
  while (found.length < machines) {
    found.push({
      postgres: await freePort(),
      rest: await freePort(),
      etcd: await freePort(),
      etcdPeer: await freePort(),
    });
  }
  return found;
}

/** What one machine of the cluster is given. */
export interface NodePlace {
  /** Also the name of the member, and of its standby in `pg_stat_replication`. */
  readonly name: string;
  readonly ports: NodePorts;
  /** Its disk: all that it keeps is in here, and all its processes work in here. */
  readonly folder: string;
  /** Where its logs go, which is not on its disk. */
  readonly logs: string;
  readonly owner: Owner;
  /** Folder of PostgreSQL's programs. */
  readonly programs: string;
}

export type EtcdApi = 'etcd' | 'etcd3';

/**
 * Patroni before 3.1 writes the leader's key over whatever stands there when it has etcd's API v3 (patroni/patroni#2689):
 * a primary that hung longer than its lease takes it back, and what the next one has acknowledged is gone. By v2 it compares.
 */
export async function etcdApiOf(patroni: string): Promise<EtcdApi> {
  const { stdout } = await run(patroni, ['--version']);
  const [, major = 0, minor = 0] = (/(\d+)\.(\d+)/.exec(stdout) ?? []).map(Number);
  return major > 3 || (major === 3 && minor >= 1) ? 'etcd3' : 'etcd';
}

/** What all machines of a cluster share. */
export interface ClusterPlan {
  readonly password: string;
  readonly settings: Readonly<Record<string, string>>;
  /** Which API of etcd Patroni uses, by the name of its section in the configuration. */
  readonly etcdApi: EtcdApi;
  readonly machines: readonly { readonly name: string; readonly ports: NodePorts }[];
}

/** One machine: a member of etcd, and a Patroni with its PostgreSQL. It may be killed and started again part by part. */
export class Machine {
  readonly place: NodePlace;
  readonly #plan: ClusterPlan;

  constructor(place: NodePlace, plan: ClusterPlan) {
    this.place = place;
    this.#plan = plan;
  }

  /** Patroni, PostgreSQL and whatever they run work in one folder, etcd in another. */
  get #database(): string {
    return join(this.place.folder, 'database');
  }
  get #etcd(): string {
    return join(this.place.folder, 'etcd');
  }

  /** Makes the folders and Patroni's configuration. */
  async prepare(): Promise<void> {
    const { folder, owner } = this.place;
    await chown(folder, owner.uid, owner.gid);
    for (const inner of [this.#database, this.#etcd]) {
      await mkdir(inner, { mode: 0o700 });
      await chown(inner, owner.uid, owner.gid);
    }
    const file = join(this.#database, 'patroni.yml');
    await writeFile(file, JSON.stringify(patroniConfig(this.place, this.#plan, this.#database), null, 2), {
      mode: 0o600,
    });
    await chown(file, owner.uid, owner.gid);
  }

  /** Starts what does not run. Does not wait for it. */
  async start(): Promise<void> {
    if (processesIn(this.#etcd).length === 0)
      await this.#spawn('etcd', etcdArguments(this.place, this.#plan), this.#etcd);
    if (processesIn(this.#database).length > 0) return;
    await this.#spawn('patroni', [join(this.#database, 'patroni.yml')], this.#database);
  }

  /** As a machine that was set up a while ago: only what comes from now on is on disk because it was asked for. */
  settle = (): Promise<unknown> => run('sync', ['--file-system', this.place.folder]);

  killDatabase = (): Promise<void> => killIn(this.#database);
  pauseDatabase = (): Promise<void> => pauseIn(this.#database);
  resumeDatabase = (): void => resumeIn(this.#database);

  /** The last lines of its logs. */
  async tail(): Promise<string> {
    const of = async (program: string): Promise<string> =>
      `== ${this.place.name} ${program}\n${(await readFile(this.#logOf(program), 'utf8').catch(() => '')).slice(-1_500)}`;
    return [await of('etcd'), await of('patroni')].join('\n');
  }

  #logOf = (program: string): string => join(this.place.logs, `${this.place.name}.${program}.log`);

  async #spawn(program: string, args: readonly string[], cwd: string): Promise<ChildProcess> {
    const log = await open(this.#logOf(program), 'a');
    const env = { PATH: `${process.env['PATH']}:/usr/sbin`, LC_ALL: 'C.UTF-8', HOME: cwd };
    const { uid, gid } = this.place.owner;
    const child = spawn(program, [...args], { uid, gid, cwd, env, stdio: ['ignore', log.fd, log.fd] });
    await new Promise((resolve, reject) => child.once('spawn', resolve).once('error', reject));
    await log.close();
    return child;
  }
}

const local = (port: number): string => `127.0.0.1:${port}`;
const http = (port: number): string => `http://${local(port)}`;

/** Patient beats: three members, three databases and the tests share one machine, and its one disk. */
const etcdBeats = ['--heartbeat-interval', '250', '--election-timeout', '2500'];

function etcdArguments({ name, ports, folder }: NodePlace, { machines, etcdApi }: ClusterPlan): readonly string[] {
  const members = machines.map((machine) => `${machine.name}=${http(machine.ports.etcdPeer)}`);
  return [
    ...['--name', name, '--data-dir', join(folder, 'etcd', 'member')],
    ...['--listen-client-urls', http(ports.etcd), '--advertise-client-urls', http(ports.etcd)],
    ...['--listen-peer-urls', http(ports.etcdPeer), '--initial-advertise-peer-urls', http(ports.etcdPeer)],
    ...['--initial-cluster', members.join(','), '--initial-cluster-state', 'new'],
    ...etcdBeats,
    ...(etcdApi === 'etcd' ? ['--enable-v2=true'] : []),
  ];
}

/** As an operator sets it for mail that must not be lost; JSON is YAML too. See patroni.readthedocs.io, yaml_configuration. */
function patroniConfig({ name, ports, programs }: NodePlace, plan: ClusterPlan, database: string): object {
  const { password, settings, etcdApi, machines } = plan;
  const loopback = ['127.0.0.1/32', 'scram-sha-256'];
  return {
    scope: 'daybook',
    name,
    restapi: { listen: local(ports.rest), connect_address: local(ports.rest) },
    [etcdApi]: { hosts: machines.map((machine) => local(machine.ports.etcd)) },
    bootstrap: {
      dcs: {
        ...failoverSettings,
        postgresql: { use_pg_rewind: true, use_slots: true, parameters: { ...durable, ...settings } },
      },
      initdb: [{ encoding: 'UTF8' }, { locale: 'C.UTF-8' }, { 'auth-host': 'scram-sha-256' }, 'data-checksums'],
      pg_hba: [['host all all', ...loopback].join(' '), ['host replication repl', ...loopback].join(' ')],
    },
    postgresql: {
      listen: local(ports.postgres),
      connect_address: local(ports.postgres),
      data_dir: join(database, 'data'),
      bin_dir: programs,
      pgpass: join(database, 'pgpass'),
      basebackup: [{ checkpoint: 'fast' }],
      authentication: {
        superuser: { username: 'postgres', password },
        replication: { username: 'repl', password },
        rewind: { username: 'rewind', password },
      },
      parameters: { unix_socket_directories: database, logging_collector: 'off' },
    },
  };
}

/**
 * A row is acknowledged when a second machine has it on disk too, and no write at all is where there is no second one. The
 * primary's lease of 20 s is the shortest that Patroni takes.
 */
const failoverSettings = {
  ttl: 20,
  loop_wait: 2,
  retry_timeout: 4,
  maximum_lag_on_failover: 1_048_576,
  synchronous_mode: true,
  synchronous_mode_strict: true,
  synchronous_node_count: 1,
};

/** Small, since three stand on one machine; wal_log_hints lets pg_rewind take a former primary back. */
const durable = {
  synchronous_commit: 'on',
  fsync: 'on',
  full_page_writes: 'on',
  wal_log_hints: 'on',
  max_connections: '100',
  shared_buffers: '48MB',
  min_wal_size: '64MB',
  max_wal_size: '256MB',
  wal_keep_size: '128MB',
};
