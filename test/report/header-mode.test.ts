import { describe, expect, test } from 'vitest';
import { unwrap } from '../../src/report/unwrap.ts';
import type { Parsed } from '../../streams/message.ts';
import { buildBounce, buildMessage, buildProtectedPair, buildReport, unwrapOptions } from '../support/mail.ts';

const read = (bytes: Uint8Array, options = {}): Parsed => unwrap(bytes, unwrapOptions(options));
const listed = (parsed: Parsed) =>
  parsed.recipients.map(({ address, type, source }) => `${type}:${address} [${source}]`);
const slice = (parsed: Parsed, bytes: Uint8Array) =>
  Buffer.concat((parsed.originals[0]?.ranges ?? []).map(([start, end]) => bytes.subarray(start, end))).toString(
    'latin1',
  );

describe('mail without an envelope', () => {
  test.each([
    [buildMessage({ headers: ['Content-Class: rpmsg.message'] }), true],
    [buildProtectedPair().guarded, true],
    [buildProtectedPair().clear, false],
    [buildMessage(), false],
  ])('is rights-protected by what it is, whatever it came in (%#)', (bytes, isProtected) => {
    expect(read(bytes)).toMatchObject({ level: 'L4', originals: [{ protected: isProtected }] });
  });

  test('is read from its header: groups, quoted names, comments and encoded words', () => {
    const bytes = buildMessage({
      to: '"Bo, the \\"cook\\"" <bo@North.Example> (chef, really), Friends: cy@north.example, "a b"@north.example;',
      cc: '=?utf-8?Q?=C3=85se=2C_B?= <ase@north.example>, undisclosed-recipients:;',
      headers: ['Bcc: legal@north.example', 'BCC: <@relay.example:di@north.example>'],
    });
    const parsed = read(bytes);
    expect(parsed).toMatchObject({
      class: 'standard',
      level: 'L4',
      family: null,
      flags: [],
      sender: 'ada@north.example',
      primary: 0,
    });
    expect(listed(parsed)).toEqual([
      'to:bo@north.example [header]',
      'to:cy@north.example [header]',
      'to:"a b"@north.example [header]',
      'cc:ase@north.example [header]',
      'bcc:legal@north.example [header]',
      'bcc:di@north.example [header]',
    ]);
    expect(parsed.originals[0]?.ranges).toEqual([[0, bytes.length]]);
  });

  test('names every author, whether somebody else sent it or not', () => {
    const from = 'Eve <eve@south.example>, "Di, D" <di@north.example>, cy@west.example';
    const authors = ['di@north.example', 'cy@west.example'];
    expect(read(buildMessage({ from }))).toMatchObject({ sender: 'eve@south.example', onBehalfOf: null, authors });
    const headers = ['Sender: ada@north.example'];
    expect(read(buildMessage({ from, headers }))).toMatchObject({ onBehalfOf: 'eve@south.example', authors });
    expect(read(buildMessage())).not.toHaveProperty('authors');
    expect(read(buildReport({ originals: [buildMessage({ from })] }))).not.toHaveProperty('authors');
    expect(read(buildReport({ text: 'nothing', originals: [buildMessage({ from })] }))).toMatchObject({
      level: 'L2',
      authors,
    });
  });

  test('names who sent it on behalf of whom', () => {
    expect(read(buildMessage({ headers: ['Sender: Assistant <as@north.example>'] }))).toMatchObject({
      sender: 'as@north.example',
      onBehalfOf: 'ada@north.example',
    });
    expect(read(buildMessage({ headers: ['Sender: ADA@north.example'] }))).toMatchObject({
      sender: 'ada@north.example',
      onBehalfOf: null,
    });
    expect(read(buildMessage({ from: null }))).toMatchObject({ sender: null });
  });

  test('never counts the service address as a recipient', () => {
    expect(listed(read(buildMessage({ to: 'JRNL@journal.north.example, bo@north.example' })))).toEqual([
      'to:bo@north.example [header]',
    ]);
    const report = buildReport({
      recipients: [{ address: 'jrnl@journal.north.example' }, { address: 'bo@north.example' }],
    });
    expect(listed(read(report))).toEqual(['to:bo@north.example [envelope]']);
  });

  test('takes trace fields only where they are trusted, after all others', () => {
    const bytes = buildMessage({
      headers: ['X-Envelope-To: legal@north.example, eve@north.example', 'X-Gm-Original-To: gus@north.example'],
    });
    expect(listed(read(bytes))).toEqual(['to:bo@north.example [header]']);
    expect(listed(read(bytes, { trustedRecipientHeaders: ['x-envelope-to'] }))).toEqual([
      'to:bo@north.example [header]',
      'recipient:legal@north.example [trace]',
      'recipient:eve@north.example [trace]',
    ]);
  });

  test('gives facts and times, and no time where the header has none', () => {
    const headers = [
      'Received: from a by b; Mon, 2 Mar 2026 10:00:05 +0100 (CET)',
      'Received: by c;\r\n\tMon, 2 Mar 2026 09:00:01 GMT',
      'Received: broken',
    ];
    const parsed = read(
      buildMessage({
        subject: '=?utf-8?Q?Men=C3=BC?=\r\n =?utf-8?Q?_f=C3=BCr?= \t Bo',
        messageId: '(x) < m1 @north.example>',
        headers,
      }),
    );
    expect(parsed.originals[0]?.facts).toEqual({
      messageId: '<m1@north.example>',
      from: 'ada@north.example',
      subject: 'Menü für Bo',
      dateAt: Date.UTC(2026, 2, 2, 9),
    });
    expect(parsed.times).toEqual({
      date: Date.UTC(2026, 2, 2, 9),
      reportSent: null,
      oldestReceived: Date.UTC(2026, 2, 2, 9, 0, 1),
      newestReceived: Date.UTC(2026, 2, 2, 9, 0, 5),
      outerDate: Date.UTC(2026, 2, 2, 9),
    });
    const bare = read(buildMessage({ messageId: 'no brackets', date: 'yesterday', subject: null, from: null }));
    expect(bare.originals[0]?.facts).toEqual({ messageId: null, from: null, subject: null, dateAt: null });
    expect(bare.times.date).toBeNull();
  });

  test('is flagged when it is a capture in the form of a delivery report, not when it is a bounce', () => {
    const status = (action: string) =>
      `Reporting-MTA: dns; x\r\n\r\nFinal-Recipient: rfc822; bo@north.example\r\n${action}`;
    expect(read(buildBounce(buildMessage(), status('Action: relayed'))).flags).toEqual(['dsn-capture']);
    expect(read(buildBounce(buildMessage(), status('Action: failed'))).flags).toEqual([]);
    expect(read(buildBounce(buildMessage())).flags).toEqual([]);
  });
});

