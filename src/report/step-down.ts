import { addressKey } from '../../streams/address-key.ts';
import type { Level, MessageTimes, Original, Parsed, Recipient } from '../../streams/message.ts';
import type { UnwrapOptions } from '../../streams/ports.ts';
import { parseReportTime } from './dates.ts';
import { type Detection, isDsnCapture, markerFamily } from './detect.ts';
import type { HeaderBlock } from './header-block.ts';
import { addressesOf, readDate, readHeaderFacts, readOwnTimes } from './header-facts.ts';
import { headerRecipients, headerSender, recipientsOf, traceRecipients } from './header-mode.ts';
import { harvestBcc, hasJournalHeaders, rangesWithoutJournalHeaders } from './journal-headers.ts';
import { raisedLimits } from './limits.ts';
import { type AttachedMessage, isProtected } from './originals.ts';
import { choosePrimary, isSameMessageId } from './primary.ts';
import { hasTnef, type Report, readReport } from './report.ts';

/** The received bytes with their own header block. */
export interface Received {
  readonly bytes: Buffer;
  readonly block: HeaderBlock;
}

const nothing = {
  family: null,
  sender: null,
  onBehalfOf: null,
  subject: null,
  messageId: null,
  reportMessageId: null,
  recipients: [],
  originals: [],
  primary: null,
  extra: {},
  unparsed: [],
} as const satisfies Partial<Parsed>;

/** L5: kept as it came, for a person to look at. The reason is a flag too. */
export function quarantine({ block }: Received, reason: string, flags: readonly string[] = []): Parsed {
  const outerDate = readDate(block);
  const times: MessageTimes = { date: null, reportSent: null, oldestReceived: null, newestReceived: null, outerDate };
  return { ...nothing, class: 'quarantine', level: 'L5', flags: [...flags, reason], quarantineReason: reason, times };
}

/** L4: no report, so the received bytes are the mail and its header names the recipients. */
export function absorb({ bytes, block }: Received, options: UnwrapOptions, flags: readonly string[]): Parsed {
  const facts = readHeaderFacts(block);
  const ranges = options.removeJournalHeaders
    ? rangesWithoutJournalHeaders(block, 0, bytes.length)
    : ([[0, bytes.length]] as const);
  return {
    ...nothing,
    class: 'standard',
    level: 'L4',
    flags: isDsnCapture(block, bytes.length) ? [...flags, 'dsn-capture'] : flags,
    quarantineReason: null,
    ...headerSender(block),
    subject: facts.subject,
    messageId: facts.messageId,
    recipients: settleRecipients(
      [...headerRecipients(block), ...harvested([block]), ...traceRecipients(block, options)],
      options,
    ),
    originals: [{ ranges, decoding: 'identity', protected: isProtected(block, bytes.length), clearText: false, facts }],
    primary: 0,
    times: { ...readOwnTimes(block, facts.dateAt), reportSent: null, outerDate: facts.dateAt },
  };
}

/**
 * The ladder of journaling b.7 for what detection took for a report. What would put it into quarantine is a flag alone
 * where an operator insists: it is read under far higher limits, and stands for an original that cannot be read.
 */
export function stepDown(received: Received, { report, flags }: Detection, options: UnwrapOptions): Parsed {
  if (report.limit === null) return descend(received, { report, flags }, options);
  const reason = `limit:${report.limit}`;
  const { block, end, family, decoded } = report;
  const again = options.insists ? readReport(block, end, { family, limits: raisedLimits, decoded }) : report;
  if (again.limit !== null) return quarantine(received, reason, flags);
  return descend(received, { report: again, flags }, options, [reason]);
}

/** `passed`: what was no reason to stop. */
function descend(
  received: Received,
  { report, flags }: Detection,
  options: UnwrapOptions,
  passed: readonly string[] = [],
): Parsed {
  const { envelope, originals } = report;
  const said = envelope.sender !== null || envelope.messageId !== null || envelope.recipients.length > 0;
  if (originals.found.length > 0) return openReport(report, said, { flags: [...flags, ...passed], options });
  const unread = hasTnef(report) ? ['tnef'] : originals.undecodable ? ['decode'] : [];
  const [reason] = unread;
  if (reason !== undefined && !options.insists) return quarantine(received, reason, flags);
  if (said) return openReport(report, said, { flags: [...flags, ...passed, ...unread], options });
  return absorb(received, options, ['marker-without-report', ...passed, ...unread]);
}

interface Opening {
  readonly flags: readonly string[];
  readonly options: UnwrapOptions;
}

