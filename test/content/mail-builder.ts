/** A message as its author meant it; `render` writes it as one relay or another would. */
export interface Mail {
  readonly from: string;
  readonly to: readonly string[];
  readonly cc: readonly string[];
  readonly subject: string;
  readonly date: string;
  readonly text: string;
  readonly html: string;
  readonly attachment: { readonly name: string; readonly bytes: Buffer };
}
/** What relays are free to choose. */
export interface Wire {
  readonly textEncoding: 'base64' | 'quoted-printable' | '8bit';
  readonly attachmentLineLength: number;
  readonly boundary: string;
  readonly charset: 'utf-8' | 'utf-16le';
  readonly encodedSubject: 'B' | 'Q' | 'raw';
  readonly extraHeaders: readonly string[];
  readonly foldedRecipients: boolean;
  readonly reversedRecipients: boolean;
  readonly lineEnd: '\r\n' | '\n';
}

export const plainWire: Wire = {
  textEncoding: '8bit',
  attachmentLineLength: 76,
  boundary: 'b1',
  charset: 'utf-8',
  encodedSubject: 'raw',
  extraHeaders: [],
  foldedRecipients: false,
  reversedRecipients: false,
  lineEnd: '\r\n',
};

/** multipart/mixed of multipart/alternative (text, html) and one attachment. */
export function render(mail: Mail, wire: Wire): Buffer {
  const list = (addresses: readonly string[]) =>
    (wire.reversedRecipients ? addresses.toReversed() : addresses).join(wire.foldedRecipients ? ',\r\n ' : ', ');
  const [outer, inner] = [wire.boundary, `${wire.boundary}-i`];
  const lines = [
    ...wire.extraHeaders,
    `From: ${mail.from}`,
    ...(mail.to.length > 0 ? [`To: ${list(mail.to)}`] : []),
    ...(mail.cc.length > 0 ? [`Cc: ${list(mail.cc)}`] : []),
    `Subject: ${encodedWord(mail.subject, wire.encodedSubject)}`,
    `Date: ${mail.date}`,
    'MIME-Version: 1.0',
    `Content-Type: multipart/mixed; boundary="${outer}"`,
    '',
    `--${outer}`,
    `Content-Type: multipart/alternative; boundary="${inner}"`,
    '',
    `--${inner}`,
    ...textPart('plain', mail.text, wire),
    `--${inner}`,
    ...textPart('html', mail.html, wire),
    `--${inner}--`,
    `--${outer}`,
    `Content-Type: application/octet-stream; name="${mail.attachment.name}"`,
    `Content-Disposition: attachment; filename="${mail.attachment.name}"`,
    'Content-Transfer-Encoding: base64',
    '',
    base64(mail.attachment.bytes, wire.attachmentLineLength),
    `--${outer}--`,
    '',
  ];
  return Buffer.from(lines.join('\r\n').replaceAll('\r\n', wire.lineEnd), 'latin1');
}

/** Lines of one text part, one character for each byte. UTF-16 cannot travel as 8bit or quoted-printable lines. */
function textPart(kind: 'plain' | 'html', text: string, wire: Wire): readonly string[] {
  const encoding = wire.charset === 'utf-8' ? wire.textEncoding : 'base64';
  const bytes = Buffer.from(text, wire.charset === 'utf-8' ? 'utf8' : 'utf16le');
  const head = [`Content-Type: text/${kind}; charset=${wire.charset}`, `Content-Transfer-Encoding: ${encoding}`, ''];
  if (encoding === 'base64') return [...head, base64(bytes, 60)];
  if (encoding === '8bit') return [...head, bytes.toString('latin1')];
  return [...head, quotedPrintable(bytes)];
}

const base64 = (bytes: Buffer, length: number): string =>
  bytes.toString('base64').replace(new RegExp(`.{${length}}`, 'g'), '$&\r\n');

function quotedPrintable(bytes: Buffer): string {
  const lines = bytes.toString('latin1').split('\r\n');
  return lines
    .map((line) => {
      const coded = [...line].map((one) =>
        /[!-<>-~]/.test(one) ? one : `=${one.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
      );
      const pieces: string[] = [];
      for (let at = 0; at < coded.length; at += 20) pieces.push(coded.slice(at, at + 20).join(''));
      return pieces.join('=\r\n');
    })
    .join('\r\n');
}

function encodedWord(text: string, kind: Wire['encodedSubject']): string {
  const bytes = Buffer.from(text, 'utf8');
  if (kind === 'raw') return bytes.toString('latin1');
  if (kind === 'B') return `=?utf-8?B?${bytes.toString('base64')}?=`;
  return `=?utf-8?Q?${[...bytes].map((byte) => `=${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('')}?=`;
}
