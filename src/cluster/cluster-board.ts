import { documentText } from './document-text.ts';
import type { LogSeal } from './log-seal.ts';
import type { Postgres } from './postgres.ts';

/** What one worker says of something it holds. */
export interface Said {
  readonly worker: string;
  /** JSON. */
  readonly value: unknown;
}

/** What the workers of a log tell each other. */
export interface ClusterBoard {
  /** Puts up what this worker says, by subject; what it said of others before stays. */
  say(values: ReadonlyMap<string, unknown>): Promise<void>;
  /** What was said last of each subject. */
  all(): Promise<ReadonlyMap<string, Said>>;
}

export function createClusterBoard(parts: {
  readonly postgres: Postgres;
  readonly log: number;
  readonly worker: string;
  /** Null: in clear. */
  readonly seal: LogSeal | null;
}): ClusterBoard {
  const { postgres, log, worker } = parts;
  const text = documentText(parts.seal);
  const saidOf = (subject: string) => ({ room: 'said', owner: subject, key: '' });
  return {
    say: async (values) => {
      if (values.size === 0) return;
      await postgres.run({
        name: 'say',
        text: `insert into daybook.document (log, room, owner, key, token, value)
               select $1, 'said', subject, '', 0, value from unnest($2::text[], $3::text[]) as s (subject, value)
               on conflict (log, room, owner, key) do update set value = excluded.value`,
        values: [
          log,
          [...values.keys()],
          [...values].map(([subject, value]) => text.seal(saidOf(subject), JSON.stringify({ worker, value }))),
        ],
      });
    },
    all: async () => {
      const rows = await postgres.run({
        name: 'said',
        text: `select owner, value from daybook.document where log = $1 and room = 'said'`,
        values: [log],
      });
      return new Map(
        rows.map((row) => {
          const subject = String(row['owner']);
          return [subject, JSON.parse(text.open(saidOf(subject), String(row['value']))) as Said];
        }),
      );
    },
  };
}
