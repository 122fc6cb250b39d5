import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { asyncScheduler } from 'rxjs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Anchor, anchorHead } from '../../src/evidence/anchor.ts';
import { DerReader, encoded, oid, oidOf, tags, unsigned } from '../../src/evidence/der.ts';
import { readStoredStamps } from '../../src/evidence/stored-stamps.ts';
import { readTimeStamp, timeStampRequest } from '../../src/evidence/time-stamp.ts';
import { flipBit } from '../support/folders.ts';
import { startTimeStampAuthority, type TimeStampAuthority } from '../support/time-stamp-authority.ts';

const bytes = Buffer.from('a head\n');
const nonce = Buffer.from('00ff0102030405060708090a0b0c0d0e', 'hex');
const head = { log: 'a'.repeat(64), size: 42, root: 'b'.repeat(64), at: 1_000, signature: 'c2ln', key: 'k' };
const kept = { head, publicKey: 'PEM' };

let authority: TimeStampAuthority;
let folder: string;
let good: Buffer;
beforeAll(async () => {
  authority = await startTimeStampAuthority();
  folder = await mkdtemp(join(tmpdir(), 'daybook-stamps-'));
  good = await authority.answer(timeStampRequest(bytes, nonce));
});
afterAll(async () => {
  await authority[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

describe('a request', () => {
  test('is what openssl reads: version, hash, nonce, and that the certificate is wanted', async () => {
    const file = join(folder, 'query.tsq');
    await writeFile(file, timeStampRequest(bytes, nonce));
    const text = execFileSync('openssl', ['ts', '-query', '-in', file, '-text']).toString();
    const hash = createHash('sha256').update(bytes).digest('hex');
    expect(text).toContain('Version: 1');
    expect(text).toContain('Hash Algorithm: sha256');
    const dumped = [...text.matchAll(/^ {4}[0-9a-f]{4} - ([0-9a-f -]{47})/gm)].map(([, row]) => row);
    expect(dumped.join('').replaceAll(/[ -]/g, '')).toBe(hash);
    expect(text).toContain('Nonce: 0xFF0102030405060708090A0B0C0D0E');
    expect(text).toContain('Certificate required: yes');
  });

  test('has the bytes that openssl itself writes', async () => {
    const [file, own] = [join(folder, 'data'), join(folder, 'own.tsq')];
    await writeFile(file, bytes);
    execFileSync('openssl', ['ts', '-query', '-data', file, '-sha256', '-no_nonce', '-cert', '-out', own], {
      stdio: 'ignore',
    });
    const theirs = await readFile(own);
    const ours = new DerReader(timeStampRequest(bytes, nonce)).within(tags.sequence);
    const parts = [ours.value(), ours.value(), ours.value(), ours.value()].map(({ tag, content }) =>
      encoded(tag, content),
    );
    parts.splice(2, 1);
    expect(encoded(tags.sequence, ...parts)).toEqual(theirs);
  });
});

describe('an answer of a real authority', () => {
  test('is taken where it fits the hash and the question', () => {
    expect(readTimeStamp(good, bytes, nonce).genTime).toMatch(/^20\d{12}Z$/);
    expect(readTimeStamp(good, bytes, null).genTime).toMatch(/Z$/);
  });

  test('is refused for other bytes, another question, and without what was asked for', async () => {
    expect(() => readTimeStamp(good, Buffer.from('another head\n'), nonce)).toThrow('of something else');
    expect(() => readTimeStamp(good, bytes, randomBytes(16))).toThrow('another question');
    expect(() => readTimeStamp(Buffer.concat([good, Buffer.from([0])]), bytes, nonce)).toThrow('something behind');
    const nothing = new DerReader(timeStampRequest(bytes, nonce)).within(tags.sequence);
    const parts = [nothing.value(), nothing.value()].map(({ tag, content }) => encoded(tag, content));
    const unasked = await authority.answer(encoded(tags.sequence, ...parts));
    expect(() => readTimeStamp(unasked, bytes, nonce)).toThrow('another question');
    const broken = await authority.answer(Buffer.from('not a query'));
    expect(() => readTimeStamp(broken, bytes, nonce)).toThrow('refused (status 2)');
  });

  test('is read in bounds, whatever stands in it', () => {
    for (let at = 0; at < good.length; at += 1) {
      expect(() => readTimeStamp(good.subarray(0, at), bytes, nonce)).toThrow(RangeError);
    }
    const anything = fc.tuple(fc.nat(good.length - 1), fc.nat(255), fc.nat(good.length - 1), fc.nat(255));
    fc.assert(
      fc.property(anything, ([one, first, other, second]) => {
        const spoilt = Buffer.from(good);
        spoilt[one] = first;
        spoilt[other] = second;
        try {
          readTimeStamp(spoilt, bytes, nonce);
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
        }
      }),
      { numRuns: 2_000 },
    );
    expect(() => readTimeStamp(encoded(tags.sequence, Buffer.alloc(70_000)), bytes, nonce)).toThrow('larger than any');
  });
});

describe('DER', () => {
  test('numbers, object identifiers and lengths come back as they went', () => {
    for (const [hex, der] of [
      ['00', '020100'],
      ['7f', '02017f'],
      ['80', '02020080'],
      ['0000ff', '020200ff'],
    ] as const) {
      expect(unsigned(Buffer.from(hex, 'hex')).toString('hex')).toBe(der);
    }
    for (const text of ['1.2.840.113549.1.9.16.1.4', '2.16.840.1.101.3.4.2.1', '0.9', '1.3.6.1']) {
      expect(oidOf(new DerReader(oid(text)).value())).toBe(text);
    }
    for (const length of [0, 1, 127, 128, 255, 256, 65_535, 65_536]) {
      expect(new DerReader(encoded(tags.octets, Buffer.alloc(length))).value(tags.octets).content).toHaveLength(length);
    }
  });

  test('lengths that are indefinite, too long or beyond the end are refused', () => {
    for (const hex of ['3080', '308400000001', '3003', '30', '30820100']) {
      expect(() => new DerReader(Buffer.from(hex, 'hex')).value()).toThrow(RangeError);
    }
  });
});

describe('a stored time-stamp', () => {
  const anchor = (): Anchor => ({
    name: 'tsa',
    kind: 'rfc3161',
    target: authority.url,
    token: null,
    intervalMs: 60_000,
  });
  const at = { clock: asyncScheduler, signal: new AbortController().signal };

  test('lies beside its head, and openssl accepts it', async () => {
    await using place = await scratch();
    await anchorHead(anchor(), kept, { ...at, dataDir: place.dir });
    const [json, tsr] = (await readdir(join(place.dir, 'anchors/tsa'))).toSorted();
    expect([json, tsr]).toEqual([
      expect.stringMatching(/^0{18}42-[0-9a-f]{64}\.json$/),
      expect.stringMatching(/^0{18}42-[0-9a-f]{64}\.tsr$/),
    ]);
    const [data, stamp] = [json!, tsr!].map((name) => join(place.dir, 'anchors/tsa', name));
    expect(authority.verify(stamp!, data!)).toMatchObject({
      code: 0,
      text: expect.stringContaining('Verification: OK'),
    });
    expect(JSON.parse(await readFile(data!, 'utf8'))).toEqual(kept);
    expect(await readStoredStamps(place.dir)).toEqual({ heads: [{ head, file: `anchors/tsa/${tsr}` }], faults: [] });
    await writeFile(data!, `${JSON.stringify({ ...kept, head: { ...head, size: 43 } })}\n`);
    expect(authority.verify(stamp!, data!).code).not.toBe(0);
  });

  test('shows every bit that is flipped in it or in its head', async () => {
    await using place = await scratch();
    await anchorHead(anchor(), kept, { ...at, dataDir: place.dir });
    const files = await readdir(join(place.dir, 'anchors/tsa'));
    for (const name of files) {
      const path = join(place.dir, 'anchors/tsa', name);
      const { length } = await readFile(path);
      for (let byte = 0; byte < length; byte += 7) {
        const undo = await flipBit(path, byte, byte % 8);
        expect((await readStoredStamps(place.dir)).faults, `${name} at ${byte}`).toHaveLength(1);
        await undo();
      }
    }
    expect((await readStoredStamps(place.dir)).faults).toEqual([]);
  });

  test('is none where the authority answers with something else, and nothing is kept then', async () => {
    await using place = await scratch();
    const other = await authority.answer(timeStampRequest(Buffer.from('other'), nonce));
    for (const [answer, why] of [
      [Buffer.from('oops'), 'RangeError'],
      [other, 'of something else'],
      [good, 'of something else'],
      [Buffer.alloc(70_000), 'more than 65536 bytes'],
    ] as const) {
      authority.spoil = () => answer;
      const failing = anchorHead(anchor(), kept, { ...at, dataDir: place.dir });
      await expect(failing).rejects.toThrow(why === 'RangeError' ? RangeError : why);
    }
    authority.spoil = (answer) => answer;
    expect(await readdir(place.dir)).toEqual([]);
  });
});

async function scratch() {
  const dir = await mkdtemp(join(tmpdir(), 'daybook-stamp-'));
  return { dir, [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }) };
}
