import type { ArchiveEntry, Observation } from '../../streams/message.ts';
import { matchKeysOf } from './apply-verdict.ts';
import type { Change } from './change.ts';
import type { IndexDb } from './index-db.ts';
import {
  addressFacet,
  definitionFacet,
  facetKey,
  flagFacet,
  keepKey,
  lastPart,
  matchIndexKey,
  matchKeyDigest,
  rangeOf,
  within,
  wordFacet,
  wordsOf,
} from './keys.ts';

interface Keyed {
  readonly index: IndexDb;
  readonly change: Change;
}

/** Writes the entry and the search keys that it has and `before` had not. */
export function storeEntry({ index, change }: Keyed, before: ArchiveEntry | undefined, entry: ArchiveEntry): void {
  change.putEntry(entry);
  const had = before === undefined ? new Set<string>() : new Set([...matchKeysOf(before), ...facetsOf(before)]);
  for (const key of matchKeysOf(entry)) {
    if (had.has(key)) continue;
    change.put(index.match, matchKeyDigest(key), '');
    change.put(index.match, matchIndexKey(key, entry.id), '');
  }
  for (const facet of facetsOf(entry))
    if (!had.has(facet)) change.put(index.facet, facetKey(index.blind(facet), entry.id), '');
  const [stood, stands] = [before === undefined ? null : keepKeyOf(before), keepKeyOf(entry)];
  if (stood === stands) return;
  if (stood !== null) change.del(index.keep, stood);
  change.put(index.keep, stands, '');
}

/** Takes the entry away, with every key that leads to it. What it shared with another entry stays for that one. */
export async function removeEntry({ index, change }: Keyed, entry: ArchiveEntry): Promise<void> {
  change.removeEntry(entry.id);
  for (const facet of facetsOf(entry)) change.del(index.facet, facetKey(index.blind(facet), entry.id));
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

function facetsOf(entry: ArchiveEntry): readonly string[] {
  const facets = new Set<string>(entry.flags.map(flagFacet));
  for (const observation of entry.observations) for (const facet of facetsOfObservation(observation)) facets.add(facet);
  return [...facets];
}

function facetsOfObservation(observation: Observation): readonly string[] {
  const { definitionId, flags, recipients, representations, sender, onBehalfOf } = observation;
  const addresses = [sender, onBehalfOf, ...representations.map(({ facts }) => facts.from)];
  for (const { address, via } of recipients) addresses.push(address, ...via.map((step) => step.address));
  const words = representations.flatMap(({ facts }) => wordsOf(facts.subject ?? ''));
  return [
    ...(definitionId === null ? [] : [definitionFacet(definitionId)]),
    ...flags.map(flagFacet),
    ...addresses.filter((address): address is string => !!address).map(addressFacet),
    ...words.map(wordFacet),
  ];
}
