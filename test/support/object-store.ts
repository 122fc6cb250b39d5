import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { asyncScheduler } from 'rxjs';
import { freePort } from '../../bench/peers/free-port.ts';
import type { S3Place } from '../../src/cluster/s3-line.ts';
import { S3Wire } from '../../src/cluster/s3-wire.ts';
import { Secret } from '../../src/config/secret.ts';
import { eventually } from './eventually.ts';
import { lacks, partner } from './journey-partners.ts';

const programs = ['ceph', 'ceph-authtool', 'ceph-mon', 'ceph-osd', 'monmaptool', 'radosgw', 'radosgw-admin'];

/**
 * True where the tests of object storage are left out: Ceph is not installed. A CI run that has the packages of a
 * cluster (DAYBOOK_CLUSTER) leaves nothing out: it fails instead.
 */
export function objectStoreLeftOut(): boolean {
  if (process.env['CI'] === 'true' && process.env['DAYBOOK_CLUSTER'] !== undefined) return false;
  const isLacking = lacks(programs);
  if (isLacking) console.warn('left out: object storage (Debian: ceph-mon ceph-osd radosgw ceph-common)');
  return isLacking;
}

/** Ceph with its S3 gateway, for one test file, on loopback. */
export interface ObjectStore extends AsyncDisposable {
  readonly endpoint: string;
  /** A new bucket, and who may use it. */
  bucket(options?: { readonly objectLock?: boolean; readonly versioned?: boolean }): Promise<S3Place>;
  /** Ends the gateway as a crash would; what it has stored is in the OSDs. */
  killGateway(): Promise<void>;
  /** Another one, at the same address; it answers when this resolves. */
  startGateway(): Promise<void>;
  /** SIGSTOP: it takes connections, and bytes as far as the kernel keeps them, and answers nothing. */
  pauseGateway(): void;
  resumeGateway(): void;
  /** Ends an OSD as the loss of its disk would: it has all in memory. */
  killOsd(id: number): Promise<void>;
  /** Another one with that number and nothing on it; the others have filled it again when this resolves. */
  startOsd(id: number): Promise<void>;
}

export interface ObjectStoreOptions {
  /** How many OSDs, each with a copy of all there is; the gateway works while two of three stand. Default 1. */
  readonly osds?: 1 | 3;
}

/** Where packs lie of a log that nobody knows. */
export const someRoom = '4c1f4bd0-6f0c-4d0e-9a53-0d5e2a7b9c11';

const accessKey = 'DAYBOOKTEST';
const secretKey = new Secret('daybook/test+secret&key');

interface Numbers {
  readonly fsid: string;
  /** Ports. */
  readonly mon: number;
  readonly rgw: number;
  readonly osds: number;
}

/**
 * One monitor, one OSD that keeps all in memory, one gateway: up in a second or two. What Ceph does for durability is
 * not what is tested here. Without waits in the monitor's agreements (nobody is there to agree with) and without a manager.
 */
const settings = (folder: string, { fsid, mon, rgw, osds }: Numbers): string => `
[global]
fsid = ${fsid}
mon_host = v2:127.0.0.1:${mon}
ms_bind_msgr1 = false
public_network = 127.0.0.0/8
cluster_network = 127.0.0.0/8
keyring = ${folder}/keyring
osd_pool_default_size = ${osds}
osd_pool_default_min_size = ${Math.ceil(osds / 2)}
osd_pool_default_pg_num = 1
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0
mon_allow_pool_size_one = true
mon_max_pg_per_osd = 1000
mon_data_avail_crit = 0
paxos_propose_interval = 0.02
paxos_min_wait = 0.01
run_dir = ${folder}
admin_socket = ${folder}/$name.asok
pid_file = ${folder}/$name.pid
log_file = ${folder}/$name.log
mon_cluster_log_file = ${folder}/cluster.log
crash_dir = ${folder}
[mon.a]
mon_data = ${folder}/mon
[osd]
osd_data = ${folder}/osd.$id
osd_objectstore = memstore
memstore_device_bytes = 2147483648
[client.rgw.a]
rgw_data = ${folder}/rgw
rgw_frontends = beast endpoint=127.0.0.1:${rgw}
rgw_num_rados_handles = 1
`;

