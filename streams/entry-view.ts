import { addressKey, uniqueAddresses } from './address-key.ts';
import { identities } from './merge.ts';
import type {
  ArchiveEntry,
  Family,
  Level,
  Observation,
  ObservedRecipient,
  Origin,
  RecipientSource,
  RecipientType,
  Representation,
  Via,
} from './message.ts';

/** The Entry of interface section 5, but for its times, which are epoch milliseconds here. */
export interface EntryView {
  readonly id: string;
  readonly messageId: string | null;
  readonly subject: string | null;
  readonly date: number | null;
  readonly from: string | null;
  readonly sender: string | null;
  readonly onBehalfOf: string | null;
  readonly recipients: readonly RecipientView[];
  readonly mailboxes: readonly string[];
  readonly size: number;
  readonly sha256: string;
  readonly archivedAt: number;
  readonly origin: Origin;
  readonly flags: readonly string[];
  readonly representations: readonly Pick<Representation, 'sha256' | 'size' | 'clearText' | 'protected'>[];
  readonly observations: readonly ObservationView[];
}
export interface RecipientView {
  readonly address: string;
  readonly type: RecipientType;
  readonly via: readonly Via[];
  readonly sources: readonly RecipientSource[];
  readonly internal: boolean;
  readonly known: boolean;
}
export interface ObservationView {
  readonly intakeId: string;
  readonly definition: string | null;
  readonly origin: Origin;
  readonly receivedAt: number;
  readonly level: Level;
  readonly family: Family | null;
  readonly recipients: readonly ObservedRecipient[];
  readonly flags: readonly string[];
}

/** A specific type is shown before a vague one. */
const typeOrder: readonly RecipientType[] = ['to', 'cc', 'bcc', 'undisclosed', 'recipient'];

/** All that is shown of an entry: a pure function of its observations (D-015). */
export function entryView(entry: ArchiveEntry): EntryView {
  const { id, archivedAt, origin } = entry;
  const observations = byReceipt(entry);
  const { primary, all } = representationsOf(entry);
  const recipients = recipientsOf(observations.flatMap((observation) => observation.recipients));
  return {
    id,
    messageId: primary?.facts.messageId ?? first(observations.map(({ reportMessageId }) => reportMessageId)),
    subject: primary?.facts.subject ?? null,
    date: primary?.facts.dateAt ?? null,
    from: primary?.facts.from ?? null,
    sender:
      first(observations.filter(({ origin: from }) => from === 'journal').map(({ sender }) => sender)) ??
      first(observations.map(({ sender }) => sender)),
    onBehalfOf: first(observations.map(({ onBehalfOf }) => onBehalfOf)),
    recipients,
    mailboxes: mailboxesOf(observations),
    size: primary?.size ?? 0,
    sha256: primary?.sha256 ?? '',
    archivedAt,
    origin,
    flags: flagsOf(entry),
    representations: all.map(({ sha256, size, clearText, protected: isProtected }) => ({
      sha256,
      size,
      clearText,
      protected: isProtected,
    })),
    observations: observations.map(
      ({ intakeId, definitionId, origin: from, receivedAt, level, family, recipients: seen, flags: said }) => ({
        intakeId,
        definition: definitionId,
        origin: from,
        receivedAt,
        level,
        family,
        recipients: seen,
        flags: said,
      }),
    ),
  };
}

/** Its own, and those of its copies; `original-missing` only for as long as no copy has brought the original. */
export function flagsOf({ flags, observations }: ArchiveEntry): readonly string[] {
  const all = new Set([...flags, ...observations.flatMap((observation) => observation.flags)]);
  if (
    all.has('original-missing') &&
    observations.some(({ representations }) => representations.some(({ stub }) => !stub))
  )
    all.delete('original-missing');
  return [...all].toSorted();
}

/** Every version once, the earliest first, and the one that is shown: the earliest that is no stub, chosen by its copy. */
export function representationsOf(entry: ArchiveEntry): {
  readonly primary: Representation | undefined;
  readonly all: readonly Representation[];
} {
  const seen = new Set<string>();
  const all: Representation[] = [];
  const every = withKnownHashes(byReceipt(entry).flatMap(({ representations }) => representations));
  const real = every.some(({ stub }) => !stub) ? every.filter(({ stub }) => !stub) : every;
  for (const representation of real) {
    const names = identities(representation);
    if (!names.some((name) => seen.has(name))) all.push(representation);
    for (const name of names) seen.add(name);
  }
  const chosen = real.filter(({ primary }) => primary);
  const shown = chosen.find(({ clearText }) => clearText) ?? chosen[0] ?? real[0];
  // The same version may have come earlier, in a copy that did not choose it.
  const names = shown === undefined ? [] : identities(shown);
  const primary = all.find((each) => identities(each).some((name) => names.includes(name)));
  return { primary: primary ?? shown, all };
}

/** Equal bytes have equal content, also where only one copy of them says so. */
function withKnownHashes(representations: readonly Representation[]): readonly Representation[] {
  const hashes = new Map<string, string>();
  for (const { sha256, contentHash } of representations) if (contentHash !== null) hashes.set(sha256, contentHash);
  return representations.map((each) => ({ ...each, contentHash: hashes.get(each.sha256) ?? null }));
}

/** The first spelling of each; entries from before there was a list of mailboxes have those of their recipients. */
const mailboxesOf = (observations: readonly Observation[]): readonly string[] =>
  uniqueAddresses(
    observations.flatMap(
      ({ mailboxes, recipients }) =>
        mailboxes ?? recipients.filter(({ known }) => known).map((recipient) => recipient.address),
    ),
  );

function recipientsOf(observed: readonly ObservedRecipient[]): readonly RecipientView[] {
  const people = new Map<string, ObservedRecipient[]>();
  for (const recipient of observed) {
    const key = addressKey(recipient.address);
    const seen = people.get(key);
    if (seen === undefined) people.set(key, [recipient]);
    else seen.push(recipient);
  }
  return [...people.values()].map((seen) => {
    const types = new Set(seen.flatMap(({ type, refined }) => (refined === undefined ? [type] : [type, refined])));
    return {
      address: seen[0]?.address ?? '',
      type: typeOrder.find((type) => types.has(type)) ?? 'recipient',
      via: unique(seen.flatMap(({ via }) => via)),
      sources: [...new Set(seen.map(({ source }) => source))],
      internal: seen.some(({ internal }) => internal),
      known: seen.some(({ known }) => known),
    };
  });
}

const byReceipt = ({ observations }: ArchiveEntry): ArchiveEntry['observations'] =>
  observations.toSorted((a, b) => a.receivedAt - b.receivedAt || (a.intakeId < b.intakeId ? -1 : 1));
function unique(via: readonly Via[]): readonly Via[] {
  const first = new Map<string, Via>();
  for (const step of via) {
    const key = `${step.kind} ${addressKey(step.address)}`;
    if (!first.has(key)) first.set(key, step);
  }
  return [...first.values()];
}
const first = (values: readonly (string | null)[]): string | null => values.find((value) => value !== null) ?? null;
