import { uniqueAddresses } from './address-key.ts';
import type { JournalOptions, Observation, ObservedRecipient, Parsed } from './message.ts';
import type { Directory } from './ports.ts';

/** Every recipient with the directory's verdict. */
export const observeRecipients = (parsed: Parsed, directory: Directory): readonly ObservedRecipient[] =>
  parsed.recipients.map((recipient) => ({ ...recipient, ...directory.classify(recipient.address) }));

/** Extended De-Duplication waits for these: sender internal, at least one recipient, all recipients internal. */
export function isInternalMail(
  { sender }: Pick<Parsed, 'sender'>,
  recipients: readonly ObservedRecipient[],
  directory: Directory,
): boolean {
  if (sender === null || sender === '' || recipients.length === 0) return false;
  return directory.classify(sender).internal && recipients.every(({ internal }) => internal);
}

/** Why an item is out of scope, or null (the truth table of journaling a.3). */
export function screen(
  parsed: Parsed,
  { journalNonInternalAddresses, journalUnknownInternalAddresses }: JournalOptions,
  directory: Directory,
): 'non-internal' | 'unknown-internal' | null {
  const verdicts = addressesOf(parsed).map((address) => directory.classify(address));
  if (verdicts.some(({ known }) => known)) return null;
  if (verdicts.some(({ internal }) => internal)) return journalUnknownInternalAddresses ? null : 'unknown-internal';
  return journalNonInternalAddresses ? null : 'non-internal';
}

/** The known internal addresses that a message belongs to, each once, as it is written first. */
export function mailboxesOf(
  parsed: Parsed,
  observed: readonly ObservedRecipient[],
  directory: Directory,
): readonly string[] {
  const senders = sendersOf(parsed).filter((address) => directory.classify(address).known);
  const receivers = observed.filter(({ known }) => known).map(({ address }) => address);
  return uniqueAddresses([...senders, ...receivers]);
}

/** Everybody who sent or wrote a message, as one copy of it says. */
export const sendersIn = ({ sender, onBehalfOf, authors = [], representations }: Observation): readonly string[] =>
  named([sender, onBehalfOf, ...representations.map(({ facts }) => facts.from), ...authors]);

/** Who sent it, every recipient, and what each was expanded or forwarded from. */
const addressesOf = (parsed: Parsed): readonly string[] => [
  ...sendersOf(parsed),
  ...parsed.recipients.flatMap(({ address, via }) => [address, ...via.map((step) => step.address)]),
];

/** Sender and On-Behalf-Of; all of the header From only where no report speaks, since anybody can write it. */
function sendersOf({ class: read, sender, onBehalfOf, authors = [], originals, primary }: Parsed): readonly string[] {
  const from = read === 'envelope' || primary === null ? null : (originals[primary]?.facts.from ?? null);
  return named([sender, onBehalfOf, from, ...authors]);
}

/** Without the missing and the null sender. */
const named = (addresses: readonly (string | null)[]): readonly string[] =>
  addresses.filter((address): address is string => !!address);