/** A key as Ceph writes it: type, when it was made, its length, 16 bytes. */
function cephKey(): string {
  const head = Buffer.from('010000000000000000001000', 'hex');
  return Buffer.concat([head, randomBytes(16)]).toString('base64');
}

const keyring = (osds: number): string =>
  [
    ['mon.', 'mon = "allow *"'],
    ['client.admin', 'mon = "allow *"', 'osd = "allow *"'],
    ...numbered(osds).map((id) => [`osd.${id}`, 'mon = "allow profile osd"', 'osd = "allow *"']),
    ['client.rgw.a', 'mon = "allow rw"', 'osd = "allow rwx"'],
  ]
    .map(([name, ...caps]) => `[${name}]\n key = ${cephKey()}\n${caps.map((cap) => ` caps ${cap}\n`).join('')}`)
    .join('');

const numbered = (count: number): readonly number[] => Array.from({ length: count }, (_, id) => id);

export async function startObjectStore({ osds = 1 }: ObjectStoreOptions = {}): Promise<ObjectStore> {
  const ceph = new Ceph(await mkdtemp(join(tmpdir(), 'daybook-ceph-')), osds);
  try {
    await ceph.start();
  } catch (error) {
    const ends = await ceph.logEnds();
    await ceph.stop();
    throw new Error(`the object storage did not come up\n${ends.join('\n--\n')}`, { cause: error });
  }
  let buckets = 0;
  const { endpoint } = ceph;
  return {
    endpoint,
    bucket: async (options = {}) => {
      buckets += 1;
      const place = { endpoint, region: 'us-east-1', bucket: `mail-${buckets}`, accessKey, secretKey };
      await makeBucket(place, options);
      return place;
    },
    killGateway: () => ceph.kill(gateway),
    startGateway: () => ceph.startGateway(),
    pauseGateway: () => ceph.signal(gateway, 'SIGSTOP'),
    resumeGateway: () => ceph.signal(gateway, 'SIGCONT'),
    killOsd: (id) => ceph.kill(osdName(id)),
    startOsd: async (id) => {
      await ceph.startOsd(id);
      await ceph.healthy();
    },
    [Symbol.asyncDispose]: () => ceph.stop(),
  };
}

const gateway = 'client.rgw.a';
const osdName = (id: number): string => `osd.${id}`;

/** The daemons, by the name that Ceph has for each; one at a time has a name. */
class Ceph {
  endpoint = '';
  readonly #folder: string;
  readonly #config: string;
  readonly #osds: readonly number[];
  readonly #children = new Map<string, ChildProcess>();

  constructor(folder: string, osds: number) {
    this.#folder = folder;
    this.#config = join(folder, 'ceph.conf');
    this.#osds = numbered(osds);
  }

