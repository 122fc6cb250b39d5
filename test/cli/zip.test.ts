import { createWriteStream } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ZipFile } from 'yazl';
import { openZip, ZipFault } from '../../src/cli/import/zip.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'daybook-zip-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function zipOf(
  files: Readonly<Record<string, Uint8Array>>,
  { wide = false, compress = true } = {},
): Promise<string> {
  const path = join(folder, `${Math.random()}.zip`);
  const zip = new ZipFile();
  for (const [name, bytes] of Object.entries(files)) {
    zip.addBuffer(Buffer.from(bytes), name, { compress, forceZip64Format: wide });
  }
  zip.end({ forceZip64Format: wide, comment: '' });
  await pipeline(zip.outputStream, createWriteStream(path));
  return path;
}
async function readAll(path: string): Promise<Readonly<Record<string, string>>> {
  await using zip = await openZip(path);
  const found: [string, string][] = [];
  for (const entry of zip.entries.values()) {
    const bytes = await zip.read(entry);
    const streamed: Buffer[] = [];
    for await (const chunk of zip.stream(entry)) streamed.push(chunk);
    expect(Buffer.concat(streamed).equals(bytes)).toBe(true);
    found.push([entry.name, bytes.toString('latin1')]);
  }
  return Object.fromEntries(found);
}

test('what is packed comes back byte for byte, stored, deflated and in zip64', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.dictionary(fc.stringMatching(/^[A-Z0-9]{1,12}\.eml$/), fc.uint8Array({ maxLength: 300 }), {
        maxKeys: 5,
        noNullPrototype: true,
      }),
      fc.record({ wide: fc.boolean(), compress: fc.boolean() }),
      async (files, options) => {
        const texts = Object.entries(files).map(([name, bytes]) => [name, Buffer.from(bytes).toString('latin1')]);
        expect(await readAll(await zipOf(files, options))).toEqual(Object.fromEntries(texts));
      },
    ),
    { numRuns: 60 },
  );
});

test('an archive that is cut or changed anywhere is told of, never read as other bytes', async () => {
  const files = { 'a.eml': Buffer.from('Subject: a\r\n\r\ntext\r\n'.repeat(20)), 'b.eml': Buffer.from('b') };
  const bytes = await readFile(await zipOf(files));
  const whole = Object.fromEntries(Object.entries(files).map(([name, text]) => [name, text.toString('latin1')]));
  const path = join(folder, 'broken.zip');
  for (let at = 0; at < bytes.length; at += 1) {
    const changed = Buffer.from(bytes);
    changed[at] = (changed[at] ?? 0) ^ 0xff;
    for (const broken of [bytes.subarray(0, at), changed]) {
      await writeFile(path, broken);
      const found = await readAll(path).catch((error: unknown) => {
        if (error instanceof ZipFault) return null;
        throw error;
      });
      // Names and times are under no checksum; bytes are.
      const texts = Object.values(found ?? {});
      expect(
        texts.filter((text) => !Object.values(whole).includes(text)),
        `at ${at}`,
      ).toEqual([]);
    }
  }
});
