import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readFrames } from '../../src/cli/export/frames.ts';
import { openManifest } from '../../src/cli/export/manifest-file.ts';
import { linesOf } from '../../src/lines.ts';

async function* cut(bytes: Buffer, lengths: readonly number[]): AsyncGenerator<Buffer> {
  let at = 0;
  for (let turn = 0; at < bytes.length; turn += 1) {
    const length = lengths[turn % lengths.length] ?? 1;
    yield bytes.subarray(at, at + length);
    at += length;
  }
}
const lengths = fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 4 });
const bytesOf = fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes));
const end = Buffer.from('{"end":true}\n');

test('each message comes out as it went in, however the answer is cut; a cut one is none', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(bytesOf, { maxLength: 4 }), lengths, async (messages, cuts) => {
      const framed = messages.map((bytes, at) =>
        Buffer.concat([Buffer.from(`${JSON.stringify({ id: `${at}\u2028\n`, size: bytes.length })}\n`), bytes]),
      );
      const answer = Buffer.concat([...framed, end]);
      const found: string[] = [];
      for await (const { line, bytes } of readFrames(cut(answer, cuts)))
        if (line.end !== true) found.push(bytes.toString('hex'));
      expect(found).toEqual(messages.map((bytes) => bytes.toString('hex')));
      const short = async () => {
        for await (const _ of readFrames(cut(answer.subarray(0, -1), cuts)));
      };
      await expect(short()).rejects.toThrow('cut');
    }),
  );
});

test('a damaged message has no bytes, and a line without a size is no message', async () => {
  const answer = Buffer.concat([Buffer.from('{"id":"a","size":9,"damaged":true}\n{"id":"b","size":1}\nx'), end]);
  const found: unknown[] = [];
  for await (const { line, bytes } of readFrames(cut(answer, [5]))) found.push([line['id'], bytes.toString()]);
  expect(found).toEqual([
    ['a', ''],
    ['b', 'x'],
    [undefined, ''],
  ]);
  for (const size of ['-1', '1.5', '"x"', '{}']) {
    const frames = readFrames(cut(Buffer.from(`{"size":${size}}\n`), [50]));
    await expect(frames.next()).rejects.toThrow('no size');
  }
});

test('a manifest goes on behind the last line that is whole and whose message stands', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'daybook-manifest-'));
  try {
    const path = join(folder, 'manifest.jsonl');
    const line = (id: string) => ({
      id,
      messageId: 'ü\u2028',
      sha256: 'ab'.repeat(32),
      size: 1,
      archivedAt: '2026-01-01T00:00:00Z',
      sender: null,
      next: id,
      recipients: [],
    });
    const text = (id: string): string => `${JSON.stringify(line(id))}\n`;
    const kept = async (written: string, gone = '') => {
      await writeFile(path, written);
      await using manifest = await openManifest(path, { isResumed: true, stands: async ({ id }) => id !== gone });
      const found = [manifest.count, manifest.last?.id];
      manifest.add(line('z'));
      await manifest.sync();
      return [...found, await readFile(path, 'utf8')];
    };
    const [a, b, c, z] = ['a', 'b', 'c', 'z'].map(text);
    expect(await kept(`${a}${b}`)).toEqual([2, 'b', `${a}${b}${z}`]);
    expect(await kept(`${a}${b}${c?.slice(0, -1)}`)).toEqual([2, 'b', `${a}${b}${z}`]);
    expect(await kept(`${a}${b}${c?.slice(0, 20)}`)).toEqual([2, 'b', `${a}${b}${z}`]);
    expect(await kept(`${a}${b}${c}`, 'b')).toEqual([1, 'a', `${a}${z}`]);
    expect(await kept('')).toEqual([0, undefined, z]);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('a line of text ends with LF alone, and none is longer than it may be', async () => {
  const read = async (text: string, max = 100) => {
    const lines: string[] = [];
    for await (const line of linesOf(cut(Buffer.from(text), [3]), max))
      lines.push(`${line.text}${line.isWhole ? '$' : ''}`);
    return lines;
  };
  expect(await read('a\r\nb\u2028c\n\nd')).toEqual(['a\r$', 'b\u2028c$', '$', 'd']);
  await expect(read('x'.repeat(200))).rejects.toThrow('more than 100 bytes');
});
