import { describe, expect, test } from 'vitest';
import { unwrap } from '../../src/report/unwrap.ts';
import type { Parsed } from '../../streams/message.ts';
import { buildBounce, buildMessage, buildReport, encode, unwrapOptions } from '../support/mail.ts';

const read = (bytes: Uint8Array, options = {}): Parsed => unwrap(bytes, unwrapOptions(options));
/** A bounce whose attached message is declared to be under that encoding, whatever its bytes are. */
const declared = (encoding: string, bytes: Uint8Array | string): Buffer => {
  const type = 'Content-Type: message/rfc822\r\n';
  const bounce = buildBounce(Buffer.from(bytes as string)).toString('latin1');
  return Buffer.from(bounce.replace(type, `${type}Content-Transfer-Encoding: ${encoding}\r\n`), 'latin1');
};

describe('a report in a bounce', () => {
  test.each(['7bit', 'base64', 'x-own'])(
    'is opened where %s is declared and the bytes are as they were',
    (encoding) => {
      const bytes = declared(encoding, buildReport());
      const parsed = read(bytes);
      expect(parsed).toMatchObject({ family: 'ms2007', level: 'L0', flags: ['ndr-unwrapped'] });
      const [[start, end] = [0, 0]] = parsed.originals[0]?.ranges ?? [];
      expect(bytes.subarray(start, end)).toEqual(buildMessage());
    },
  );

  test.each(['base64', 'quoted-printable'] as const)('under %s names its people and stands for the original', (by) => {
    const recipients = [{ address: 'legal@north.example', type: 'bcc' }] as const;
    const parsed = read(declared(by, encode(buildReport({ recipients }), by)));
    expect(parsed).toMatchObject({
      class: 'envelope',
      family: 'ms2007',
      level: 'L3',
      sender: 'ada@north.example',
      messageId: '<m1@north.example>',
      originals: [],
      flags: ['ndr-unwrapped', 'encoded-rfc822', 'original-missing'],
    });
    expect(parsed.recipients).toEqual([{ address: 'legal@north.example', type: 'bcc', via: [], source: 'envelope' }]);
  });

  test('is read to its end where it is longer than what is decoded to find it', () => {
    const recipients = Array.from({ length: 15_000 }, (_, at) => ({ address: `person.${at}@north.example` }));
    const parsed = read(declared('base64', encode(buildReport({ recipients }), 'base64')));
    expect(parsed.level).toBe('L3');
    expect(parsed.recipients).toHaveLength(15_000);
  });

  test('yields no original out of decoded bytes to one who insists, either', () => {
    const lines = Array.from({ length: 20_000 }, () => 'x');
    const bytes = declared('base64', encode(buildReport({ lines }), 'base64'));
    expect(read(bytes)).toMatchObject({ level: 'L5', flags: ['ndr-unwrapped', 'limit:lines'] });
    const insisted = read(bytes, { insists: true });
    const flags = ['ndr-unwrapped', 'limit:lines', 'encoded-rfc822', 'original-missing'];
    expect(insisted).toMatchObject({ level: 'L3', originals: [], sender: 'ada@north.example', flags });
  });

  test('under an encoding is not guessed: without a marker the bounce is plain mail', () => {
    const sealed = declared('base64', encode(buildMessage(), 'base64'));
    expect(read(sealed)).toMatchObject({ level: 'L4', flags: [], sender: 'postmaster@north.example' });
    const silent = declared('base64', encode(buildReport({ text: 'nothing' }), 'base64'));
    expect(read(silent)).toMatchObject({ level: 'L4', flags: ['marker-without-report'] });
  });
});
