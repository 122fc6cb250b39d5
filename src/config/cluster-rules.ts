import type { DocumentFault, FaultPath } from './fault.ts';
import { valueAt } from './schema-walk.ts';

/** What the parts of `cluster` must be to each other, and what the schema cannot say of them. No text repeats a value. */
export function clusterRules(document: unknown): readonly DocumentFault[] {
  const cluster = valueAt(document, ['cluster']);
  return [...missingParts(document, cluster), ...connectionRules(cluster), ...objectRules(cluster)];
}

function missingParts(document: unknown, cluster: unknown): readonly DocumentFault[] {
  if (valueAt(document, ['store', 'backend']) !== 'cluster') return [];
  const missing = (path: FaultPath, of: string): readonly DocumentFault[] => [
    { path, at: 'missing', text: `is missing; required with ${of}` },
  ];
  if (cluster === undefined) return missing(['cluster'], 'store.backend: cluster');
  const isMap = typeof cluster === 'object' && cluster !== null && !Array.isArray(cluster);
  const isOfS3 = (valueAt(cluster, ['bodies']) ?? 's3') === 's3';
  if (!isMap || !isOfS3 || valueAt(cluster, ['s3']) !== undefined) return [];
  return missing(['cluster', 's3'], 'cluster.bodies: s3');
}

/** Who signs in, the hosts, the database, the options. A `/` or `?` before the hosts is a sign of a password as it stands. */
const connectionForm = /^postgres(?:ql)?:\/\/([^/?]*@)?([^/?@]+)(?:\/[^/?@]*)?(?:\?.*)?$/;

function connectionRules(cluster: unknown): readonly DocumentFault[] {
  const path: FaultPath = ['cluster', 'postgres'];
  const given = textAt(cluster, ['postgres']);
  if (given === undefined) return [];
  const [, before = '', hosts = ''] = connectionForm.exec(given) ?? [];
  const names = hosts.split(',');
  // The second host would be asked without a password where an `@` in it stands as it is.
  const isSplit = names.length > 1 && before.split('@').length > 2;
  if (hosts !== '' && !isSplit && names.every((host) => URL.canParse(`postgres://${host}/`))) return tlsRules(given);
  const expected =
    'postgres://user:password@host[:port][,host[:port]]…/database, signs such as @ and / in the password percent-encoded';
  return [{ path, at: 'value', text: `is not a connection string; expected ${expected}` }];
}

/** As node-postgres knows them; any other is no option of TLS to it, and without one it speaks in clear. */
const tlsOptions = ['ssl', 'sslmode', 'sslcert', 'sslkey', 'sslrootcert', 'sslnegotiation'];
const tlsModes = ['disable', 'no-verify', 'prefer', 'require', 'verify-ca', 'verify-full'];

function tlsRules(connection: string): readonly DocumentFault[] {
  const options = [...new URLSearchParams(/\?(.*)$/.exec(connection)?.[1])];
  const isUnknown = (name: string): boolean => /^ssl/i.test(name) && !tlsOptions.includes(name);
  const texts = options.flatMap(([name, value]) => {
    if (isUnknown(name)) return [`has an option of TLS that is none; expected ${tlsOptions.join(', ')}`];
    if (name !== 'sslmode' || tlsModes.includes(value)) return [];
    return [`has an sslmode that is none; expected ${tlsModes.join(', ')}`];
  });
  return texts.map((text) => ({ path: ['cluster', 'postgres'], at: 'value', text }));
}

/** As S3 has it: with dots and hyphens inside alone, in lower case. */
const bucketForm = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;

function objectRules(cluster: unknown): readonly DocumentFault[] {
  const path: FaultPath = ['cluster', 's3'];
  const [endpoint, bucket] = [textAt(cluster, ['s3', 'endpoint']), textAt(cluster, ['s3', 'bucket'])];
  const faults: DocumentFault[] = [];
  if (endpoint !== undefined && /^https?:/i.test(endpoint) && URL.canParse(endpoint)) {
    const { pathname, search } = new URL(endpoint);
    if (pathname !== '/' || search !== '') {
      const text = 'has more in it than a host; expected https://host or https://host:port';
      faults.push({ path: [...path, 'endpoint'], at: 'value', text });
    }
  }
  if (bucket !== undefined && !bucketForm.test(bucket)) {
    const text = 'is no name of a bucket; expected 3 to 63 of a-z, 0-9, . and -, a letter or digit at both ends';
    faults.push({ path: [...path, 'bucket'], at: 'value', text });
  }
  return faults;
}

/** Where there is none, or none that could be one, the schema says so. */
function textAt(cluster: unknown, path: FaultPath): string | undefined {
  const value = valueAt(cluster, path);
  return typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined;
}
