import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DataScanner } from '../../src/smtp/data-scanner.ts';
import { stuff } from '../support/smtp-client.ts';

/** The rule in its plainest form: lines end with CRLF alone, the line `.` ends it all, `..` loses one dot. */
function unstuff(wire: Buffer): { content: string; rest: string } {
  const text = wire.toString('latin1');
  const lines = text.split('\r\n');
  const end = lines.indexOf('.');
  const open = end < 0 || end === lines.length - 1;
  const content = (open ? lines : lines.slice(0, end)).map((line) => (line.startsWith('..') ? line.slice(1) : line));
  if (open) return { content: content.join('\r\n'), rest: '(open)' };
  return { content: content.map((line) => `${line}\r\n`).join(''), rest: lines.slice(end + 1).join('\r\n') };
}

/** Feeds copies of the pieces, as sockets give them, since the scanner works in place. */
function scan(wire: Buffer, cuts: readonly number[]): { content: string; rest: string } {
  const scanner = new DataScanner();
  const content: Buffer[] = [];
  let from = 0;
  for (const to of [...cuts, wire.length]) {
    const piece = Buffer.from(wire.subarray(from, to));
    const end = scanner.feed(piece, (bytes) => content.push(Buffer.from(bytes)));
    if (end >= 0) {
      return { content: Buffer.concat(content).toString('latin1'), rest: wire.subarray(from + end).toString('latin1') };
    }
    from = to;
  }
  return { content: Buffer.concat(content).toString('latin1'), rest: '(open)' };
}

const token = fc.constantFrom(
  '\r\n',
  '\r\n',
  '.',
  '..',
  '...',
  '\n',
  '\r',
  'a',
  'bc',
  '\0',
  '\xff',
  '\r\n.',
  '\n.',
  '\r.',
);
const text = fc.array(token, { maxLength: 40 }).map((tokens) => Buffer.from(tokens.join(''), 'latin1'));

/** Sorted places to cut a buffer of this length. */
const cutsOf = (length: number) =>
  fc.array(fc.nat({ max: length }), { maxLength: 12 }).map((cuts) => [...cuts].sort((a, b) => a - b));

describe('the DATA scanner', () => {
  it('gives every stuffed body back byte for byte, and every byte behind the final dot, however it is cut', () => {
    const sample = fc.tuple(text, text).chain(([body, behind]) => {
      const whole =
        body.length === 0 || body.subarray(-2).toString() === '\r\n'
          ? body
          : Buffer.concat([body, Buffer.from('\r\n')]);
      const wire = Buffer.concat([stuff(whole), behind]);
      return fc.record({
        whole: fc.constant(whole),
        behind: fc.constant(behind),
        wire: fc.constant(wire),
        cuts: cutsOf(wire.length),
      });
    });
    fc.assert(
      fc.property(sample, ({ whole, behind, wire, cuts }) => {
        expect(scan(wire, cuts)).toEqual({ content: whole.toString('latin1'), rest: behind.toString('latin1') });
      }),
      { numRuns: 3000 },
    );
  });

  it('reads any bytes on the wire as the plainest un-stuffer does, up to what it may hold back', () => {
    const sample = text.chain((wire) => cutsOf(wire.length).map((cuts) => ({ wire, cuts })));
    fc.assert(
      fc.property(sample, ({ wire, cuts }) => {
        const expected = unstuff(wire);
        const actual = scan(wire, cuts);
        expect(actual.rest).toBe(expected.rest);
        if (actual.rest === '(open)') {
          const held = expected.content.slice(actual.content.length);
          expect(expected.content.startsWith(actual.content)).toBe(true);
          expect(['', '.', '.\r', '.\r\n']).toContain(held);
        } else expect(actual.content).toBe(expected.content);
      }),
      { numRuns: 3000 },
    );
  });

  it('gives the same bytes cut at every single place and byte by byte', () => {
    const wire = Buffer.from('..a\r\n..\r\n.b\r\n\n..c\r\n\r..\r\n.\rx\r\n..\r\r\n.\r\nQUIT\r\n', 'latin1');
    const whole = scan(wire, []);
    expect(whole).toEqual({ content: '.a\r\n.\r\n.b\r\n\n..c\r\n\r..\r\n.\rx\r\n.\r\r\n', rest: 'QUIT\r\n' });
    for (let at = 0; at <= wire.length; at++) expect(scan(wire, [at])).toEqual(whole);
    expect(scan(wire, [...wire.keys()])).toEqual(whole);
  });

  it('reads a chunk full of dots, stuffed and not, the same way as one with few', () => {
    const kinds = ['..', '', '..a', '.b', '.b\r', '\n..', '.\rx', '.\r', '..\r', '...', '\r.'];
    const lines = Array.from({ length: 5000 }, (_, i) => `${kinds[(i * 7 + (i >> 4)) % kinds.length]}\r\n`);
    const wire = Buffer.from(`${lines.join('')}.\r\nNOOP\r\n`, 'latin1');
    const expected = unstuff(wire);
    expect(expected.rest).toBe('NOOP\r\n');
    for (const size of [wire.length, 4096, 1001, 1000, 999, 7]) {
      const cuts = Array.from({ length: Math.floor(wire.length / size) }, (_, i) => (i + 1) * size);
      expect(scan(wire, cuts)).toEqual(expected);
    }
  });

  it('hands a chunk without dots on as it is, uncopied', () => {
    const chunk = Buffer.from('Subject: x\r\n\r\nbody\r\n');
    const seen: Buffer[] = [];
    new DataScanner().feed(chunk, (bytes) => seen.push(bytes));
    expect(seen).toHaveLength(1);
    expect(seen[0]).toBe(chunk);
  });

  it('begins anew after reset', () => {
    const scanner = new DataScanner();
    scanner.feed(Buffer.from('text'), () => undefined);
    scanner.reset();
    expect(scanner.feed(Buffer.from('.\r\n'), () => undefined)).toBe(3);
  });
});
