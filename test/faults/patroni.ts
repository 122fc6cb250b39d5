import { randomBytes } from 'node:crypto';
import { chown, mkdir, mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ownerOfServer, postgresPrograms } from '../../bench/peers/postgres.ts';
import { eventually } from '../support/eventually.ts';
import { ask } from '../support/postgres.ts';
import { killIn } from '../support/processes.ts';
import { type Disk, openDisk } from './disk.ts';
import {
  type ClusterPlan,
  type EtcdApi,
  etcdApiOf,
  freePortsOf,
  Machine,
  type NodePorts,
  readKey,
} from './patroni-node.ts';

/** One machine of the cluster, as a test sees it. */
export interface PatroniNode {
  readonly name: string;
  readonly port: number;
  /** Of Patroni's REST: `GET /primary` answers 200 on the primary alone. */
  readonly restPort: number;
  /** Signs in as `daybook`, who owns the database `daybook` and is no superuser. */
  readonly url: string;
  readonly adminUrl: string;
}

/** Three machines on loopback, each with etcd, Patroni and PostgreSQL; commits wait for a synchronous standby. */
export interface PatroniCluster extends AsyncDisposable {
  readonly nodes: readonly PatroniNode[];
  /** Of all roles. */
  readonly password: string;
  /** Who holds the lease and takes writes; waits for one. @throws Error after `withinMs` */
  primary(withinMs?: number): Promise<PatroniNode>;
  /** The standby that commits wait for; waits for one. @throws Error after `withinMs` */
  standby(withinMs?: number): Promise<PatroniNode>;
  /** Waits until all stand: a primary, the others stream from it, one of them synchronous. @throws Error after `withinMs` */
  healthy(withinMs?: number): Promise<void>;
  /** SIGKILL to Patroni and its PostgreSQL; etcd runs on. */
  kill(node: PatroniNode): Promise<void>;
  /** Starts what does not run on this machine; does not wait until it is back. */
  start(node: PatroniNode): Promise<void>;
  /** SIGSTOP to Patroni and its PostgreSQL, as a machine that hangs: its connections stay open. */
  pause(node: PatroniNode): Promise<void>;
  resume(node: PatroniNode): void;
  /** Cuts the power of all machines in one instant, and switches them on again; does not wait until they are back. */
  powerCut(): Promise<void>;
  /** The last lines of every log. */
  logs(): Promise<string>;
}

export interface PatroniOptions {
  /** Gives each machine a disk of its own, as `powerCut` needs. Needs root and loop devices. */
  readonly disks?: boolean;
  /** Parameters of PostgreSQL beside those of the cluster. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** All that must be installed; on Debian postgresql-15, patroni, etcd-server, python3-etcd and python3-psycopg2. */
export const patroniPrograms = ['patroni', 'etcd'];

/** Bounds of waiting, ms. A lease of 20 s must run out before another is primary; the rest is starting and rewinding. */
const primaryWithinMs = 60_000;
const healthyWithinMs = 120_000;
/** Longest wait for an answer of a machine that may hang, ms. */
const answerWithinMs = 1_000;
const machineNames = ['p1', 'p2', 'p3'];

/** @throws Error with the end of all logs when they do not come up */
export async function startPatroni({
  disks: hasDisks = false,
  settings = {},
}: PatroniOptions = {}): Promise<PatroniCluster> {
  const programs = postgresPrograms();
  if (programs === undefined) throw new Error('PostgreSQL is not installed (Debian: postgresql-15)');
  const owner = await ownerOfServer();
  const base = await mkdtemp(join(await realpath(tmpdir()), 'daybook-patroni-'));
  await chown(base, owner.uid, owner.gid);
  const ports = await freePortsOf(machineNames.length);
  const plan: ClusterPlan = {
    password: randomBytes(12).toString('hex'),
    settings,
    etcdApi: await etcdApiOf('patroni'),
    machines: machineNames.map((name, at) => ({ name, ports: ports[at] as NodePorts })),
  };
  const [disks, machines]: [Disk[], Machine[]] = [[], []];
  for (const { name, ports } of plan.machines) {
    const disk = hasDisks ? await openDisk({ size: '1500M' }) : undefined;
    if (disk !== undefined) disks.push(disk);
    const folder = disk?.folder ?? join(base, name);
    if (disk === undefined) await mkdir(folder);
    machines.push(new Machine({ name, ports, folder, logs: base, owner, programs }, plan));
  }
  const cluster = new Cluster({ base, machines, disks, etcdApi: plan.etcdApi, password: plan.password });
  try {
    await cluster.bootstrap();
  } catch (error) {
    const logs = await cluster.logs();
    await cluster[Symbol.asyncDispose]();
    throw new Error(`The cluster did not come up:\n${logs}`, { cause: error });
  }
  return cluster;
}

interface ClusterParts {
  readonly base: string;
  readonly machines: readonly Machine[];
  readonly disks: readonly Disk[];
  readonly etcdApi: EtcdApi;
  readonly password: string;
}

class Cluster implements PatroniCluster {
  readonly nodes: readonly PatroniNode[];
  readonly password: string;
  readonly #parts: ClusterParts;

  constructor(parts: ClusterParts) {
    this.#parts = parts;
    this.password = parts.password;
    this.nodes = parts.machines.map(({ place: { name, ports } }) => {
      const urlOf = (user: string, database: string): string =>
        `postgres://${user}:${parts.password}@${local(ports.postgres)}/${database}`;
      const [url, adminUrl] = [urlOf('daybook', 'daybook'), urlOf('postgres', 'postgres')];
      return { name, port: ports.postgres, restPort: ports.rest, url, adminUrl };
    });
  }

