import { hash } from 'node:crypto';
import { EngineFailure } from '../../streams/failure.ts';
import type { Body, Decoding } from '../../streams/message.ts';
import type { Bodies } from '../../streams/ports.ts';
import { exclusive } from '../exclusive.ts';
import type { CommitLog } from './commit-log.types.ts';
import { decodeQuotedPrintable } from './quoted-printable.ts';
import type { RecentBytes } from './recent-bytes.ts';

/** A place for large bodies is kept up to this size; a larger one is made anew. */
const keptPlaceBytes = 32 * 1024 * 1024;

/** Reads bytes from the commit log; every read returns the bytes whose hash was recorded, or fails. */
export function createBodies(log: CommitLog, recent: RecentBytes): Bodies {
  const oneAtATime = exclusive();
  let place = Buffer.alloc(0);
  return {
    lend: (sha256, use) => recent.lend(sha256, use),
    lendLarge: (body, sha256, use) =>
      oneAtATime(async () => {
        const length = lengthOf(body);
        if (place.length < length) place = Buffer.allocUnsafeSlow(length);
        const bytes = await gatherInto(log, body, place.subarray(0, length));
        check(bytes, sha256, body);
        const used = use(bytes);
        if (place.length > keptPlaceBytes) place = Buffer.alloc(0);
        return used;
      }),
    read: async (body, decoding, sha256) => {
      const fresh = decoding === 'identity' ? recent.take(sha256) : undefined;
      if (fresh !== undefined) return fresh;
      const bytes = decode(await gather(log, body), decoding);
      check(bytes, sha256, body);
      return bytes;
    },
  };
}

function check(bytes: Uint8Array, sha256: string, body: Body): void {
  const found = hash('sha256', bytes, 'hex');
  if (found !== sha256) {
    throw new EngineFailure('damaged', `expected sha256 ${sha256}, found ${found} in ${where(body)}`);
  }
}

async function gather(log: CommitLog, body: Body): Promise<Uint8Array> {
  const [only] = body;
  if (only !== undefined && body.length === 1) return log.slice(only.seq, only.offset, only.length);
  return gatherInto(log, body, Buffer.allocUnsafe(lengthOf(body)));
}

async function gatherInto(log: CommitLog, body: Body, bytes: Uint8Array): Promise<Uint8Array> {
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
const where = (body: Body): string => body.map(({ seq }) => `record ${seq}`).join(', ');