describe('times of a report', () => {
  test('are told apart: the original, the report text, the report itself', () => {
    const parsed = read(
      buildReport({ date: 'Tue, 3 Mar 2026 08:00:00 +0000', lines: ['SentUtc: 3/2/2026 9:00:04 PM'] }),
    );
    expect(parsed.times).toEqual({
      date: Date.UTC(2026, 2, 2, 9),
      reportSent: Date.UTC(2026, 2, 2, 21, 0, 4),
      oldestReceived: null,
      newestReceived: null,
      outerDate: Date.UTC(2026, 2, 3, 8),
    });
  });
});

describe('the two Exchange BCC fields', () => {
  const bcc = 'X-MS-Exchange-Organization-BCC: legal@north.example,\r\n audit@north.example';
  const cross = 'x-ms-exchange-crosspremises-bcc: eve@north.example';
  const near = 'X-MS-Exchange-Organization-BCC2: keep@north.example';

  test('are harvested from plain mail and from originals, removed or not', () => {
    const message = buildMessage({ headers: [bcc, near, cross] });
    for (const removeJournalHeaders of [false, true]) {
      const harvest = [
        'bcc:legal@north.example [harvest]',
        'bcc:audit@north.example [harvest]',
        'bcc:eve@north.example [harvest]',
      ];
      expect(listed(read(message, { removeJournalHeaders }))).toEqual(['to:bo@north.example [header]', ...harvest]);
      expect(listed(read(buildReport({ originals: [message] }), { removeJournalHeaders }))).toEqual([
        'to:bo@north.example [envelope]',
        ...harvest,
      ]);
    }
  });

  test('are cut out with their folded lines, wherever they stand, and nothing else changes', () => {
    const body = `${bcc}\r\n\r\n${cross}`;
    const message = buildMessage({ headers: [bcc, near, cross, bcc.toUpperCase()], body });
    const cut = buildMessage({ headers: [near], body }).toString('latin1');
    expect(slice(read(message, { removeJournalHeaders: true }), message)).toBe(cut);
    const report = buildReport({ originals: [message] });
    expect(slice(read(report, { removeJournalHeaders: true }), report)).toBe(cut);
    expect(slice(read(report), report)).toBe(message.toString('latin1'));
    const first = Buffer.from(`${cross}\n${bcc}\nSubject: x\n\nbody`);
    expect(slice(read(first, { removeJournalHeaders: true }), first)).toBe('Subject: x\n\nbody');
  });

  test('stay in an encoded original, which says so', () => {
    const report = buildReport({ originals: [buildMessage({ headers: [cross] })], originalEncoding: 'base64' });
    expect(read(report, { removeJournalHeaders: true }).flags).toEqual(['encoded-rfc822', 'journal-headers-kept']);
    expect(read(report).flags).toEqual(['encoded-rfc822']);
  });

  test('of a message attached to the original stay where they are', () => {
    const attached = `Content-Type: message/rfc822\r\n\r\n${cross}\r\nSubject: x\r\n\r\n.`;
    const message = buildMessage({
      headers: ['Content-Type: multipart/mixed; boundary=i'],
      body: `--i\r\n${attached}\r\n--i--`,
    });
    expect(slice(read(message, { removeJournalHeaders: true }), message)).toBe(message.toString('latin1'));
    expect(listed(read(message))).toEqual(['to:bo@north.example [header]']);
  });
});
