import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { unwrap } from '../../src/report/unwrap.ts';
import type { Parsed, Recipient, RecipientType } from '../../streams/message.ts';
import type { UnwrapOptions } from '../../streams/ports.ts';
import { checkParsed } from '../support/check-parsed.ts';
import { buildBounce, buildMessage, buildProtectedPair, buildReport, encode, unwrapOptions } from '../support/mail.ts';

const samples = [
  buildMessage({ headers: ['X-MS-Exchange-Organization-BCC: legal@north.example'] }),
  buildReport(),
  buildReport({ family: 'none', textEncoding: 'base64' }),
  buildReport({ family: 'ms2003', lines: ['\tcy@north.example'] }),
  buildReport({ family: 'workmail', originalEncoding: 'quoted-printable' }),
  buildReport({ textType: 'text/html', originals: Object.values(buildProtectedPair()) }),
  buildBounce(buildReport()),
  Buffer.from(
    buildBounce(Buffer.from(encode(buildReport(), 'base64')))
      .toString('latin1')
      .replace('message/rfc822\r\n', 'message/rfc822\r\nContent-Transfer-Encoding: base64\r\n'),
    'latin1',
  ),
];

const options: fc.Arbitrary<UnwrapOptions> = fc
  .record({
    journalType: fc.constantFrom('eej' as const, 'standard' as const),
    preferClearTextVersion: fc.boolean(),
    removeJournalHeaders: fc.boolean(),
    insists: fc.boolean(),
    trustedRecipientHeaders: fc.constantFrom([], ['x-envelope-to'], ['__proto__']),
  })
  .map(unwrapOptions);

/** A sample with runs of it cut out, doubled, overwritten or put elsewhere. */
const mutated = fc
  .tuple(
    fc.constantFrom(...samples),
    fc.array(
      fc.tuple(
        fc.nat(),
        fc.nat(60),
        fc.constantFrom('cut', 'double', 'splice', 'noise'),
        fc.uint8Array({ maxLength: 8 }),
      ),
      { maxLength: 6 },
    ),
  )
  .map(([sample, edits]) =>
    edits.reduce<Buffer>((bytes, [where, length, kind, noise]) => {
      const at = where % (bytes.length + 1);
      const end = Math.min(bytes.length, at + length);
      const other = samples[where % samples.length] ?? bytes;
      const middle = {
        cut: [],
        double: [bytes.subarray(at, end), bytes.subarray(at, end)],
        splice: [other.subarray(at)],
        noise: [noise],
      }[kind];
      return Buffer.concat([bytes.subarray(0, at), ...middle, bytes.subarray(end)]);
    }, sample),
  );

describe('whatever bytes come in', () => {
  test('there is an answer that keeps its promises', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 400 }),
      fc.string({ unit: 'binary', maxLength: 300 }).map((text) => Buffer.from(text)),
      mutated,
    );
    fc.assert(
      fc.property(bytes, options, (input, chosen) => {
        const before = Buffer.from(input);
        checkParsed(unwrap(input, chosen), input, chosen);
        expect(Buffer.from(input).equals(before)).toBe(true);
      }),
      { numRuns: 3000 },
    );
  });

  test('the answer depends on nothing but the bytes, wherever they lie in memory', () => {
    fc.assert(
      fc.property(mutated, options, fc.nat(40), (input, chosen, offset) => {
        const room = new Uint8Array(input.length + 80).fill(0x2d);
        room.set(input, offset);
        expect(unwrap(room.subarray(offset, offset + input.length), chosen)).toEqual(unwrap(input, chosen));
      }),
      { numRuns: 500 },
    );
  });
});

const atom = fc.stringMatching(/^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,12}$/).filter((text) => !text.startsWith('/'));
const local = fc.oneof(
  atom,
  fc.tuple(atom, atom).map((pair) => pair.join('.')),
  fc.constantFrom('"a b"', '"x, Expanded: y"', 'åse'),
);
const address = fc
  .tuple(local, fc.constantFrom('north.example', 'Sub.South.example', 'bücher.example'))
  .map(([name, domain]) => `${name}@${domain}`);
const recipient = fc.record({
  address,
  type: fc.constantFrom<RecipientType>('to', 'cc', 'bcc', 'recipient'),
  via: fc.array(fc.record({ kind: fc.constantFrom('expanded' as const, 'forwarded' as const), address }), {
    maxLength: 8,
  }),
});
const lower = (text: string) => text.slice(0, text.lastIndexOf('@')) + text.slice(text.lastIndexOf('@')).toLowerCase();

describe('what was wrapped comes out again', () => {
  test('sender, recipients with kind and redirections in order, and every byte of the originals', () => {
    const body = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.string({ maxLength: 200 }).map((text) => Buffer.from(text)),
    );
    const wrapped = fc.record({
      sender: address,
      recipients: fc.uniqueArray(recipient, {
        minLength: 1,
        maxLength: 12,
        selector: (one) => JSON.stringify(one).toLowerCase(),
      }),
      bodies: fc.array(body, { minLength: 1, maxLength: 3 }),
      family: fc.constantFrom('ms2007' as const, 'workmail' as const),
      textEncoding: fc.constantFrom('7bit' as const, 'base64' as const, 'quoted-printable' as const),
      originalEncoding: fc.constantFrom(undefined, 'base64' as const, 'quoted-printable' as const),
      eol: fc.constantFrom('\r\n', '\n'),
    });
    fc.assert(
      fc.property(wrapped, ({ bodies, originalEncoding, ...parts }) => {
        // A carriage return before a lone line feed cannot be told from a line end.
        fc.pre(parts.eol === '\r\n' || bodies.every((content) => content.at(-1) !== 13));
        const originals = bodies.map((content) => buildMessage({ body: content }));
        const textType = 'text/plain; charset=utf-8';
        const encoded = originalEncoding === undefined ? {} : { originalEncoding };
        const bytes = buildReport({ ...parts, ...encoded, originals, textType, boundary: '=_journal(1)+x' });
        const parsed = unwrap(bytes, unwrapOptions());
        expect(parsed.level).toBe('L0');
        expect(parsed.sender).toBe(lower(parts.sender));
        expect(parsed.recipients).toEqual(
          parts.recipients.map(
            (one): Recipient => ({
              address: lower(one.address),
              type: one.type,
              via: one.via.map((step) => ({ ...step, address: lower(step.address) })),
              source: 'envelope',
            }),
          ),
        );
        expect(originalsOf(parsed, bytes)).toEqual(originals);
      }),
      { numRuns: 400 },
    );
  });
});

/** The originals decoded, by a decoder of the test's own. */
function originalsOf(parsed: Parsed, bytes: Buffer): readonly Buffer[] {
  return parsed.originals.map(({ ranges, decoding }) => {
    const raw = Buffer.concat(ranges.map(([start, end]) => bytes.subarray(start, end)));
    if (decoding === 'base64') return Buffer.from(raw.toString('latin1'), 'base64');
    if (decoding === 'identity') return raw;
    const text = raw.toString('latin1').replace(/=\r\n/g, '');
    return Buffer.from(
      text.replace(/=([0-9A-F]{2})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16))),
      'latin1',
    );
  });
}
