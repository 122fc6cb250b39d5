import type { RecipientType, Via } from '../../streams/message.ts';
import type { UnwrapOptions } from '../../streams/ports.ts';

/** Builds messages and journal reports of every family and malformation. All addresses are of the example domains. */

export interface MessageParts {
  readonly from?: string | null;
  readonly to?: string | null;
  readonly cc?: string;
  readonly subject?: string | null;
  readonly messageId?: string | null;
  readonly date?: string | null;
  /** Further header lines, before the empty one. */
  readonly headers?: readonly string[];
  readonly body?: string | Uint8Array;
  /** Line end of the header; default CRLF. */
  readonly eol?: string;
}

/** One message; without arguments the lunch invitation of the worked examples. `null` leaves a field out. */
export function buildMessage(parts: MessageParts = {}): Buffer {
  const { eol = '\r\n', body = 'Soup today.' } = parts;
  const lines = [
    field('From', parts.from, 'Ada <ada@north.example>'),
    field('To', parts.to, 'bo@north.example'),
    field('Cc', parts.cc, null),
    field('Subject', parts.subject, 'Lunch'),
    field('Message-ID', parts.messageId, '<m1@north.example>'),
    field('Date', parts.date, 'Mon, 02 Mar 2026 09:00:00 +0000'),
    ...(parts.headers ?? []),
  ];
  const header = lines.filter((line) => line !== null).map((line) => line + eol);
  return Buffer.concat([Buffer.from(header.join('') + eol), Buffer.from(body as string)]);
}

export interface ReportRecipient {
  readonly address: string;
  readonly type?: RecipientType;
  readonly via?: readonly Via[];
}

export interface ReportParts {
  /** Marker in the outer header; `none` leaves it out. */
  readonly family?: 'ms2007' | 'ms2003' | 'workmail' | 'none';
  readonly from?: string | null;
  readonly to?: string;
  readonly date?: string | null;
  /** Further outer header lines. */
  readonly headers?: readonly string[];
  readonly sender?: string | null;
  readonly onBehalfOf?: string;
  readonly subject?: string | null;
  readonly messageId?: string | null;
  readonly recipients?: readonly ReportRecipient[];
  /** Further lines of the envelope text. */
  readonly lines?: readonly string[];
  /** The whole envelope text, instead of all of these. */
  readonly text?: string | Uint8Array;
  readonly textEncoding?: '7bit' | 'base64' | 'quoted-printable';
  /** Content-Type of the text part. */
  readonly textType?: string;
  /** Attached messages, the lunch invitation by default. */
  readonly originals?: readonly Uint8Array[];
  /** Header lines of each attached part. */
  readonly partHeaders?: readonly string[];
  readonly originalEncoding?: 'base64' | 'quoted-printable';
  /** Whole parts (header, empty line, body) before and after text and originals. */
  readonly partsBefore?: readonly string[];
  readonly partsAfter?: readonly string[];
  readonly boundary?: string;
  readonly multipart?: string;
  /** False: the closing boundary is missing. */
  readonly closed?: boolean;
  /** What stands before the first header line, such as a BOM. */
  readonly prefix?: string;
  /** Line end of everything but the originals; default CRLF. */
  readonly eol?: string;
}

/** A journal report; without arguments, example E1 without its Cc. */
export function buildReport(parts: ReportParts = {}): Buffer {
  const { boundary = 'B', eol = '\r\n' } = parts;
  const header = [
    field('From', parts.from, 'Journal <MicrosoftExchange0@north.example>'),
    field('To', parts.to, 'jrnl@journal.north.example'),
    field('Date', parts.date, null),
    markers[parts.family ?? 'ms2007'],
    ...(parts.headers ?? []),
    'MIME-Version: 1.0',
    `Content-Type: ${parts.multipart ?? 'multipart/mixed'}; boundary="${boundary}"`,
  ];
  const chunks: (string | Uint8Array)[] = [parts.prefix ?? ''];
  for (const line of header) if (line !== null) chunks.push(line, eol);
  const contents = [
    ...(parts.partsBefore ?? []).map((part) => [part]),
    textPart(parts, eol),
    ...(parts.originals ?? [buildMessage()]).map((original) => originalPart(original, parts, eol)),
    ...(parts.partsAfter ?? []).map((part) => [part]),
  ];
  for (const content of contents) chunks.push(eol, `--${boundary}`, eol, ...content);
  if (parts.closed !== false) chunks.push(eol, `--${boundary}--`, eol);
  return Buffer.concat(chunks.map((chunk) => Buffer.from(chunk as string)));
}

/** A bounce that carries `report` as its attached message (example E13). */
export function buildBounce(
  report: Uint8Array,
  status = 'Reporting-MTA: dns; hub.north.example',
  boundary = 'N',
): Buffer {
  const before = [
    'From: postmaster@north.example',
    'To: alternate-journal@north.example',
    'Subject: Undeliverable: Lunch',
    'MIME-Version: 1.0',
    `Content-Type: multipart/report; report-type=delivery-status; boundary="${boundary}"`,
    '',
    `--${boundary}`,
    'Content-Type: text/plain',
    '',
    'Delivery failed.',
    `--${boundary}`,
    'Content-Type: message/delivery-status',
    '',
    status,
    '',
    `--${boundary}`,
    'Content-Type: message/rfc822',
    '',
    '',
  ].join('\r\n');
  return Buffer.concat([Buffer.from(before), report, Buffer.from(`\r\n--${boundary}--\r\n`)]);
}

