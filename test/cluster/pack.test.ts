import { createHash, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { sha256Of } from '../../src/cluster/digest.ts';
import {
  encodePack,
  frameHeadBytes,
  isWholeFrame,
  packFootBytes,
  readTable,
  tableLength,
} from '../../src/cluster/pack.ts';

const payloadOf = (bytes: Uint8Array) => {
  const middle = bytes.length >> 1;
  const digest = createHash('sha256').update(bytes).digest();
  return { pieces: [bytes.subarray(0, middle), bytes.subarray(middle)], length: bytes.length, digest };
};
/** The pack as it is stored. */
function packOf(payloads: readonly Uint8Array[]): Buffer {
  const { pieces, size } = encodePack(payloads.map(payloadOf));
  const pack = Buffer.concat(pieces);
  expect(pack).toHaveLength(size);
  return pack;
}
/** What the pack says of itself, read from its end as the vault does. */
function framesOf(pack: Buffer) {
  const foot = pack.subarray(-packFootBytes);
  const length = tableLength(foot, pack.length);
  return readTable(pack.subarray(pack.length - packFootBytes - length, -packFootBytes), foot);
}
const payloads = fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 12 });

describe('a pack', () => {
  test('tells from its end alone where each payload stands, and each stands there', () => {
    fc.assert(
      fc.property(payloads, (all) => {
        const pack = packOf(all);
        const frames = framesOf(pack);
        expect(frames.map(({ at, length }) => pack.subarray(at, at + length))).toEqual(
          all.map((one) => Buffer.from(one)),
        );
        expect(frames.map(({ digest }) => digest)).toEqual(all.map((one) => payloadOf(one).digest));
      }),
    );
  });

  test('its frames are whole, and none with a bit turned or another length is', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), fc.nat(), async (bytes, place) => {
        const frame = packOf([bytes]).subarray(0, frameHeadBytes + bytes.length);
        expect(await isWholeFrame(frame, bytes.length)).toBe(true);
        expect(await isWholeFrame(frame, bytes.length + 1)).toBe(false);
        expect(await isWholeFrame(frame.subarray(1), bytes.length)).toBe(false);
        const bit = place % (frame.length * 8);
        const spoilt = Buffer.from(frame);
        spoilt[bit >> 3] = (spoilt[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        expect(await isWholeFrame(spoilt, bytes.length)).toBe(false);
      }),
    );
  });

  test('a bit turned in its table or foot is damage, and so is an end that is none', () => {
    const pack = packOf([randomBytes(10), randomBytes(0), randomBytes(300)]);
    const from = pack.length - packFootBytes - 3 * 48;
    for (let bit = from * 8; bit < pack.length * 8; bit += 1) {
      const spoilt = Buffer.from(pack);
      spoilt[bit >> 3] = (spoilt[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(() => framesOf(spoilt), `bit ${bit}`).toThrow(expect.objectContaining({ code: 'damaged' }));
    }
    for (const cut of [1, 48, pack.length - 1]) {
      expect(() => framesOf(pack.subarray(0, -cut))).toThrow(expect.objectContaining({ code: 'damaged' }));
    }
  });

  test('a payload that is not as long as it is said to be is no pack', () => {
    expect(() => encodePack([{ ...payloadOf(randomBytes(10)), length: 11 }])).toThrow('a payload of 10 bytes');
  });
});

test('a digest goes over all pieces, and lets others have their turn between megabytes', async () => {
  const pieces = [randomBytes(10), randomBytes(3_500_000), new Uint8Array(), randomBytes(700_000)];
  let turns = 0;
  let isDone = false;
  const count = (): void => {
    turns += 1;
    if (!isDone) setImmediate(count);
  };
  setImmediate(count);
  const digest = await sha256Of(pieces);
  isDone = true;
  expect(digest).toEqual(createHash('sha256').update(Buffer.concat(pieces)).digest());
  expect(turns).toBeGreaterThanOrEqual(3);
});
