import { hash, randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { documentText } from '../../src/cluster/document-text.ts';
import { LogSeal } from '../../src/cluster/log-seal.ts';
import { decodeRow, openerOf, prepare, storedHead } from '../../src/cluster/shared-records.ts';
import type { RecordDraft } from '../../src/store/commit-log.types.ts';
import { decodeHead, encodeRecord, genesisHash } from '../../src/store/record.ts';
import { keyBytesOf } from '../support/master-keys.ts';
import { below, prng } from '../support/prng.ts';
import { mailDraft } from '../support/shared-log-fixture.ts';

const seal = new LogSeal(keyBytesOf());
const other = new LogSeal(keyBytesOf('two'));
const told = { mailFrom: 'xylophone@north.example' };
const bodyOf = (bytes: number): Buffer => Buffer.alloc(bytes, 'xylophone in the body. ');

/** A record as it goes into its row, and as it is in clear. */
function rowOf(draft: RecordDraft, seq = 7) {
  const waiting = { draft, at: 0, resolve: () => undefined, reject: () => undefined };
  const { draft: whole, body, tail } = prepare(waiting, seal);
  const encoded = encodeRecord(whole, { seq, at: 1_000, mark: 5, previousHash: genesisHash });
  return { encoded, row: { seq, head: storedHead(encoded, seal), tail }, body: Buffer.concat(body) };
}
const flipped = (bytes: Buffer, at: number): Buffer => {
  const copy = Buffer.from(bytes);
  copy[at] = (copy[at] ?? 0) ^ 1;
  return copy;
};

describe('a sealed record of a cluster', () => {
  test('holds nothing of its mail, and is read as it was, with the hash it has in clear', () => {
    const { encoded, row, body } = rowOf(mailDraft(bodyOf(10_000), told));
    for (const bytes of [row.head, row.tail, body]) expect(bytes.includes('xylophone')).toBe(false);
    const { head, record } = decodeRow(row, seal);
    expect(head).toEqual(decodeHead(encoded.head));
    expect(record).toMatchObject({ particulars: told, hash: encoded.record.hash });
  });

  test('is read from anywhere in its body', () => {
    const plain = randomBytes(5_000);
    const { row, body } = rowOf(mailDraft(plain, told));
    const opener = openerOf(row, seal);
    const random = prng(11);
    for (let n = 0; n < 200; n += 1) {
      const from = below(random, plain.length);
      const to = from + below(random, plain.length - from + 1);
      expect(Buffer.from(opener.body(body.subarray(from, to), from)).equals(plain.subarray(from, to))).toBe(true);
    }
  });

  test('sealed twice has nothing in common but its length', () => {
    const [one, two] = [rowOf(mailDraft(bodyOf(4_096), told)), rowOf(mailDraft(bodyOf(4_096), told))];
    const same = one.body.filter((byte, at) => byte === two.body[at]).length;
    expect(same).toBeLessThan(one.body.length / 50);
    expect(one.row.tail.subarray(0, 16)).not.toEqual(two.row.tail.subarray(0, 16));
  });

  test('one bit changed in its head is found, and in its tail what is told of it is not believed; its mail is read', () => {
    const { row, body } = rowOf(mailDraft(bodyOf(100), told));
    for (let at = 0; at < row.head.length; at += 1)
      expect(() => decodeRow({ ...row, head: flipped(row.head, at) }, seal), `byte ${at}`).toThrow(
        expect.objectContaining({ code: 'damaged' }),
      );
    for (let at = 0; at < row.tail.length; at += 1) {
      const changed = { ...row, tail: flipped(row.tail, at) };
      expect(decodeRow(changed, seal).record).not.toHaveProperty('particulars');
      const opener = openerOf(changed, seal);
      expect(() => opener.tail()).toThrow(expect.objectContaining({ code: 'damaged' }));
      // Under another salt its bytes are others, which their hash tells.
      expect(Buffer.from(opener.body(body, 0)).equals(bodyOf(100))).toBe(at >= 16);
    }
  });

  test('does not pass for another: neither its tail nor its head is opened in the place of one', () => {
    const [one, two] = [rowOf(mailDraft(bodyOf(100), told)), rowOf(mailDraft(bodyOf(101), told), 4_097)];
    expect(decodeRow({ ...one.row, tail: two.row.tail }, seal).record).not.toHaveProperty('particulars');
    expect(() => decodeRow({ ...one.row, head: two.row.head }, seal)).toThrow(
      expect.objectContaining({ code: 'damaged' }),
    );
  });

  test('has its facts under a key of its 4,096 records', () => {
    const { encoded, row } = rowOf(mailDraft(bodyOf(100), told));
    expect(decodeRow({ ...row, head: seal.head(encoded.head, 4_096) }, seal).head).toEqual(decodeHead(encoded.head));
    expect(() => decodeRow({ ...row, head: seal.head(encoded.head, 4_097) }, seal)).toThrow(
      expect.objectContaining({ code: 'damaged' }),
    );
  });

  test('is opened by its own key alone, and says that one is missing where none is given', () => {
    const { row, body } = rowOf(mailDraft(bodyOf(100), told));
    expect(() => decodeRow(row, other)).toThrow(expect.objectContaining({ code: 'damaged' }));
    expect(Buffer.from(openerOf(row, other).body(body, 0)).includes('xylophone')).toBe(false);
    const missing = expect.objectContaining({ code: 'key-unusable' });
    expect(() => decodeRow(row, null)).toThrow(missing);
    expect(() => openerOf(row, null)).toThrow(missing);
  });

  test('whose tail was deleted has no body any more, and is told of as deleted', () => {
    const { row, body } = rowOf(mailDraft(bodyOf(100), told));
    const gone = { ...row, tail: Buffer.alloc(0) };
    expect(decodeRow(gone, seal).record.particulars).toBeNull();
    expect(() => openerOf(gone, seal).body(body, 0)).toThrow(expect.objectContaining({ code: 'damaged' }));
  });

  test('has heads of others beside it in clear: signed ones, and those from before the log was encrypted', () => {
    const { row } = rowOf({ kind: 'checkpoint', facts: { size: 3 }, payload: [] });
    expect(decodeRow(row, null).record.facts).toEqual({ size: 3 });
    const plain = encodeRecord(
      { ...mailDraft(bodyOf(10), told), payloadSha256: hash('sha256', 'x', 'buffer') },
      { seq: 7, at: 1_000, mark: 5, previousHash: genesisHash },
    );
    const tail = Buffer.from(plain.payload.at(-1) ?? []);
    expect(decodeRow({ seq: 7, head: plain.head, tail }, seal).record.particulars).toEqual(told);
  });
});

describe('a document of a cluster', () => {
  const place = { room: 'uidl', owner: 'exchange', key: 'one' };
  const text = JSON.stringify({ from: 'xylophone@north.example' });

  test('is sealed for its place, and read there alone', () => {
    const stored = documentText(seal).seal(place, text);
    expect(stored).not.toContain('xylophone');
    expect(documentText(seal).open(place, stored)).toBe(text);
    for (const elsewhere of [
      { ...place, room: 'runtime' },
      { ...place, owner: 'other' },
      { ...place, key: 'two' },
    ])
      expect(() => documentText(seal).open(elsewhere, stored)).toThrow(expect.objectContaining({ code: 'damaged' }));
    expect(() => documentText(other).open(place, stored)).toThrow(expect.objectContaining({ code: 'damaged' }));
    expect(() => documentText(null).open(place, stored)).toThrow(expect.objectContaining({ code: 'key-unusable' }));
  });

  test('from before is read in clear', () => {
    const stored = documentText(null).seal(place, text);
    expect(stored).toBe(text);
    expect(documentText(seal).open(place, stored)).toBe(text);
  });
});
