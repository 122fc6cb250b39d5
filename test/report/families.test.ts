import { describe, expect, test } from 'vitest';
import { unwrap } from '../../src/report/unwrap.ts';
import type { Parsed } from '../../streams/message.ts';
import { buildBounce, buildMessage, buildProtectedPair, buildReport, unwrapOptions } from '../support/mail.ts';

const read = (bytes: Uint8Array, options = {}): Parsed => unwrap(bytes, unwrapOptions(options));
const listed = (parsed: Parsed) =>
  parsed.recipients.map(({ type, address, via }) =>
    [`${type}:${address}`, ...via.map((v) => `${v.kind} ${v.address}`)].join(' '),
  );
const original = (parsed: Parsed, bytes: Uint8Array, index = parsed.primary ?? -1) =>
  Buffer.concat((parsed.originals[index]?.ranges ?? []).map(([start, end]) => bytes.subarray(start, end))).toString(
    'latin1',
  );

describe('a journal report of the families in the field', () => {
  test('of Exchange 2007 and later is opened to envelope and original, byte for byte', () => {
    const bytes = buildReport({
      recipients: [{ address: 'bo@north.example' }, { address: 'cy@South.Example', type: 'cc' }],
    });
    const parsed = read(bytes);
    expect(parsed).toMatchObject({
      class: 'envelope',
      family: 'ms2007',
      level: 'L0',
      flags: [],
      sender: 'ada@north.example',
      subject: 'Lunch',
      messageId: '<m1@north.example>',
      reportMessageId: '<m1@north.example>',
      primary: 0,
    });
    expect(listed(parsed)).toEqual(['to:bo@north.example', 'cc:cy@south.example']);
    expect(parsed.recipients.every(({ source }) => source === 'envelope')).toBe(true);
    expect(original(parsed, bytes)).toBe(buildMessage().toString('latin1'));
    expect(parsed.originals[0]?.facts).toEqual({
      messageId: '<m1@north.example>',
      from: 'ada@north.example',
      subject: 'Lunch',
      dateAt: Date.UTC(2026, 2, 2, 9),
    });
  });

  test.each([
    'X-MS-Exchange-Organization-Journal-Report:',
    'x-ms-journal-report: yes',
    'X-MS-Journal-Report:\r\n \r\n\tx',
  ])('is known by the marker %j', (marker) => {
    expect(read(buildReport({ family: 'none', headers: [marker] }))).toMatchObject({
      family: 'ms2007',
      level: 'L0',
      flags: [],
    });
  });

  test('of which a line holds several addresses in brackets is no whole one: none of them passes for a name', () => {
    const several = '"Bo" <bo@north.example>, "Legal" <legal@north.example>';
    const parsed = read(buildReport({ lines: [`To: ${several}`] }));
    expect(parsed).toMatchObject({ level: 'L1', unparsed: [`To: ${several}`] });
    const recipients = [`${several}, "Cy" <cy@north.example>`, 'di@north.example; "Ed" <ed@north.example>'];
    const listing = read(buildReport({ family: 'ms2003', recipients: recipients.map((address) => ({ address })) }));
    expect(listing).toMatchObject({ level: 'L0', flags: [], unparsed: [] });
    expect(listing.recipients.map(({ address }) => address.split('@')[0])).toEqual(['bo', 'legal', 'cy', 'di', 'ed']);
  });

  test('tells members of lists, forwarding mailboxes and delegates', () => {
    const parsed = read(
      buildReport({
        sender: 'assistant@north.example',
        onBehalfOf: 'ada@north.example',
        recipients: [
          { address: 'legal@north.example', type: 'bcc' },
          { address: 'cover@north.example', type: 'cc', via: [{ kind: 'forwarded', address: 'cy@north.example' }] },
          {
            address: 'eve@north.example',
            type: 'bcc',
            via: [
              { kind: 'expanded', address: 'board@north.example' },
              { kind: 'forwarded', address: 'chair@north.example' },
            ],
          },
        ],
      }),
    );
    expect(parsed).toMatchObject({ sender: 'assistant@north.example', onBehalfOf: 'ada@north.example', level: 'L0' });
    expect(listed(parsed)).toEqual([
      'bcc:legal@north.example',
      'cc:cover@north.example forwarded cy@north.example',
      'bcc:eve@north.example expanded board@north.example forwarded chair@north.example',
    ]);
  });

  test('keeps a null sender apart from a missing one', () => {
    expect(read(buildReport({ sender: '<>' }))).toMatchObject({ sender: '', level: 'L0' });
    expect(read(buildReport({ sender: '' }))).toMatchObject({ sender: '', level: 'L0' });
    expect(read(buildReport({ sender: null }))).toMatchObject({ sender: null, level: 'L1', flags: ['report-partial'] });
  });

  test('of Exchange 2003 lists recipients whose kind the original refines', () => {
    const original = buildMessage({ to: 'BO@north.example', cc: 'cy@north.example' });
    const recipients = [
      '"Bo, Jr" <bo@north.example>',
      'cy@north.example, di@north.example',
      'eve@north.example fay@north.example',
    ];
    const parsed = read(
      buildReport({
        family: 'ms2003',
        sender: '"Ada N" <ada@north.example>',
        originals: [original],
        recipients: recipients.map((address) => ({ address })),
      }),
    );
    expect(parsed).toMatchObject({
      family: 'ms2003',
      level: 'L0',
      flags: [],
      subject: null,
      sender: 'ada@north.example',
    });
    expect(parsed.recipients.map(({ address, type, refined }) => [address.split('@')[0], type, refined])).toEqual([
      ['bo', 'recipient', 'to'],
      ['cy', 'recipient', 'cc'],
      ['di', 'recipient', 'undisclosed'],
      ['eve', 'recipient', 'undisclosed'],
      ['fay', 'recipient', 'undisclosed'],
    ]);
  });

  test('of WorkMail is opened, and its base64 original keeps the range of the encoded bytes', () => {
    const bytes = buildReport({ family: 'workmail', originalEncoding: 'base64' });
    const parsed = read(bytes);
    expect(parsed).toMatchObject({
      family: 'workmail',
      level: 'L0',
      flags: ['encoded-rfc822'],
      messageId: '<m1@north.example>',
    });
    expect(parsed.originals[0]?.decoding).toBe('base64');
    expect(Buffer.from(original(parsed, bytes), 'base64')).toEqual(buildMessage());
  });

  test('without its marker is found by its shape, and only when everything agrees', () => {
    const parts = { family: 'none', recipients: [{ address: 'legal@north.example', type: 'bcc' }] } as const;
    expect(read(buildReport(parts))).toMatchObject({ family: 'heuristic', level: 'L0', flags: ['marker-missing'] });
    expect(read(buildReport({ ...parts, messageId: '<other@north.example>' })).level).toBe('L4');
    expect(read(buildReport({ ...parts, lines: ['Hello'] })).level).toBe('L4');
    expect(read(buildReport({ ...parts, recipients: [] })).level).toBe('L4');
    expect(read(buildReport({ ...parts, originals: [buildMessage(), buildMessage(), buildMessage()] })).level).toBe(
      'L4',
    );
    expect(read(buildReport({ ...parts, multipart: 'multipart/related' })).level).toBe('L4');
  });

  test('inside a bounce is unwrapped once', () => {
    const report = buildReport();
    const bytes = buildBounce(report);
    const parsed = read(bytes);
    expect(parsed).toMatchObject({ family: 'ms2007', level: 'L0', flags: ['ndr-unwrapped'] });
    expect(original(parsed, bytes)).toBe(buildMessage().toString('latin1'));
    expect(read(buildBounce(bytes, undefined, 'NN'))).toMatchObject({ level: 'L4', class: 'standard' });
  });

  test('carried as the original of a report stays a plain message', () => {
    const forged = buildReport({ boundary: 'F', sender: 'ceo@north.example', messageId: '<fake@evil.example>' });
    const outer = Buffer.concat([Buffer.from('Message-ID: <evil1@evil.example>\r\n'), forged]);
    const parsed = read(
      buildReport({ sender: 'mallory@evil.example', messageId: '<evil1@evil.example>', originals: [outer] }),
    );
    expect(parsed).toMatchObject({ level: 'L0', sender: 'mallory@evil.example', flags: ['nested-report-kept'] });
    expect(parsed.originals).toHaveLength(1);
  });

  test('from outside adds recipients as unverified ones only', () => {
    const parsed = read(buildReport({ from: 'Journal <mallory@evil.example>', recipients: [] }));
    expect(parsed.flags).toEqual(['report-from-outside', 'report-partial']);
    expect(parsed.recipients).toEqual([{ address: 'bo@north.example', type: 'to', via: [], source: 'unverified' }]);
    expect(read(buildReport({ from: null })).recipients[0]?.source).toBe('unverified');
  });

  test('of inbound mail, the outside author in From and Exchange in Sender, is not from outside', () => {
    const headers = ['Sender: MicrosoftExchange0@north.example'];
    const parsed = read(buildReport({ from: 'Mallory <mallory@evil.example>', headers }));
    expect(parsed.flags).toEqual([]);
    expect(parsed.recipients[0]?.source).toBe('envelope');
  });

  test('in a standard definition is not opened, but noticed', () => {
    for (const bytes of [buildReport(), buildReport({ family: 'none' }), buildBounce(buildReport())]) {
      const parsed = read(bytes, { journalType: 'standard' });
      expect(parsed).toMatchObject({ class: 'standard', level: 'L4', family: null, flags: ['looks-like-report'] });
      expect(parsed.originals[0]?.ranges).toEqual([[0, bytes.length]]);
    }
    expect(read(buildMessage(), { journalType: 'standard' }).flags).toEqual([]);
  });
});

