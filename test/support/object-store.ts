import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { asyncScheduler } from 'rxjs';
import { freePort } from '../../bench/peers/daybook.ts';
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
  /** Ends the gateway as a crash would; what it has stored is in the OSD. */
  killGateway(): Promise<void>;
  /** Another one, at the same address; it answers when this resolves. */
  startGateway(): Promise<void>;
}

/** Where packs lie of a log that nobody knows. */
export const someRoom = '4c1f4bd0-6f0c-4d0e-9a53-0d5e2a7b9c11';

const accessKey = 'DAYBOOKTEST';
const secretKey = new Secret('daybook/test+secret&key');

/**
 * One monitor, one OSD that keeps all in memory, one gateway: up in a second or two. What Ceph does for durability is
 * not what is tested here. Without waits in the monitor's agreements (nobody is there to agree with) and without a manager.
 */
const settings = (folder: string, { fsid, mon, rgw }: { fsid: string; mon: number; rgw: number }): string => `
[global]
fsid = ${fsid}
mon_host = v2:127.0.0.1:${mon}
ms_bind_msgr1 = false
public_network = 127.0.0.0/8
cluster_network = 127.0.0.0/8
keyring = ${folder}/keyring
osd_pool_default_size = 1
osd_pool_default_min_size = 1
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
osd_data = ${folder}/osd
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

const keyring = (): string =>
  [
    ['mon.', 'mon = "allow *"'],
    ['client.admin', 'mon = "allow *"', 'osd = "allow *"'],
    ['osd.0', 'mon = "allow profile osd"', 'osd = "allow *"'],
    ['client.rgw.a', 'mon = "allow rw"', 'osd = "allow rwx"'],
  ]
    .map(([name, ...caps]) => `[${name}]\n key = ${cephKey()}\n${caps.map((cap) => ` caps ${cap}\n`).join('')}`)
    .join('');

export async function startObjectStore(): Promise<ObjectStore> {
  const folder = await mkdtemp(join(tmpdir(), 'daybook-ceph-'));
  const children: ChildProcess[] = [];
  const stop = async (): Promise<void> => {
    for (const child of children.toReversed()) await kill(child);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const endpoint = await start(folder, children);
    const gateway = (): ChildProcess => children.at(-1) as ChildProcess;
    let buckets = 0;
    return {
      endpoint,
      bucket: async (options = {}) => {
        buckets += 1;
        const place = { endpoint, region: 'us-east-1', bucket: `mail-${buckets}`, accessKey, secretKey };
        await makeBucket(place, options);
        return place;
      },
      killGateway: () => kill(gateway()),
      startGateway: async () => {
        children.push(serve(join(folder, 'ceph.conf'), 'radosgw', '-n', 'client.rgw.a'));
        await answering(endpoint);
      },
      [Symbol.asyncDispose]: stop,
    };
  } catch (error) {
    const logs = ['mon.a', 'osd.0', 'client.rgw.a'].map((name) => readFile(join(folder, `${name}.log`), 'utf8'));
    const texts = await Promise.allSettled(logs);
    const ends = texts.map((text) => (text.status === 'fulfilled' ? text.value.slice(-2_000) : ''));
    await stop();
    throw new Error(`the object storage did not come up\n${ends.join('\n--\n')}`, { cause: error });
  }
}

function serve(config: string, program: string, ...args: readonly string[]): ChildProcess {
  const child = spawn(program, ['-c', config, '-f', ...args], { stdio: 'ignore' });
  child.once('error', () => undefined);
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  const ended = new Promise((resolve) => child.once('exit', resolve));
  if (child.exitCode === null && child.signalCode === null && child.kill('SIGKILL')) await ended;
}

async function answering(endpoint: string): Promise<void> {
  const answers = async (): Promise<boolean> => (await fetch(endpoint).catch(() => null))?.ok === true;
  await eventually(answers, { withinMs: 50_000, what: 'an answer of the gateway' });
}

async function start(folder: string, children: ChildProcess[]): Promise<string> {
  const [mon, rgw, fsid, osd] = [await freePort(), await freePort(), randomUUID(), randomUUID()];
  for (const name of ['mon', 'osd', 'rgw']) mkdirSync(join(folder, name));
  const config = join(folder, 'ceph.conf');
  await writeFile(config, settings(folder, { fsid, mon, rgw }));
  await writeFile(join(folder, 'keyring'), keyring());
  const run = async (program: string, ...args: readonly string[]): Promise<string> => {
    const said = await partner(program, ['-c', config, ...args]);
    if (said.code !== 0) throw new Error(`${program} ended with ${said.code}: ${said.stderr}`);
    return said.stdout;
  };
  const map = join(folder, 'monmap');
  await partner('monmaptool', ['--create', '--fsid', fsid, '--addv', 'a', `[v2:127.0.0.1:${mon}]`, map]);
  await run('ceph-mon', '--mkfs', '-i', 'a', '--monmap', map, '--keyring', join(folder, 'keyring'));
  children.push(serve(config, 'ceph-mon', '-i', 'a'));
  await run('ceph', '--connect-timeout', '20', 'osd', 'new', osd, '0');
  await run('ceph-osd', '-i', '0', '--mkfs', '--osd-uuid', osd);
  children.push(serve(config, 'ceph-osd', '-i', '0'));
  children.push(serve(config, 'radosgw', '-n', 'client.rgw.a'));
  const endpoint = `http://127.0.0.1:${rgw}`;
  await answering(endpoint);
  const user = ['--uid=daybook', '--display-name=daybook', `--access-key=${accessKey}`];
  await run('radosgw-admin', 'user', 'create', ...user, `--secret-key=${secretKey.reveal()}`);
  return endpoint;
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
