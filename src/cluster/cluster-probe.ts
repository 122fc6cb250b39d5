import { decodeHead } from '../store/record.ts';
import { type Postgres, type Row, serverNow } from './postgres.ts';

/** Where the log ends, by the server's clock. */
export interface LogEnd {
  readonly seq: number;
  /** How long the oldest record after `foldedSeq` has stood in the log, ms; 0: there is none. */
  readonly behindMs: number;
}

/** What an acknowledgement of the database is worth at this moment. */
export interface Durability {
  /** Settings under which a commit may be lost with its server's power, as `fsync = off`. */
  readonly unsafe: readonly string[];
  /** The server waits for a standby at each commit (`synchronous_standby_names` is not empty). */
  readonly isAwaited: boolean;
  /** Synchronous standbys that follow now; null: some do, and this role may not see which (it lacks `pg_monitor`). */
  readonly standbys: number | null;
}

/** What one worker said of itself last. */
export interface WorkerWord {
  readonly worker: string;
  /** ms ago, by the server's clock. */
  readonly agoMs: number;
  /** JSON. */
  readonly said: unknown;
}

/** Looks at the cluster from outside of the store. Everything throws what the database throws. */
export interface ClusterProbe {
  end(foldedSeq: number): Promise<LogEnd>;
  durability(): Promise<Durability>;
  /** Tells the others, until it is told anew. */
  say(said: unknown): Promise<void>;
  /** Takes it back: this worker ends, and nobody is to miss it. */
  leave(): Promise<void>;
  /** What all have said within a day, this worker too, by name. */
  words(): Promise<readonly WorkerWord[]>;
}

/** Who has said nothing for so long was taken away on purpose, or has been told of for long enough. */
export const wordKeptMs = 86_400_000;

export function createClusterProbe({
  postgres,
  log,
  worker,
}: {
  readonly postgres: Postgres;
  readonly log: number;
  readonly worker: string;
}): ClusterProbe {
  return {
    end: async (foldedSeq) => {
      const [row] = await postgres.run({
        name: 'log-end',
        text: `select l.seq, ${serverNow} as now, r.head from daybook.log l
               left join daybook.record r on r.log = l.log and r.seq = $2 where l.log = $1`,
        values: [log, foldedSeq + 1],
      });
      const oldest = row?.['head'] instanceof Buffer ? decodeHead(row['head']) : null;
      const behindMs = oldest === null ? 0 : Math.max(0, Number(row?.['now']) - oldest.record.at);
      return { seq: Number(row?.['seq'] ?? 0), behindMs };
    },
    durability: () => readDurability(postgres),
    say: async (said) => {
      await postgres.run({
        name: 'word',
        text: `with old as (delete from daybook.document where log = $1 and room = 'worker' and owner <> $2
                            and (value::json->>'at')::bigint < ${serverNow} - $4)
               insert into daybook.document (log, room, owner, key, token, value)
               values ($1, 'worker', $2, '', 0, json_build_object('at', ${serverNow}, 'said', $3::json)::text)
               on conflict (log, room, owner, key) do update set value = excluded.value`,
        values: [log, worker, JSON.stringify(said), wordKeptMs],
      });
    },
    leave: async () => {
      const text = `delete from daybook.document where log = $1 and room = 'worker' and owner = $2`;
      await postgres.run({ text, values: [log, worker] });
    },
    words: async () => {
      const rows = await postgres.run({
        name: 'words',
        text: `select owner, value, ${serverNow} as now from daybook.document
               where log = $1 and room = 'worker' order by owner`,
        values: [log],
      });
      return rows.map(wordOf).filter(({ agoMs }) => agoMs < wordKeptMs);
    },
  };
}

function wordOf(row: Row): WorkerWord {
  const { at, said } = JSON.parse(String(row['value'])) as { readonly at: number; readonly said: unknown };
  return { worker: String(row['owner']), agoMs: Math.max(0, Number(row['now']) - at), said };
}

/** Every role may read these settings and count the senders; the states of those are for `pg_monitor`. */
const durabilityText = `select current_setting('synchronous_standby_names') as names,
    current_setting('synchronous_commit') as commit, current_setting('fsync') as fsync,
    current_setting('full_page_writes') as pages, count(*)::integer as senders, count(sync_state)::integer as seen,
    (count(*) filter (where sync_state in ('sync', 'quorum')))::integer as standbys
  from pg_stat_replication`;

export async function readDurability(postgres: Pick<Postgres, 'run'>): Promise<Durability> {
  const [row] = await postgres.run({ name: 'durability', text: durabilityText });
  return durabilityOf(row ?? {});
}

function durabilityOf(row: Row): Durability {
  const commit = String(row['commit']);
  const unsafe = [
    ...(row['fsync'] === 'on' ? [] : ['fsync = off']),
    ...(row['pages'] === 'on' ? [] : ['full_page_writes = off']),
    // `remote_write` is acknowledged from the standby's memory.
    ...(commit === 'on' || commit === 'remote_apply' ? [] : [`synchronous_commit = ${commit}`]),
  ];
  const hidden = Number(row['senders']) > 0 && Number(row['seen']) === 0;
  return { unsafe, isAwaited: row['names'] !== '', standbys: hidden ? null : Number(row['standbys']) };
}
