import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { recordKinds } from '../../../src/store/commit-log.types.ts';
import {
  decodeHead,
  encodeRecord,
  genesisHash,
  hashBytes,
  headerBytes,
  markLimit,
  maxFactsBytes,
  minRecordBytes,
  readHeader,
  sha256Of,
} from '../../../src/store/record.ts';

const draft = fc.record({
  kind: fc.constantFrom(...recordKinds),
  facts: fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value)) as unknown),
  payload: fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 4 }),
});
const place = fc.record({
  seq: fc.integer({ min: 1, max: 2 ** 48 - 1 }),
  at: fc.integer({ min: 0, max: 2 ** 48 - 1 }),
  mark: fc.nat({ max: markLimit }),
  previousHash: fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes).toString('hex')),
});

describe('a record of the commit log', () => {
  test('reads back as it was written, whatever bytes follow', () => {
    fc.assert(
      fc.property(draft, place, fc.uint8Array({ maxLength: 40 }), (given, where, rest) => {
        const encoded = encodeRecord(given, where);
        const head = decodeHead(Buffer.concat([encoded.head, ...encoded.payload, rest]));
        expect(head?.record).toEqual(encoded.record);
        expect(head?.record).toMatchObject({ kind: given.kind, seq: where.seq, at: where.at, facts: given.facts });
        expect(head).toMatchObject({ previousHash: where.previousHash, mark: where.mark });
        expect(head?.headBytes).toBe(encoded.head.length);
        expect(encoded.record.payloadSha256).toBe(sha256Of(given.payload).toString('hex'));
        expect(encoded.lengthBytes).toBe(encoded.head.length + Buffer.concat(given.payload).length);
      }),
      { numRuns: 300 },
    );
  });

  test('any single flipped bit is detected', () => {
    const given = { kind: 'outcome', facts: { text: 'é', list: [1, null] }, payload: [Buffer.from('body')] } as const;
    const { head, record } = encodeRecord(given, { seq: 77, at: 5, mark: 9, previousHash: 'ab'.repeat(32) });
    const bytes = Buffer.concat([head, ...given.payload]);
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const flipped = Buffer.from(bytes);
      flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
      const read = decodeHead(flipped);
      const payloadRight = sha256Of([flipped.subarray(head.length)]).toString('hex') === record.payloadSha256;
      expect(read === null || !payloadRight, `bit ${bit}`).toBe(true);
    }
  });

  test('a head cut anywhere is none', () => {
    const { head } = encodeRecord(
      { kind: 'event', facts: { a: 1 }, payload: [] },
      { seq: 1, at: 0, mark: 0, previousHash: genesisHash },
    );
    for (let length = 0; length < head.length; length += 1) expect(decodeHead(head.subarray(0, length))).toBeNull();
    expect(decodeHead(head)).not.toBeNull();
  });

  test('a head with a hash that fits and facts that are no JSON is none', () => {
    const { head } = encodeRecord(
      { kind: 'command', facts: { a: 1 }, payload: [] },
      { seq: 1, at: 0, mark: 0, previousHash: genesisHash },
    );
    const forged = Buffer.from(head);
    forged.write('{"a":1]', headerBytes);
    sha256Of([forged.subarray(0, -hashBytes)]).copy(forged, forged.length - hashBytes);
    expect(decodeHead(forged)).toBeNull();
  });

  test('the format stands: its first version is these bytes', () => {
    const { head, record } = encodeRecord(
      { kind: 'command', facts: { a: 1 }, payload: [Buffer.from('xy')] },
      { seq: 258, at: 0x0102_0304_0506, mark: 0x0a0b_0c0d_0e0f, previousHash: '11'.repeat(32) },
    );
    const fixed = [
      '4459424b',
      '01',
      '03',
      '010203040506',
      '000000000102',
      '0a0b0c0d0e0f',
      '00000007',
      '00000002',
      sha256Of([Buffer.from('xy')]).toString('hex'),
      '11'.repeat(32),
      Buffer.from('{"a":1}').toString('hex'),
    ].join('');
    expect(head.toString('hex')).toBe(fixed + sha256Of([Buffer.from(fixed, 'hex')]).toString('hex'));
    expect(record.hash).toBe(sha256Of([Buffer.from(fixed, 'hex')]).toString('hex'));
    expect(recordKinds).toEqual(['intake', 'chunk', 'outcome', 'command', 'event', 'checkpoint']);
  });

  test('a hash that the caller has is taken as it is, and no byte of the payload is copied', () => {
    const payload = [Buffer.from('a'), Buffer.from('b')];
    const payloadSha256 = sha256Of(payload);
    const place = { seq: 1, at: 0, mark: 0, previousHash: genesisHash };
    const encoded = encodeRecord({ kind: 'intake', facts: null, payload, payloadSha256 }, place);
    expect(encoded.payload).toBe(payload);
    expect(encoded.record.payloadSha256).toBe(payloadSha256.toString('hex'));
  });

  test('lengths that no record has are not believed', () => {
    const { head } = encodeRecord(
      { kind: 'event', facts: {}, payload: [] },
      { seq: 1, at: 0, mark: 0, previousHash: genesisHash },
    );
    expect(readHeader(head)).toEqual({
      seq: 1,
      mark: 0,
      headBytes: minRecordBytes + 2,
      payloadBytes: 0,
      isSealed: false,
    });
    head.writeUInt32BE(maxFactsBytes + 1, 24);
    expect(readHeader(head)).toBeNull();
  });
});
