/**
 * Mail made to be slow: one short piece, again and again, in one place of a message. What costs more than the length of
 * its input shows up here, whatever rule it comes from (reliability 2.2).
 */
export interface Bomb {
  readonly name: string;
  /** The message with about so many bytes of the piece in it. */
  readonly make: (bytes: number) => Buffer;
}

/** Letters, marks and words that some rule of mail looks for. */
const pieces: readonly string[] = [
  ...[
    ' ',
    '\t',
    '\r\n ',
    '\r\n',
    '\n',
    '\r',
    'a',
    '=',
    '"',
    '\\',
    '(',
    ')',
    '<',
    '>',
    '@',
    '.',
    ',',
    ';',
    ':',
    '[',
    ']',
  ],
  ...['{', '/', '_', '~', "'", '1', '&', '\0', '\xff', '\xa0', '--', '=?', '?=', '=41', '=\r\n', '%41', '.\r\n'],
  ...['=?utf-8?q?a?=', '=?utf-8?b?YQ==?=', 'a@b.c', '<a@b.c>', 'SMTP:a@b.c', '"a" <a@b.c>, ', 'EX:/o=x', 'a: b\r\n'],
  ...[
    '--B',
    '\r\n--B',
    '\r\n--Bx',
    'boundary=',
    'name*1*=',
    '*0*=',
    '&#65;',
    '<br>',
    '<!--',
    '-->',
    '<style>',
    '\x1b$B',
  ],
  ...['Expanded: ', ', Forwarded: a@b.c', 'To: ', 'To: a@b.c\r\n', 'Subject: ', 'Sender', 'From x\r\n', '\tx\r\n'],
  ...['Mon, ', '12:', '+0000', 'GMT', '+ADw-', 'Content-Type: '],
];
/** What the piece may stand behind, so that something is open. */
const openings = ['', 'a', '"', '(', '<', '=?utf-8?q?'] as const;

const fields = [
  ...['To', 'From', 'Cc', 'Bcc', 'Sender', 'Subject', 'Message-ID', 'Date', 'Received', 'References', 'Resent-To'],
  ...['Content-Type', 'Content-Disposition', 'Content-Transfer-Encoding', 'Content-Class', 'X-Envelope-To'],
  'X-MS-Exchange-Organization-BCC',
];
const envelope = 'Sender: ada@north.example\r\nMessage-Id: <m@north.example>\r\nTo: bo@north.example\r\n';
const original = 'From: ada@north.example\r\nMessage-ID: <m@north.example>\r\n\r\nx';

interface Parts {
  readonly headers?: string;
  readonly text?: string;
  readonly textHeaders?: string;
  readonly noise?: string;
  readonly original?: string;
  readonly originalHeaders?: string;
}
const report = ({ headers = '', text = envelope, textHeaders = '', noise = '', ...rest }: Parts): string =>
  [
    `From: Journal <journal@north.example>\r\nX-MS-Journal-Report:\r\n${headers}MIME-Version: 1.0`,
    `Content-Type: multipart/mixed; boundary="B"\r\n\r\n--B\r\n${textHeaders}\r\n${text}\r\n${noise}--B`,
    `Content-Type: message/rfc822\r\n${rest.originalHeaders ?? ''}\r\n${rest.original ?? original}\r\n--B--\r\n`,
  ].join('\r\n');
const encoded = (encoding: string): string => `Content-Transfer-Encoding: ${encoding}\r\n`;
const start = 'From: a@b.c\r\n\r\n';

/** Each place of a message, by name. */
const places: Readonly<Record<string, (bomb: string) => string>> = {
  ...Object.fromEntries(
    fields.flatMap((field): [string, (bomb: string) => string][] => [
      [`${field} of plain mail`, (bomb) => `A: b\r\n${field}: ${bomb}\r\n\r\nb`],
      [`${field} of the report`, (bomb) => report({ headers: `${field}: ${bomb}\r\n` })],
      [`${field} of the text part`, (bomb) => report({ textHeaders: `${field}: ${bomb}\r\n` })],
      [`${field} of the original`, (bomb) => report({ text: '', original: `${field}: ${bomb}\r\n\r\nb` })],
    ]),
  ),
  'a quoted name': (bomb) => report({ text: '', original: `To: "${bomb}" <a@b.c>\r\n\r\nb` }),
  'parameters of a container': (bomb) => report({ original: `Content-Type: multipart/mixed; ${bomb}\r\n\r\nb` }),
  'a quoted parameter': (bomb) => report({ original: `Content-Type: text/plain; name="${bomb}"\r\n\r\nb` }),
  'the text': (bomb) => report({ text: bomb }),
  'a line of the text': (bomb) => report({ text: `To: ${bomb}\r\n` }),
  'the subject in the text and in the original': (bomb) =>
    report({
      text: `Subject: ${bomb}\r\nTo: a@b.c\r\n`,
      original: `Subject: ${bomb.replaceAll(/[\r\n]/g, '')}\r\n\r\nb`,
    }),
  'the text in HTML': (bomb) => report({ text: bomb, textHeaders: 'Content-Type: text/html\r\n' }),
  'the text in base64': (bomb) => report({ text: bomb, textHeaders: encoded('base64') }),
  'the text in quoted-printable': (bomb) => report({ text: bomb, textHeaders: encoded('quoted-printable') }),
  ...Object.fromEntries(
    ['utf-16', 'iso-2022-jp', 'utf-7', 'gbk', 'x'].map((charset): [string, (bomb: string) => string] => [
      `the text in ${charset}`,
      (bomb) => report({ text: bomb, textHeaders: `Content-Type: text/plain; charset=${charset}\r\n` }),
    ]),
  ),
  'the body of the original': (bomb) => report({ original: start + bomb }),
  'an original in base64': (bomb) =>
    report({ original: Buffer.from(start).toString('base64') + bomb, originalHeaders: encoded('base64') }),
  'an original in quoted-printable': (bomb) =>
    report({ original: start + bomb, originalHeaders: encoded('quoted-printable') }),
  'parts of the original': (bomb) =>
    report({
      original: `From: a@b.c\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n${bomb.replaceAll('--B', '--x')}`,
    }),
  'another part': (bomb) => report({ noise: `--B\r\nContent-Type: x/y\r\n\r\n${bomb}\r\n` }),
  'header lines': (bomb) => `${bomb}\r\n\r\nb`,
  'the body of plain mail': (bomb) => start + bomb,
};

/** Every place with every piece behind every opening: some forty thousand. */
export const bombs: readonly Bomb[] = Object.entries(places).flatMap(([place, wrap]) =>
  pieces.flatMap((piece) =>
    openings.map((opening) => ({
      name: `${JSON.stringify(opening + piece)} in ${place}`,
      make: (bytes: number) => {
        const repeated = piece.repeat(Math.ceil(bytes / piece.length));
        // What ends in something else than it is made of is not over at its end.
        return Buffer.from(wrap(`${opening}${repeated}x`), 'latin1');
      },
    })),
  ),
);
