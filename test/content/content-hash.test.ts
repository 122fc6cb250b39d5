import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { hashContent } from '../../src/content/content-hash.ts';
import { type Mail, plainWire, render, type Wire } from './mail-builder.ts';

const mail: Mail = {
  from: 'Ann <ann@North.example>',
  to: ['bo@north.example', 'Cy <cy@south.example>'],
  cc: ['di@north.example'],
  subject: 'Grüße aus Köln',
  date: 'Mon, 02 Nov 2026 10:00:00 +0100',
  text: 'Guten Tag,\r\n\r\nhere is the größte list.\r\n.dot\r\n-- \r\nAnn',
  html: '<p>Guten Tag,</p>\r\n<p>here is the größte list.</p>',
  attachment: { name: 'list.bin', bytes: Buffer.from('00ff10808d0a0d0a2e0d0a', 'hex') },
};
const word = fc.string({ unit: fc.constantFrom(...'abcäß€漢 .=-'), maxLength: 40 });
const lines = fc.array(word, { maxLength: 8 }).map((all) => all.join('\r\n'));
const address = fc.stringMatching(/^[a-z]{1,8}$/).map((name) => `${name}@north.example`);
const mails: fc.Arbitrary<Mail> = fc.record({
  from: address,
  to: fc.array(address, { maxLength: 4 }),
  cc: fc.array(address, { maxLength: 4 }),
  subject: fc.stringMatching(/^[a-zäö]{1,12}( [a-zäö]{1,12})?$/),
  date: fc.constantFrom('Mon, 02 Nov 2026 10:00:00 +0100', 'Mon, 2 Nov 2026 09:00:00 GMT', '2 Nov 26 09:00 UT'),
  text: lines,
  html: lines,
  attachment: fc.record({
    name: fc.stringMatching(/^[a-z]{1,8}\.bin$/),
    bytes: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
  }),
});
const traces = [
  'Received: from a by b; Mon, 2 Nov 2026 10:00:01 +0100',
  'Return-Path: <ann@north.example>',
  'X-Spam-Score: 3',
  'DKIM-Signature: v=1; a=rsa-sha256; b=abc',
  'ARC-Seal: i=1; a=rsa-sha256; b=xyz',
  'Authentication-Results: mx.north.example; spf=pass',
  'X-MS-Exchange-Organization-BCC: secret@north.example',
  'X-MS-Exchange-CrossPremises-BCC: secret@north.example',
];
const wires: fc.Arbitrary<Wire> = fc.record({
  textEncoding: fc.constantFrom('base64', 'quoted-printable', '8bit'),
  attachmentLineLength: fc.constantFrom(4, 40, 76),
  boundary: fc.stringMatching(/^=_[A-Z]{3,12}$/),
  charset: fc.constantFrom('utf-8', 'utf-16le'),
  encodedSubject: fc.constantFrom('B', 'Q', 'raw'),
  extraHeaders: fc.subarray(traces),
  foldedRecipients: fc.boolean(),
  reversedRecipients: fc.boolean(),
  lineEnd: fc.constantFrom('\r\n', '\n'),
});
const hashOf = (parts: Partial<Mail> = {}, wire: Partial<Wire> = {}) =>
  hashContent(render({ ...mail, ...parts }, { ...plainWire, ...wire }));

