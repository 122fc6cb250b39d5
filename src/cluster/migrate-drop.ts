import { DropRows } from './drop-rows.ts';
import type { ClusterPlace } from './migrate-rows.ts';
import { dropPayloads } from './shared-drop.ts';
import type { Vault } from './vault.types.ts';

/** Takes payloads of the log away for good. @throws as `dropPayloads` */
export async function dropInCluster({ postgres, rows, vault }: ClusterPlace, seqs: Iterable<number>): Promise<void> {
  const store: Vault['store'] = async (...given) => (await vault?.store(...given)) ?? [];
  await dropPayloads({ rows: new DropRows(postgres, rows.id), vault, store }, seqs);
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
