import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { createClusterProbe } from '../../src/cluster/cluster-probe.ts';
import { openLogRows } from '../../src/cluster/open-shared-log.ts';
import { openPostgres } from '../../src/cluster/postgres.ts';
import { command } from '../support/journey-cli.ts';
import { leftOut, partner } from '../support/journey-partners.ts';
import { postgresLeftOut, startPostgres } from '../support/postgres.ts';

/** The examples of a cluster: whole, valid to the programs that read them, and of one mind. */

const folder = join(import.meta.dirname, '../../packaging/cluster');
const text = (name: string): Promise<string> => readFile(join(folder, name), 'utf8');

interface Service {
  readonly hostname?: string;
  readonly depends_on?: readonly string[];
  readonly secrets?: readonly string[];
  readonly volumes?: readonly string[];
  readonly networks: readonly string[] | Readonly<Record<string, { readonly ipv4_address: string }>>;
  readonly environment?: Readonly<Record<string, string>>;
  readonly image?: string;
  readonly build?: { readonly dockerfile: string };
}
interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: object;
  readonly networks: object;
  readonly secrets: Readonly<Record<string, { readonly file: string }>>;
}
const compose = async (): Promise<Compose> => parse(await text('compose.yaml'), { merge: true });
/** Made by who installs it, and nobody's to check in. */
const made = /^\.\/(?:secrets|tls)\//;

test('the compose file names only services, volumes, networks, secrets and files that are there', async () => {
  const { services, volumes, networks, secrets } = await compose();
  expect(Object.keys(services)).toEqual(
    expect.arrayContaining(['etcd3', 'pg1', 'pg2', 'pg3', 'worker1', 'worker2', 'objects', 'balancer']),
  );
  for (const [name, service] of Object.entries(services)) {
    expect(Object.keys(services), name).toEqual(expect.arrayContaining([...(service.depends_on ?? [])]));
    expect(Object.keys(secrets), name).toEqual(expect.arrayContaining([...(service.secrets ?? [])]));
    const nets = Array.isArray(service.networks) ? service.networks : Object.keys(service.networks);
    expect(Object.keys(networks), name).toEqual(expect.arrayContaining([...nets]));
    expect([service.image, service.build].filter(Boolean), name).toHaveLength(1);
    if (service.build !== undefined) expect((await text(service.build.dockerfile)).length).toBeGreaterThan(100);
    for (const volume of service.volumes ?? []) {
      const [source = ''] = volume.split(':');
      if (!source.startsWith('./')) expect(Object.keys(volumes), name).toContain(source);
      else if (!made.test(source)) expect((await text(source)).length, source).toBeGreaterThan(0);
    }
  }
  for (const { file } of Object.values(secrets)) expect(file).toMatch(made);
});

test('each node has a name and addresses of its own, and no volume serves two', async () => {
  const { services } = await compose();
  for (const name of ['pg1', 'pg2', 'pg3']) {
    const { hostname, environment = {} } = services[name] ?? {};
    expect([hostname, environment['PATRONI_NAME']]).toEqual([name, name]);
    expect(environment['PATRONI_RESTAPI_CONNECT_ADDRESS']).toBe(`${name}:8008`);
    expect(environment['PATRONI_POSTGRESQL_CONNECT_ADDRESS']).toBe(`${name}:5432`);
  }
  for (const name of ['worker1', 'worker2']) expect(services[name]?.hostname).toBe(name);
  const named = Object.values(services).flatMap(({ volumes = [] }) => volumes.filter((each) => !each.startsWith('./')));
  expect(new Set(named).size).toBe(named.length);
});

test('Patroni keeps two disks behind each acknowledgement, and takes no etcd that loses its lease', async () => {
  const patroni = parse(await text('patroni.yml'));
  expect(patroni.bootstrap.dcs).toMatchObject({ synchronous_mode: true, synchronous_mode_strict: true });
  const { parameters } = patroni.bootstrap.dcs.postgresql;
  expect(parameters).toMatchObject({ fsync: 'on', full_page_writes: 'on', synchronous_commit: 'on' });
  // The whole file: nobody is trusted, and nobody comes over the network without TLS.
  expect(patroni.bootstrap.pg_hba).toBeUndefined();
  for (const line of patroni.postgresql.pg_hba) expect(line).toMatch(/^(?:local .* peer|hostssl .* scram-sha-256)$/);
  const { services } = await compose();
  for (const host of patroni.etcd.hosts) expect(Object.keys(services)).toContain(host.split(':')[0]);
  expect(services['etcd1']?.environment?.['ETCD_ENABLE_V2']).toBe('true');
  expect(patroni.etcd3).toBeUndefined();
});

