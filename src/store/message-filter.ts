import { addressKey } from '../../streams/address-key.ts';
import { flagsOf } from '../../streams/entry-view.ts';
import type { MessageFilter } from '../../streams/keeping.ts';
import type { ArchiveEntry } from '../../streams/message.ts';
import { sendersIn } from '../../streams/screen.ts';
import { wordsOf } from '../../streams/words.ts';
import { searchDate } from './entry-keys.ts';

/** True where the entry fits every filter; `messageId` is a match key here. */
export function matches(entry: ArchiveEntry, query: MessageFilter): boolean {
  const { messageId, mailbox, from, to, subject, flag, definition, since, until } = query;
  if (messageId !== undefined && entry.matchKey !== messageId) return false;
  if (definition !== undefined && !entry.observations.some(({ definitionId }) => definitionId === definition))
    return false;
  if (mailbox !== undefined && !participants(entry).has(addressKey(mailbox))) return false;
  if (from !== undefined && !senders(entry).has(addressKey(from))) return false;
  if (to !== undefined && !recipients(entry).has(addressKey(to))) return false;
  if (subject !== undefined && !hasWords(entry, subject)) return false;
  if (flag !== undefined && !flagsOf(entry).includes(flag)) return false;
  const at = searchDate(entry);
  return at >= (since ?? Number.NEGATIVE_INFINITY) && at <= (until ?? Number.POSITIVE_INFINITY);
}

const senders = ({ observations }: ArchiveEntry): ReadonlySet<string> => keysOf(observations.flatMap(sendersIn));
const recipients = ({ observations }: ArchiveEntry): ReadonlySet<string> =>
  keysOf(observations.flatMap((observation) => observation.recipients.map(({ address }) => address)));
const participants = (entry: ArchiveEntry): ReadonlySet<string> => {
  const via = entry.observations.flatMap((observation) => observation.recipients.flatMap((recipient) => recipient.via));
  return new Set([...senders(entry), ...recipients(entry), ...keysOf(via.map(({ address }) => address))]);
};
const keysOf = (addresses: readonly string[]): ReadonlySet<string> =>
  new Set(addresses.filter((address) => address !== '').map(addressKey));

function hasWords({ observations }: ArchiveEntry, subject: string): boolean {
  const wanted = wordsOf(subject);
  const subjects = observations.flatMap(({ representations }) =>
    representations.map(({ facts }) => facts.subject ?? ''),
  );
  return subjects.some((text) => {
    const words = new Set(wordsOf(text));
    return wanted.every((word) => words.has(word));
  });
}