/** L0 to L3. `said`: the text holds at least one of sender, Message-ID and recipient. */
function openReport(report: Report, said: boolean, { flags, options }: Opening): Parsed {
  const { envelope, originals } = report;
  const choice = choosePrimary(originals.found, envelope.messageId, options.preferClearTextVersion);
  const primary = choice.primary === null ? undefined : originals.found[choice.primary];
  const level = levelOf(report, primary, said);
  // Exchange Online puts the outside author into From and itself into Sender (RFC 5322 3.6.2).
  const senders = [...addressesOf(report.block, 'from'), ...addressesOf(report.block, 'sender')];
  const outside = !senders.some((address) => options.isInternal(address));
  const { sender, onBehalfOf, authors }: ReturnType<typeof headerSender> =
    level === 'L2' && primary !== undefined ? headerSender(primary.block) : envelope;
  const recipients = settleRecipients(reportRecipients(report, primary, options), options);
  return {
    class: level === 'L2' ? 'standard' : 'envelope',
    family: report.family,
    level,
    flags: [
      ...flags,
      ...(outside ? ['report-from-outside'] : []),
      ...report.flags,
      ...choice.flags,
      ...originalFlags(originals.found, primary, { envelopeId: envelope.messageId, options }),
      ...(levelFlag[level] ?? []),
    ],
    quarantineReason: null,
    sender,
    onBehalfOf,
    ...(authors === undefined ? {} : { authors }),
    subject: level === 'L2' ? (primary?.facts.subject ?? null) : envelope.subject,
    messageId: primary?.facts.messageId ?? envelope.messageId,
    reportMessageId: envelope.messageId,
    recipients: outside ? recipients.map((recipient) => ({ ...recipient, source: 'unverified' })) : recipients,
    originals: originals.found.map((message, index) => toOriginal(message, choice.clearText === index, options)),
    primary: choice.primary,
    extra: envelope.extra,
    unparsed: envelope.unparsed,
    times: reportTimes(report, primary),
  };
}

const levelFlag: Readonly<Partial<Record<Level, readonly string[]>>> = {
  L1: ['report-partial'],
  L2: ['report-unreadable'],
  L3: ['original-missing'],
};

function levelOf({ envelope }: Report, primary: AttachedMessage | undefined, said: boolean): Level {
  if (primary === undefined) return 'L3';
  if (!said) return 'L2';
  const complete = envelope.sender !== null && envelope.messageId !== null && envelope.recipients.length > 0;
  return complete && envelope.unparsed.length === 0 ? 'L0' : 'L1';
}

/** The envelope's recipients, else those of the header; harvested ones in any case. */
function reportRecipients(
  report: Report,
  primary: AttachedMessage | undefined,
  options: UnwrapOptions,
): readonly Recipient[] {
  const { recipients, sender, messageId } = report.envelope;
  const listed = recipients.map(({ address, type, via }) => ({ address, type, via, source: 'envelope' }) as const);
  if (primary === undefined) return listed;
  const copies = report.originals.found.filter(({ facts }) =>
    isSameMessageId(facts.messageId, primary.facts.messageId),
  );
  const bcc = harvested(copies.map(({ block }) => block));
  if (listed.length > 0) return [...(report.family === 'ms2003' ? refine(listed, primary.block) : listed), ...bcc];
  const trace = sender === null && messageId === null ? traceRecipients(primary.block, options) : [];
  return [...headerRecipients(primary.block), ...bcc, ...trace];
}

/** What the original's header adds to a 2003 report, which cannot tell how a person was addressed (journaling b.4). */
function refine(listed: readonly Recipient[], block: HeaderBlock): readonly Recipient[] {
  const to = new Set(addressesOf(block, 'to').map(addressKey));
  const cc = new Set(addressesOf(block, 'cc').map(addressKey));
  return listed.map((recipient) => {
    const key = addressKey(recipient.address);
    return { ...recipient, refined: to.has(key) ? 'to' : cc.has(key) ? 'cc' : 'undisclosed' };
  });
}

function harvested(blocks: readonly HeaderBlock[]): readonly Recipient[] {
  return recipientsOf(blocks.flatMap(harvestBcc), 'bcc', 'harvest');
}

/** Each fact once, and never the service address (journaling a.2, b.1). */
function settleRecipients(recipients: readonly Recipient[], options: UnwrapOptions): readonly Recipient[] {
  const service = addressKey(options.serviceEmailAddress);
  const seen = new Set<string>();
  return recipients.filter((recipient) => {
    const address = addressKey(recipient.address);
    // No address holds a line end, so that it parts them without doubt.
    const via = recipient.via.map((step) => `\n${step.kind} ${addressKey(step.address)}`);
    const key = `${recipient.type} ${recipient.source} ${address}${via.join('')}`;
    if (address === service || seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

function originalFlags(
  found: readonly AttachedMessage[],
  primary: AttachedMessage | undefined,
  { envelopeId, options }: { envelopeId: string | null; options: UnwrapOptions },
): readonly string[] {
  const own = primary?.facts.messageId ?? null;
  const kept = found.some((message) => message.decoding !== 'identity' && hasJournalHeaders(message.block));
  return [
    ...(own !== null && envelopeId !== null && !isSameMessageId(own, envelopeId) ? ['mid-mismatch'] : []),
    ...(found.some((message) => markerFamily(message.block) !== null) ? ['nested-report-kept'] : []),
    ...(options.removeJournalHeaders && kept ? ['journal-headers-kept'] : []),
  ];
}

/** Fields cannot be cut out of encoded bytes, where they do not begin at a byte; such an original stays whole. */
function toOriginal(message: AttachedMessage, clearText: boolean, options: UnwrapOptions): Original {
  const { start, end, decoding, facts } = message;
  const cuts = options.removeJournalHeaders && decoding === 'identity';
  const ranges = cuts ? rangesWithoutJournalHeaders(message.block, start, end) : ([[start, end]] as const);
  return { ranges, decoding, protected: message.protected, clearText, facts };
}

function reportTimes(report: Report, primary: AttachedMessage | undefined): MessageTimes {
  const { sent } = report.envelope.extra;
  const outerDate = readDate(report.block);
  const reportSent = sent === undefined ? null : parseReportTime(sent);
  const own = primary === undefined ? null : readOwnTimes(primary.block, primary.facts.dateAt);
  return { date: null, oldestReceived: null, newestReceived: null, ...own, reportSent, outerDate };
}
