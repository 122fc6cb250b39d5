import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync } from 'node:crypto';
import { isSignedBy, readSignedHead } from '../../../src/evidence/head.ts';
import { rootByPath } from '../../../src/merkle.ts';
import { maskedCrc32c } from '../../../src/store/crc32c.ts';
import { readLogFile } from '../../../src/store/leveldb-log.ts';
import { liveFilesOf } from '../../../src/store/leveldb-manifest.ts';
import { faultOfTable } from '../../../src/store/leveldb-table.ts';
import { decodeHead, encodeRecord, genesisHash, hashBytes, readHeader } from '../../../src/store/record.ts';
import { readFooter, readTrailer } from '../../../src/store/segment-table.ts';
import type { Target } from '../fuzzer.ts';

const { publicKey } = generateKeyPairSync('ed25519');
const place = { seq: 1, at: 1_700_000_000_000, mark: 7, previousHash: genesisHash };
const record = (facts: unknown): Buffer => {
  const { head, payload } = encodeRecord(
    { kind: 'event', facts: facts as never, payload: [Buffer.from('payload')] },
    place,
  );
  return Buffer.concat([head, ...payload]);
};

/** The head with a hash that fits again: what an attacker does, and the only way past the first check. */
function rehashed(input: Buffer): Buffer {
  const header = readHeader(input);
  if (header === null || header.headBytes > input.length) return input;
  const at = header.headBytes - hashBytes;
  createHash('sha256').update(input.subarray(0, at)).digest().copy(input, at);
  return input;
}

/** Records and the tables of segments: a head that is right, or null. */
export const records: Target = {
  name: 'records',
  sources: ['/src/store/record', '/src/store/segment-table', '/src/evidence/head'],
  share: 30,
  words: ['DYBK', '\u0001', '{"', '":', 'null', '[[[[', '\ud800', '{"log":"', '"signature":"', '1e999'],
  seeds: () => [
    record({ a: 1 }),
    record(null),
    record({ log: 'x', size: 1, root: 'y', at: 1, signature: 'z', key: 'k' }),
  ],
  run: (input, random) => {
    const bytes = random(2) === 0 ? rehashed(input) : input;
    const header = readHeader(bytes);
    const head =
      header === null || header.headBytes > bytes.length ? null : decodeHead(bytes.subarray(0, header.headBytes));
    if (head !== null) {
      assert.equal(head.headBytes, header?.headBytes);
      const signed = readSignedHead(head.record.facts);
      assert.ok(signed === null || !isSignedBy(signed, publicKey), 'nobody signs by chance');
    }
    const cut = random(bytes.length + 1);
    readTrailer(bytes.subarray(cut), bytes.length);
    readFooter(bytes.subarray(cut), random(3));
    const path = Array.from({ length: random(70) }, () => createHash('sha256').update(bytes).digest());
    const root = rootByPath(bytes.subarray(0, 32), { index: random(200), size: random(200) }, path);
    assert.ok(root === null || path.length === 0 || root.length === 32);
  },
};

/** A fragment of a LevelDB log with a checksum that fits. */
function fragment(kind: number, content: Buffer): Buffer {
  const bytes = Buffer.concat([Buffer.alloc(6), Buffer.from([kind]), content]);
  bytes.writeUInt16LE(content.length, 4);
  bytes.writeUInt32LE(maskedCrc32c(bytes.subarray(6)), 0);
  return bytes;
}
/** A table of one block, which is its index and its meta too, with a checksum that fits. */
function tableOf(block: Buffer): Buffer {
  const checked = Buffer.concat([block, Buffer.alloc(5)]);
  checked.writeUInt32LE(maskedCrc32c(checked.subarray(0, block.length + 1)), block.length + 1);
  const varint = (value: number): number[] => (value < 128 ? [value] : [(value & 127) | 128, ...varint(value >> 7)]);
  const footer = Buffer.alloc(48);
  Buffer.from([...varint(0), ...varint(block.length), ...varint(0), ...varint(block.length)]).copy(footer);
  Buffer.from('57fb808b247547db', 'hex').copy(footer, 40);
  return Buffer.concat([checked, footer]);
}

/** LevelDB's files as `verify` reads them: a fault or none, with checksums that fit, since only then the reading goes on. */
export const leveldb: Target = {
  name: 'leveldb',
  sources: ['/src/store/leveldb-', '/src/store/varints'],
  share: 60,
  words: ['\u0001', '\u0007', '\u0080', '\u00ff\u00ff\u00ff\u00ff', 'key'],
  seeds: () => [
    Buffer.from([2, 9, 3, 10, 4, 5, 7, 0, 5, 100, 3, 97, 98, 99, 3, 97, 98, 99]),
    Buffer.from([0, 1, 2, 97, 0, 10, 0, 0, 0, 0, 1, 0, 0, 0]),
    fragment(1, Buffer.from([2, 9])),
  ],
  run: (input, random) => {
    const files = [input, fragment(1 + random(4), input), Buffer.concat([fragment(2, input), fragment(4, input)])];
    for (const file of files) {
      const { records: found, fault } = readLogFile(file);
      assert.ok(fault === null || fault.length < 200);
      const live = liveFilesOf(found);
      assert.ok(live.fault === null || live.fault.length < 200);
    }
    for (const table of [input, tableOf(input.subarray(0, 2_000))]) {
      const fault = faultOfTable(table);
      assert.ok(fault === null || fault.length < 200);
    }
  },
};
