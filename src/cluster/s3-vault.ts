import type { SchedulerLike } from 'rxjs';
import type { NewId } from '../../streams/ports.ts';
import { once } from '../close.ts';
import { encodePack, type Payload } from './pack.ts';
import { PackQueue } from './pack-queue.ts';
import { s3Client } from './s3-client.ts';
import type { S3Client, S3Retention } from './s3-client.types.ts';
import { keyForm } from './s3-line.ts';
import { asked, roomForm, S3Packs } from './s3-packs.ts';
import type { S3WireOptions } from './s3-wire.ts';
import type { Vault, VaultRef } from './vault.types.ts';

export interface S3VaultOptions extends S3WireOptions {
  /** Keys begin with it: `mail` or `archive/mail`. */
  readonly prefix: string;
  /** Of one log, a UUID: its packs are stored behind the prefix under this name, and only they are listed. */
  readonly room: string;
  readonly newId: NewId;
  /** Nothing that is stored can be removed for so long, but for what is stored again. The bucket must have been made with Object Lock. */
  readonly objectLock?: { readonly mode: S3Retention['mode']; readonly retainMs: number };
  /** Of a pack; a payload that does not fit has an object of its own, sent in parts. Default 16 MB: a second at 130 Mbit/s. */
  readonly maxPackBytes?: number;
  /** Packs on their way at once. Default 4: enough that one slow answer does not hold up the rest. */
  readonly maxPuts?: number;
  /** How long a payload waits for others although a pack could go. Default 0: what waits while packs go is the next one. */
  readonly gatherMs?: number;
  /** What waits or is on its way; beyond it nothing is taken. Default 128 MB: twice what four packs have. */
  readonly maxHeldBytes?: number;
}

/** A vault in a bucket. Its packs tell what they hold. */
export interface S3Vault extends Vault {
  /**
   * That packs can be stored as the options say, asked at a start; the vault needs no answer to work.
   * @throws S3Error; Error that says for a person what is wrong with the bucket
   */
  check(): Promise<void>;
  /** Every payload of a pack, by its own table. @throws EngineFailure `missing`, `damaged`, `store-failed` */
  contents(pack: string): Promise<readonly VaultRef[]>;
}

/** @throws Error that says which option cannot be */
export function s3Vault(options: S3VaultOptions, clock: SchedulerLike): S3Vault {
  const { prefix, room, newId, objectLock } = options;
  if (!keyForm.test(prefix)) throw new Error(`${prefix} cannot begin the keys of a bucket`);
  if (!roomForm.test(room)) throw new Error(`${room} is no room of a log`);
  const client = s3Client(options, clock);
  const { maxPackBytes = 16 * 1024 * 1024, maxPuts = 4, gatherMs = 0, maxHeldBytes = 128 * 1024 * 1024 } = options;
  const packs = new S3Packs(client, prefix, room);
  const writing =
    (lock: typeof objectLock) =>
    async (payloads: readonly Payload[]): Promise<readonly VaultRef[]> => {
      const now = clock.now();
      const id = newId();
      const pack = packs.nameOf(id);
      const { pieces, frames, size } = encodePack(payloads);
      const put = size > maxPackBytes ? client.putLarge : client.put;
      const retention = lock && { mode: lock.mode, until: now + lock.retainMs };
      await asked(put(packs.keyOf(pack), pieces, retention));
      return frames.map(({ at, length }) => ({ pack, at, length }));
    };
  const bounds = { maxPackBytes, maxWrites: maxPuts, gatherMs, maxHeldBytes };
  const queue = new PackQueue({ write: writing(objectLock), ...bounds }, clock);
  const again = new PackQueue({ write: writing(undefined), ...bounds }, clock);
  return {
    store: (payloads, { isAgain } = { isAgain: false }) => (isAgain ? again : queue).add(payloads),
    lockedUntil: (pack) => packs.lockedUntil(pack),
    read: (ref, offset, length) => packs.read(ref, offset, length),
    remove: (names) => packs.remove(names),
    list: (before, after) => packs.list(before, after),
    // Of an object that nobody has: that it is not there is an answer. Not by its size: no word comes with that, whether the bucket is there.
    answers: async () => void (await asked(client.get(`${prefix}/answers`, 0, 1))),
    hurry: () => client.hurry(),
    contents: (pack) => packs.contents(pack),
    check: () => check(client, objectLock !== undefined),
    [Symbol.asyncDispose]: once(async () => {
      client.hurry();
      await Promise.all([queue.close(), again.close()]);
      await client[Symbol.asyncDispose]();
    }),
  };
}

async function check(client: S3Client, wantsLock: boolean): Promise<void> {
  await client.isVersioned();
  if (wantsLock && !(await client.hasObjectLock())) {
    throw new Error('the bucket has no Object Lock, which can only be switched on when a bucket is made');
  }
}
