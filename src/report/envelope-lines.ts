/** What a line of the envelope text is about (journaling b.3, b.4). */
export type Label =
  | 'sender'
  | 'on-behalf-of'
  | 'subject'
  | 'message-id'
  | 'label'
  | 'mailbox'
  | 'sent'
  | 'received'
  | 'to'
  | 'cc'
  | 'bcc'
  | 'recipient'
  | 'recipients'
  /** A line below `Recipients:`. */
  | 'entry'
  | 'other';

/** A field with its continuation lines joined. */
export interface EnvelopeLine {
  readonly label: Label;
  readonly value: string;
  /** As written, for the list of what was not understood. */
  readonly text: string;
}

const labels: ReadonlyMap<string, Label> = new Map([
  ['sender', 'sender'],
  ['on-behalf-of', 'on-behalf-of'],
  ['subject', 'subject'],
  ['message-id', 'message-id'],
  ['label', 'label'],
  ['mailbox', 'mailbox'],
  ['sentutc', 'sent'],
  ['sent', 'sent'],
  ['receivedutc', 'received'],
  ['received', 'received'],
  ['to', 'to'],
  ['cc', 'cc'],
  ['bcc', 'bcc'],
  ['recipient', 'recipient'],
]);

/** The longest label and the blanks that may stand before its colon. */
const labelLimit = 40;

/** Cuts the text into its lines, or answers null beyond `limit` of them. */
export function splitLines(text: string, limit: number): string[] | null {
  const lines = text.split(/\r\n|\n|\r/, limit + 2);
  if (lines.at(-1) === '') lines.pop();
  return lines.length > limit ? null : lines;
}

/** Joins continuations (b.3.7) and names each field. `listed` says that `Recipients:` heads a list (b.4). */
export function readLines(lines: readonly string[], listed: boolean): readonly EnvelopeLine[] {
  const open: OpenLine[] = [];
  let previous: OpenLine | null = null;
  let inList = false;
  for (const line of lines) {
    const text = line.trim();
    if (text === '') {
      previous = null;
      continue;
    }
    const indented = line.startsWith(' ') || line.startsWith('\t');
    const labelled = indented ? null : readLabel(line, listed);
    if (labelled !== null) {
      previous = labelled;
      inList = labelled.label === 'recipients';
      open.push(previous);
    } else if (inList) open.push({ label: 'entry', values: [text], texts: [text] });
    else if (previous !== null && (indented || continues(previous, text))) extend(previous, text);
    else {
      previous = { label: 'other', values: [text], texts: [text] };
      open.push(previous);
    }
  }
  return open.map(({ label, values, texts }) => ({ label, value: values.join(' ').trim(), text: texts.join(' ') }));
}

/** Pieces are joined once at the end: a text that is nothing but continuations must not cost its square. */
interface OpenLine {
  readonly label: Label;
  readonly values: string[];
  readonly texts: string[];
}

function readLabel(line: string, listed: boolean): OpenLine | null {
  const colon = line.slice(0, labelLimit).indexOf(':');
  if (colon === -1) return null;
  const name = line.slice(0, colon).trimEnd().toLowerCase();
  const label = labels.get(name) ?? (listed && name === 'recipients' ? 'recipients' : undefined);
  return label === undefined ? null : { label, values: [line.slice(colon + 1).trim()], texts: [line.trimEnd()] };
}

function isRecipient(label: Label): boolean {
  return label === 'to' || label === 'cc' || label === 'bcc' || label === 'recipient';
}

/** An unindented line that goes on with the recipient line before it. */
function continues(previous: OpenLine, text: string): boolean {
  if (!isRecipient(previous.label)) return false;
  return /^(?:expanded|forwarded)\s*:/i.test(text) || /(?:,|\b(?:expanded|forwarded)\s*:)$/i.test(tail(previous));
}

function extend(previous: OpenLine, text: string): void {
  const needsComma = isRecipient(previous.label) && /^(?:expanded|forwarded)\s*:/i.test(text);
  if (needsComma && !tail(previous).endsWith(',')) previous.values.push(',');
  previous.values.push(text);
  previous.texts.push(text);
}

/** The end of what was read so far; short, since it is asked for at every line. */
function tail(line: OpenLine): string {
  return (line.values.at(-1) ?? '').slice(-20);
}
