import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Store } from '../store/open-store.ts';
import { writeWhole } from '../whole-file.ts';
import { putDocuments } from './document-rows.ts';
import { documentText } from './document-text.ts';
import type { ClusterPlace } from './migrate-rows.ts';
import type { Run } from './postgres.ts';

type Document = Readonly<Record<string, unknown>>;
type Place = Pick<ClusterPlace, 'postgres' | 'rows' | 'seal'>;

/** Rows of one statement: a ledger has one for each message of a mailbox. */
const rowsAtOnce = 5_000;

/** What of a store is in no record: ledgers of mailboxes, and what lifecycles save. Answers how many documents. */
export async function documentsIn(place: Place, store: Pick<Store, 'definitions' | 'uidl'>): Promise<number> {
  const { postgres, rows } = place;
  let count = 0;
  for (const { definitionId } of await store.definitions.all()) {
    const ledger = await store.uidl(definitionId).read();
    const runtime = await store.definitions.loadRuntime(definitionId);
    count += ledger.size + (runtime === undefined ? 0 : 1);
    await postgres.transaction(async (run) => {
      await run({
        text: `delete from daybook.document where log = $1 and owner = $2 and room in ('uidl', 'runtime')`,
        values: [rows.id, definitionId],
      });
      await put(run, place, { room: 'uidl', owner: definitionId }, [...ledger]);
      await put(run, place, { room: 'runtime', owner: definitionId }, runtime === undefined ? [] : [['', runtime]]);
    });
  }
  return count;
}

async function put(
  run: Run,
  { rows, seal }: Place,
  { room, owner }: { readonly room: string; readonly owner: string },
  documents: readonly (readonly [key: string, value: Document])[],
): Promise<void> {
  const text = documentText(seal);
  for (let at = 0; at < documents.length; at += rowsAtOnce) {
    const some = documents.slice(at, at + rowsAtOnce);
    const texts = some.map(([key, value]) => [key, text.seal({ room, owner, key }, JSON.stringify(value))] as const);
    await run(putDocuments({ log: rows.id, room, owner, token: '0' }, new Map(texts)));
  }
}

/** The same back: what stands in the store and not in the cluster is forgotten. */
export async function documentsOut(place: Place, store: Pick<Store, 'definitions' | 'uidl'>): Promise<number> {
  const { postgres, rows } = place;
  const text = documentText(place.seal);
  let count = 0;
  for (const { definitionId } of await store.definitions.all()) {
    const found = await postgres.run({
      text: `select room, key, value from daybook.document where log = $1 and owner = $2 and room in ('uidl', 'runtime')`,
      values: [rows.id, definitionId],
    });
    const changes = new Map<string, Document | null>();
    for (const key of (await store.uidl(definitionId).read()).keys()) changes.set(key, null);
    for (const row of found) {
      const [room, key] = [String(row['room']), String(row['key'])];
      const value = JSON.parse(text.open({ room, owner: definitionId, key }, String(row['value']))) as Document;
      if (room === 'uidl') changes.set(key, value);
      else await store.definitions.saveRuntime(definitionId, value);
    }
    // Into the index alone: the log has to end as the one of the cluster does.
    await store.uidl(definitionId).write(changes, { sync: false });
    count += found.length;
  }
  return count;
}

/** Keys of the engine into the cluster, in the place of what stands there: nobody has sealed or signed with that. */
export async function filesIn(
  { files }: Pick<ClusterPlace, 'files'>,
  dataDir: string,
  names: readonly string[],
): Promise<void> {
  for (const name of names) {
    const bytes = await readFile(join(dataDir, name)).catch(nullIfMissing);
    if (bytes !== null) await files.put(name, bytes);
  }
}

/**
 * The same back. What the cluster does not have goes where another was put back: it belonged to that one.
 * @throws EngineFailure `key-unusable` where the cluster does not have them whole, and the folder has not got them
 */
export async function filesOut(
  { files }: Pick<ClusterPlace, 'files'>,
  dataDir: string,
  names: readonly string[],
): Promise<void> {
  const missing: string[] = [];
  let isOther = false;
  for (const name of names) {
    const path = join(dataDir, name);
    const stands = await readFile(path).catch(nullIfMissing);
    const found = await files.find(name, stands);
    if (found === null) missing.push(name);
    else if (stands === null || !stands.equals(found)) {
      await writeWhole(path, found, name.endsWith('.pub') ? 0o644 : 0o600);
      isOther = true;
    }
  }
  if (isOther) for (const name of missing) await rm(join(dataDir, name), { force: true });
}

function nullIfMissing(error: NodeJS.ErrnoException): null {
  if (error.code !== 'ENOENT') throw error;
  return null;
}
