import { describe, expect, test } from 'vitest';
import { unwrap } from '../../src/report/unwrap.ts';
import type { Parsed } from '../../streams/message.ts';
import { buildMessage, buildReport, unwrapOptions } from '../support/mail.ts';

const read = (bytes: Uint8Array): Parsed => unwrap(bytes, unwrapOptions());
const addresses = (parsed: Parsed) => parsed.recipients.map(({ address }) => address);

describe('what relays do to a report is tolerated', () => {
  test.each(['base64', 'quoted-printable'] as const)('a text in %s', (textEncoding) => {
    const address = 'a.very.long.local.part.that.forces.a.soft.break@division.region.north.example';
    const parsed = read(
      buildReport({
        textEncoding,
        textType: 'text/plain; charset=utf-8',
        subject: 'Menü für Åse = x',
        recipients: [{ address }],
      }),
    );
    expect(parsed).toMatchObject({ level: 'L0', subject: 'Menü für Åse = x' });
    expect(addresses(parsed)).toEqual([address]);
  });

  test.each([
    ['iso-8859-1', Buffer.from('Sender:\nSubject: M\xfcde', 'latin1')],
    ['windows-1251', Buffer.from([...Buffer.from('Sender:\nSubject: M'), 0xfc, ...Buffer.from('de')])],
    ['utf-16le', Buffer.from('Sender:\nSubject: Müde', 'utf16le')],
    ['x-unknown', Buffer.from('Sender:\nSubject: M\xfcde', 'latin1')],
    ['x-unknown', Buffer.from('Sender:\nSubject: Müde')],
    ['us-ascii', Buffer.from('Sender:\nSubject: Müde')],
    ['utf-8', Buffer.from('Sender:\nSubject: M\xfcde', 'latin1')],
  ])('a text in charset %s, as declared or else as UTF-8 or ISO-8859-1', (charset, line) => {
    const parsed = read(buildReport({ text: line, textType: `text/plain; charset=${charset}` }));
    expect(parsed.subject).toBe(charset === 'windows-1251' ? 'Mьde' : 'Müde');
  });

  test('a text in HTML only', () => {
    const text =
      '<html><head><style>Sender: x@x</style></head><body>Sender: ada@north.example<br>Subject: a &amp; b<br/>Message-Id: &lt;m1@north.example&gt;<p>To:&nbsp;bo@north.example</p></body></html>';
    expect(read(buildReport({ text, textType: 'text/html' }))).toMatchObject({
      level: 'L0',
      subject: 'a & b',
      flags: ['report-html'],
    });
  });

  test('soft breaks of format=flowed, only where it is declared', () => {
    const text =
      'Sender: ada@north.example\r\nMessage-Id: <m1@north.example>\r\nSubject: Lunch \r\nfor all\r\nTo: bo@north.example\r\n';
    expect(read(buildReport({ text, textType: 'text/plain; format=flowed' }))).toMatchObject({
      level: 'L0',
      subject: 'Lunch for all',
    });
    expect(read(buildReport({ text, textType: 'text/plain; format=flowed; delsp=yes' })).subject).toBe('Lunchfor all');
    expect(read(buildReport({ text }))).toMatchObject({ level: 'L1', unparsed: ['for all'] });
  });

  test('folded lines, indented and not', () => {
    const text = [
      'SENDER : ada@north.example',
      'Subject: Lunch and the',
      ' minutes of the last meeting',
      'Message-Id:',
      ' <m1@north.example>',
      'To: bo@north.example,',
      ' Expanded: kitchen@north.example',
      'Cc: cy@north.example,',
      'Forwarded: di@north.example',
      'Cc: eve@north.example',
      'Forwarded: fay@north.example',
      'Bcc: gus@north.example, Expanded:',
      'all@north.example',
    ].join('\r\n');
    const parsed = read(buildReport({ text }));
    expect(parsed).toMatchObject({ level: 'L0', subject: 'Lunch and the minutes of the last meeting' });
    expect(parsed.recipients.map(({ address, via }) => [address, via[0]?.kind, via[0]?.address])).toEqual([
      ['bo@north.example', 'expanded', 'kitchen@north.example'],
      ['cy@north.example', 'forwarded', 'di@north.example'],
      ['eve@north.example', 'forwarded', 'fay@north.example'],
      ['gus@north.example', 'expanded', 'all@north.example'],
    ]);
  });

  test('directory names with commas in them', () => {
    const name = '/o=North/ou=HQ/cn=Recipients/cn=Smith, Jo, Dr';
    const parsed = read(
      buildReport({
        recipients: [
          { address: `[EX:${name}]`, via: [{ kind: 'expanded', address: 'kitchen@north.example' }] },
          { address: name },
        ],
      }),
    );
    expect(parsed).toMatchObject({ level: 'L0', flags: ['dn-recipient'] });
    expect(parsed.recipients[0]).toMatchObject({
      address: `dn:${name}`,
      via: [{ kind: 'expanded', address: 'kitchen@north.example' }],
    });
    expect(parsed.recipients[1]?.address).toBe(`dn:${name}`);
  });

  test('line feeds alone', () => {
    const lf = buildReport({ eol: '\n', originals: [buildMessage({ eol: '\n' })] });
    const parsed = read(lf);
    expect(parsed).toMatchObject({ level: 'L0', flags: [] });
    const [[start, end] = [0, 0]] = parsed.originals[0]?.ranges ?? [];
    expect(lf.subarray(start, end)).toEqual(buildMessage({ eol: '\n' }));
  });

  const fromLine = 'From jrnl@north.example Mon Mar  2 09:00:00 2026';
  test.each([
    ['a BOM', '\ufeff'],
    ['an mbox line', `${fromLine}\r\n`],
    ['an mbox line after a BOM', `\ufeff${fromLine}\r\n`],
    ['a BOM after an mbox line', `${fromLine}\r\n\ufeff`],
    ['a BOM after a quoted mbox line that ends in LF', `>${fromLine}\n\ufeff`],
    ['an mbox line between two BOMs', `\ufeff${fromLine}\r\n\ufeff`],
  ])('%s before the first field, which is read all the same', (_, prefix) => {
    expect(read(buildReport({ prefix }))).toMatchObject({ level: 'L0', flags: [] });
    const plain = Buffer.concat([Buffer.from(prefix), buildMessage()]);
    expect(read(plain)).toMatchObject({ level: 'L4', flags: [], sender: 'ada@north.example' });
    const [original] = read(buildReport({ originals: [plain] })).originals;
    expect(original?.facts.from).toBe('ada@north.example');
  });

  test('a missing closing boundary: the original goes to the end', () => {
    const bytes = buildReport({ closed: false });
    expect(read(bytes)).toMatchObject({ level: 'L0', flags: ['truncated-mime'] });
    expect(read(bytes).originals[0]?.ranges).toEqual([[bytes.length - buildMessage().length, bytes.length]]);
  });

  test('boundaries that begin like the own one, and the own one in the middle of a line', () => {
    const body = 'x\r\n--Bx\r\n--B x\r\n a --B\r\n ---B\r\n--b\r\nend';
    const bytes = buildReport({ originals: [buildMessage({ body })] });
    const [[start, end] = [0, 0]] = read(bytes).originals[0]?.ranges ?? [];
    expect(bytes.subarray(start, end)).toEqual(buildMessage({ body }));
  });

  test('containers around text and original', () => {
    const inner = buildReport({ boundary: 'I' });
    const container = inner.subarray(inner.indexOf('Content-Type: multipart'));
    const bytes = Buffer.concat([
      Buffer.from(
        'From: j@north.example\r\nX-MS-Journal-Report:\r\nContent-Type: multipart/mixed; boundary=O\r\n\r\n--O\r\n',
      ),
      container,
      Buffer.from('\r\n--O--\r\n'),
    ]);
    expect(read(bytes)).toMatchObject({ level: 'L0', flags: [] });
  });

  test('an encoding that is declared but was not applied', () => {
    const partHeaders = ['Content-Type: message/rfc822', 'Content-Transfer-Encoding: base64'];
    const parsed = read(buildReport({ partHeaders, originals: [buildMessage({ body: '.' })] }));
    expect(parsed).toMatchObject({ level: 'L0', flags: [] });
    expect(parsed.originals[0]?.decoding).toBe('identity');
  });
});

