import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Framing } from '../../src/pop3/framing.ts';

/** Feeds `wire` cut at `cuts` and tells what came out: status lines, and content of each answer that ended. */
function read(wire: Buffer, cuts: readonly number[]): { lines: string[]; bodies: string[]; open: boolean } {
  const lines: string[] = [];
  const bodies: string[] = [];
  let body: Buffer[] = [];
  let open = false;
  const framing = new Framing({
    status: (line) => {
      lines.push(line);
      body = [];
      open = line.endsWith('multi');
      return open;
    },
    content: (bytes) => body.push(Buffer.from(bytes)),
    end: () => {
      open = false;
      bodies.push(Buffer.concat(body).toString('latin1'));
    },
  });
  let from = 0;
  for (const cut of [...cuts.toSorted((one, other) => one - other), wire.length]) {
    framing.feed(Buffer.from(wire.subarray(from, cut)));
    from = cut;
  }
  return { lines, bodies, open };
}
/** As a server writes it: stuffed, closed by CRLF, terminated. */
function wireOf(content: string): string {
  const closed = content === '' || content.endsWith('\r\n') ? content : `${content}\r\n`;
  return `+OK multi\r\n${closed.replace(/(^|\r\n)\./g, '$1..')}.\r\n`;
}
const latin1 = (text: string) => Buffer.from(text, 'latin1');
const piece = fc.constantFrom('.', '..', '\r', '\n', '\r\n', '\r\n.', '\r\n.\r', '.\r\n', 'a', 'é', 'text', '\0');
const contents = fc.array(piece, { maxLength: 30 }).map((pieces) => pieces.join(''));

describe('the framing', () => {
  test('gives the exact bytes of every answer, however the wire was cut', () => {
    fc.assert(
      fc.property(fc.array(contents, { minLength: 1, maxLength: 3 }), fc.array(fc.nat(400)), (all, points) => {
        const wire = latin1(all.map((content) => `${wireOf(content)}+OK between\r\n`).join(''));
        const cuts = points.map((point) => point % (wire.length + 1));
        const { lines, bodies, open } = read(wire, cuts);
        expect(bodies).toEqual(all.map((text) => (text === '' || text.endsWith('\r\n') ? text : `${text}\r\n`)));
        expect(lines).toEqual(all.flatMap(() => ['+OK multi', '+OK between']));
        expect(open).toBe(false);
      }),
      { numRuns: 2000 },
    );
  });

  test('gives the same when every byte comes alone', () => {
    const content = '.\r\n..\r\n\r\n.\r.\r\n.x\r\n\r\r\n\n.\n\r\n...\r\n';
    const wire = latin1(wireOf(content));
    expect(read(wire, [...wire.keys()]).bodies).toEqual([content]);
    expect(read(wire, []).bodies).toEqual([content]);
  });

  test('takes many dotted lines in one chunk', () => {
    const content = '.\r\nline\r\n'.repeat(5000);
    expect(read(latin1(wireOf(content)), []).bodies).toEqual([content]);
  });

  test('does not end an answer at a dot that is a whole chunk, or behind a bare LF', () => {
    const wire = latin1('+OK multi\r\na.b\n.\r\nc\r\n.\r\n');
    for (let cut = 0; cut < wire.length; cut++) {
      expect(read(wire, [cut, cut + 1, cut + 2]).bodies).toEqual(['a.b\n.\r\nc\r\n']);
    }
  });

  test('takes the dot from a line that a server forgot to stuff (RFC 1939)', () => {
    const wire = latin1('+OK multi\r\n.x\r\n.\ry\r\n.\r\n');
    for (let cut = 0; cut < wire.length; cut++) expect(read(wire, [cut]).bodies).toEqual(['x\r\n\ry\r\n']);
    expect(read(wire, [...wire.keys()]).bodies).toEqual(['x\r\n\ry\r\n']);
  });

  test('refuses a status line without end', () => {
    const framing = new Framing({ status: () => false, content: () => undefined, end: () => undefined });
    expect(() => {
      for (let sent = 0; sent < 2000; sent++) framing.feed(Buffer.from('+'));
    }).toThrow('status line too long');
  });
});
