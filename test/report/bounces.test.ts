import { describe, expect, test } from 'vitest';
import { unwrap } from '../../src/report/unwrap.ts';
import type { Parsed } from '../../streams/message.ts';
import { buildBounce, buildMessage, buildReport, unwrapOptions } from '../support/mail.ts';

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
});
