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

  test.each([
    ['tnef', 'application/ms-tnef'],
    ['decode', 'message/rfc822'],
  ])('%s: the report stands for what cannot be read where an operator insists', (reason, type) => {
    const partHeaders = [`Content-Type: ${type}`, 'Content-Transfer-Encoding: x-uuencode'];
    const unread = { partHeaders, originals: [Buffer.from('begin 644 x\r\n#0V%T\r\nend')] };
    const parsed = read(buildReport(unread), { insists: true });
    expect(parsed).toMatchObject({ class: 'envelope', level: 'L3', originals: [], sender: 'ada@north.example' });
    expect(parsed.flags).toEqual([reason, 'original-missing']);
    expect(addresses(parsed)).toEqual(['bo@north.example']);
    // Nobody is named: it is what it came as.
    const silent = read(buildReport({ ...unread, text: 'nothing' }), { insists: true });
    expect(silent).toMatchObject({ class: 'standard', level: 'L4', flags: ['marker-without-report', reason] });
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

  const insists = { insists: true };

  test.each([
    ['parts', { partsAfter: noise(199) }, 'L0'],
    ['depth', { partsAfter: [nest(40)] }, 'L0'],
    ['text', { lines: ['x'.repeat(1_048_576)] }, 'L1'],
    ['lines', { lines: Array.from({ length: 30_000 }, () => 'x') }, 'L1'],
    ['header', { headers: [long(131_072)] }, 'L0'],
    ['header', { partHeaders: [long(131_072), 'Content-Type: message/rfc822'] }, 'L0'],
    ['boundary', { boundary: 'b'.repeat(1000) }, 'L0'],
  ] as const)('%s: an operator who insists gets people and original of what is beyond it', (which, beyond, level) => {
    const bytes = buildReport(beyond);
    const parsed = read(bytes, insists);
    expect(parsed).toMatchObject({ class: 'envelope', level, quarantineReason: null, sender: 'ada@north.example' });
    expect(parsed.flags[0]).toBe(`limit:${which}`);
    expect(addresses(parsed)).toEqual(['bo@north.example']);
    const [[start, end] = [0, 0]] = parsed.originals[0]?.ranges ?? [];
    expect(bytes.subarray(start, end).equals(buildMessage())).toBe(true);
  });

  test.each([
    ['parts', { partsAfter: noise(20_000) }],
    ['depth', { partsAfter: [nest(51)] }],
    ['text', { lines: ['x'.repeat(16_777_216)] }],
    ['lines', { lines: Array.from({ length: 200_000 }, () => 'x') }],
    ['header', { headers: [long(4_194_304)] }],
    ['boundary', { boundary: 'b'.repeat(4001) }],
  ] as const)('%s: bound the one who insists too', (which, beyond) => {
    expect(read(buildReport(beyond), insists)).toMatchObject({ level: 'L5', quarantineReason: `limit:${which}` });
  });

  test('are named of what tells nobody to one who insists, too', () => {
    const silent = { text: 'nothing', originals: [], partsAfter: noise(200) };
    const parsed = read(buildReport(silent), insists);
    expect(parsed).toMatchObject({ class: 'standard', level: 'L4', flags: ['marker-without-report', 'limit:parts'] });
  });

  test('hold for the report in a bounce too', () => {
    const parsed = read(buildBounce(buildReport({ partsAfter: noise(199) })));
    expect(parsed).toMatchObject({ level: 'L5', flags: ['ndr-unwrapped', 'limit:parts'] });
    const insisted = read(buildBounce(buildReport({ partsAfter: noise(199) })), insists);
    expect(insisted).toMatchObject({ level: 'L0', flags: ['ndr-unwrapped', 'limit:parts'] });
  });

  test('do not bind the original: five thousand people in its To line are all told', () => {
    const to = Array.from({ length: 5000 }, (_, at) => `person.number.${at}@north.example`).join(',\r\n ');
    expect(addresses(read(buildMessage({ to })))).toHaveLength(5000);
    expect(read(buildReport({ originals: [buildMessage({ to })] })).level).toBe('L0');
  });
});
