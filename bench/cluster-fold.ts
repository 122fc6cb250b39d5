import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { asyncScheduler } from 'rxjs';
import { openClusterStore } from '../src/cluster/open-cluster-store.ts';
import { keyBytes, type MasterKey, masterKeyOf } from '../src/master-key.ts';
import { lockDataDir, type Store } from '../src/store/open-store.ts';
import { mailOf } from './archive-mail.ts';
import { bytesIn, fill, timed } from './archive-store.ts';
import { figure, report } from './harness.ts';

/**
 * What a cluster's log takes of its database, and of a worker that has written none of it: one worker fills the log with
 * generated messages, straight through custody and archive, and a new one folds it. Bodies lie in the database.
 *
 *   node dist/bench/cluster-fold.js --postgres postgres://… [--count 20000] [--rounds 3] [--encrypted]
 *
 * With `--encrypted` each round does the same on a log that is encrypted too, in turns with the one in clear.
 *
 * The database must be one that is made for this: its log is left in it. Figures are read by capacity.ts.
 */
const { values: options } = parseArgs({
  options: {
    postgres: { type: 'string' },
    count: { type: 'string', default: '20000' },
    rounds: { type: 'string', default: '3' },
    encrypted: { type: 'boolean', default: false },
  },
});
const { postgres } = options;
if (postgres === undefined)
  throw new Error('--postgres is missing: the connection string of a database for this bench');
const count = Number(options.count);

/** Where one log lies, and the key that it is encrypted under; null: it is in clear. */
interface Place {
  readonly folder: string;
  readonly log: string;
  readonly master: MasterKey | null;
}
const keys = options.encrypted ? [null, masterKeyOf(randomBytes(keyBytes))] : [null];

async function openWorker({ folder, log, master }: Place, worker: string): Promise<Store> {
  const dataDir = join(folder, worker);
  return openClusterStore(
    {
      ...{ dataDir, postgres: postgres ?? '', log, worker, clock: asyncScheduler, now: Date.now, openVault: null },
      master,
      tokenOf: () => '1',
      journalTypeOf: () => 'eej',
    },
    await lockDataDir({ dataDir }),
  );
}

/** Sizes in the database, and how much of its write-ahead log there is. */
async function sizes(): Promise<Readonly<Record<'rows' | 'bodies' | 'wal', number>>> {
  const client = new pg.Client({ connectionString: postgres ?? '' });
  await client.connect();
  const { rows } = await client.query<{ rows: string; bodies: string; wal: string }>(
    `select pg_database_size(current_database()) - pg_total_relation_size('daybook.body') as rows,
       pg_total_relation_size('daybook.body') as bodies, pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0') as wal`,
  );
  await client.end();
  const [row] = rows;
  return { rows: Number(row?.rows), bodies: Number(row?.bodies), wal: Number(row?.wal) };
}

const taken = new Map<string, { readonly peer: string; readonly unit: string; readonly values: number[] }>();
const notes =
  (peer: string) =>
  (unit: string, value: number): void => {
    const name = `${peer} ${unit}`;
    const known = taken.get(name) ?? { peer, unit, values: [] };
    known.values.push(value);
    taken.set(name, known);
  };

async function measure(place: Place): Promise<void> {
  const note = notes(place.master === null ? 'daybook' : 'daybook, encrypted');
  const one = await openWorker(place, 'one');
  const before = await sizes();
  const written = await timed(() => fill(one, { first: 0, last: count, mailOf: (n) => mailOf(n, count) }));
  const after = await sizes();
  const { seq: records } = one.log.head;
  await one[Symbol.asyncDispose]();
  const folded = await timed(async () => (await openWorker(place, 'two'))[Symbol.asyncDispose]());
  note('written messages/s', count / (written.ms / 1_000));
  note('written CPU ms/message', written.cpuMs / count);
  note('records/message', records / count);
  note('folded messages/s', count / (folded.ms / 1_000));
  note('folded CPU ms/message', folded.cpuMs / count);
  note('rows bytes/message', (after.rows - before.rows) / count);
  note('WAL bytes/message', (after.wal - before.wal) / count);
  note('bodies bytes/message', (after.bodies - before.bodies) / count);
  note('index bytes/message', (await bytesIn(join(place.folder, 'two', 'index'))) / count);
}

for (let round = 0; round < Number(options.rounds); round += 1) {
  for (const [at, master] of keys.entries()) {
    const folder = await mkdtemp(join(tmpdir(), 'daybook-cluster-'));
    try {
      await measure({ folder, log: `bench-${process.pid}-${round}-${at}`, master });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
}
await report(
  'cluster-fold',
  [...taken.values()].map(({ peer, unit, values }) => figure({ bench: 'cluster-fold', peer, unit }, values)),
);
