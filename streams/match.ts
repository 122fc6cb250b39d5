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
  if (own.stub) return ruleStub(underKey);
  if (mail.matchKey.startsWith('ch:')) return ruleWithoutId(own, receivedAt, underKey);
  const stub = underKey.find(isStub);
  if (stub !== undefined) return { kind: 'stub', case: 'M6', entryId: stub.id };
  const found = ruleById(own, underKey);
  if (found.kind !== 'none' || !matchOnContent || own.contentHash === null) return found;
  const sameContent = entries.find((entry) => agrees(entry, own.facts) && holds(entry, own));
  return sameContent === undefined ? found : { kind: 'same', case: 'M5', entryId: sameContent.id };
}

/** M1, M2, M3: the same Message-ID; identity is From and the second of Date. */
function ruleById(own: Representation, entries: readonly ArchiveEntry[]): Match {
  const twins = entries.filter((entry) => agrees(entry, own.facts));
  const same = twins.find((entry) => holds(entry, own));
  if (same !== undefined) return { kind: 'same', case: 'M1', entryId: same.id };
  const unsure = twins.filter((entry) => own.contentHash === null || lacksHash(entry));
  if (unsure.length > 0) return { kind: 'unsure', entryIds: unsure.map(({ id }) => id) };
  const [variant] = own.facts.dateAt === null ? [] : twins;
  if (variant !== undefined) return { kind: 'variant', case: 'M2', entryId: variant.id };
  return { kind: 'none', collidesWith: entries.map(({ id }) => id) };
}

/** An L3 item joins the one entry under its Message-ID, whatever it is; with several it stays apart. */
function ruleStub(entries: readonly ArchiveEntry[]): Match {
  const [only] = entries;
  if (only !== undefined && entries.length === 1) return { kind: 'stub', case: 'M6', entryId: only.id };
  return { kind: 'none', collidesWith: [] };
}

function ruleWithoutId(own: Representation, receivedAt: number, entries: readonly ArchiveEntry[]): Match {
  const near = entries.find(
    (entry) =>
      factsOf(entry).some(({ from }) => from === own.facts.from) &&
      entry.observations.some((each) => Math.abs(each.receivedAt - receivedAt) <= withoutIdWithinMs),
  );
  return near === undefined ? { kind: 'none', collidesWith: [] } : { kind: 'same', case: 'M4', entryId: near.id };
}

/** Equal From and Date, absent counting as equal to absent. */
const agrees = (entry: ArchiveEntry, facts: HeaderFacts): boolean =>
  factsOf(entry).some(({ from, dateAt }) => sameAddress(from, facts.from) && dateAt === facts.dateAt);

const holds = (entry: ArchiveEntry, own: Representation): boolean => {
  const wanted = identities(own);
  return representationsIn(entry).some((each) => identities(each).some((identity) => wanted.includes(identity)));
};

const isStub = (entry: ArchiveEntry): boolean => representationsIn(entry).every(({ stub }) => stub);
const lacksHash = (entry: ArchiveEntry): boolean =>
  representationsIn(entry).some((each) => !each.stub && each.contentHash === null);
const representationsIn = ({ observations }: ArchiveEntry): readonly Representation[] =>
  observations.flatMap(({ representations }) => representations);
const factsOf = (entry: ArchiveEntry): readonly HeaderFacts[] =>
  representationsIn(entry)
    .filter(({ stub }) => !stub)
    .map(({ facts }) => facts);
const sameAddress = (a: string | null, b: string | null): boolean => a?.toLowerCase() === b?.toLowerCase();

/** The representation that a copy would show. */
export const primaryOf = (representations: readonly Representation[]): Representation | undefined =>
  representations.find(({ primary }) => primary) ?? representations[0];