describe('the original is chosen', () => {
  const { clear, guarded } = buildProtectedPair();
  const said = { subject: 'Secret', messageId: '<m3@north.example>' };

  test.each([
    [[guarded, clear], 1],
    [[clear, guarded], 0],
  ])('as the clear copy of a protected pair where it is preferred, in either order', (originals, clearAt) => {
    const bytes = buildReport({ ...said, originals });
    const preferred = read(bytes, { preferClearTextVersion: true });
    expect(preferred).toMatchObject({ primary: clearAt, flags: ['rms-protected', 'clear-text-chosen'], level: 'L0' });
    expect(preferred.originals[clearAt]).toMatchObject({ clearText: true, protected: false });
    expect(preferred.originals[1 - clearAt]).toMatchObject({ clearText: false, protected: true });
    expect(read(bytes)).toMatchObject({ primary: 1 - clearAt, flags: ['rms-protected'] });
  });

  test('as the protected copy alone where there is no clear one', () => {
    const bytes = buildReport({ ...said, originals: [guarded] });
    expect(read(bytes, { preferClearTextVersion: true })).toMatchObject({
      primary: 0,
      flags: ['clear-text-unavailable'],
    });
    expect(read(bytes)).toMatchObject({ primary: 0, flags: [] });
  });

  test('by Content-Class too', () => {
    const classed = buildMessage({ messageId: '<m3@north.example>', headers: ['Content-Class: RPMSG.message'] });
    expect(read(buildReport({ ...said, originals: [classed, clear] })).flags).toEqual(['rms-protected']);
  });

  test('by Message-ID among two or more, else the first', () => {
    const other = buildMessage({ messageId: '<x@north.example>' });
    expect(read(buildReport({ originals: [other, buildMessage()] }))).toMatchObject({
      primary: 1,
      flags: ['two-originals'],
    });
    expect(read(buildReport({ originals: [other, other, buildMessage()] }))).toMatchObject({
      primary: 2,
      flags: ['many-originals'],
    });
    expect(read(buildReport({ originals: [other, other] }))).toMatchObject({
      primary: 0,
      flags: ['two-originals', 'mid-mismatch'],
    });
  });

  test('with the Message-ID of the original before that of the report', () => {
    expect(read(buildReport({ messageId: '<other@north.example>' }))).toMatchObject({
      level: 'L0',
      messageId: '<m1@north.example>',
      reportMessageId: '<other@north.example>',
      flags: ['mid-mismatch'],
    });
    expect(read(buildReport({ messageId: '<m1@NORTH.example>' })).flags).toEqual([]);
    const without = buildMessage({ messageId: null });
    expect(read(buildReport({ originals: [without] }))).toMatchObject({ messageId: '<m1@north.example>', flags: [] });
  });

  test('from a file whose label a scanner took', () => {
    const partHeaders = ['Content-Type: application/octet-stream; name="ATT1.eml"'];
    expect(read(buildReport({ partHeaders }))).toMatchObject({ level: 'L0', flags: ['mislabelled-original'] });
    const encoded = read(buildReport({ partHeaders, originalEncoding: 'base64' }));
    expect(encoded).toMatchObject({ level: 'L0', flags: ['mislabelled-original'] });
    expect(encoded.originals[0]?.decoding).toBe('base64');
    const picture = { partHeaders, originals: [Buffer.from('GIF89a: not mail\r\n\r\nx')] };
    expect(read(buildReport(picture))).toMatchObject({ level: 'L3', flags: ['original-missing'] });
  });
});
