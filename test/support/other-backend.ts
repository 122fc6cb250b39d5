import { isOnCluster, serverVariable } from '../../bench/peers/other-backend.ts';
import { type Postgres, startPostgres } from './postgres.ts';

/** Journeys of what a cluster has not, by file, and why. */
export const filesNotOfCluster: Readonly<Record<string, string>> = {
  'journeys/backup.test.ts': 'an archive in a cluster is backed up with its database',
  'journeys/encryption.test.ts':
    'it looks into the files of an encrypted log; journeys/cluster-encryption.test.ts has the like',
  'journeys/cost.test.ts': 'what it counts, syncs of the log among them, is done by the database there',
  'console/reparse.test.ts': 'it fills the files of an archive as an older parser would have',
  'journeys/damaged-reads.test.ts': 'it damages the files of a log',
};

/** One server for all files of a run whose engines are workers of clusters; each folder has its own database there. */
export async function setup(): Promise<(() => Promise<void>) | undefined> {
  // Asked once for each project of the configuration.
  if (!isOnCluster() || process.env[serverVariable] !== undefined) return undefined;
  const leftOut = Object.entries(filesNotOfCluster);
  for (const [file, why] of leftOut) console.warn(`left out of a cluster: ${file}: ${why}`);
  console.warn(`${leftOut.length} files left out`);
  // Two files at a time with a few engines each; one engine has up to twelve connections.
  const postgres: Postgres = await startPostgres({ settings: { max_connections: '200' } });
  process.env[serverVariable] = postgres.adminUrl;
  return () => Promise.resolve(postgres[Symbol.asyncDispose]());
}

/** True where a test asks what only an archive in files has, and says why it is left out. */
export function leftOutOfCluster(why: string): boolean {
  if (isOnCluster()) console.warn(`left out of a cluster: ${why}`);
  return isOnCluster();
}
