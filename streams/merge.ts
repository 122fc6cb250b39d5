import { addressKey } from './address-key.ts';
import type { ArchiveEntry, Observation, Representation } from './message.ts';
import { standingOf } from './reparsed.ts';

/** What a merge brings besides the observation. Both only grow. */
export interface MergeChange {
  readonly flags: readonly string[];
  /** Content hashes learnt of representations that the entry has, by their sha256. */
  readonly learnt: Readonly<Record<string, string>>;
}

/**
 * The entry with one more observation (journaling c.4). Set union by `intakeId`: commutative, associative, idempotent.
 * Nothing is ever removed; of one intake the observation of the newest parser stands (D-082), whose versions of the
 * message are the same.
 */
export function mergeObservation(entry: ArchiveEntry, observation: Observation, change: MergeChange): ArchiveEntry {
  const { intakeId } = observation;
  const known = entry.observations.find((each) => each.intakeId === intakeId);
  const stands = known === undefined ? observation : standingOf(known, observation);
  const observations = [...entry.observations.filter((each) => each !== known), stands]
    .map((each) => withHashes(each, change.learnt))
    .toSorted((a, b) => (a.intakeId < b.intakeId ? -1 : 1));
  return { ...entry, observations, flags: union(entry.flags, change.flags) };
}

/** The entry with content hashes that were computed since. */
export const withLearnt = (entry: ArchiveEntry, learnt: MergeChange['learnt']): ArchiveEntry => ({
  ...entry,
  observations: entry.observations.map((known) => withHashes(known, learnt)),
});

/** True when the observation tells nothing that the entry does not show already: recipient, sender fact, representation. */
export function addsNothing(
  entry: ArchiveEntry,
  { recipients, sender, onBehalfOf, authors = [], representations }: Observation,
): boolean {
  const known = entry.observations;
  const facts = new Set(known.flatMap((each) => each.recipients.map(recipientFact)));
  const senders = new Set(known.map((each) => each.sender));
  const onBehalves = new Set(known.map((each) => each.onBehalfOf));
  const versions = new Set(known.flatMap((each) => each.representations.flatMap(identities)));
  return (
    recipients.every((recipient) => facts.has(recipientFact(recipient))) &&
    (sender === null || senders.has(sender)) &&
    (onBehalfOf === null || onBehalves.has(onBehalfOf)) &&
    authors.every((author) => known.some((each) => each.authors?.includes(author) === true)) &&
    representations.every((representation) => identities(representation).some((identity) => versions.has(identity)))
  );
}

/** The same version of a message: equal bytes, or equal content hash. */
export const identities = ({ sha256, contentHash }: Representation): readonly string[] =>
  contentHash === null ? [sha256] : [sha256, `ch:${contentHash}`];

const recipientFact = ({ address, type, refined, via, source }: Observation['recipients'][number]): string =>
  JSON.stringify([addressKey(address), type, refined, via, source]);

function withHashes(observation: Observation, learnt: MergeChange['learnt']): Observation {
  if (!observation.representations.some((each) => each.contentHash === null && learnt[each.sha256] !== undefined)) {
    return observation;
  }
  const representations = observation.representations.map((each) => ({
    ...each,
    contentHash: each.contentHash ?? learnt[each.sha256] ?? null,
  }));
  return { ...observation, representations };
}

const union = (a: readonly string[], b: readonly string[]): readonly string[] => [...new Set([...a, ...b])].toSorted();
