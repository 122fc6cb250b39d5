import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, test } from 'vitest';
import { hashContent } from '../../src/content/content-hash.ts';
import { openContentHasher } from '../../src/content/content-hasher.ts';
import { eventually } from '../support/eventually.ts';
import { StillClock } from '../support/smtp-listener.ts';

const message = (text: string) => Buffer.from(`From: a@b.example\r\nSubject: s\r\n\r\n${text}`);
const crashed = expect.objectContaining({ code: 'parser-crash', retryable: true });
const corpus = join(import.meta.dirname, '../../../shared/corpus');

describe('the content hasher', () => {
  test('answers what the hash is, and leaves the bytes to the caller', async () => {
    await using hasher = openContentHasher();
    const bytes = message('hello');
    const before = Buffer.from(bytes);
    expect(await hasher.hash(bytes)).toBe(await hashContent(bytes));
    expect(bytes.equals(before)).toBe(true);
    const view = Buffer.concat([Buffer.alloc(64), bytes]).subarray(64);
    expect(await hasher.hash(view)).toBe(await hashContent(bytes));
    expect(view.equals(before)).toBe(true);
  });

  test('answers everyone who waits, in order, one job at a time', async () => {
    await using hasher = openContentHasher({ workers: 1 });
    const texts = Array.from({ length: 100 }, (_, at) => message(`text ${at}`));
    const order: number[] = [];
    const hashes = await Promise.all(
      texts.map(async (text, at) => {
        const hash = await hasher.hash(text);
        order.push(at);
        return hash;
      }),
    );
    expect(hashes).toEqual(await Promise.all(texts.map(hashContent)));
    expect(order).toEqual(order.toSorted((one, other) => one - other));
  });

  test('gives up on a message past its deadline, longer for a larger one, and serves the next', async () => {
    const clock = new StillClock();
    await using hasher = openContentHasher({ clock });
    const large = message('x\r\n'.repeat(7_000_000));
    const failed = expect(hasher.hash(large)).rejects.toEqual(crashed);
    const waiting = hasher.hash(message('next'));
    await eventually(async () => clock.actions.some(({ delay }) => delay === 12_000));
    clock.advance(11_999);
    expect(clock.actions.some(({ delay }) => delay === 12_000)).toBe(true);
    clock.advance(1);
    await failed;
    expect(await waiting).toBe(await hashContent(message('next')));
  });

  test('outlives a message that takes more memory than a thread may have', async () => {
    await using hasher = openContentHasher({ heapMb: 48 });
    const large = Buffer.concat([message(''), Buffer.from('ä €\r\n'.repeat(5_000_000))]);
    await expect(hasher.hash(large)).rejects.toEqual(crashed);
    expect(await hasher.hash(message('next'))).toBe(await hashContent(message('next')));
  });

  test('refuses what waits when it is closed', async () => {
    const hasher = openContentHasher();
    const stopping = expect.objectContaining({ code: 'stopping' });
    const all = [message('one'), message('two')].map((bytes) => expect(hasher.hash(bytes)).rejects.toEqual(stopping));
    await hasher[Symbol.asyncDispose]();
    await Promise.all(all);
    await expect(hasher.hash(message('three'))).rejects.toEqual(stopping);
    await hasher[Symbol.asyncDispose]();
  });

  test('does not hold a process that forgets to close it', async () => {
    const script = join(import.meta.dirname, 'forgets-to-close.ts');
    const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', script], {
      timeout: 20_000,
      cwd: import.meta.dirname,
    });
    expect(stdout.trim()).toBe(await hashContent(message('hello')));
  });

  test.skipIf(!existsSync(corpus))('takes every message of the corpus, the same each time', async () => {
    await using hasher = openContentHasher();
    const files = readdirSync(corpus, { recursive: true, withFileTypes: true }).filter((file) =>
      file.name.endsWith('.eml'),
    );
    expect(files.length).toBeGreaterThan(100);
    const bytes = files.map((file) => readFileSync(join(file.parentPath, file.name)));
    const once = await Promise.all(bytes.map((each) => hasher.hash(each)));
    expect(await Promise.all(bytes.map(hashContent))).toEqual(once);
    for (const hash of once) expect(hash).toMatch(/^[0-9a-f]{64}$/);
  });
});

describe('what is shown of a message', () => {
  const hasher = openContentHasher();
  afterAll(() => hasher[Symbol.asyncDispose]());
  const lines = (...all: readonly string[]) => Buffer.from(all.join('\r\n'));

  test('is its header facts, its text and the list of its attachments', async () => {
    const shown = await hasher.show(
      lines(
        'From: Ann <ann@north.example>',
        'To: bo@north.example,',
        '\tcy@south.example',
        'Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=',
        'Content-Type: multipart/mixed; boundary=b',
        '',
        '--b',
        'Content-Type: multipart/alternative; boundary=c',
        '',
        '--c',
        'Content-Type: text/plain; charset=iso-8859-1',
        'Content-Transfer-Encoding: quoted-printable',
        '',
        'sch=F6n',
        '--c',
        'Content-Type: text/html',
        '',
        '<p>not this</p>',
        '--c--',
        '--b',
        'Content-Type: application/pdf; name="=?utf-8?Q?=C3=A4.pdf?="',
        'Content-Transfer-Encoding: base64',
        '',
        'AAEC',
        '--b--',
      ),
    );
    expect(shown).toEqual({
      subject: 'Grüße',
      from: ['ann@north.example'],
      to: ['bo@north.example', 'cy@south.example'],
      cc: [],
      headers: [
        { name: 'From', value: 'Ann <ann@north.example>' },
        { name: 'To', value: 'bo@north.example, cy@south.example' },
        { name: 'Subject', value: '=?utf-8?Q?Gr=C3=BC=C3=9Fe?=' },
        { name: 'Content-Type', value: 'multipart/mixed; boundary=b' },
      ],
      text: 'schön',
      truncated: false,
      attachments: [{ name: 'ä.pdf', type: 'application/pdf', sizeBytes: 3 }],
    });
  });

  test('is text alone where there is only HTML', async () => {
    const html = '<p>one</p><script>alert(1)</script><p>two &amp; three</p>';
    const { text } = await hasher.show(lines('Content-Type: text/html', '', html));
    expect(text).toContain('two & three');
    expect(text).not.toMatch(/alert|</);
  });

  test('is bounded, also of a page made to be slow', async () => {
    const page = `<table>${'<td>x'.repeat(200_000)}</table>`;
    const slow = await hasher.show(lines('Content-Type: text/html', '', page));
    expect(slow.truncated).toBe(true);
    const long = await hasher.show(lines('', 'x'.repeat(3_000_000)));
    expect([long.truncated, long.text.length]).toEqual([true, 1_048_576]);
    expect(await hasher.hash(lines('Content-Type: text/html', '', page))).toMatch(/^[0-9a-f]{64}$/);
  });
});