  async start(): Promise<void> {
    const [mon, rgw, fsid, osds] = [await freePort(), await freePort(), randomUUID(), this.#osds.length];
    this.endpoint = `http://127.0.0.1:${rgw}`;
    const rings = join(this.#folder, 'keyring');
    for (const name of ['mon', 'rgw']) mkdirSync(join(this.#folder, name));
    await writeFile(this.#config, settings(this.#folder, { fsid, mon, rgw, osds }));
    await writeFile(rings, keyring(osds));
    const map = join(this.#folder, 'monmap');
    await partner('monmaptool', ['--create', '--fsid', fsid, '--addv', 'a', `[v2:127.0.0.1:${mon}]`, map]);
    await this.#run('ceph-mon', '--mkfs', '-i', 'a', '--monmap', map, '--keyring', rings);
    this.#serve('mon.a', 'ceph-mon', '-i', 'a');
    for (const id of this.#osds) {
      const uuid = randomUUID();
      await this.#run('ceph', '--connect-timeout', '20', 'osd', 'new', uuid, `${id}`);
      await writeFile(join(this.#folder, `${osdName(id)}.uuid`), uuid);
      await this.startOsd(id);
    }
    await this.startGateway();
    const user = ['--uid=daybook', '--display-name=daybook', `--access-key=${accessKey}`];
    await this.#run('radosgw-admin', 'user', 'create', ...user, `--secret-key=${secretKey.reveal()}`);
  }

  async startGateway(): Promise<void> {
    this.#serve(gateway, 'radosgw', '-n', gateway);
    const answers = async (): Promise<boolean> => (await fetch(this.endpoint).catch(() => null))?.ok === true;
    await eventually(answers, { withinMs: 50_000, what: 'an answer of the gateway' });
  }

  /** With nothing on it. */
  async startOsd(id: number): Promise<void> {
    const data = join(this.#folder, osdName(id));
    await rm(data, { recursive: true, force: true });
    mkdirSync(data);
    const uuid = await readFile(`${data}.uuid`, 'utf8');
    await this.#run('ceph-osd', '-i', `${id}`, '--mkfs', '--osd-uuid', uuid);
    this.#serve(osdName(id), 'ceph-osd', '-i', `${id}`);
  }

  /** Waits until each placement group has all of its copies. Asked of each one, since the sums are the manager's to make. */
  async healthy(): Promise<void> {
    const { pools } = JSON.parse(await this.#run('ceph', 'osd', 'dump', '-f', 'json')) as { pools: readonly Pool[] };
    const groups = pools.flatMap(({ pool, pg_num: count }) =>
      numbered(count).map((at) => `${pool}.${at.toString(16)}`),
    );
    for (const group of groups) {
      const isClean = async (): Promise<boolean> => {
        const { code, stdout } = await partner('ceph', ['-c', this.#config, 'tell', group, 'query']);
        return code === 0 && (JSON.parse(stdout) as { state: string }).state === 'active+clean';
      };
      await eventually(isClean, { withinMs: 120_000, what: `all copies of the placement group ${group}` });
    }
  }

  signal(name: string, signal: NodeJS.Signals): void {
    this.#children.get(name)?.kill(signal);
  }

  async kill(name: string): Promise<void> {
    const child = this.#children.get(name);
    if (child === undefined) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    if (child.exitCode === null && child.signalCode === null && child.kill('SIGKILL')) await ended;
  }

  async stop(): Promise<void> {
    for (const name of [...this.#children.keys()].toReversed()) await this.kill(name);
    await rm(this.#folder, { recursive: true, force: true });
  }

  async logEnds(): Promise<readonly string[]> {
    const names = ['mon.a', ...this.#osds.map(osdName), gateway];
    const texts = await Promise.allSettled(names.map((name) => readFile(join(this.#folder, `${name}.log`), 'utf8')));
    return texts.map((text) => (text.status === 'fulfilled' ? text.value.slice(-2_000) : ''));
  }

  #serve(name: string, program: string, ...args: readonly string[]): void {
    const child = spawn(program, ['-c', this.#config, '-f', ...args], { stdio: 'ignore' });
    child.once('error', () => undefined);
    this.#children.set(name, child);
  }

  async #run(program: string, ...args: readonly string[]): Promise<string> {
    const said = await partner(program, ['-c', this.#config, ...args]);
    if (said.code !== 0) throw new Error(`${program} ended with ${said.code}: ${said.stderr}`);
    return said.stdout;
  }
}

interface Pool {
  readonly pool: number;
  readonly pg_num: number;
}

async function makeBucket(
  place: S3Place,
  { objectLock = false, versioned = false }: { readonly objectLock?: boolean; readonly versioned?: boolean },
): Promise<void> {
  await using wire = new S3Wire({ place, random: Math.random }, asyncScheduler);
  const headers: Record<string, string> = objectLock ? { 'x-amz-bucket-object-lock-enabled': 'true' } : {};
  await wire.ask({ method: 'PUT', headers }, () => undefined);
  if (!versioned) return;
  const xml = '<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>';
  await wire.ask({ method: 'PUT', query: { versioning: '' }, body: [Buffer.from(xml)] }, () => undefined);
}
