import assert from 'node:assert/strict';
import { hashContent } from '../../../src/content/content-hash.ts';
import { canonicalText, decodeText as decodeLeaf } from '../../../src/content/leaf-text.ts';
import { dateSecond } from '../../../src/content/message-date.ts';
import { showMessage } from '../../../src/content/show.ts';
import { formatAddress, parseAddressList, parseReportAddress } from '../../../src/report/addresses.ts';
import { decodeText } from '../../../src/report/charset.ts';
import { parseDate, parseReportTime } from '../../../src/report/dates.ts';
import { decodeWords } from '../../../src/report/encoded-words.ts';
import { htmlToText } from '../../../src/report/html-text.ts';
import { decodeTransfer } from '../../../src/report/transfer-decoding.ts';
import { decodeQuotedPrintable } from '../../../src/store/quoted-printable.ts';
import type { Target } from '../fuzzer.ts';
import { mailSeeds, mailWords } from './report.ts';

const texts =
  (...all: readonly string[]): (() => readonly Buffer[]) =>
  () =>
    all.map((text) => Buffer.from(text));

/** RFC 2045 6.7 as three replacements, which is what archived hashes were made by. */
function quotedPrintablePlainly(bytes: Buffer): string {
  const lines = bytes.toString('latin1').split('\n');
  const trimmed = lines.map((line, at) => {
    const isLast = at === lines.length - 1;
    const [, text = '', end = ''] = (isLast ? null : /^(.*?)(\r?)$/s.exec(line)) ?? [null, line, ''];
    let length = text.length;
    while (length > 0 && (text[length - 1] === ' ' || text[length - 1] === '\t')) length -= 1;
    return text.slice(0, length) + end;
  });
  return trimmed
    .join('\n')
    .replaceAll(/=\r?\n/g, '')
    .replaceAll(/=([0-9a-f]{2})/gi, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));
}

/** Transfer codings, against a second and slower way of reading them. */
export const codings: Target = {
  name: 'codings',
  sources: ['/src/store/quoted-printable', '/src/report/transfer-decoding'],
  share: 100,
  words: ['=\r\n', '=\n', '=3D', '= \r\n', '=0', '=GG', '\t', ' ', '====', 'Zm9v', '\r\n'],
  seeds: texts('a=3Db =\r\nc \t\r\n=41', 'Zm9vYmFy\r\nZm9v', '= \t \r\n=\r=0d=0A'),
  run: (input) => {
    assert.equal(decodeQuotedPrintable(input).toString('latin1'), quotedPrintablePlainly(input));
    for (const decoding of ['base64', 'quoted-printable', 'identity'] as const) {
      assert.ok(decodeTransfer(input, decoding).length <= input.length);
    }
  },
};

const charsets = [
  'utf-8',
  'utf-16',
  'iso-2022-jp',
  'utf-7',
  'gb18030',
  'shift_jis',
  'x-user-defined',
  '',
  '\0',
  'big5',
];

/** Everything that reads a piece of a header: what it answers is text, a whole number or nothing, and the same twice. */
export const texty: Target = {
  name: 'texts',
  sources: ['/src/report/', '/src/content/leaf-text', '/src/content/message-date'],
  share: 80,
  words: [
    ...[
      '=?utf-8?B?',
      '=?utf-8?q?',
      '=?iso-2022-jp?B?',
      '?=',
      '<',
      '>',
      '@',
      ',',
      ':',
      ';',
      '(',
      ')',
      'Mon, ',
      'Mar',
      ' 2026 ',
    ],
    ...[
      '09:00:00',
      ' +0000',
      ' GMT',
      '3/2/2026 ',
      ' PM',
      '<br>',
      '<td>',
      '<style>',
      '&#x',
      '&amp;',
      '[EX:/o=',
      'SMTP:',
    ],
    ...['\u00e9', '\u202e', '\ud83d\ude00', '99999999999999999999'],
  ],
  seeds: texts(
    'Ada =?utf-8?B?w6k=?= =?utf-8?q?b?= <ada@north.example>, "Bo, B" <bo@x>, group: a@b, c@d;',
    'Mon, 02 Mar 2026 09:00:00 +0000 (CET)',
    '3/2/2026 9:00:00 AM',
    '<html><style>x</style><p>a&amp;b<br>&#65;</p></html>',
    '/O=NORTH/OU=X/CN=RECIPIENTS/CN=ADA',
  ),
  run: (input, random) => {
    const text = input.toString(random(2) === 0 ? 'utf8' : 'latin1');
    for (const at of [parseDate(text), parseReportTime(text), dateSecond(text)]) {
      assert.ok(at === null || Number.isSafeInteger(at), `the time ${at}`);
    }
    for (const said of [decodeWords(text), htmlToText(text), canonicalText(text)]) {
      assert.equal(typeof said, 'string');
    }
    assert.equal(canonicalText(canonicalText(text)), canonicalText(text));
    for (const address of [formatAddress(text), parseReportAddress(text)]) {
      assert.ok(address === null || !/[\r\n\0]/.test(address), 'an address of one line');
    }
    for (const address of parseAddressList(text).addresses) assert.doesNotMatch(address, /[\r\n\0]/);
    const charset = charsets[random(charsets.length)] ?? '';
    assert.equal(typeof decodeText(input, charset), 'string');
    assert.equal(typeof decodeLeaf(input, charset).text, 'string');
  },
};

/** mailparser behind our reading of it: the same hash twice, whatever comes, and something to show. */
export const content: Target = {
  name: 'content',
  sources: ['/src/content/'],
  share: 20,
  words: mailWords,
  seeds: mailSeeds,
  run: async (input, random) => {
    const hash = await hashContent(input);
    assert.match(hash, /^[0-9a-f]{64}$/);
    if (random(8) > 0) return;
    assert.equal(await hashContent(Buffer.from(input)), hash);
    const { text, attachments } = await showMessage(input);
    assert.ok(typeof text === 'string' && attachments.length <= 1_000);
  },
};
