import { addressKey } from './address-key.ts';
import type { ArchiveEntry, ObservedRecipient, ParsedMail } from './message.ts';
import type { Directory } from './ports.ts';

/** People whom the headers of a message name, and whom none of its reports does (journaling N5). */
export interface Gap {
  /** As the headers write them. */
  readonly missing: readonly string[];
  /** Nobody in the reports could be one of them under another address. */
  readonly certain: boolean;
  /** Of the first report that names fewer; null: of none. */
  readonly definitionId: string | null;
}

/** What is kept of the names in the headers at receipt: all known internal ones where the report lacks any, else nothing. */
export function unreported(
  named: readonly string[],
  { observed, directory }: { readonly observed: readonly ObservedRecipient[]; readonly directory: Directory },
): Pick<ParsedMail, 'named'> {
  if (named.length === 0) return {};
  const reported = reportedOf(observed);
  if (named.every((address) => reported.has(addressKey(address)))) return {};
  const known = named.filter((address) => directory.classify(address).known);
  return known.every((address) => reported.has(addressKey(address))) ? {} : { named: known };
}

/**
 * Rule: what is missing once all reports of a message are taken together. Exchange reports a message in several parts
 * (bifurcation), so one report that names fewer says nothing. An address in the headers may be an alias of somebody whom a
 * report names by another one, or a list inside a list: so many names as there are people to explain them are no gap.
 */
export function gapOf({ observations }: Pick<ArchiveEntry, 'observations'>): Gap | null {
  const short = observations.filter(({ named = [] }) => named.length > 0);
  const named = new Map(short.flatMap((each) => each.named ?? []).map((address) => [addressKey(address), address]));
  if (named.size === 0) return null;
  const recipients = observations.flatMap((each) => each.recipients).filter(({ source }) => source !== 'header');
  const reported = reportedOf(recipients);
  const missing = [...named].filter(([key]) => !reported.has(key)).map(([, address]) => address);
  const others = new Set(
    recipients.filter((each) => mayBeAlias(each, named)).map(({ address }) => addressKey(address)),
  );
  if (missing.length <= others.size) return null;
  return { missing, certain: others.size === 0, definitionId: short[0]?.definitionId ?? null };
}

/** An inside recipient whom the headers do not name, neither himself nor a list on the way to him, and who was no Bcc. */
const mayBeAlias = ({ address, type, internal, via }: ObservedRecipient, named: ReadonlyMap<string, string>): boolean =>
  internal &&
  type !== 'bcc' &&
  ![address, ...via.map((step) => step.address)].some((each) => named.has(addressKey(each)));

const reportedOf = (recipients: readonly ObservedRecipient[]): ReadonlySet<string> =>
  new Set(recipients.flatMap(({ address, via }) => [address, ...via.map((step) => step.address)]).map(addressKey));
