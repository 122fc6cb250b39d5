import { expect, test } from 'vitest';
import { openContentHasher } from '../../src/content/content-hasher.ts';
import { wordsIn } from '../../src/content/message-words.ts';

const mail = (type: string, body: string, head = ''): Buffer =>
  Buffer.from(`Subject: topic\r\n${head}Content-Type: ${type}\r\n\r\n${body}`);
const wordsOf = async (message: Uint8Array): Promise<readonly string[]> => (await wordsIn(message)).words.split(' ');
const multipart = (kind: string, ...parts: readonly string[]): string =>
  `${parts.map((part) => `--b\r\n${part}\r\n`).join('')}--b--\r\n${kind}`;

test('the words are those of the text as a person reads it, in any charset and encoding', async () => {
  expect(await wordsOf(mail('text/plain', 'Straße, NAÏVE 3,50'))).toEqual(['straße', 'naïve', '3', '50']);
  const quoted = mail(
    'text/plain; charset=iso-8859-1',
    'Gr=F6=DFe =C4rger',
    'Content-Transfer-Encoding: quoted-printable\r\n',
  );
  expect(await wordsOf(quoted)).toEqual(['größe', 'ärger']);
  const base64 = mail(
    'text/plain; charset=utf-8',
    Buffer.from('Żółć 42 Ⅷ').toString('base64'),
    'Content-Transfer-Encoding: base64\r\n',
  );
  expect(await wordsOf(base64)).toEqual(['żółć', '42', 'viii']);
});

test('of a page the text counts, not its markup; where there is a plain text, that is it', async () => {
  const page = '<style>p { color: hidden }</style><p class="secret">Offer&nbsp;for <b>to</b>morrow &amp; more</p>';
  expect(await wordsOf(mail('text/html', page))).toEqual(['offer', 'for', 'tomorrow', 'more']);
  const both = multipart('', 'Content-Type: text/plain\r\n\r\nplain', 'Content-Type: text/html\r\n\r\n<p>page</p>');
  expect(await wordsOf(mail('multipart/alternative; boundary=b', both))).toEqual(['plain']);
});

test('names of attachments and what attached messages say are words too, but no bytes of files', async () => {
  const inner = 'Subject: forwarded deal\r\nContent-Type: text/plain\r\n\r\ninside';
  const parts = multipart(
    '',
    'Content-Type: text/plain\r\n\r\noutside',
    'Content-Type: application/pdf; name="Invoice-7.pdf"\r\nContent-Disposition: attachment\r\n\r\nbinary',
    `Content-Type: message/rfc822\r\n\r\n${inner}`,
  );
  const words = await wordsOf(mail('multipart/mixed; boundary=b', parts));
  expect(words.toSorted()).toEqual(['7', 'deal', 'forwarded', 'inside', 'invoice', 'outside', 'pdf']);
});

test('what is more than the bounds is left out and said so', async () => {
  const many = Array.from({ length: 6_000 }, (_, n) => `w${n}`).join(' ');
  const { words, truncated } = await wordsIn(mail('text/plain', many));
  expect([words.split(' ').length, truncated]).toEqual([5_000, true]);
  const long = await wordsIn(mail('text/plain', `begin ${'same '.repeat(60_000)} end`));
  expect([long.words.includes('end'), long.truncated]).toEqual([false, true]);
  let nested = Buffer.from('Content-Type: text/plain\r\n\r\ndeepest');
  for (let depth = 5; depth > 0; depth -= 1)
    nested = Buffer.from(`Subject: level${depth}\r\nContent-Type: message/rfc822\r\n\r\n${nested.toString()}`);
  const deep = await wordsIn(nested);
  expect([deep.words.includes('level4'), deep.words.includes('deepest'), deep.truncated]).toEqual([true, false, true]);
  expect((await wordsIn(mail('text/plain', 'short'))).truncated).toBe(false);
});

test('the thread of mailparser answers the same, and words of no message are none', async () => {
  await using hasher = openContentHasher();
  const message = mail('text/plain', 'one two one');
  expect(await hasher.words(message)).toEqual({ words: 'one two', truncated: false });
  expect(await hasher.words(Buffer.of())).toEqual({ words: '', truncated: false });
});
