import { createHash, type Hash } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';

/** What is hashed in one go: a millisecond's work. Others wait no longer, however large a payload is. */
const turnBytes = 1024 * 1024;

/** SHA-256 of pieces that stand one behind the other. */
export const sha256Of = (pieces: readonly Uint8Array[]): Promise<Buffer> => digestOf(createHash('sha256'), pieces);

/** MD5 of them, which S3 asks for beside a retention: it is no evidence of anything. */
export const md5Of = (pieces: readonly Uint8Array[]): Promise<Buffer> => digestOf(createHash('md5'), pieces);

async function digestOf(hash: Hash, pieces: readonly Uint8Array[]): Promise<Buffer> {
  let done = 0;
  for (const piece of pieces) {
    for (let from = 0; from < piece.length; from += turnBytes) {
      const part = piece.subarray(from, from + turnBytes);
      if (done + part.length > turnBytes) {
        await nextTurn();
        done = 0;
      }
      hash.update(part);
      done += part.length;
    }
  }
  return hash.digest();
}