describe('nobody outside can write into an envelope', () => {
  test('through the text of the original, whatever its disposition', () => {
    const partHeaders = ['Content-Type: message/rfc822', 'Content-Disposition: inline'];
    const body = 'Recipient: mallory@evil.example\r\nBcc: mallory@evil.example';
    expect(addresses(read(buildReport({ partHeaders, originals: [buildMessage({ body })] })))).toEqual([
      'bo@north.example',
    ]);
  });

  test('through a second text part', () => {
    const partsAfter = ['Content-Type: text/plain\r\n\r\nBcc: mallory@evil.example'];
    expect(addresses(read(buildReport({ partsAfter })))).toEqual(['bo@north.example']);
  });

  test('through a subject that breaks the Subject line', () => {
    const encoded = `=?utf-8?B?${Buffer.from('Lunch\r\nBcc: mallory@evil.example\r\nTo: bo@north.example').toString('base64')}?=`;
    const originals = [buildMessage({ subject: encoded })];
    const planted = 'Lunch\r\nBcc: mallory@evil.example\r\nTo: bo@north.example';
    const parsed = read(buildReport({ subject: planted, originals }));
    expect(parsed).toMatchObject({ level: 'L0', flags: ['subject-injection'], subject: 'Lunch' });
    // The planted line for bo is gone, the true one stays.
    expect(addresses(parsed)).toEqual(['bo@north.example']);
  });

  test('nor take a true recipient away by a subject the report wrote on one line', () => {
    const encoded = `=?utf-8?B?${Buffer.from('x\r\nTo: bo@north.example').toString('base64')}?=`;
    const parsed = read(
      buildReport({ subject: 'x To: bo@north.example', originals: [buildMessage({ subject: encoded })] }),
    );
    expect(parsed).toMatchObject({ level: 'L0', flags: [] });
    expect(addresses(parsed)).toEqual(['bo@north.example']);
  });

  test('by repeating a field: the first one wins', () => {
    const parsed = read(buildReport({ lines: ['Sender: mallory@evil.example', 'Message-ID: <evil@evil.example>'] }));
    expect(parsed).toMatchObject({
      sender: 'ada@north.example',
      messageId: '<m1@north.example>',
      level: 'L1',
      flags: ['dup-field', 'report-partial'],
    });
    expect(parsed.unparsed).toEqual(['Sender: mallory@evil.example', 'Message-ID: <evil@evil.example>']);
  });
});
