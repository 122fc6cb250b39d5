import { describe, expect, test } from 'vitest';
import { urlsOf } from '../../src/cluster/postgres.ts';
import { configFolder, configText } from './config-folder.ts';

/** What `daybook check` says of the part `cluster`, up to what is allowed. */
async function told(cluster: unknown, backend = 'cluster'): Promise<readonly string[]> {
  await using folder = await configFolder();
  const lines = await folder.faults(configText([], { store: { backend }, cluster }));
  return lines.map((line) => line.split(': ').slice(1).join(': ').split('; expected')[0] ?? '');
}
const connected = (postgres: string) => told({ postgres, bodies: 'postgres' });
const objects = (s3: object) =>
  told({
    postgres: 'postgres://db/daybook',
    s3: { endpoint: 'https://s3.example', bucket: 'mail', accessKey: 'a', secretKey: 's', ...s3 },
  });

describe('the part cluster', () => {
  test.each([
    'postgres://db',
    'postgresql://daybook:pw@db:5432/daybook',
    'postgres://daybook:p%40w%2F@pg1:5432,pg2,pg3:5433/daybook?sslmode=verify-full',
    'postgres://daybook:p@w@db/daybook',
    'postgres://daybook@[::1]:5432/daybook',
  ])('has a connection string that the engine reads: %s', async (url) => {
    expect(await connected(url)).toEqual([]);
    expect(() => urlsOf(url)).not.toThrow();
  });

  test.each([
    'p',
    'mysql://daybook:pw@db/daybook',
    'host=db user=daybook',
    'postgres://',
    'postgres://daybook:pw@db:99999/daybook',
    'postgres://daybook:pw@db:port/daybook',
    'postgres://daybook:pw@db,:port/daybook',
    // What stands behind the first of these signs would be taken for a host, asked for by name and told in the log.
    'postgres://daybook:p@ss/word@db/daybook',
    'postgres://daybook:p@w@pg1,pg2/daybook',
  ])('has none that it cannot: %s', async (url) => {
    expect(await connected(url)).toEqual(['cluster.postgres: is not a connection string']);
  });

  test.each([
    ['sslmode=verify_full', 'has an sslmode that is none'],
    ['application_name=a&sslmode=', 'has an sslmode that is none'],
    // Without the option by its name the connection would be in clear.
    ['ssl_mode=verify-full', 'has an option of TLS that is none'],
    ['SSLMODE=verify-full', 'has an option of TLS that is none'],
  ])('has no option of TLS that would be passed over: %s', async (option, text) => {
    expect(await connected(`postgres://db/daybook?${option}`)).toEqual([`cluster.postgres: ${text}`]);
  });

  test('is looked at where it is read by a move alone', async () => {
    const faults = await told({ postgres: 'p', bodies: 'postgres' }, 'embedded');
    expect(faults).toEqual(['cluster.postgres: is not a connection string']);
  });

  test('names files of a connection that can be read', async () => {
    const url = 'postgres://db/daybook?sslmode=verify-full';
    expect(await connected(`${url}&sslrootcert=/no/ca.crt&sslkey=/`)).toEqual([
      'cluster.postgres: names a file in sslrootcert that does not exist',
      'cluster.postgres: names a file in sslkey that is a folder',
    ]);
    expect(await connected(`${url}&sslrootcert=${import.meta.filename}`)).toEqual([]);
  });

  test.each(['http://127.0.0.1:9000', 'https://s3.example/'])(
    'has an endpoint that is a host: %s',
    async (endpoint) => {
      expect(await objects({ endpoint })).toEqual([]);
    },
  );

  test.each(['https://s3.example/mail', 'https://s3.example?x=y'])('has none with more in it: %s', async (endpoint) => {
    expect(await objects({ endpoint })).toEqual(['cluster.s3.endpoint: has more in it than a host']);
  });

  test('has the name of a bucket', async () => {
    for (const bucket of ['Mail_1', 'm', 'mail/../x', '-mail', 'mail.'])
      expect(await objects({ bucket })).toEqual(['cluster.s3.bucket: is no name of a bucket']);
    expect(await objects({ bucket: 'mail.north-1' })).toEqual([]);
  });

  test.each([null, 'hello', []])('is a map, or nothing else is said: %j', async (cluster) => {
    const faults = await told(cluster);
    expect(faults.map((each) => each.split(':')[0])).toEqual(['cluster']);
  });
});