  /** From nothing to a healthy cluster with the role and the database. */
  async bootstrap(): Promise<void> {
    const { machines } = this.#parts;
    await Promise.all(machines.map((machine) => machine.prepare()));
    await Promise.all(machines.map((machine) => machine.start()));
    await this.healthy();
    const { adminUrl } = await this.primary();
    await ask(adminUrl, `CREATE ROLE daybook LOGIN PASSWORD '${this.password}'`);
    await ask(adminUrl, 'CREATE DATABASE daybook OWNER daybook');
    await Promise.all(machines.map((machine) => machine.settle()));
  }

  primary(withinMs = primaryWithinMs): Promise<PatroniNode> {
    return eventually(() => this.#findPrimary(), { withinMs, what: 'a primary' });
  }

  standby(withinMs = primaryWithinMs): Promise<PatroniNode> {
    const find = async (): Promise<PatroniNode | undefined> => (await this.#standing()).synchronous;
    return eventually(find, { withinMs, what: 'a synchronous standby' });
  }

  async healthy(withinMs = healthyWithinMs): Promise<void> {
    const isHealthy = async (): Promise<boolean> => {
      if ((await Promise.all(this.nodes.map(isRunning))).includes(false)) return false;
      const { synchronous, streaming } = await this.#standing();
      return synchronous !== undefined && streaming === this.nodes.length - 1;
    };
    await eventually(isHealthy, { withinMs, what: 'a healthy cluster' });
  }

  kill = (node: PatroniNode): Promise<void> => this.#machine(node).killDatabase();
  start = (node: PatroniNode): Promise<void> => this.#machine(node).start();
  pause = (node: PatroniNode): Promise<void> => this.#machine(node).pauseDatabase();
  resume = (node: PatroniNode): void => this.#machine(node).resumeDatabase();

  async powerCut(): Promise<void> {
    const { disks, machines } = this.#parts;
    if (disks.length === 0) throw new Error('A power cut needs machines with disks of their own: { disks: true }');
    await killIn(...machines.map(({ place }) => place.folder));
    await Promise.all(disks.map((disk) => disk.cut()));
    await Promise.all(disks.map((disk) => disk.switchOn()));
    await Promise.all(machines.map((machine) => machine.start()));
  }

  async logs(): Promise<string> {
    return (await Promise.all(this.#parts.machines.map((machine) => machine.tail()))).join('\n');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { base, machines, disks } = this.#parts;
    await killIn(...machines.map(({ place }) => place.folder));
    for (const disk of disks) await disk[Symbol.asyncDispose]();
    await rm(base, { recursive: true, force: true });
  }

  #machine(node: PatroniNode): Machine {
    const machine = this.#parts.machines.find(({ place }) => place.name === node.name);
    if (machine === undefined) throw new Error(`${node.name} is no machine of this cluster`);
    return machine;
  }

  /**
   * Who the lease names and is out of recovery. One alone does not do: a primary that hung and goes on believes in its old
   * lease for a moment, and Patroni of a new one answers `GET /primary` before its promotion is over.
   */
  async #findPrimary(): Promise<PatroniNode | undefined> {
    const holder = await this.#agreed('leader');
    const node = this.nodes.find(({ name }) => name === holder);
    return node !== undefined && (await takesWrites(node)) ? node : undefined;
  }

  /** What etcd holds under a key of the cluster, by the first member that knows it. */
  async #agreed(name: 'leader' | 'sync'): Promise<string | undefined> {
    for (const { place } of this.#parts.machines) {
      const url = `http://${local(place.ports.etcd)}`;
      const found = await readKey(this.#parts.etcdApi, url, `/service/daybook/${name}`, answerWithinMs);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /**
   * How many standbys stream from the primary, and which one commits wait for: PostgreSQL says so, and Patroni has written
   * it down, since only who is written down may be primary after a kill.
   */
  async #standing(): Promise<{ readonly streaming: number; readonly synchronous?: PatroniNode | undefined }> {
    const primary = await this.#findPrimary();
    if (primary === undefined) return { streaming: 0 };
    const statement = `SELECT application_name AS name, sync_state AS state FROM pg_stat_replication
      WHERE state = 'streaming' AND application_name = ANY ($1)`;
    const asked = ask<{ name: string; state: string }>(primary.adminUrl, statement, [machineNames], answerWithinMs);
    const rows = await asked.catch(() => []);
    const written = JSON.parse((await this.#agreed('sync')) ?? '{}') as { leader?: string; sync_standby?: string };
    const synchronous = rows.find(({ name, state }) => state === 'sync' && name === written.sync_standby);
    const isWritten = written.leader === primary.name;
    return {
      streaming: rows.length,
      synchronous: isWritten ? this.nodes.find(({ name }) => name === synchronous?.name) : undefined,
    };
  }
}

const local = (port: number): string => `127.0.0.1:${port}`;

async function takesWrites(node: PatroniNode): Promise<boolean> {
  const answer = ask<{ readonly is: boolean }>(node.adminUrl, 'SELECT pg_is_in_recovery() AS is', [], answerWithinMs);
  const [row] = await answer.catch(() => []);
  return row?.is === false;
}

/** Whether Patroni of this machine answers, and its PostgreSQL runs. */
async function isRunning(node: PatroniNode): Promise<boolean> {
  const signal = AbortSignal.timeout(answerWithinMs);
  const answer = await fetch(`http://${local(node.restPort)}/health`, { signal }).catch(() => undefined);
  await answer?.body?.cancel();
  return answer?.ok === true;
}
