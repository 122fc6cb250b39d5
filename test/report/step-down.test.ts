import { describe, expect, test } from 'vitest';
import { unwrap } from '../../src/report/unwrap.ts';
import type { Parsed } from '../../streams/message.ts';
import { buildBounce, buildMessage, buildReport, unwrapOptions } from '../support/mail.ts';

const read = (bytes: Uint8Array | string, options = {}): Parsed =>
  unwrap(Buffer.from(bytes as string), unwrapOptions(options));
const addresses = (parsed: Parsed) => parsed.recipients.map(({ address }) => address);

describe('the step-down ladder', () => {
  test('L1: what is not understood is kept and shown', () => {
    const parsed = read(
      buildReport({
        lines: [
          'Label: Internal use',
          'Mailbox: ada@north.example',
          'SentUtc: 3/2/2026 9:00:00 AM',
          'Received: later',
          'Cc: not an address',
          'X-Note: hi',
        ],
      }),
    );
    expect(parsed).toMatchObject({ level: 'L1', class: 'envelope', flags: ['report-partial'] });
    expect(parsed.unparsed).toEqual(['Cc: not an address', 'X-Note: hi']);
    expect(parsed.extra).toEqual({
      label: 'Internal use',
      mailbox: 'ada@north.example',
      sent: '3/2/2026 9:00:00 AM',
      received: 'later',
    });
  });

  test('L1: a report without recipients takes those of the header', () => {
    const parsed = read(buildReport({ recipients: [], originals: [buildMessage({ cc: 'Cy <cy@South.example>' })] }));
    expect(parsed).toMatchObject({ level: 'L1', flags: ['report-partial'] });
    expect(parsed.recipients).toEqual([
      { address: 'bo@north.example', type: 'to', via: [], source: 'header' },
      { address: 'cy@south.example', type: 'cc', via: [], source: 'header' },
    ]);
  });

  test('L2: a destroyed text leaves the original, read as plain mail', () => {
    const parsed = read(buildReport({ text: 'This item was scanned.\r\nHave a nice day.' }));
    expect(parsed).toMatchObject({
      class: 'standard',
      level: 'L2',
      flags: ['report-unreadable'],
      sender: 'ada@north.example',
      subject: 'Lunch',
      messageId: '<m1@north.example>',
      reportMessageId: null,
    });
    expect(parsed.recipients).toEqual([{ address: 'bo@north.example', type: 'to', via: [], source: 'header' }]);
  });

  test('L3: a stripped or empty original leaves the report', () => {
    const stripped = read(buildReport({ originals: [], partsAfter: ['Content-Type: text/plain\r\n\r\nremoved'] }));
    expect(stripped).toMatchObject({
      class: 'envelope',
      level: 'L3',
      primary: null,
      originals: [],
      flags: ['original-missing'],
    });
    expect(stripped.messageId).toBe('<m1@north.example>');
    expect(read(buildReport({ originals: [Buffer.alloc(0)] }))).toMatchObject({ level: 'L3', originals: [] });
  });

  test('L4: a marker alone makes no report', () => {
    const parsed = read(buildMessage({ headers: ['X-MS-Journal-Report:'] }));
    expect(parsed).toMatchObject({ class: 'standard', level: 'L4', family: null, flags: ['marker-without-report'] });
  });

  test.each([
    ['', 'nothing'],
    ['\u0001\u0002 no header here at all\r\nrandom bytes', 'no field'],
    ['\r\nFrom: ada@north.example\r\n\r\nbody', 'an empty line first'],
  ])('L5: %j has no headers (%s)', (bytes) => {
    expect(read(bytes)).toMatchObject({
      class: 'quarantine',
      level: 'L5',
      quarantineReason: 'no-headers',
      flags: ['no-headers'],
      originals: [],
    });
  });

  test('L5: a report inside winmail.dat cannot be read', () => {
    const tnef =
      'Content-Type: application/ms-tnef; name="winmail.dat"\r\nContent-Transfer-Encoding: base64\r\n\r\neJ8+Ig==';
    expect(read(buildReport({ originals: [], partsAfter: [tnef] }))).toMatchObject({
      level: 'L5',
      quarantineReason: 'tnef',
      flags: ['tnef'],
    });
    // Beside a readable original it is noise, and ordinary mail may carry it.
    expect(read(buildReport({ partsAfter: [tnef] })).level).toBe('L0');
    expect(read(buildReport({ family: 'none', originals: [], partsAfter: [tnef] })).level).toBe('L4');
  });

  test('L5: an original under an encoding nobody knows cannot be read', () => {
    const bytes = buildReport({
      partHeaders: ['Content-Type: message/rfc822', 'Content-Transfer-Encoding: x-uuencode'],
      originals: [Buffer.from('begin 644 x\r\n#0V%T\r\nend')],
    });
    expect(read(bytes)).toMatchObject({ level: 'L5', quarantineReason: 'decode', flags: ['decode'] });
  });
});

