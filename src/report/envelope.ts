import type { Family, RecipientType, Via } from '../../streams/message.ts';
import { parseAddressList, parseReportAddress } from './addresses.ts';
import { type EnvelopeLine, type Label, readLines, splitLines } from './envelope-lines.ts';
import { readMessageId } from './header-facts.ts';
import type { Limit } from './limits.ts';
import { dropInjectedLines } from './subject-injection.ts';

/** One recipient line. */
export interface EnvelopeRecipient {
  readonly address: string;
  readonly type: RecipientType;
  readonly via: readonly Via[];
}

/** What the text of a report says. Null: not said; '' as sender is the null sender. */
export interface Envelope {
  readonly sender: string | null;
  readonly onBehalfOf: string | null;
  readonly subject: string | null;
  readonly messageId: string | null;
  readonly recipients: readonly EnvelopeRecipient[];
  readonly extra: Readonly<Record<string, string>>;
  readonly unparsed: readonly string[];
  /** `dup-field`, `subject-injection`, `dn-recipient`. */
  readonly flags: readonly string[];
  readonly limit: Extract<Limit, 'lines'> | null;
}

/** The list of what was not understood is kept with the intake; a person reads its beginning. */
const unparsedLimit = 200;
const unparsedLineLimit = 500;
/** Redirections of one recipient (b.3.3). */
const viaLimit = 8;

export interface EnvelopeFrame {
  readonly family: Family;
  /** Those of the originals, decoded (b.3.10). */
  readonly subjects: readonly string[];
  /** Beyond so many lines nothing is read. */
  readonly lineLimit: number;
}

/** Reads the envelope text by b.3, for `ms2003` by b.4. */
export function parseEnvelope(text: string, { family, subjects, lineLimit }: EnvelopeFrame): Envelope {
  const all = splitLines(text, lineLimit);
  const draft = new Draft();
  if (all === null) return draft.finish([], 'lines');
  const lines = dropInjectedLines(all, subjects);
  for (const line of readLines(lines, family === 'ms2003')) draft.take(line);
  return draft.finish(lines.length < all.length ? ['subject-injection'] : [], null);
}

/** Collects the fields of one report; the first of a kind wins (b.3.8). */
class Draft {
  private readonly texts = new Map<Label, string>();
  private readonly recipients: EnvelopeRecipient[] = [];
  private readonly unparsed: string[] = [];
  private duplicated = false;

  take(line: EnvelopeLine): void {
    switch (line.label) {
      case 'sender':
      case 'on-behalf-of':
        this.set(line, parseReportAddress(line.value));
        break;
      case 'message-id':
        this.set(line, readMessageId(line.value));
        break;
      case 'subject':
      case 'label':
      case 'mailbox':
      case 'sent':
      case 'received':
        this.set(line, line.value);
        break;
      case 'recipients':
        if (line.value !== '') this.takeEntry(line);
        break;
      case 'entry':
        this.takeEntry(line);
        break;
      case 'other':
        this.refuse(line);
        break;
      default:
        this.takeRecipient(line, line.label);
    }
  }

  finish(flags: readonly string[], limit: Envelope['limit']): Envelope {
    const { texts } = this;
    const extra: Record<string, string> = {};
    for (const label of ['label', 'mailbox', 'sent', 'received'] as const) {
      const text = texts.get(label);
      if (text !== undefined) extra[label] = text;
    }
    const named = this.recipients.some(({ address }) => address.startsWith('dn:'));
    return {
      sender: texts.get('sender') ?? null,
      onBehalfOf: texts.get('on-behalf-of') || null,
      subject: texts.get('subject') ?? null,
      messageId: texts.get('message-id') ?? null,
      recipients: this.recipients,
      extra,
      unparsed: this.unparsed,
      flags: [...flags, ...(this.duplicated ? ['dup-field'] : []), ...(named ? ['dn-recipient'] : [])],
      limit,
    };
  }

  private set(line: EnvelopeLine, value: string | null): void {
    const known = this.texts.get(line.label);
    if (value !== null && known === undefined) this.texts.set(line.label, value);
    else if (value === null || known !== value || !isTime(line.label)) {
      this.duplicated ||= value !== null;
      this.refuse(line);
    }
  }

  /** One address, then its redirections; commas mean nothing by themselves (b.3.4). */
  private takeRecipient(line: EnvelopeLine, type: RecipientType): void {
    const [first = '', ...redirects] = splitRedirects(line.value);
    // A trailing comma announces a continuation that did not come: the address counts, the line is shown.
    const announced = first.endsWith(',');
    const address = parseReportAddress(announced ? first.slice(0, -1) : first);
    if (address === null || address === '') {
      this.refuse(line);
      return;
    }
    const via: Via[] = [];
    for (const redirect of redirects) {
      const colon = redirect.indexOf(':');
      const source = parseReportAddress(redirect.slice(colon + 1));
      const kind = /^expanded/i.test(redirect) ? 'expanded' : 'forwarded';
      if (source !== null && source !== '' && via.length < viaLimit) via.push({ kind, address: source });
    }
    // A redirection that cannot be read does not cost the recipient, but somebody should see it.
    if (announced || via.length < redirects.length) this.refuse(line);
    this.recipients.push({ address, type, via });
  }

  /** A line of the 2003 list: one or more addresses, with or without names (b.4). */
  private takeEntry(line: EnvelopeLine): void {
    const single = parseReportAddress(line.value);
    const list = single ? { addresses: [single], invalid: 0 } : parseAddressList(line.value);
    for (const address of list.addresses) this.recipients.push({ address, type: 'recipient', via: [] });
    if (list.invalid > 0 || list.addresses.length === 0) this.refuse(line);
  }

  private refuse(line: EnvelopeLine): void {
    if (this.unparsed.length < unparsedLimit) this.unparsed.push(line.text.slice(0, unparsedLineLimit));
  }
}

function isTime(label: Label): boolean {
  return label === 'sent' || label === 'received';
}

/** Cuts before each `, Expanded:` and `, Forwarded:` that stands outside the quoted name an address may begin with. */
function splitRedirects(value: string): readonly string[] {
  if (!value.includes(':')) return [value];
  const pieces: string[] = [];
  let last = 0;
  let quoteEnd = endOfQuote(value, last);
  for (const found of value.matchAll(/,\s*(?=(?:expanded|forwarded)\s*:)/gi)) {
    if (found.index < quoteEnd) continue;
    pieces.push(value.slice(last, found.index));
    last = found.index + found[0].length;
    quoteEnd = endOfQuote(value, value.indexOf(':', last) + 1);
  }
  pieces.push(value.slice(last));
  return pieces;
}

/** Where the quoted string that begins here is closed; 0 when none begins or it stays open. */
function endOfQuote(value: string, start: number): number {
  let at = start;
  while (value[at] === ' ' || value[at] === '\t') at += 1;
  if (value[at] !== '"') return 0;
  for (at += 1; at < value.length; at += 1) {
    if (value[at] === '"') return at;
    if (value[at] === '\\') at += 1;
  }
  return 0;
}