describe('the content hash', () => {
  test('is the same however relays write the message', async () => {
    await fc.assert(
      fc.asyncProperty(mails, wires, wires, async (any, one, other) => {
        expect(await hashContent(render(any, one))).toBe(await hashContent(render(any, other)));
      }),
      { numRuns: 80 },
    );
  });

  test('differs as soon as two messages differ in what their author wrote', async () => {
    await fc.assert(
      fc.asyncProperty(mails, mails, wires, async (one, other, wire) => {
        fc.pre(JSON.stringify(meant(one)) !== JSON.stringify(meant(other)));
        expect(await hashContent(render(one, wire))).not.toBe(await hashContent(render(other, wire)));
      }),
      { numRuns: 60 },
    );
  });

  const changes: readonly (readonly [string, Partial<Mail>])[] = [
    ['a changed word of the text', { text: mail.text.replace('list', 'lost') }],
    ['an added disclaimer', { text: `${mail.text}\r\n\r\nThis message is confidential.` }],
    ['a changed word of the HTML alternative alone', { html: mail.html.replace('list', 'lost') }],
    ['text and HTML exchanged', { text: mail.html, html: mail.text }],
    ['a changed attachment byte', { attachment: { ...mail.attachment, bytes: Buffer.from('01ff10', 'hex') } }],
    ['a renamed attachment', { attachment: { ...mail.attachment, name: 'other.bin' } }],
    ['another sender', { from: 'eve@north.example' }],
    ['one recipient less', { to: ['bo@north.example'] }],
    ['a recipient moved from To to Cc', { to: ['bo@north.example'], cc: ['cy@south.example', 'di@north.example'] }],
    ['another subject', { subject: '[external] Grüße aus Köln' }],
    ['a Date one second later', { date: 'Mon, 02 Nov 2026 10:00:01 +0100' }],
    ['an unreadable Date', { date: 'yesterday' }],
  ];
  test.each(changes)('tells %s', async (_, change) => {
    expect(await hashOf(change)).not.toBe(await hashOf());
  });

  const sames: readonly (readonly [string, Partial<Mail>])[] = [
    ['blanks at line ends', { text: mail.text.replaceAll('\r\n', ' \t\r\n') }],
    ['blank lines at the end', { text: `${mail.text}\r\n\r\n \r\n` }],
    ['the form of accents (NFC)', { text: mail.text.normalize('NFD') }],
    ['the same moment in another zone', { date: 'Mon, 2 Nov 2026 04:00:00 -0500 (EST)' }],
    ['display names', { from: 'Other Name <ann@north.example>' }],
    ['the case of addresses', { from: 'Ann <ANN@north.Example>', to: ['Bo@NORTH.example', 'cy@South.example'] }],
    ['blanks in the subject', { subject: 'Grüße  aus \t Köln' }],
  ];
  test.each(sames)('does not mind %s', async (_, change) => {
    expect(await hashOf(change)).toBe(await hashOf());
  });

  test('is the same with a domain as it reads and as A-labels', async () => {
    // The builder writes a character as a byte.
    const [read, labels] = [Buffer.from('Ann <ann@bücher.example>').toString('latin1'), 'ann@xn--bcher-kva.example'];
    expect(await hashOf({ from: read, to: [read] })).toBe(await hashOf({ from: labels, to: [labels] }));
  });

  test('is SHA-256 of core hash and leaf digests, so that it is the same in every version', async () => {
    const sha = (...pieces: (string | Buffer)[]) => {
      const hash = createHash('sha256');
      for (const piece of pieces) hash.update(piece);
      return hash.digest();
    };
    const core = ['ann@north.example', ['bo@north.example', 'cy@south.example'], ['di@north.example'], mail.subject];
    const leaf = (type: string, name: string | null, bytes: string | Buffer) =>
      sha(JSON.stringify([type, name]), sha(bytes));
    const expected = sha(
      sha(JSON.stringify([...core, Date.UTC(2026, 10, 2, 9) / 1000])),
      leaf('text/plain', null, 'Guten Tag,\n\nhere is the größte list.\n.dot\n--\nAnn'),
      leaf('text/html', null, mail.html.replaceAll('\r\n', '\n')),
      leaf('application/octet-stream', 'list.bin', mail.attachment.bytes),
    );
    expect(await hashOf()).toBe(expected.toString('hex'));
  });

  test('keeps the leaves of alternatives apart, where mailparser alone would join their text', async () => {
    const parts = (...texts: readonly string[]) =>
      hashContent(
        Buffer.from(
          [
            'Content-Type: multipart/mixed; boundary=b',
            '',
            ...texts.flatMap((text) => ['--b', 'Content-Type: text/plain', '', text]),
            '--b--',
          ].join('\r\n'),
        ),
      );
    expect(await parts('one', 'two')).not.toBe(await parts('one\ntwo'));
    expect(await parts('one', 'two')).not.toBe(await parts('two', 'one'));
  });

  test('looks into an attached message, which a relay encodes anew like the rest', async () => {
    const forward = (inner: Buffer, disposition = 'attachment') =>
      hashContent(
        Buffer.concat([
          Buffer.from('Content-Type: multipart/mixed; boundary=fw\r\n\r\n--fw\r\nContent-Type: message/rfc822\r\n'),
          Buffer.from(`Content-Disposition: ${disposition}\r\n\r\n`),
          inner,
          Buffer.from('\r\n--fw--\r\n'),
        ]),
      );
    const other = render(mail, { ...plainWire, textEncoding: 'base64', boundary: 'zz', extraHeaders: traces });
    expect(await forward(other)).toBe(await forward(render(mail, plainWire)));
    expect(await forward(render(mail, plainWire), 'inline')).toBe(await forward(render(mail, plainWire)));
    expect(await forward(render({ ...mail, text: 'else' }, plainWire))).not.toBe(await forward(other));
  });

  test('counts the body of a multipart whose boundary never comes', async () => {
    const broken = (body: string) =>
      hashContent(Buffer.from(`From: a@b.example\r\nContent-Type: multipart/mixed; boundary=never\r\n\r\n${body}`));
    expect(await broken('one')).toBe(await broken('one'));
    expect(await broken('one')).not.toBe(await broken('two'));
  });

  test('counts bytes that are not valid in their charset', async () => {
    const text = (byte: number) =>
      hashContent(Buffer.concat([Buffer.from('Content-Type: text/plain; charset=utf-8\r\n\r\n'), Buffer.from([byte])]));
    expect(await text(0xe9)).not.toBe(await text(0xe8));
  });
});

