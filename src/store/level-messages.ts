import type { MessageFilter } from '../../streams/keeping.ts';
import { matchKeyOf } from '../../streams/match-keys.ts';
import type { ArchiveEntry } from '../../streams/message.ts';
import type { MessageQuery, MessageReader, Page } from '../../streams/ports.ts';
import type { IndexDb } from './index-db.ts';
import { addressFacet, definitionFacet, flagFacet, lastPart, matchKeyDigest, wordFacet, wordsOf } from './keys.ts';
import { newestFirst, pageOf } from './page.ts';

/** Searches of the archive: the most selective index drives, the rest is compared on the entries it names. */
export function createMessageReader(index: IndexDb): MessageReader {
  return {
    get: async (id) => index.entry.get(id),
    goneOf: async (id) => index.gone.get(id),
    find: async (query) => {
      if (query.messageId === undefined) return find(index, query);
      const matchKey = matchKeyOf(query.messageId, null);
      return matchKey === null ? { items: [], next: null } : find(index, { ...query, messageId: matchKey });
    },
  };
}

async function find(index: IndexDb, query: MessageQuery): Promise<Page<ArchiveEntry>> {
  const driver = driverOf(query);
  const wanted = (entry: ArchiveEntry): boolean => matches(entry, query);
  if (driver === null) return pageOf(index.entry.values(newestFirst(query.cursor)), query.limit, wanted, idOf);
  const isMatch = driver.room === 'match';
  const room = isMatch ? index.match : index.facet;
  const prefix = isMatch ? driver.prefix : index.blind(driver.prefix);
  return pageOf(named(index, room.keys(newestFirst(query.cursor, prefix))), query.limit, wanted, idOf);
}

/** The index whose range is likely the shortest; `messageId` is a match key here. */
function driverOf(query: MessageQuery): { readonly room: 'match' | 'facet'; readonly prefix: string } | null {
  const { messageId, mailbox, from, to, subject, flag, definition } = query;
  if (messageId !== undefined) return { room: 'match', prefix: matchKeyDigest(messageId) };
  const address = mailbox ?? from ?? to;
  if (address !== undefined) return { room: 'facet', prefix: addressFacet(address) };
  const [word] = subject === undefined ? [] : wordsOf(subject).toSorted((a, b) => b.length - a.length);
  if (word !== undefined) return { room: 'facet', prefix: wordFacet(word) };
  if (flag !== undefined) return { room: 'facet', prefix: flagFacet(flag) };
  if (definition !== undefined) return { room: 'facet', prefix: definitionFacet(definition) };
  return null;
}

/** Entries named by index keys, read in groups. */
async function* named(index: IndexDb, keys: AsyncIterable<string>): AsyncGenerator<ArchiveEntry> {
  let ids: string[] = [];
  for await (const key of keys) {
    ids.push(lastPart(key));
    if (ids.length < 64) continue;
    yield* present(await index.entry.getMany(ids));
    ids = [];
  }
  if (ids.length > 0) yield* present(await index.entry.getMany(ids));
}

/** True where the entry fits every filter; `messageId` is a match key here. */
export function matches(entry: ArchiveEntry, query: MessageFilter): boolean {
  const { messageId, mailbox, from, to, subject, flag, definition, since, until } = query;
  if (messageId !== undefined && entry.matchKey !== messageId) return false;
  if (definition !== undefined && !entry.observations.some(({ definitionId }) => definitionId === definition))
    return false;
  if (mailbox !== undefined && !participants(entry).has(mailbox.toLowerCase())) return false;
  if (from !== undefined && !senders(entry).has(from.toLowerCase())) return false;
  if (to !== undefined && !recipients(entry).has(to.toLowerCase())) return false;
  if (subject !== undefined && !hasWords(entry, subject)) return false;
  if (flag !== undefined && !flagsOf(entry).has(flag)) return false;
  const at = dateOf(entry);
  return at >= (since ?? Number.NEGATIVE_INFINITY) && at <= (until ?? Number.POSITIVE_INFINITY);
}

const idOf = ({ id }: ArchiveEntry): string => id;
const present = (entries: readonly (ArchiveEntry | undefined)[]): readonly ArchiveEntry[] =>
  entries.filter((entry) => entry !== undefined);

const dateOf = ({ observations, archivedAt }: ArchiveEntry): number => {
  const dates = observations.flatMap(({ representations }) => representations.map(({ facts }) => facts.dateAt));
  return dates.find((date) => date !== null) ?? archivedAt;
};
const flagsOf = ({ flags, observations }: ArchiveEntry): ReadonlySet<string> =>
  new Set([...flags, ...observations.flatMap((observation) => observation.flags)]);

const senders = ({ observations }: ArchiveEntry): ReadonlySet<string> =>
  lowerCased(
    observations.flatMap(({ sender, onBehalfOf, representations }) => [
      sender,
      onBehalfOf,
      ...representations.map(({ facts }) => facts.from),
    ]),
  );
const recipients = ({ observations }: ArchiveEntry): ReadonlySet<string> =>
  lowerCased(observations.flatMap((observation) => observation.recipients.map(({ address }) => address)));
const participants = (entry: ArchiveEntry): ReadonlySet<string> => {
  const via = entry.observations.flatMap((observation) => observation.recipients.flatMap((recipient) => recipient.via));
  return new Set([...senders(entry), ...recipients(entry), ...lowerCased(via.map(({ address }) => address))]);
};
const lowerCased = (addresses: readonly (string | null)[]): ReadonlySet<string> =>
  new Set(addresses.filter((address): address is string => !!address).map((address) => address.toLowerCase()));

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
