import { hash } from 'node:crypto';
import { EngineFailure } from '../../streams/failure.ts';
import type { Body, Decoding } from '../../streams/message.ts';
import type { Bodies } from '../../streams/ports.ts';
import type { CommitLog } from './commit-log.types.ts';
import { decodeQuotedPrintable } from './quoted-printable.ts';
import type { RecentBytes } from './recent-bytes.ts';

/** Above this a body is not hashed and decoded on this thread: a megabyte takes some milliseconds, mail has 150. */
const largeBytes = 1_048_576;

/** Checks and decodes a large body elsewhere: `load` brings its stored bytes, `length` of them, into the place it is given. */
export type ReadLarge = (
  load: (into: Uint8Array) => Promise<unknown>,
  length: number,
  expected: Expected,
) => Promise<Uint8Array>;
export interface Expected {
  readonly decoding: Decoding;
  /** Of the decoded bytes. */
  readonly sha256: string;
  /** Where they are stored, for people. */
  readonly where: string;
}

/** Reads bytes from the commit log; every read returns the bytes whose hash was recorded, or fails. */
export function createBodies(log: CommitLog, recent: RecentBytes, readLarge: ReadLarge = readHere): Bodies {
  return {
    lend: (sha256, use) => recent.lend(sha256, use),
    read: async (body, decoding, sha256) => {
      const fresh = decoding === 'identity' ? recent.take(sha256) : undefined;
      if (fresh !== undefined) return fresh;
      const length = lengthOf(body);
      const expected = { decoding, sha256, where: body.map(({ seq }) => `record ${seq}`).join(', ') };
      if (length > largeBytes) return readLarge((into) => gatherInto(log, body, into), length, expected);
      return checked(await gather(log, body), expected);
    },
  };
}

const readHere: ReadLarge = async (load, length, expected) => {
  const bytes = Buffer.allocUnsafeSlow(length);
  await load(bytes);
  return checked(bytes, expected);
};

/** The decoded bytes. @throws EngineFailure `damaged` where they are not those that were recorded */
export function checked(stored: Uint8Array, { decoding, sha256, where }: Expected): Uint8Array {
  const bytes = decode(stored, decoding);
  const found = hash('sha256', bytes, 'hex');
  if (found !== sha256) throw new EngineFailure('damaged', `expected sha256 ${sha256}, found ${found} in ${where}`);
  return bytes;
}

async function gather(log: CommitLog, body: Body): Promise<Uint8Array> {
  const [only] = body;
  if (only !== undefined && body.length === 1) return log.slice(only.seq, only.offset, only.length);
  return gatherInto(log, body, Buffer.allocUnsafe(lengthOf(body)));
}

/** Fills `bytes` with a body as it is stored. Nothing is checked: that is for who asks. */
export async function gatherInto(log: CommitLog, body: Body, bytes: Uint8Array): Promise<Uint8Array> {
  let at = 0;
  for (const slice of body) {
    const place = bytes.subarray(at, at + slice.length);
    const read = await log.slice(slice.seq, slice.offset, slice.length, place);
    if (read !== place) place.set(read);
    at += slice.length;
  }
  return bytes;
}

/** Undoes the transfer encoding that a relay put on an attached message (journaling b.2). Lenient, as mail readers are. */
export function decode(bytes: Uint8Array, decoding: Decoding): Uint8Array {
  if (decoding === 'identity') return bytes;
  if (decoding === 'quoted-printable') return decodeQuotedPrintable(bytes);
  return Buffer.from(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1'), 'base64');
}

const lengthOf = (body: Body): number => body.reduce((sum, slice) => sum + slice.length, 0);