describe('a message that mailparser gives up on', () => {
  test('of more parts than it takes has a hash of its bytes', async () => {
    const many = (last: string) => {
      const part = '--b\r\nContent-Type: text/plain\r\n\r\nx\r\n';
      return Buffer.from(`Content-Type: multipart/mixed; boundary=b\r\n\r\n${part.repeat(6000)}${last}--b--\r\n`);
    };
    const hash = await hashContent(many(''));
    expect(hash).toMatch(/^[0-9a-f]{64}$/);
    expect(await hashContent(many(''))).toBe(hash);
    expect(await hashContent(many('y'))).not.toBe(hash);
  });

  test('with a header block past every bound has a hash of its bytes', async () => {
    const large = (last: string) => Buffer.from(`To: ${'a@b.example,\r\n '.repeat(400_000)}${last}\r\n\r\nbody`);
    expect(await hashContent(large('c'))).toMatch(/^[0-9a-f]{64}$/);
    expect(await hashContent(large('c'))).not.toBe(await hashContent(large('d')));
  });

  test('with 1500 parts is still taken apart', async () => {
    const parts = (boundary: string) =>
      `Content-Type: multipart/mixed; boundary=${boundary}\r\n\r\n${`--${boundary}\r\n\r\nx\r\n`.repeat(1500)}--${boundary}--`;
    expect(await hashContent(Buffer.from(parts('b')))).toBe(await hashContent(Buffer.from(parts('c'))));
  });

  test('of any bytes at all has a hash, the same each time', async () => {
    const junk = fc.array(
      fc.constantFrom('\r\n', '\n', '--b', ':', 'Content-Type: multipart/mixed; boundary=b', '\0', 'é', ' ', 'x'),
    );
    await fc.assert(
      fc.asyncProperty(junk, async (pieces) => {
        const bytes = Buffer.from(pieces.join(''));
        const hash = await hashContent(bytes);
        expect(hash).toMatch(/^[0-9a-f]{64}$/);
        expect(await hashContent(bytes)).toBe(hash);
      }),
      { numRuns: 100 },
    );
  });
});

/** What counts of a generated message. */
function meant(all: Mail): unknown {
  const text = (value: string) =>
    value
      .normalize('NFC')
      .split('\r\n')
      .map((line) => line.trimEnd())
      .join('\n')
      .trimEnd();
  const list = (value: readonly string[]) => [...new Set(value)].sort();
  const same = { to: list(all.to), cc: list(all.cc), text: text(all.text), html: text(all.html) };
  return { ...all, ...same, date: '', attachment: { ...all.attachment, bytes: all.attachment.bytes.toString('hex') } };
}
