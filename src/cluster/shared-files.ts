import { createHash } from 'node:crypto';
import { EngineFailure } from '../../streams/failure.ts';
import { documentText } from './document-text.ts';
import type { LogSeal } from './log-seal.ts';
import { answered, type Postgres } from './postgres.ts';

/** Where the keys rest that all workers have the same of: in the database, or on each worker alone. */
export type KeysPlace = 'database' | 'files';

export interface SharedFilesParts {
  readonly postgres: Postgres;
  /** Number of the log. */
  readonly log: number;
  /** What the database has of them is encrypted by it; null: in clear. */
  readonly seal: LogSeal | null;
  readonly keys: KeysPlace;
}

/**
 * Small files that are the same on every worker: its keys. The database has each of them whole, or its digest alone, by
 * which a worker knows whether it has the right one (D-136). `own` is what the worker has by that name.
 */
export interface SharedFiles {
  /**
   * The file as the first worker had it: `own` where there was none. How it rests is set right, once this worker has it.
   * @throws EngineFailure `key-unusable` where the database has a digest alone, and it is that of another file
   */
  share(name: string, own: Uint8Array): Promise<Uint8Array>;
  /** Null: there is none. @throws EngineFailure as `share` */
  find(name: string, own: Uint8Array | null): Promise<Uint8Array | null>;
  /** In the place of what stands there. */
  put(name: string, bytes: Uint8Array): Promise<void>;
}

/** In front of a digest; neither base64 nor what is sealed begins so. */
const digestMark = 'sha256:';

export function createSharedFiles({ postgres, log, seal, keys }: SharedFilesParts): SharedFiles {
  const text = documentText(seal);
  const resting = (name: string, bytes: Uint8Array): string =>
    keys === 'files' ? digestOf(bytes) : text.seal(placeOf(name), Buffer.from(bytes).toString('base64'));
  const isAsAsked = (stored: string): boolean =>
    stored.startsWith(digestMark) ? keys === 'files' : keys === 'database' && text.isSealed(stored) === (seal !== null);
  const read = async (name: string): Promise<string | null> => {
    const statement = `select value from daybook.document where log = $1 and room = 'file' and owner = $2`;
    const [row] = await answered(postgres.run({ text: statement, values: [log, name] }));
    return row === undefined ? null : String(row['value']);
  };
  const write = async (name: string, bytes: Uint8Array, ifThere: 'nothing' | `update ${string}`): Promise<void> => {
    const statement = `insert into daybook.document (log, room, owner, key, token, value) values ($1, 'file', $2, '', 0, $3)
                       on conflict (log, room, owner, key) do ${ifThere}`;
    await answered(postgres.run({ text: statement, values: [log, name, resting(name, bytes)] }));
  };
  const opened = (name: string, stored: string, own: Uint8Array | null): Uint8Array => {
    if (!stored.startsWith(digestMark)) return Buffer.from(text.open(placeOf(name), stored), 'base64');
    if (own !== null && digestOf(own) === stored) return own;
    throw new EngineFailure(
      'key-unusable',
      `${name} is not the one of the cluster, whose database has its digest alone (cluster.keys): copy it from the data directory of another worker`,
    );
  };
  return {
    share: async (name, own) => {
      await write(name, own, 'nothing');
      const stored = (await read(name)) ?? resting(name, own);
      const bytes = opened(name, stored, own);
      // A key that no worker has on disk must not leave the database.
      const hasIt = keys === 'database' || Buffer.from(own).equals(bytes);
      if (!isAsAsked(stored) && hasIt)
        await answered(
          postgres.run({
            text: `update daybook.document set value = $4 where log = $1 and room = 'file' and owner = $2 and value = $3`,
            values: [log, name, stored, resting(name, bytes)],
          }),
        );
      return bytes;
    },
    find: async (name, own) => {
      const stored = await read(name);
      return stored === null ? null : opened(name, stored, own);
    },
    put: (name, bytes) => write(name, bytes, 'update set value = excluded.value'),
  };
}

const placeOf = (name: string) => ({ room: 'file', owner: name, key: '' });

const digestOf = (bytes: Uint8Array): string => digestMark + createHash('sha256').update(bytes).digest('hex');
