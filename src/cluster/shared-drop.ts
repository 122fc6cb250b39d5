import { EngineFailure } from '../../streams/failure.ts';
import { allTried } from '../all-tried.ts';
import type { DropRows } from './drop-rows.ts';
import { inParallel } from './in-parallel.ts';
import { isMissing } from './shared-records.ts';
import type { Vault, VaultRef } from './vault.types.ts';

/** Rows that one transaction holds, so that no reader of a record waits long for it. */
const rowsAtOnce = 256;
/** Payloads of a pack read at once: a pack is read in some hundred round trips. */
const readsAtOnce = 8;
/** Another worker that drops from the same pack makes what was stored anew useless; it cannot do so without end. */
const maxTries = 5;

export interface DropParts {
  readonly rows: DropRows;
  /** Null: bodies lie in the database. */
  readonly vault: Pick<Vault, 'read' | 'remove' | 'lockedUntil'> | null;
  /** Stores payloads in packs that hold nothing else. */
  readonly store: Vault['store'];
}

/**
 * Takes the payloads of these records away for good, and answers their bytes. Rows go first, so that nobody finds what is about
 * to go; then each pack that held some of it: it is removed, and what else it is needed for stands in another one by then. A pack
 * that is locked stays as it is, and is noted for who comes when its lock has ended.
 * After a crash at any point, or an error, the same call goes on from there. Heads, facts and chain stay.
 * @throws EngineFailure `store-failed`; `missing`, `damaged` where what stands beside cannot be carried over
 */
export async function dropPayloads(parts: DropParts, seqs: Iterable<number>): Promise<number> {
  const packs = new Set<string>();
  let bytes = 0;
  for (const some of inParts(seqs)) {
    bytes += await parts.rows.drop(some);
    for (const pack of await parts.rows.packsOf(some)) packs.add(pack);
  }
  // One that cannot be thinned does not keep the others.
  await allTried(packs, async (pack) => void (await thinPack(parts, pack)));
  return bytes;
}

/**
 * Makes sealed payloads unreadable: their salts go with their rows. Their packs stay until `dropPayloads`.
 * @throws EngineFailure `store-failed`
 */
export async function destroySalts(rows: Pick<DropRows, 'drop'>, seqs: Iterable<number>): Promise<void> {
  for (const some of inParts(seqs)) await rows.drop(some);
}

/** In order, as many at once as one transaction holds. */
function* inParts(seqs: Iterable<number>): Generator<readonly number[]> {
  const all = [...seqs].sort((one, other) => one - other);
  for (let at = 0; at < all.length; at += rowsAtOnce) yield all.slice(at, at + rowsAtOnce);
}

/**
 * Removes a pack, once what it is needed for stands in another one; one that is locked is noted, and answered with false.
 * @throws as `dropPayloads`
 */
export async function thinPack({ rows, vault, store }: DropParts, pack: string): Promise<boolean> {
  if (vault === null)
    throw new EngineFailure('store-failed', 'payloads lie in object storage, which is not configured');
  const until = await vault.lockedUntil(pack);
  if (until !== null) {
    await rows.noteLocked(pack, until);
    return false;
  }
  for (let tries = 0; tries < maxTries; tries += 1) {
    const standing = await rows.standing(pack);
    const reading = inParallel(standing, readsAtOnce, ({ ref }) => readAsItIs(vault, ref));
    const bodies = await reading.catch(async (error: unknown) => {
      // Another worker may have carried all of it over, and removed the pack, since it was looked up.
      if (isMissing(error) && (await rows.standing(pack)).length === 0) return null;
      throw error;
    });
    if (bodies === null) continue;
    const begun = await rows.sweepBegun();
    // Not locked anew: its time has ended with that of its pack.
    const again = bodies.map((body) => [body]);
    const refs = again.length === 0 ? [] : await store(again, { isAgain: true });
    const moved = standing.flatMap(({ seq }, at) => (refs[at] ? [{ seq, ref: refs[at] }] : []));
    if (moved.length !== standing.length) throw new EngineFailure('store-failed', 'a payload was not stored');
    // Of none too: a server that was cut off may know nothing of what stands there, and no standby confirms its commit.
    if (!(await rows.move(pack, moved, begun))) {
      // It may hold what another worker has dropped meanwhile. Nothing names it.
      await vault.remove([...new Set(refs.map((ref) => ref.pack))]);
      continue;
    }
    await vault.remove([pack]);
    await rows.forget(pack);
    return true;
  }
  throw new EngineFailure('store-failed', `the pack ${pack} is being changed by another worker`);
}

/**
 * A payload that is damaged is carried over as it is, by ranges, which nobody checks: the log knows its right hash and
 * goes on telling so. A deletion must not wait for it.
 */
async function readAsItIs(vault: Pick<Vault, 'read'>, ref: VaultRef): Promise<Uint8Array> {
  try {
    return await vault.read(ref, 0, ref.length);
  } catch (error) {
    if (!(error instanceof EngineFailure) || error.code !== 'damaged' || ref.length < 2) throw error;
    const half = ref.length >> 1;
    return Buffer.concat([await vault.read(ref, 0, half), await vault.read(ref, half, ref.length - half)]);
  }
}