describe('the configuration of a worker', () => {
  let home: string;
  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'daybook-worker-'));
  });
  afterAll(() => rm(home, { recursive: true, force: true }));

  test('is one by `daybook check`, with the secrets of the compose file, and names the balancer alone', async () => {
    const { services, secrets } = await compose();
    const url = 'postgres://daybook:x@pg1:5432,pg2:5432,pg3:5432/daybook?sslmode=verify-full';
    for (const name of Object.keys(secrets)) {
      const value = name === 'postgres-url' ? url : `${name}-of-thirty-two-characters-and-more`;
      await writeFile(join(home, name), value, { mode: 0o600 });
    }
    const written = await text('daybook.yaml');
    const file = join(home, 'daybook.yaml');
    await writeFile(file, written.replaceAll('/run/secrets', home));
    const { code, stdout, stderr } = await command(['check', '--config', file]);
    expect(code, stdout + stderr).toBe(0);
    expect([...written.matchAll(/\/run\/secrets\/([\w-]+)/g)].map(([, name]) => name).toSorted()).toEqual(
      Object.keys(secrets).toSorted(),
    );
    const { smtp, cluster } = parse(written);
    const { networks } = services['balancer'] ?? {};
    expect(networks).toEqual({ cluster: { ipv4_address: smtp.proxies[0].replace('/32', '') } });
    expect(Object.keys(services)).toContain(new URL(cluster.s3.endpoint).hostname);
  });
});

describe.skipIf(leftOut({ programs: ['haproxy'] }))('HAProxy', () => {
  test.each(['haproxy.cfg', 'objects.cfg'])('takes %s', async (name) => {
    const { code, stderr } = await partner('haproxy', ['-c', '-f', join(folder, name)]);
    expect(code, stderr).toBe(0);
    // Of the names alone, which are nobody's here.
    expect(stderr.split('\n').filter((line) => /WARNING|ALERT/.test(line) && !line.includes('resolve'))).toEqual([]);
  });

  test('sends mail and pages to every worker, with the header that says whose it is', async () => {
    const { services } = await compose();
    const workers = Object.keys(services).filter((name) => name.startsWith('worker'));
    const config = await text('haproxy.cfg');
    for (const port of [2525, 8025])
      expect([...config.matchAll(new RegExp(`server (\\w+) \\1:${port}\\b`, 'g'))].map(([, name]) => name)).toEqual(
        workers,
      );
    expect(config).toMatch(/listen journal[^\0]*send-proxy-v2[^\0]*listen console/);
  });
});

describe.skipIf(leftOut({ programs: ['systemd-analyze'] }))('systemd', () => {
  test('takes the unit of the package with the drop-in of a worker', async () => {
    const units = await mkdtemp(join(tmpdir(), 'daybook-units-'));
    try {
      await cp(join(folder, '../daybook.service'), join(units, 'daybook.service'));
      for (const [unit, file] of [['daybook.service', 'daybook.conf']] as const) {
        await mkdir(join(units, `${unit}.d`));
        await cp(join(folder, 'systemd', file), join(units, `${unit}.d`, basename(file)));
      }
      const { code, stdout, stderr } = await partner('systemd-analyze', ['verify', join(units, 'daybook.service')]);
      // It looks at the units of the machine too.
      const own = (stdout + stderr).split('\n').filter((line) => line.includes(units));
      expect([code, own]).toEqual([0, []]);
    } finally {
      await rm(units, { recursive: true, force: true });
    }
  });
});

describe.skipIf(postgresLeftOut())('the role of the workers', () => {
  test('makes its tables, sees the standbys, and has no power beyond', async () => {
    await using server = await startPostgres();
    // Not the role and the database that the test server has already.
    const sql = (await text('database.sql'))
      .replaceAll(/\bdaybook\b/g, 'journal')
      .replaceAll(":'password'", `'secret'`);
    for (const statement of sql.replaceAll(/^--.*$/gm, '').split(';')) {
      if (statement.trim() !== '') await server.asAdmin(statement);
    }
    await using database = openPostgres(`postgres://journal:secret@127.0.0.1:${server.port}/journal`);
    const rows = await openLogRows(database, 'daybook');
    expect(await rows.head()).toMatchObject({ seq: 0 });
    const probe = createClusterProbe({ postgres: database, log: rows.id, worker: 'one' });
    expect((await probe.durability()).standbys).toBe(0);
    const [role] = await server.asAdmin<{ able: boolean; sees: boolean }>(
      `select rolsuper or rolcreaterole or rolcreatedb or rolreplication as able,
         pg_has_role('journal', 'pg_monitor', 'member') as sees from pg_roles where rolname = 'journal'`,
    );
    expect(role).toEqual({ able: false, sees: true });
  });
});
