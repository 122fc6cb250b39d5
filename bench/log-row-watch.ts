import pg from 'pg';

/** Who had the row of a cluster's log, and what for, looked at every 50 ms; and what the server counts meanwhile. */
export interface RowFigures {
  /** Shares of the looks, 0 to 1, in which a transaction had the row; of those: for what. */
  readonly held: number;
  /** The worker had the word: it decided, encoded, or was not on a core. */
  readonly byWorker: number;
  /** The server carried out a statement. */
  readonly byServer: number;
  /** The commit waited for the disk, or for another commit that did. */
  readonly bySync: number;
  /** Transactions that waited for the row, on average. */
  readonly waiting: number;
  /** Groups that were appended. */
  readonly groups: number;
  readonly walBytes: number;
  readonly walSyncs: number;
}

const lookEveryMs = 50;

/**
 * `select … for update` has RowShareLock on the table before it waits for the row; so who has it and waits for no lock has
 * the row, or is about to. A look costs the server about a millisecond.
 */
const look = `
  select count(*) filter (where not waits and state = 'idle in transaction') as worker,
    count(*) filter (where not waits and state = 'active' and not syncs) as server,
    count(*) filter (where not waits and syncs) as sync,
    count(*) filter (where waits) as waiting
  from (
    select a.state, coalesce(a.wait_event_type = 'Lock', false) as waits,
      coalesce(a.wait_event in ('WALSync', 'WALWrite', 'SyncRep'), false) as syncs
    from pg_stat_activity a
    join pg_locks l on l.pid = a.pid and l.granted and l.mode = 'RowShareLock' and l.relation = 'daybook.log'::regclass
    where a.datname = current_database() and a.application_name = 'daybook'
  ) as holders`;
const counts = `
  select (select coalesce(sum(batch), 0) from daybook.writer) as groups,
    pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0') as wal_bytes, wal_sync from pg_stat_wal`;

export interface RowWatch {
  end(): Promise<RowFigures>;
}

/** `url`: of the superuser, to the database of the log. Until `end` is called. */
export async function watchRow(url: string): Promise<RowWatch> {
  const client = new pg.Client({ connectionString: url });
  // A server that goes away is told by the next look.
  client.on('error', () => undefined);
  await client.connect();
  const ask = async (sql: string): Promise<Readonly<Record<string, number>>> => {
    const { rows } = await client.query<Record<string, string>>(sql);
    return Object.fromEntries(Object.entries(rows[0] ?? {}).map(([name, text]) => [name, Number(text)]));
  };
  const before = await ask(counts);
  const seen = { looks: 0, worker: 0, server: 0, sync: 0, waiting: 0 };
  let isEnding = false;
  const looking = (async (): Promise<void> => {
    while (!isEnding) {
      const { worker = 0, server = 0, sync = 0, waiting = 0 } = await ask(look);
      seen.looks += 1;
      // One at a time has it; a second is about to wait, or has just given it back.
      if (sync > 0) seen.sync += 1;
      else if (worker > 0) seen.worker += 1;
      else if (server > 0) seen.server += 1;
      seen.waiting += waiting;
      await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
    }
  })();
  // Told by `end`; a run that failed before does not ask.
  looking.catch(() => undefined);
  return {
    end: async () => {
      isEnding = true;
      await looking;
      const after = await ask(counts);
      await client.end();
      const more = (name: string): number => (after[name] ?? 0) - (before[name] ?? 0);
      const { looks, worker, server, sync, waiting } = seen;
      return {
        held: (worker + server + sync) / looks,
        byWorker: worker / looks,
        byServer: server / looks,
        bySync: sync / looks,
        waiting: waiting / looks,
        groups: more('groups'),
        walBytes: more('wal_bytes'),
        walSyncs: more('wal_sync'),
      };
    },
  };
}