/** A clear and a rights-protected copy of one message (example E10). */
export function buildProtectedPair(
  messageId = '<m3@north.example>',
  date = 'Mon, 02 Mar 2026 09:10:00 +0000',
): {
  readonly clear: Buffer;
  readonly guarded: Buffer;
} {
  const shared = { subject: 'Secret', messageId, date };
  const payload = 'Content-Type: application/x-microsoft-rpmsg-message; name="message.rpmsg"';
  const guarded = buildMessage({
    ...shared,
    headers: ['MIME-Version: 1.0', 'Content-Type: multipart/mixed; boundary="P"'],
    body: `--P\r\nContent-Type: text/plain\r\n\r\nProtected message.\r\n--P\r\n${payload}\r\n\r\ndgToAQ==\r\n--P--`,
  });
  return { clear: buildMessage({ ...shared, body: 'The real text.' }), guarded };
}

/** Options with the defaults of a definition in domain north.example. */
export function unwrapOptions(options: Partial<UnwrapOptions> = {}): UnwrapOptions {
  return {
    journalType: 'eej',
    serviceEmailAddress: 'jrnl@journal.north.example',
    preferClearTextVersion: false,
    removeJournalHeaders: false,
    insists: false,
    trustedRecipientHeaders: [],
    isInternal: internalAt('north.example'),
    ...options,
  };
}

export function internalAt(...domains: readonly string[]): (address: string) => boolean {
  return (address) => domains.includes(address.slice(address.lastIndexOf('@') + 1).toLowerCase());
}

const markers = {
  ms2007: 'X-MS-Journal-Report:',
  ms2003: 'Content-Identifer: ExJournalReport',
  workmail: 'X-WM-Journal-Report: journal',
  none: null,
} as const;

function field(name: string, value: string | null | undefined, fallback: string | null): string | null {
  const shown = value === undefined ? fallback : value;
  return shown === null ? null : `${name}: ${shown}`;
}

function textPart(parts: ReportParts, eol: string): readonly (string | Uint8Array)[] {
  const { textEncoding = '7bit', textType = 'text/plain; charset=us-ascii' } = parts;
  const text = parts.text ?? envelopeText(parts, eol);
  return [
    `Content-Type: ${textType}`,
    eol,
    `Content-Transfer-Encoding: ${textEncoding}`,
    eol,
    eol,
    textEncoding === '7bit' ? text : encode(text, textEncoding),
  ];
}

/** The lines a report of that family writes. */
function envelopeText(parts: ReportParts, eol: string): string {
  const recipients = parts.recipients ?? [{ address: 'bo@north.example', type: 'to' }];
  const old = parts.family === 'ms2003';
  const lines = [
    field('Sender', parts.sender, 'ada@north.example'),
    field('On-Behalf-Of', parts.onBehalfOf, null),
    field('Subject', parts.subject, old ? null : 'Lunch'),
    field('Message-Id', parts.messageId, '<m1@north.example>'),
    old ? 'Recipients:' : null,
    ...recipients.map((recipient) => (old ? `\t${recipient.address}` : recipientLine(recipient))),
    ...(parts.lines ?? []),
  ];
  return lines.flatMap((line) => (line === null ? [] : [line, eol])).join('');
}

function recipientLine({ address, type = 'to', via = [] }: ReportRecipient): string {
  const label = type.charAt(0).toUpperCase() + type.slice(1);
  const steps = via.map((step) => `, ${step.kind === 'expanded' ? 'Expanded' : 'Forwarded'}: ${step.address}`);
  return `${label}: ${address}${steps.join('')}`;
}

function originalPart(original: Uint8Array, parts: ReportParts, eol: string): readonly (string | Uint8Array)[] {
  const headers = parts.partHeaders ?? ['Content-Type: message/rfc822'];
  const encoding = parts.originalEncoding;
  const all = encoding === undefined ? headers : [...headers, `Content-Transfer-Encoding: ${encoding}`];
  const body = encoding === undefined ? original : encode(original, encoding);
  return [...all.flatMap((line) => [line, eol]), eol, body];
}

/** Base64 in lines of 76; quoted-printable with everything odd escaped and soft breaks at 70. */
export function encode(content: string | Uint8Array, encoding: 'base64' | 'quoted-printable'): string {
  const bytes = Buffer.from(content as string);
  if (encoding === 'base64') return bytes.toString('base64').replace(/.{76}(?=.)/g, '$&\r\n');
  let line = 0;
  let encoded = '';
  for (const byte of bytes) {
    const plain = byte >= 33 && byte <= 126 && byte !== 61;
    const piece = plain || byte === 13 || byte === 10 ? String.fromCharCode(byte) : `=${hex(byte)}`;
    line = byte === 10 ? 0 : line + piece.length;
    encoded += piece;
    if (line <= 70 || byte === 13 || byte === 10) continue;
    encoded += '=\r\n';
    line = 0;
  }
  return encoded;
}

function hex(byte: number): string {
  return byte.toString(16).toUpperCase().padStart(2, '0');
}