describe('the limits of a report', () => {
  const noise = (count: number) => Array.from({ length: count }, () => 'Content-Type: image/gif\r\n\r\nx');
  const nest = (levels: number): string =>
    levels === 0
      ? 'Content-Type: text/plain\r\n\r\nx'
      : `Content-Type: multipart/mixed; boundary="n${levels}"\r\n\r\n--n${levels}\r\n${nest(levels - 1)}\r\n--n${levels}--`;
  const long = (bytes: number) => `X-Filler: ${'x'.repeat(bytes)}`;

  test.each([
    ['parts', { partsAfter: noise(198) }, { partsAfter: noise(199) }],
    ['depth', { partsAfter: [nest(4)] }, { partsAfter: [nest(5)] }],
    ['text', { lines: ['x'.repeat(1_000_000)] }, { lines: ['x'.repeat(1_048_576)] }],
    [
      'lines',
      { lines: Array.from({ length: 19_996 }, () => 'x') },
      { lines: Array.from({ length: 19_997 }, () => 'x') },
    ],
    ['header', { headers: [long(130_000)] }, { headers: [long(131_072)] }],
    ['header', { partHeaders: [long(130_000), 'Content-Type: message/rfc822'] }, { partHeaders: [long(131_072)] }],
    ['boundary', { boundary: 'b'.repeat(200) }, { boundary: 'b'.repeat(201) }],
  ] as const)(
    '%s: at the limit it is opened, beyond it is quarantined, without a marker it is plain mail',
    (which, inside, beyond) => {
      expect(['L0', 'L1']).toContain(read(buildReport(inside)).level);
      const quarantined = read(buildReport(beyond));
      expect(quarantined).toMatchObject({
        class: 'quarantine',
        level: 'L5',
        quarantineReason: `limit:${which}`,
        flags: [`limit:${which}`],
      });
      expect(read(buildReport({ ...beyond, family: 'none' }))).toMatchObject({ class: 'standard', level: 'L4' });
    },
  );

  test('hold for the report in a bounce too', () => {
    const parsed = read(buildBounce(buildReport({ partsAfter: noise(199) })));
    expect(parsed).toMatchObject({ level: 'L5', flags: ['ndr-unwrapped', 'limit:parts'] });
  });

  test('do not bind the original: five thousand people in its To line are all told', () => {
    const to = Array.from({ length: 5000 }, (_, at) => `person.number.${at}@north.example`).join(',\r\n ');
    expect(addresses(read(buildMessage({ to })))).toHaveLength(5000);
    expect(read(buildReport({ originals: [buildMessage({ to })] })).level).toBe('L0');
  });
});

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

  test('line feeds alone, a BOM and an mbox line', () => {
    const lf = buildReport({ eol: '\n', originals: [buildMessage({ eol: '\n' })] });
    const parsed = read(lf);
    expect(parsed).toMatchObject({ level: 'L0', flags: [] });
    const [[start, end] = [0, 0]] = parsed.originals[0]?.ranges ?? [];
    expect(lf.subarray(start, end)).toEqual(buildMessage({ eol: '\n' }));
    expect(read(buildReport({ prefix: '\ufeff' })).level).toBe('L0');
    expect(read(buildReport({ prefix: 'From jrnl@north.example Mon Mar  2 09:00:00 2026\r\n' })).level).toBe('L0');
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
