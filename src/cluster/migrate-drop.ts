import type { ClusterPlace } from './migrate-rows.ts';
import { sliceOf } from './shared-records.ts';

/** Read, stored anew and pointed at in one step. */
const rewriteBytes = 8 * 1024 * 1024;

/**
 * Takes payloads of the log away for good while no worker runs on it. What others need of a pack is put into a new one
 * first, so that a crash at any point leaves either all of it to do again, or a pack that nobody refers to.
 */
export async function dropInCluster(place: ClusterPlace, seqs: readonly number[]): Promise<void> {
  const { postgres, rows, vault } = place;
  if (seqs.length === 0) return;
  const packs = await packsOf(place, seqs);
  for (const pack of packs) await rewrite(place, pack, seqs);
  await postgres.run({
    text: `with old as (
             select seq, body from daybook.record where log = $1 and seq = any($2) and not dropped for update
           ), gone as (
             delete from daybook.body b using old where b.log = $1 and b.body = old.body
           )
           update daybook.record r set dropped = true, tail = '', body = null, pack = null, pack_at = null
           from old where r.log = $1 and r.seq = old.seq`,
    values: [rows.id, seqs],
  });
  if (packs.length > 0) await vault?.remove(packs);
}

/** Of these records, those whose payload is still there. */
export async function standingOf(
  { postgres, rows }: Pick<ClusterPlace, 'postgres' | 'rows'>,
  seqs: ReadonlySet<number>,
): Promise<readonly number[]> {
  if (seqs.size === 0) return [];
  const found = await postgres.run({
    text: `select seq from daybook.record where log = $1 and seq = any($2) and not dropped
           and (body_length > 0 or tail <> '') order by seq`,
    values: [rows.id, [...seqs]],
  });
  return found.map((row) => Number(row['seq']));
}

/** Records of a range whose payload was dropped. */
export async function droppedIn(
  { postgres, rows }: Pick<ClusterPlace, 'postgres' | 'rows'>,
  first: number,
  last: number,
): Promise<ReadonlySet<number>> {
  const found = await postgres.run({
    name: 'dropped-in',
    text: 'select seq from daybook.record where log = $1 and seq between $2 and $3 and dropped',
    values: [rows.id, first, last],
  });
  return new Set(found.map((row) => Number(row['seq'])));
}

async function packsOf({ postgres, rows }: ClusterPlace, seqs: readonly number[]): Promise<readonly string[]> {
  const found = await postgres.run({
    text: `select distinct pack from daybook.record where log = $1 and seq = any($2) and pack is not null`,
    values: [rows.id, seqs],
  });
  return found.map((row) => String(row['pack']));
}

/** Puts what stays of a pack into others. */
async function rewrite(place: ClusterPlace, pack: string, leaving: readonly number[]): Promise<void> {
  const { postgres, rows, vault } = place;
  if (vault === null) return;
  const staying = await postgres.run({
    text: `select seq, body_length from daybook.record
           where log = $1 and pack = $2 and not (seq = any($3)) order by seq`,
    values: [rows.id, pack, leaving],
  });
  for (let at = 0; at < staying.length; ) {
    const seqs: number[] = [];
    const bodies: Uint8Array[] = [];
    for (let bytes = 0; at < staying.length && bytes < rewriteBytes; at += 1) {
      const length = Number(staying[at]?.['body_length']);
      seqs.push(Number(staying[at]?.['seq']));
      bodies.push(await sliceOf(place, Number(staying[at]?.['seq']), 0, length));
      bytes += length;
    }
    const refs = await vault.store(bodies.map((body) => [body]));
    await postgres.run({
      text: `update daybook.record r set pack = n.pack, pack_at = n.pack_at
             from unnest($2::bigint[], $3::text[], $4::bigint[]) as n (seq, pack, pack_at)
             where r.log = $1 and r.seq = n.seq`,
      values: [rows.id, seqs, refs.map((ref) => ref.pack), refs.map((ref) => ref.at)],
    });
  }
}
