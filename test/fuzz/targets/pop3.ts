import assert from 'node:assert/strict';
import { Framing } from '../../../src/pop3/framing.ts';
import { HeaderStart, headerDigest } from '../../../src/pop3/header-digest.ts';
import { type ListingEntry, ListingReader, listed } from '../../../src/pop3/listing.ts';
import { cleaned, Pop3Failure, RefusedCommand } from '../../../src/pop3/pop3-failure.ts';
import { shown, withoutPassword } from '../../../src/pop3/shown.ts';
import type { Target } from '../fuzzer.ts';

const words = [
  '+OK',
  '-ERR',
  ' [AUTH] ',
  '\r\n.\r\n',
  '\r\n..',
  '.',
  '1 2',
  '1 abc',
  ' ',
  '4294967296',
  '1e9',
  '-1',
  'secret',
];

/** What a client hears: status lines, contents, ends; each second status line is said to have content behind it. */
function heard(input: Buffer, pieces: () => number): string {
  const lines: string[] = [];
  let content = '';
  let statuses = 0;
  const framing = new Framing({
    status: (line) => {
      lines.push(`status ${line}`);
      statuses += 1;
      return statuses % 2 === 0;
    },
    content: (bytes) => {
      content += bytes.toString('latin1');
    },
    end: () => {
      lines.push(`content ${content}`);
      content = '';
    },
  });
  try {
    for (let at = 0; at < input.length; ) {
      const piece = Buffer.from(input.subarray(at, at + pieces()));
      at += piece.length;
      framing.feed(piece);
    }
  } catch (error) {
    if (!(error instanceof Pop3Failure)) throw error;
    // How much of the line had come when it was too long depends on the cut; that it was does not.
    return [...lines, error.message].join('\n');
  }
  return lines.join('\n');
}

/** The same conversation, however it is cut; content as the rule says. */
export const framing: Target = {
  name: 'pop3-framing',
  sources: ['/src/pop3/framing', '/src/pop3/bytes'],
  share: 150,
  words,
  seeds: () => [
    Buffer.from('+OK ready\r\n+OK 12 octets\r\nSubject: x\r\n\r\n..dot\r\n.\r\n-ERR no\r\n+OK\r\n.\r\n'),
    Buffer.from('+OK\r\n+OK\r\n.\r.\r\n..\r\n\n.\n\r\n.\r\r\n.\r\n'),
    Buffer.from(`+OK\r\n+OK\r\n${'..\r\n'.repeat(100)}.\r\n`),
  ],
  run: (input, random) => {
    const whole = heard(input, () => input.length);
    assert.equal(
      heard(input, () => 1),
      whole,
    );
    assert.equal(
      heard(input, () => 1 + random(9)),
      whole,
    );
    const [, second = ''] = whole.split('\nstatus ');
    const contentAt = input.indexOf(0x0a, input.indexOf(0x0a) + 1) + 1;
    if (!second.includes('\ncontent ') || contentAt <= 0) return;
    const text = `\r\n${input.toString('latin1', contentAt)}`;
    const expected = text
      .slice(0, text.indexOf('\r\n.\r\n') + 2)
      .replaceAll('\r\n.', '\r\n')
      .slice(2);
    assert.ok(whole.includes(`content ${expected}`), 'the content by the plain rule');
  },
};

/** Listings, however they are cut: the same or a failure of the protocol, with numbers that can be asked for. */
export const listing: Target = {
  name: 'pop3-listing',
  sources: ['/src/pop3/listing', '/src/pop3/pop3-failure', '/src/pop3/shown', '/src/pop3/header-digest'],
  share: 60,
  words,
  seeds: () => ['1 a\r\n2 b\r\n3 c\r\n', '1 100\r\n2 -5\r\n', '1\tx y\r\n'].map((text) => Buffer.from(text)),
  run: (input, random) => {
    const read = (pieces: () => number): readonly ListingEntry[] | null => {
      const reader = new ListingReader();
      try {
        for (let at = 0; at < input.length; ) {
          const piece = input.subarray(at, at + pieces());
          reader.add(piece);
          at += piece.length;
        }
        return reader.entries();
      } catch (error) {
        if (error instanceof Pop3Failure) return null;
        throw error;
      }
    };
    const whole = read(() => input.length);
    assert.deepEqual(
      read(() => 1 + random(9)),
      whole,
    );
    const items = listed(whole, whole ?? []);
    for (const { n, listSize } of items) {
      assert.ok(Number.isSafeInteger(n) && n > 0, `the number ${n}`);
      assert.ok(listSize === null || Number.isSafeInteger(listSize), `the size ${listSize}`);
    }
    const text = input.toString('latin1');
    for (const said of [cleaned(text), shown(text, 'secret'), new RefusedCommand(text).message]) {
      assert.doesNotMatch(said, /[\p{Cc}\p{Zl}\p{Zp}]/u);
      assert.ok(said.length <= 120);
    }
    assert.ok(!withoutPassword(text, 'secret').includes('secret'));
    const start = new HeaderStart();
    for (let at = 0; at < input.length; ) {
      const piece = input.subarray(at, at + 1 + random(99));
      start.add(piece);
      at += piece.length;
    }
    assert.equal(start.digest(), headerDigest(input));
  },
};
