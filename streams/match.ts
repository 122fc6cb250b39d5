import { sameAddress } from './address-key.ts';
import { identities } from './merge.ts';
import type { ArchiveEntry, HeaderFacts, MatchingOptions, ParsedMail, Representation } from './message.ts';

/** What the archive says of one item (journaling c.4). */
export type Match =
  | { readonly kind: 'same'; readonly case: 'M1' | 'M4' | 'M5'; readonly entryId: string }
  | { readonly kind: 'variant'; readonly case: 'M2'; readonly entryId: string }
  | { readonly kind: 'stub'; readonly case: 'M6'; readonly entryId: string }
  /** None; `collidesWith` are other messages under the same Message-ID (M3). */
  | { readonly kind: 'none'; readonly collidesWith: readonly string[] }
  /** Content hashes are needed: the item's own, and those of these entries. */
  | { readonly kind: 'unsure'; readonly entryIds: readonly string[] };

/** A message without Message-ID matches what came within this time (M4). */
const withoutIdWithinMs = 86_400_000;

/** Rules on the entries under the item's keys, oldest first. Pure. */
export function ruleMatch(
  mail: ParsedMail,
  receivedAt: number,
  entries: readonly ArchiveEntry[],
  { matchOnContent }: Pick<MatchingOptions, 'matchOnContent'>,
): Match {
  const own = primaryOf(mail.representations);
  if (own === undefined || mail.matchKey === null) return { kind: 'none', collidesWith: [] };
  const underKey = entries.filter(({ matchKey }) => matchKey === mail.matchKey);
  if (own.stub) return ruleStub(own, underKey);
  const found = mail.matchKey.startsWith('ch:')
    ? ruleWithoutId(own, receivedAt, underKey)
    : ruleById(versionsOf(mail, own), own.facts, underKey);
  if (found.kind !== 'none' || !matchOnContent || own.contentHash === null || own.facts.dateAt === null) return found;
  const sameContent = entries.find((entry) => agrees(entry, own.facts) && holds(entry, [own]));
  return sameContent === undefined ? found : { kind: 'same', case: 'M5', entryId: sameContent.id };
}

/** M1, M2, M6, M3: the same Message-ID; identity is From and the second of Date. */
function ruleById(versions: readonly Representation[], facts: HeaderFacts, entries: readonly ArchiveEntry[]): Match {
  const twins = entries.filter((entry) => agrees(entry, facts));
  const same = twins.find((entry) => holds(entry, versions));
  if (same !== undefined) return { kind: 'same', case: 'M1', entryId: same.id };
  const unsure = twins.filter((entry) => versions.some(lacksHash) || representationsIn(entry).some(lacksHash));
  if (unsure.length > 0) return { kind: 'unsure', entryIds: unsure.map(({ id }) => id) };
  const [variant] = facts.dateAt === null ? [] : twins;
  if (variant !== undefined) return { kind: 'variant', case: 'M2', entryId: variant.id };
  const stub = entries.find(isStub);
  if (stub !== undefined) return { kind: 'stub', case: 'M6', entryId: stub.id };
  return { kind: 'none', collidesWith: entries.map(({ id }) => id) };
}

/** An L3 item joins the one entry under its Message-ID, whatever it is; with several it stays apart, but once only. */
function ruleStub(own: Representation, entries: readonly ArchiveEntry[]): Match {
  const [only] = entries;
  if (only !== undefined && entries.length === 1) return { kind: 'stub', case: 'M6', entryId: only.id };
  const again = entries.find((entry) => representationsIn(entry).some(({ sha256 }) => sha256 === own.sha256));
  if (again !== undefined) return { kind: 'stub', case: 'M6', entryId: again.id };
  return { kind: 'none', collidesWith: [] };
}

function ruleWithoutId(own: Representation, receivedAt: number, entries: readonly ArchiveEntry[]): Match {
  const near = entries.find(
    (entry) =>
      factsOf(entry).some(({ from }) => sameAddress(from, own.facts.from)) &&
      entry.observations.some((each) => Math.abs(each.receivedAt - receivedAt) <= withoutIdWithinMs),
  );
  return near === undefined ? { kind: 'none', collidesWith: [] } : { kind: 'same', case: 'M4', entryId: near.id };
}

/** The copies of the message itself: both of a rights-protected pair, but no other mail that came along. */
const versionsOf = ({ representations }: ParsedMail, { facts }: Representation): readonly Representation[] =>
  representations.filter(
    (each) =>
      !each.stub &&
      each.facts.messageId === facts.messageId &&
      each.facts.dateAt === facts.dateAt &&
      sameAddress(each.facts.from, facts.from),
  );

/** Equal From and Date, absent counting as equal to absent. */
const agrees = (entry: ArchiveEntry, facts: HeaderFacts): boolean =>
  factsOf(entry).some(({ from, dateAt }) => sameAddress(from, facts.from) && dateAt === facts.dateAt);

const holds = (entry: ArchiveEntry, versions: readonly Representation[]): boolean => {
  const wanted = new Set(versions.flatMap(identities));
  return representationsIn(entry).some((each) => identities(each).some((identity) => wanted.has(identity)));
};

const isStub = (entry: ArchiveEntry): boolean => representationsIn(entry).every(({ stub }) => stub);
const lacksHash = ({ stub, contentHash }: Representation): boolean => !stub && contentHash === null;
const representationsIn = ({ observations }: ArchiveEntry): readonly Representation[] =>
  observations.flatMap(({ representations }) => representations);
const factsOf = (entry: ArchiveEntry): readonly HeaderFacts[] =>
  representationsIn(entry)
    .filter(({ stub }) => !stub)
    .map(({ facts }) => facts);

/** The representation that a copy would show. */
export const primaryOf = (representations: readonly Representation[]): Representation | undefined =>
  representations.find(({ primary }) => primary) ?? representations[0];
