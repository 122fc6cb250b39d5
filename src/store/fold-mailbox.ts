import { fetchedEntry, type ListedAs } from '../../streams/listed-as.ts';
import type { Custodied } from '../../streams/message.ts';
import type { CommandFacts } from './commit-log.types.ts';
import type { FoldContext } from './fold.ts';
import { openKey, within } from './keys.ts';

type MailboxFacts = Extract<CommandFacts, { command: 'mailbox' }>;

/** An item of a mailbox that is in custody from now on: the next session knows it by what was listed of it (journaling c.8). */
export function noteFetched(
  { index, change, keepsMailboxes }: FoldContext,
  definitionId: string,
  { listed, sha256, receivedAt }: Pick<Custodied, 'sha256' | 'receivedAt'> & { readonly listed: ListedAs },
): void {
  if (!keepsMailboxes) return;
  change.put(index.uidl, openKey(definitionId, listed.key), fetchedEntry(listed, sha256, receivedAt));
}

export function foldMailbox(
  { index, change, keepsMailboxes }: FoldContext,
  { definitionId, changes }: Pick<MailboxFacts, 'definitionId' | 'changes'>,
): void {
  if (!keepsMailboxes) return;
  for (const [name, entry] of changes) {
    const key = openKey(definitionId, name);
    if (entry === null) change.del(index.uidl, key);
    else change.put(index.uidl, key, entry);
  }
}

/** Of a removed definition: it looks into the index for all that was noted before. */
export async function forgetMailbox({ index, change }: FoldContext, definitionId: string): Promise<void> {
  for await (const key of index.uidl.keys(within(definitionId))) change.del(index.uidl, key);
}
