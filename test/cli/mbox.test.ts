import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  fromLineOf,
  type MboxMessage,
  type MboxQuoting,
  NoMbox,
  quotedForMbox,
  splitMbox,
} from '../../src/cli/mbox.ts';

const limitBytes = 10_000;

/** Cut into chunks of random lengths, as files and pipes come. */
async function* cut(bytes: Buffer, lengths: readonly number[]): AsyncGenerator<Buffer> {
  let at = 0;
  for (let turn = 0; at < bytes.length; turn += 1) {
    const length = lengths[turn % lengths.length] ?? 1;
    // A copy: what comes from a file does not stand in one memory.
    yield Buffer.from(bytes.subarray(at, at + length));
    at += length;
  }
}
async function read(
  bytes: Buffer,
  options: { quoting?: MboxQuoting; lengths?: readonly number[]; limit?: number } = {},
) {
  const { quoting = 'mboxrd', lengths = [bytes.length || 1], limit = limitBytes } = options;
  const found: MboxMessage[] = [];
  for await (const message of splitMbox(cut(bytes, lengths), { quoting, limitBytes: limit })) found.push(message);
  return found;
}
const texts = (messages: readonly MboxMessage[]) => messages.map(({ bytes }) => bytes?.toString('latin1'));
const mboxOf = (messages: readonly Buffer[]): Buffer =>
  Buffer.concat(
    messages.flatMap((bytes) => [Buffer.from(fromLineOf('ada@north.example', 0)), ...quotedForMbox(bytes)]),
  );

/** All that may be taken for something else, and every byte. */
const piece = fc.oneof(
  fc.constantFrom(
    '\n',
    '\r\n',
    '\r',
    '\n\n',
    '\r\n\r\n',
    'From ',
    '>From ',
    '>>From ',
    '>',
    '\nFrom ',
    '\n\nFrom x\n',
    'from ',
    'Fro',
  ),
  fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)), maxLength: 8 }),
);
const message = fc.array(piece, { maxLength: 12 }).map((pieces) => Buffer.from(pieces.join(''), 'latin1'));
const ended = message.map((bytes) =>
  bytes.length === 0 || bytes.at(-1) === 0x0a ? bytes : Buffer.concat([bytes, Buffer.from('\n')]),
);
const lengths = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 5 });

test('what is quoted as mboxrd comes back byte for byte, however the file is cut', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(ended, { maxLength: 5 }), lengths, async (messages, cuts) => {
      expect(texts(await read(mboxOf(messages), { lengths: cuts }))).toEqual(
        messages.map((bytes) => bytes.toString('latin1')),
      );
    }),
    { numRuns: 2_000 },
  );
});

test('a message without an end of its last line gets one, and only that', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(message, { minLength: 1, maxLength: 4 }), lengths, async (messages, cuts) => {
      const found = await read(mboxOf(messages), { lengths: cuts });
      const whole = messages.map((bytes) => bytes.toString('latin1'));
      const expected = whole.map((text) => (text === '' || text.endsWith('\n') ? text : `${text}\n`));
      expect(texts(found)).toEqual(expected);
    }),
    { numRuns: 1_000 },
  );
});

test('mboxo takes the one mark that its writer set, and gives back what had none before', async () => {
  const line = fc.constantFrom('', 'From x', 'To: y', '>>From z', '> From', '\0\xff', 'text');
  const end = fc.constantFrom('\n', '\r\n');
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(line, { minLength: 1, maxLength: 8 }), { maxLength: 4 }),
      end,
      lengths,
      async (mails, lineEnd, cuts) => {
        const written = mails.map((lines) => lines.map((each) => each.replace(/^From /, '>From ') + lineEnd).join(''));
        const mbox = written.map((text) => `From a@b.example Thu Jan  1 00:00:00 1970\n${text}\n`).join('');
        const found = await read(Buffer.from(mbox, 'latin1'), { quoting: 'mboxo', lengths: cuts });
        expect(texts(found)).toEqual(mails.map((lines) => lines.map((each) => each + lineEnd).join('')));
      },
    ),
    { numRuns: 500 },
  );
});

test('the two quotings differ where a line had more marks than one', async () => {
  const mbox = Buffer.from('From a\n>From b\n>>From c\n\n');
  expect(texts(await read(mbox))).toEqual(['From b\n>From c\n']);
  expect(texts(await read(mbox, { quoting: 'mboxo' }))).toEqual(['From b\n>>From c\n']);
});

test.each([
  ['only behind an empty line does a message begin', 'From a\nx\nFrom y\nz\n\n', ['x\nFrom y\nz\n']],
  ['an empty line may end with CRLF', 'From a\r\nx\r\n\r\nFrom b\r\ny\r\n\r\n', ['x\r\n', 'y\r\n']],
  ['empty lines at the end of a message stay but for the last', 'From a\nx\n\n\n\nFrom b\ny\n', ['x\n\n\n', 'y\n']],
  ['a message may be empty', 'From a\n\nFrom b\n\n', ['', '']],
  ['an end of file ends a line', 'From a\nx\n\nFrom b\ny', ['x\n', 'y']],
  ['a From_ line at the end of the file begins one', 'From a\nx\n\nFrom b', ['x\n', '']],
  ['an empty file has none', '', []],
])('%s', async (_, mbox, expected) => {
  for (const length of [1, 3, 1_000])
    expect(texts(await read(Buffer.from(mbox), { lengths: [length] }))).toEqual(expected);
});

test('each message says where it stands', async () => {
  const found = await read(Buffer.from('From a\nx\n\nFrom b\nyy\n\n'), { lengths: [2] });
  expect(found.map(({ at, end }) => [at, end])).toEqual([
    [0, 10],
    [10, 21],
  ]);
});

test('what is larger than the limit is told of, held nowhere, and stops no other', async () => {
  const large = `${'x'.repeat(150)}\n`;
  for (const text of [large.repeat(3), 'y'.repeat(400)]) {
    const mbox = Buffer.from(`From a\nx\n\nFrom b\n${text}\n\nFrom c\n${'z'.repeat(199)}\n\n`);
    for (const length of [7, 64, 1_000]) {
      const found = await read(mbox, { lengths: [length], limit: 200 });
      expect(texts(found)).toEqual(['x\n', undefined, `${'z'.repeat(199)}\n`]);
      expect(found.at(-1)?.end).toBe(mbox.length);
    }
  }
});

test('a file of another kind is no mbox', async () => {
  await expect(read(Buffer.from('Subject: x\n\nFrom me\n'))).rejects.toThrow(NoMbox);
});

test('no sender breaks the From_ line', () => {
  expect(fromLineOf('ada@north.example', Date.UTC(2026, 0, 3, 4, 5, 6))).toBe(
    'From ada@north.example Sat Jan  3 04:05:06 2026\n',
  );
  for (const sender of [null, '', 'a b@c', 'x\nFrom y', '\u001b[2J', 'ü@x', 'a'.repeat(321)]) {
    expect(fromLineOf(sender, 0)).toBe('From MAILER-DAEMON Thu Jan  1 00:00:00 1970\n');
  }
});
