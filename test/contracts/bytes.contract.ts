import { randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import type { Bytes, Found } from '../../src/store/bytes.types.ts';
import { type EncodedRecord, encodeRecord, genesisHash } from '../../src/store/record.ts';

/** A place for records that can be opened again and again. */
export interface BytesHome {
  open(): Promise<Bytes>;
  /** Where its files are; absent in memory. */
  readonly directory?: string;
  /** No file holds a payload as it was appended. */
  readonly isEncrypted?: boolean;
  remove(): Promise<void>;
}

/** Records of one chain, starting after `after`. */
export function chain(sizes: readonly number[], after?: EncodedRecord): EncodedRecord[] {
  let seq = after?.record.seq ?? 0;
  let previousHash = after?.record.hash ?? genesisHash;
  return sizes.map((size) => {
    seq += 1;
    const bytes = randomBytes(size);
    const middle = size >> 1;
    const payload = [bytes.subarray(0, middle), bytes.subarray(middle)];
    const facts = { seq, text: `fäcts of ${seq}` };
    const encoded = encodeRecord({ kind: 'intake', facts, payload }, { seq, at: 1_000 + seq, mark: 7, previousHash });
    previousHash = encoded.record.hash;
    return encoded;
  });
}

export async function scanAll(bytes: Bytes, fromSeq = 1): Promise<Found[]> {
  const found: Found[] = [];
  for await (const one of bytes.scan(fromSeq)) found.push(one);
  return found;
}
export const recordsOf = (found: readonly Found[]) =>
  found.flatMap((one) => (one.kind === 'record' ? [one.head.record] : []));

/** Opens, scans and makes ready: the state in which an engine works. */
export async function openReady(home: BytesHome): Promise<Bytes> {
  const bytes = await home.open();
  await scanAll(bytes);
  await bytes.ready();
  return bytes;
}
const payloadOf = (encoded: EncodedRecord): Buffer => Buffer.concat(encoded.payload);
const seqsOf = (found: readonly Found[]): number[] => recordsOf(found).map(({ seq }) => seq);

/** What each adapter of the bytes port promises (store section 2). */
export function bytesContract(name: string, makeHome: () => Promise<BytesHome>): void {
  describe(`bytes in ${name}`, () => {
    const homes: BytesHome[] = [];
    const newHome = async (): Promise<BytesHome> => {
      const home = await makeHome();
      homes.push(home);
      return home;
    };
    afterEach(async () => {
      for (const home of homes.splice(0)) await home.remove();
    });

    test('an empty place holds nothing and begins with record 1', async () => {
      const home = await newHome();
      await using bytes = await home.open();
      expect(await scanAll(bytes)).toEqual([]);
      await bytes.ready();
      expect(bytes.nextSeq).toBe(1);
      await expect(bytes.read(1)).rejects.toMatchObject({ code: 'missing' });
      await expect(bytes.slice(1, 0, 0)).rejects.toMatchObject({ code: 'missing' });
    });

    test('what was appended is read back byte for byte, at once and after it was opened again', async () => {
      const home = await newHome();
      const records = chain([0, 1, 1_000, 70_000]);
      {
        await using bytes = await openReady(home);
        await bytes.append(records.slice(0, 2), true);
        await bytes.append(records.slice(2), false);
        expect(bytes.nextSeq).toBe(5);
        await expectAll(bytes, records);
        await bytes.seal();
        await expectAll(bytes, records);
      }
      await using again = await home.open();
      expect(recordsOf(await scanAll(again))).toEqual(records.map(({ record }) => record));
      await again.ready();
      expect(again.nextSeq).toBe(5);
      await expectAll(again, records);
    });

    test('slices are cut out of the payload, and nothing outside it is given', async () => {
      await using bytes = await openReady(await newHome());
      const [record] = chain([10_000]) as [EncodedRecord];
      await bytes.append([record], true);
      expect(await bytes.slice(1, 123, 4_567)).toEqual(payloadOf(record).subarray(123, 123 + 4_567));
      expect(await bytes.slice(1, 10_000, 0)).toHaveLength(0);
      for (const [offset, length] of [
        [9_999, 2],
        [-1, 1],
        [0, -1],
        [10_001, 0],
      ] as const) {
        await expect(bytes.slice(1, offset, length)).rejects.toMatchObject({ code: 'missing' });
      }
      await expect(bytes.slice(2, 0, 1)).rejects.toMatchObject({ code: 'missing' });
      await expect(bytes.slice(0, 0, 1)).rejects.toMatchObject({ code: 'missing' });
    });

    test('a scan from the middle yields that record and all after it', async () => {
      const home = await newHome();
      const records = chain(Array.from({ length: 20 }, (_, index) => index * 50));
      {
        await using bytes = await openReady(home);
        await bytes.append(records, true);
      }
      for (const from of [1, 2, 13, 20, 21, 40]) {
        await using bytes = await home.open();
        expect(seqsOf(await scanAll(bytes, from))).toEqual(
          records.map(({ record }) => record.seq).filter((seq) => seq >= from),
        );
        await bytes.ready();
        expect(bytes.nextSeq).toBe(21);
        await expectAll(bytes, records);
      }
    });

    test('many closings and openings, sealed or not, make one unbroken log', async () => {
      const home = await newHome();
      const records: EncodedRecord[] = [];
      for (let round = 0; round < 8; round += 1) {
        await using bytes = await home.open();
        expect(seqsOf(await scanAll(bytes))).toEqual(records.map(({ record }) => record.seq));
        await bytes.ready();
        if (round === 4) continue;
        const more = chain([round, 100 * round], records.at(-1));
        await bytes.append(more, true);
        records.push(...more);
        if (round % 2 === 0) await bytes.seal();
      }
      await using bytes = await openReady(home);
      await expectAll(bytes, records);
    });

    test('a dropped payload is gone, its head and all other records stay, also after it was opened again', async () => {
      const home = await newHome();
      const records = chain([500, 600, 700, 800]);
      {
        await using bytes = await openReady(home);
        await bytes.append(records, true);
        await bytes.seal();
        await expectAll(bytes, records);
        expect(await bytes.drop(new Set([2, 4]))).toBe(1_400);
        await expectDropped(bytes);
      }
      await using again = await home.open();
      const found = await scanAll(again);
      expect(recordsOf(found)).toEqual(records.map(({ record }) => record));
      expect(found).toHaveLength(4);
      await again.ready();
      await expectDropped(again);
      const more = chain([10], records.at(-1));
      await again.append(more, true);
      await expectAll(again, more);

      async function expectDropped(bytes: Bytes): Promise<void> {
        for (const seq of [2, 4]) {
          expect((await bytes.read(seq)).record).toEqual(records[seq - 1]?.record);
          await expect(bytes.slice(seq, 0, 1)).rejects.toMatchObject({ code: 'missing' });
        }
        await expectAll(
          bytes,
          records.filter(({ record }) => record.seq % 2 === 1),
        );
      }
    });

    test('no file holds a dropped payload any more, and a second drop gives nothing back', async () => {
      const home = await newHome();
      const inClear = home.directory === undefined || home.isEncrypted === true ? [] : [1, 3, 5];
      const records = chain([5_000, 6_000, 7_000, 8_000, 9_000]);
      {
        await using bytes = await openReady(home);
        await bytes.append(records, true);
        await bytes.seal();
        expect(bytes.sealedBefore).toBe(6);
        expect(await bytes.drop(new Set([2, 4]))).toBe(14_000);
        expect(await bytes.drop(new Set([2, 4, 99]))).toBe(0);
        expect(await seqsInFiles(home, records)).toEqual(inClear);
      }
      expect(await seqsInFiles(home, records)).toEqual(inClear);
    });

    test('payloads are dropped while others are read and records are appended', async () => {
      const home = await newHome();
      const records = chain(Array.from({ length: 40 }, () => 700));
      const rest = chain(
        Array.from({ length: 40 }, () => 700),
        records.at(-1),
      );
      const dropped = new Set(Array.from({ length: 20 }, (_, at) => 2 * at + 1));
      const kept = [...records.filter(({ record }) => !dropped.has(record.seq)), ...rest];
      {
        await using bytes = await openReady(home);
        await bytes.append(records, true);
        await bytes.seal();
        const appending = (async () => {
          for (const record of rest) await bytes.append([record], true);
        })();
        const reading = expectAll(bytes, kept.slice(0, 20));
        expect(await bytes.drop(dropped)).toBe(20 * 700);
        await Promise.all([appending, reading]);
        await expectAll(bytes, kept);
      }
      await using again = await openReady(home);
      await expectAll(again, kept);
      for (const seq of dropped) await expect(again.slice(seq, 0, 1)).rejects.toMatchObject({ code: 'missing' });
    });

    test('closing twice is closing once', async () => {
      const bytes = await openReady(await newHome());
      await bytes[Symbol.asyncDispose]();
      await bytes[Symbol.asyncDispose]();
    });
  });
}

/** The records whose payload stands in some file of the home. */
async function seqsInFiles({ directory }: BytesHome, records: readonly EncodedRecord[]): Promise<readonly number[]> {
  if (directory === undefined) return [];
  const names = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = names.filter((entry) => entry.isFile()).map(({ parentPath, name }) => readFile(join(parentPath, name)));
  const contents = await Promise.all(files);
  // A table of LevelDB may cut a value at a block; its first bytes stand together.
  const isThere = (encoded: EncodedRecord): boolean =>
    contents.some((content) => content.includes(payloadOf(encoded).subarray(0, 64)));
  return records.filter(isThere).map(({ record }) => record.seq);
}

/** Heads and payloads as they were encoded, read in no order. */
export async function expectAll(bytes: Bytes, records: readonly EncodedRecord[]): Promise<void> {
  await Promise.all(
    records.toReversed().map(async (encoded) => {
      const { record } = encoded;
      expect((await bytes.read(record.seq)).record).toEqual(record);
      const payload = await bytes.slice(record.seq, 0, record.payloadLength);
      expect(Buffer.compare(payload, payloadOf(encoded)), `payload of ${record.seq}`).toBe(0);
    }),
  );
}
