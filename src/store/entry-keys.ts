import type { ArchiveEntry, Observation } from '../../streams/message.ts';
import { sendersIn } from '../../streams/screen.ts';
import { wordsOf } from '../../streams/words.ts';
import { matchKeysOf } from './apply-verdict.ts';
import type { Change } from './change.ts';
import type { IndexDb } from './index-db.ts';
import {
  definitionFacet,
  everyFacet,
  facetKey,
  flagFacet,
  keepKey,
  lastPart,
  matchIndexKey,
  matchKeyDigest,
  positionOf,
  rangeOf,
  recipientFacet,
  senderFacet,
  unreportedFacet,
  viaFacet,
  within,
  wordFacet,
} from './keys.ts';

interface Keyed {
  readonly index: IndexDb;
  readonly change: Change;
}

/** Writes the entry and the search keys that it has and `before` had not; of facets those go that it has no more (D-082). */
export function storeEntry({ index, change }: Keyed, before: ArchiveEntry | undefined, entry: ArchiveEntry): void {
  change.putEntry(entry);
  const had = new Set(before === undefined ? [] : matchKeysOf(before));
  for (const key of matchKeysOf(entry)) {
    if (had.has(key)) continue;
    change.putKey(index.match, matchKeyDigest(key));
    change.putKey(index.match, matchIndexKey(key, entry.id));
  }
  storeFacets({ index, change }, before, entry);
  const [stood, stands] = [before === undefined ? null : keepKeyOf(before), keepKeyOf(entry)];
  if (stood === stands) return;
  if (stood !== null) change.del(index.keep, stood);
  change.putKey(index.keep, stands);
}

function storeFacets({ index, change }: Keyed, before: ArchiveEntry | undefined, entry: ArchiveEntry): void {
  const position = entryPosition(entry);
  const stood = before === undefined ? position : entryPosition(before);
  const had = new Set(before === undefined ? [] : facetsOf(before));
  const has = new Set(facetsOf(entry));
  // Only a bare observation that is told again can move an entry (D-054).
  for (const facet of had) {
    if (stood !== position || !has.has(facet)) change.del(index.facet, facetKey(index.blind(facet), stood));
  }
  for (const facet of has) {
    if (stood === position && had.has(facet)) continue;
    change.putKey(index.facet, facetKey(index.blind(facet), position));
  }
}

/** Takes the entry away, with every key that leads to it. What it shared with another entry stays for that one. */
export async function removeEntry({ index, change }: Keyed, entry: ArchiveEntry): Promise<void> {
  change.removeEntry(entry.id);
  const position = entryPosition(entry);
  for (const facet of facetsOf(entry)) change.del(index.facet, facetKey(index.blind(facet), position));
  change.del(index.keep, keepKeyOf(entry));
  for (const key of matchKeysOf(entry)) {
    const digest = matchKeyDigest(key);
    change.del(index.match, matchIndexKey(key, entry.id));
    const others = (await index.match.keysNow(within(digest))).map(lastPart);
    const standing = await Promise.all(others.map(async (id) => (await change.entry(id)) !== undefined));
    if (!standing.some(Boolean)) change.del(index.match, digest);
  }
}

/** Who keeps an entry, and since when: it is kept as long as the longest of its definitions says, from its last copy on. */
export function keepKeyOf({ id, observations }: ArchiveEntry): string {
  const keepers = [...new Set(observations.map(({ definitionId }) => rangeOf(definitionId)))].toSorted();
  const lastAt = observations.reduce((last, { receivedAt }) => Math.max(last, receivedAt), 0);
  return keepKey(keepers, lastAt, id);
}

/**
 * The date of an entry for searches and their order: that of the copy that made it, or when it was archived. Copies that
 * come later do not move it, so whoever goes through a list page by page meets it once.
 */
export function searchDate({ id, archivedAt, observations }: ArchiveEntry): number {
  const made = observations.find(({ intakeId }) => intakeId === id);
  return made?.representations.find(({ facts }) => facts.dateAt !== null)?.facts.dateAt ?? archivedAt;
}

/** Where it stands in every list of a search. */
export const entryPosition = (entry: ArchiveEntry): string => positionOf(searchDate(entry), entry.id);

function facetsOf(entry: ArchiveEntry): readonly string[] {
  const facets = new Set<string>([everyFacet, ...entry.flags.map(flagFacet)]);
  for (const observation of entry.observations) for (const facet of facetsOfObservation(observation)) facets.add(facet);
  return [...facets];
}

function facetsOfObservation(observation: Observation): readonly string[] {
  const { definitionId, flags, recipients, representations, named } = observation;
  const words = representations.flatMap(({ facts }) => wordsOf(facts.subject ?? ''));
  return [
    ...(definitionId === null ? [] : [definitionFacet(definitionId)]),
    ...flags.map(flagFacet),
    ...(named === undefined ? [] : [unreportedFacet]),
    ...sendersIn(observation).map(senderFacet),
    ...recipients.filter(({ address }) => address !== '').map(({ address }) => recipientFacet(address)),
    ...recipients.flatMap(({ via }) => via.map(({ address }) => viaFacet(address))),
    ...words.map(wordFacet),
  ];
}
