import { domainToUnicode } from 'node:url';
import { addressKey, domainOf } from '../../streams/address-key.ts';
import { matchKeyOf } from '../../streams/match-keys.ts';
import type { ArchiveEntry } from '../../streams/message.ts';
import type { MessageQuery, MessageReader, Page, PositionList } from '../../streams/ports.ts';
import { wordsOf } from '../../streams/words.ts';
import { entryPosition } from './entry-keys.ts';
import type { IndexDb } from './index-db.ts';
import {
  cursorAt,
  cursorBehind,
  definitionFacet,
  everyFacet,
  flagFacet,
  keyAfter,
  lastPart,
  matchKeyDigest,
  positionBehind,
  positionEnd,
  readCursor,
  recipientFacet,
  senderFacet,
  unreportedFacet,
  viaFacet,
  within,
  wordFacet,
} from './keys.ts';
import { matches } from './message-filter.ts';
import {
  anyOf,
  facetList,
  isSpent,
  listWalk,
  type Met,
  meet,
  type SearchBounds,
  searchBounds,
  type Walk,
  type Work,
} from './walk.ts';

/**
 * Searches of the archive, newest first by the date of the message. Every filter has a list in that order, and what all
 * lists have is looked for by walking them together, with bounded work: a page may be short, or empty, and have a next one.
 */
export function createMessageReader(index: IndexDb, bounds: SearchBounds = searchBounds): MessageReader {
  return {
    get: async (id) => index.entry.get(id),
    goneOf: async (id) => index.gone.get(id),
    find: async (query, lists = []) => {
      const search = { index, bounds, lists };
      if (query.messageId === undefined) return find(search, query);
      const matchKey = matchKeyOf(query.messageId, null);
      return matchKey === null ? none : findNamed(search, { ...query, messageId: matchKey });
    },
  };
}

const none: Page<never> = { items: [], next: null };

interface Search {
  readonly index: IndexDb;
  readonly bounds: SearchBounds;
  /** Each of them has all that is answered. */
  readonly lists: readonly PositionList[];
}

async function find({ index, bounds, lists }: Search, query: MessageQuery): Promise<Page<ArchiveEntry>> {
  const work: Work = { reads: bounds.reads, keys: bounds.keys };
  const walks = walksOf(index, query, { work, lists });
  const items: ArchiveEntry[] = [];
  let bound = startOf(query);
  for (let looks = 0; ; ) {
    const { positions, met } = await nextPositions(walks, bound, { work, count: query.limit + 1 - items.length });
    for (const entry of await entriesAt(index, positions)) {
      if (!matches(entry, query)) continue;
      const last = items.at(-1);
      if (last !== undefined && items.length === query.limit) {
        return { items, next: cursorBehind(entryPosition(last)) };
      }
      items.push(entry);
    }
    if (met.kind === 'end') return { items, next: null };
    if (met.kind === 'spent') return { items, next: cursorAt(met.position) };
    bound = met.position;
    looks += positions.length;
    if (looks > query.limit + bounds.looks || isSpent(work)) return { items, next: cursorBehind(bound) };
  }
}

/** Positions are below it. */
function startOf({ cursor, until }: MessageQuery): string {
  const from = cursor === undefined ? positionEnd : readCursor(cursor);
  const behind = until === undefined ? positionEnd : positionBehind(until);
  return from < behind ? from : behind;
}

/** The next `count` positions that all lists have, and how the walk ended. */
async function nextPositions(
  walks: readonly Walk[],
  bound: string,
  { work, count }: { readonly work: Work; readonly count: number },
): Promise<{ readonly positions: readonly string[]; readonly met: Met }> {
  const positions: string[] = [];
  let met: Met = { kind: 'met', position: bound };
  while (positions.length < count && met.kind === 'met') {
    met = await meet(walks, met.position, work);
    if (met.kind === 'met') positions.push(met.position);
  }
  return { positions, met };
}

/** The lists that an entry is in where it fits; the whole archive where nothing was asked for. */
function walksOf(
  index: IndexDb,
  query: MessageQuery,
  { work, lists }: { readonly work: Work; readonly lists: readonly PositionList[] },
): readonly Walk[] {
  const { mailbox, from, to, subject, flag, definition, unreported, since } = query;
  const facets: (readonly string[])[] = [];
  if (mailbox !== undefined)
    facets.push([senderFacet, recipientFacet, viaFacet].flatMap((facet) => spellingsOf(mailbox).map(facet)));
  if (from !== undefined) facets.push(spellingsOf(from).map(senderFacet));
  if (to !== undefined) facets.push(spellingsOf(to).map(recipientFacet));
  for (const word of subject === undefined ? [] : wordsOf(subject)) facets.push([wordFacet(word)]);
  if (flag !== undefined) facets.push([flagFacet(flag)]);
  if (definition !== undefined) facets.push([definitionFacet(definition)]);
  if (unreported) facets.push([unreportedFacet]);
  if (facets.length + lists.length === 0) facets.push([everyFacet]);
  const walkOf = (list: PositionList): Walk => listWalk(list, { work, since });
  return [...facets.map((names) => anyOf(names.map((name) => walkOf(facetList(index, name))))), ...lists.map(walkOf)];
}

/** The lists are by the address as it was written, its domain in either form (journaling b.3.9). */
function spellingsOf(address: string): readonly string[] {
  const key = addressKey(address);
  const domain = domainOf(key);
  const local = key.slice(0, key.length - domain.length);
  return [...new Set([address.toLowerCase(), key, local + domainToUnicode(domain)])];
}

/** Of a list that is not kept with the entries a position may be of one that is gone, or stands elsewhere by now. */
async function entriesAt(index: IndexDb, positions: readonly string[]): Promise<readonly ArchiveEntry[]> {
  const entries = await index.entry.getMany(positions.map(lastPart));
  return entries.filter(
    (entry, at): entry is ArchiveEntry => entry !== undefined && entryPosition(entry) === positions[at],
  );
}

/** By Message-ID, a match key here: that index is no list in order, but hardly ever names more than a few. */
async function findNamed(
  search: Search,
  query: MessageQuery & { readonly messageId: string },
): Promise<Page<ArchiveEntry>> {
  const { index, bounds, lists } = search;
  const range = within(matchKeyDigest(query.messageId));
  const keys = await index.match.keysNow({ ...range, limit: bounds.namesakes + 1 });
  if (keys.length > bounds.namesakes) return find(search, query);
  const bound = startOf(query);
  const entries = (await index.entry.getMany(keys.map(lastPart))).filter((entry) => entry !== undefined);
  const fitting = entries.filter((entry) => matches(entry, query));
  const ordered = fitting.map((entry) => ({ entry, position: entryPosition(entry) }));
  const below = ordered.filter(({ position }) => position < bound);
  below.sort((a, b) => (a.position < b.position ? 1 : -1));
  const listed = await Promise.all(below.map(({ position }) => isIn(lists, position)));
  const left = below.filter((_, at) => listed[at]);
  const shown = left.slice(0, query.limit);
  const last = left.length > shown.length ? shown.at(-1) : undefined;
  return { items: shown.map(({ entry }) => entry), next: last === undefined ? null : cursorBehind(last.position) };
}

async function isIn(lists: readonly PositionList[], position: string): Promise<boolean> {
  const ask = { from: position, bound: keyAfter(position), limit: 1 };
  const found = await Promise.all(lists.map((list) => list.below(ask)));
  return found.every(([first]) => first === position);
}
