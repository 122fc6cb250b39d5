import { createHash } from 'node:crypto';
import { Client, DatabaseError } from 'pg';
import { isMap, parseDocument } from 'yaml';

/** Whether engines of tests and measurements are to keep their mail in a cluster: `DAYBOOK_TEST_BACKEND=cluster`. */
export const isOnCluster = (): boolean => process.env['DAYBOOK_TEST_BACKEND'] === 'cluster';

/** Where PostgreSQL is, as somebody who may make databases. */
export const serverVariable = 'DAYBOOK_TEST_POSTGRES';

/**
 * The same configuration on the backend that the environment asks for. In a cluster each folder has a database of its own,
 * the same one whenever it is asked for. Unchanged where it names a backend by itself, or is no YAML.
 * @throws Error where no server is told, DatabaseError of pg
 */
export async function onAskedBackend(config: string, directory: string): Promise<string> {
  if (!isOnCluster()) return config;
  const document = parseDocument(config);
  if (document.errors.length > 0 || document.hasIn(['store', 'backend'])) return config;
  const postgres = await databaseOf(directory);
  // One server is all there is, and no warning in a journey that has none.
  const place = { postgres, bodies: 'postgres', worker: 'journey', synchronousStandby: 'none' };
  const text = config.endsWith('\n') ? config : `${config}\n`;
  return `${withBackend(text, document.get('store', true))}cluster: ${JSON.stringify(place)}\n`;
}

/** All else stays as it is written: tests look for their own lines in it. */
function withBackend(text: string, store: unknown): string {
  if (!isMap(store) || store.range == null) return `${text}store: { backend: cluster }\n`;
  const [start] = store.range;
  if (store.flow === true) return `${text.slice(0, start + 1)} backend: cluster,${text.slice(start + 1)}`;
  const indent = ' '.repeat(start - text.lastIndexOf('\n', start - 1) - 1);
  return `${text.slice(0, start)}backend: cluster\n${indent}${text.slice(start)}`;
}

async function databaseOf(directory: string): Promise<string> {
  const server = process.env[serverVariable];
  if (server === undefined) throw new Error(`${serverVariable} does not say where PostgreSQL is`);
  const name = `daybook_${createHash('sha256').update(directory).digest('hex').slice(0, 16)}`;
  const client = new Client({ connectionString: server, connectionTimeoutMillis: 20_000, query_timeout: 20_000 });
  client.on('error', () => undefined);
  await client.connect();
  try {
    await client.query(`create database ${name}`).catch((error: unknown) => {
      if (!(error instanceof DatabaseError && error.code === duplicateDatabase)) throw error;
    });
  } finally {
    await client.end();
  }
  const url = new URL(server);
  url.pathname = `/${name}`;
  return url.href;
}

const duplicateDatabase = '42P04';
