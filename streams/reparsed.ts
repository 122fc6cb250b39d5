import type { Observation, Representation } from './message.ts';

/** True for an observation that stands for one whose particulars were deleted. */
export const isBare = ({ representations, recipients }: Observation): boolean =>
  representations.length === 0 && recipients.length === 0;

/** Number of the parser that made it; 0 from before they were numbered. */
export const parserOf = ({ parser }: Pick<Observation, 'parser'>): number => parser ?? 0;

/**
 * The one of two observations of one intake that stands, whichever comes first (D-082): of the newer parser, before a bare
 * one, then by its text, so that the order is total. What either knows of the content of the same bytes stays known.
 */
export function standingOf(one: Observation, other: Observation): Observation {
  const [stands, yields] = outranks(other, one) ? [other, one] : [one, other];
  const hashes = new Map(yields.representations.map(({ sha256, contentHash }) => [sha256, contentHash]));
  if (!stands.representations.some(({ sha256, contentHash }) => contentHash === null && hashes.get(sha256) != null)) {
    return stands;
  }
  const representations = stands.representations.map((each) => ({
    ...each,
    contentHash: each.contentHash ?? hashes.get(each.sha256) ?? null,
  }));
  return { ...stands, representations };
}

function outranks(one: Observation, other: Observation): boolean {
  const [mine, theirs] = [parserOf(one), parserOf(other)];
  if (mine !== theirs) return mine > theirs;
  if (isBare(one) !== isBare(other)) return isBare(other);
  return textOf(one) < textOf(other);
}

/** What it says of the mail, but for content hashes, which are learnt at any time. */
export const textOf = ({ representations, ...observation }: Observation): string =>
  JSON.stringify([observation, representations.map((each) => ({ ...each, contentHash: null }))]);

/** True where both tell of the same message: the same bytes in every version, under the same Message-ID and date. */
export function isSameMessage(one: Observation, other: Observation): boolean {
  return JSON.stringify(one.representations.map(nameOf)) === JSON.stringify(other.representations.map(nameOf));
}

const nameOf = ({ sha256, size, body, decoding, stub, primary, clearText, facts, ...of }: Representation) => [
  ...[sha256, size, decoding, stub, primary, clearText, of.protected, facts.messageId, facts.dateAt],
  ...body.flatMap(({ seq, offset, length }) => [seq, offset, length]),
];
