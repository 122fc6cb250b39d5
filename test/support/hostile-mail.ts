/** Whole messages made to be slow, of a size that a gateway would pass (reliability 2.2); each is accepted. */
const megabyte = 1_048_576;

/** The length of each in bytes, with `more` filled up to it, and what comes of it. */
export interface HostileMail {
  readonly name: string;
  readonly make: () => Buffer;
}

const fill = (piece: string, bytes: number): Buffer => Buffer.alloc(bytes, piece, 'latin1');
const text = (value: string): Buffer => Buffer.from(value, 'latin1');

/** A report with its own Message-ID; the parts are put together without a copy of them as text. */
function report(
  name: string,
  parts: { readonly envelope?: Buffer; readonly headers?: string; readonly original?: readonly Buffer[] },
): Buffer {
  const id = `<${name.replaceAll(/[^a-z0-9]/gi, '-')}@north.example>`;
  const envelope = parts.envelope ?? text(`Sender: ada@north.example\r\nMessage-Id: ${id}\r\nTo: bo@north.example\r\n`);
  const head = `From: Journal <journal@north.example>\r\nX-MS-Journal-Report:\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="B"\r\n\r\n--B\r\n\r\n`;
  const date = new Date().toUTCString().replace('GMT', '+0000');
  const original = parts.original ?? [text(`From: ada@north.example\r\nMessage-ID: ${id}\r\nDate: ${date}\r\n\r\nx`)];
  return Buffer.concat([
    text(head),
    envelope,
    text(`\r\n--B\r\nContent-Type: message/rfc822\r\n${parts.headers ?? ''}\r\n`),
    ...original,
    text('\r\n--B--\r\n'),
  ]);
}
const start = (headers = ''): Buffer => text(`From: ada@north.example\r\nTo: bo@north.example\r\n${headers}\r\n`);
const under = (encoding: string): string => `Content-Transfer-Encoding: ${encoding}\r\n`;
const lines = (make: (at: number) => string, count: number): Buffer =>
  text(Array.from({ length: count }, (_, at) => make(at)).join(''));

/** `largeBytes`: how much the large ones have. */
export function hostileMail(largeBytes: number): readonly HostileMail[] {
  const of = (name: string, make: (name: string) => Buffer): HostileMail => ({ name, make: () => make(name) });
  const body = (name: string, piece: string, bytes = largeBytes, headers = ''): HostileMail =>
    of(name, () => report(name, { original: [start(headers), fill(piece, bytes)] }));
  const encoded = (name: string, encoding: string, piece: string): HostileMail =>
    of(name, () => report(name, { headers: under(encoding), original: [start(), fill(piece, largeBytes), text('x')] }));
  return [
    body('boundary prefixes', '\r\n--Bx'),
    body('small boundary prefixes', '\r\n--Bx', megabyte - 4_096),
    body('dashes', '-'),
    body('line ends', '\r\n'),
    body('dots', '\r\n.'),
    body('one line', 'a'),
    body('base64 lines', `${'Zm9v'.repeat(19)}\r\n`),
    body('parts in parts', '--x\r\n\r\n', largeBytes, 'Content-Type: multipart/mixed; boundary=x\r\n'),
    body('table cells', '<td>', 1_400_000, 'Content-Type: text/html\r\n'),
    encoded('escapes under quoted-printable', 'quoted-printable', '=41'),
    encoded('blanks under quoted-printable', 'quoted-printable', ' '),
    of('small blanks under quoted-printable', (name) =>
      report(name, { headers: under('quoted-printable'), original: [start(), fill(' ', megabyte - 4_096), text('x')] }),
    ),
    of('base64', (name) =>
      report(name, {
        headers: under('base64'),
        original: [
          text(`${start().toString('base64').replace(/=+$/, '')}\r\n`),
          fill(`${'Zm9v'.repeat(19)}\r\n`, largeBytes),
        ],
      }),
    ),
    of('recipients', (name) =>
      report(name, { envelope: lines((at) => `To: user${at}.${'x'.repeat(24)}@north.example\r\n`, 19_000) }),
    ),
    of('expansions', (name) =>
      report(name, { envelope: lines((at) => `To: u${at}@north.example, Expanded: all@north.example\r\n`, 17_000) }),
    ),
    of('recipients in the header', () =>
      Buffer.concat([
        start(`Cc: ${Array.from({ length: 6_000 }, (_, at) => `u${at}@north.example`).join(',\r\n ')}\r\n`),
        text('x'),
      ]),
    ),
    of('words of a subject', (name) => {
      const subject = `Subject: ${Array.from({ length: 20_000 }, (_, at) => `w${at.toString(36)}`).join('\r\n ')}\r\n`;
      return report(name, { original: [start(subject), text('x')] });
    }),
    of('encoded words', (name) =>
      report(name, { original: [start(`Subject: ${'=?utf-8?q?a?= '.repeat(8_000)}\r\n`), text('x')] }),
    ),
    of('header fields', (name) => report(name, { original: [fill('A: b\r\n', largeBytes)] })),
    of('nothing that is mail', () => fill('a', largeBytes)),
    of('nested messages', (name) =>
      report(name, { original: [fill('Content-Type: message/rfc822\r\n\r\n', megabyte)] }),
    ),
  ];
}
