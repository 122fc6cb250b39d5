import { EngineFailure } from '../../streams/failure.ts';
import { fetchedEntry, type ListedAs } from '../../streams/listed-as.ts';
import type { IntakeFacts, LogRecord } from '../store/commit-log.types.ts';
import { putDocuments } from './document-rows.ts';
import { documentText } from './document-text.ts';
import type { Run } from './postgres.ts';
import type { Prepared, SharedLogOptions } from './shared-log.types.ts';
import { isHeld } from './tenure-rows.ts';
import { definitionTenure } from './tenures.ts';

/** By definition: the token by which this worker empties its mailbox. */
export type HeldMailboxes = ReadonlyMap<string, string>;

type Options = Pick<SharedLogOptions, 'rows' | 'seal' | 'tokenOf'>;

/**
 * Which mailboxes that gave mail of a group this worker holds, up to the end of the transaction, and what of the group stays:
 * mail of the others is refused by itself, with `store-failed`, since whoever holds them now fetches it without knowing of this.
 */
export async function holdMailboxes(
  run: Run,
  { rows, tokenOf }: Options,
  group: readonly Prepared[],
): Promise<{ readonly held: HeldMailboxes; readonly prepared: readonly Prepared[] }> {
  const mailboxOf = ({ draft }: Prepared): string | undefined => fetchedIn(draft)?.definitionId;
  const held = new Map<string, string>();
  for (const definitionId of new Set(group.map(mailboxOf))) {
    const token = definitionId === undefined ? null : tokenOf(definitionId);
    if (definitionId === undefined || token === null) continue;
    if (await isHeld(run, { log: rows.id, name: definitionTenure(definitionId), token })) held.set(definitionId, token);
  }
  const prepared = group.filter((each) => {
    const definitionId = mailboxOf(each);
    if (definitionId === undefined || held.has(definitionId)) return true;
    each.waiting.reject(new EngineFailure('store-failed', `another worker holds ${definitionId}`));
    return false;
  });
  return { held, prepared };
}

/** The entries in the ledgers of mailboxes (journaling c.8): in the transaction of the records, so that no mail is there without. */
export async function noteFetched(
  run: Run,
  { rows, seal }: Options,
  { records, held }: { readonly records: readonly LogRecord[]; readonly held: HeldMailboxes },
): Promise<void> {
  const text = documentText(seal);
  for (const [owner, token] of held) {
    const place = { log: rows.id, room: 'uidl', owner, token };
    const entries = new Map<string, string>();
    for (const record of records) {
      const fetched = fetchedIn(record);
      if (fetched?.definitionId !== owner) continue;
      const { listed, sha256, receivedAt } = fetched;
      const entry = JSON.stringify(fetchedEntry(listed, sha256, receivedAt));
      entries.set(listed.key, text.seal({ room: place.room, owner, key: listed.key }, entry));
    }
    if (entries.size > 0) await run(putDocuments(place, entries));
  }
}

interface Fetched extends Pick<IntakeFacts, 'sha256' | 'receivedAt'> {
  readonly definitionId: string;
  readonly listed: ListedAs;
}

function fetchedIn({ kind, facts }: Pick<LogRecord, 'kind' | 'facts'>): Fetched | null {
  if (kind !== 'intake') return null;
  const { listed, targets, sha256, receivedAt } = facts as IntakeFacts;
  const definitionId = listed === undefined ? null : (targets[0]?.definitionId ?? null);
  return listed === undefined || definitionId === null ? null : { definitionId, listed, sha256, receivedAt };
}
