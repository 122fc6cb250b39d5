import { createHmac, randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import type { Secret } from '../config/secret.ts';

/** RFC 7914; N = 2^15 takes some 0.1 s and 32 MB a try, which a login pays once and a guesser each time. */
const cost = { logN: 15, r: 8, p: 1 } as const;
const keyBytes = 32;
/** Costs that a login can pay: at most 256 MB and some seconds. */
const hashedForm = /^scrypt:(1[0-7]):([1-9]|1[0-6]):([1-4]):([\w-]{22}):([\w-]{43})$/;
/** Hashing at once: half of the threads that the disk needs too. */
const maxHashing = 2;
/** Tries that wait for them: with the above some three seconds. One more is told to come again. */
const maxWaiting = 64;
/** Right passwords remembered; a definition has one. */
const maxRemembered = 10_000;

const derive = promisify(
  (password: string, salt: Buffer, { logN, r, p }: Cost, done: (error: Error | null, key: Buffer) => void): void =>
    scrypt(password, salt, keyBytes, { N: 2 ** logN, r, p, maxmem: 256 * 2 ** logN * r }, done),
);
interface Cost {
  readonly logN: number;
  readonly r: number;
  readonly p: number;
}

/** `scrypt:` log2 N `:` r `:` p `:` salt `:` key, the last two base64url; it may stand for the password in the file too. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16);
  const key = await derive(password, salt, cost);
  return `scrypt:${cost.logN}:${cost.r}:${cost.p}:${salt.toString('base64url')}:${key.toString('base64url')}`;
}

export const isHashed = (password: string): boolean => hashedForm.test(password);

/** Compares tried passwords with those of definitions, hashed or in clear, in a time that tells nothing of the secret. */
export interface PasswordCheck {
  /** @throws Error when too many tries wait already */
  verify(secret: Secret, tried: string): boolean | Promise<boolean>;
  /**
   * Nobody's password, for a user who is none: false, after as long as a wrong one for `like` takes (undefined: one at
   * our own cost). @throws Error as `verify`
   */
  decoy(like: Secret | undefined, tried: string): Promise<false>;
}

export function createPasswordCheck(): PasswordCheck {
  const turn = turns(maxHashing, maxWaiting);
  const processKey = randomBytes(32);
  const decoySalt = randomBytes(16);
  const digest = (text: string): Buffer => createHmac('sha256', processKey).update(text).digest();
  /** By hash, the digest of the password that fits it: senders log in for each connection. */
  const right = new Map<string, Buffer>();
  const hashedBy = (tried: string, { logN, r, p, salt }: Cost & { readonly salt: Buffer }): Promise<Buffer> =>
    turn(() => derive(tried, salt, { logN, r, p }));
  const decoy: PasswordCheck['decoy'] = async (like, tried) => {
    // The salt is of this process alone, and what comes out is compared with nothing.
    await hashedBy(tried, { ...(readHash(like?.reveal() ?? '') ?? cost), salt: decoySalt });
    return false;
  };
  return {
    decoy,
    verify: (secret, tried) => {
      const held = secret.reveal();
      const hash = readHash(held);
      // One in clear is compared in no time: a wrong guess at it must cost what it costs elsewhere.
      if (hash === null) return secret.equals(tried) || decoy(undefined, tried);
      const triedDigest = digest(tried);
      const known = right.get(held);
      if (known !== undefined && timingSafeEqual(known, triedDigest)) return true;
      return hashedBy(tried, hash).then((made) => {
        const fits = timingSafeEqual(made, hash.key);
        if (fits && right.size >= maxRemembered) right.clear();
        if (fits) right.set(held, triedDigest);
        return fits;
      });
    },
  };
}

/** The parts of a hashed password; null of one in clear. */
function readHash(held: string): (Cost & { readonly salt: Buffer; readonly key: Buffer }) | null {
  const form = hashedForm.exec(held);
  if (form === null) return null;
  const [, logN, r, p, salt = '', key = ''] = form;
  const bytes = (text: string): Buffer => Buffer.from(text, 'base64url');
  return { logN: Number(logN), r: Number(r), p: Number(p), salt: bytes(salt), key: bytes(key) };
}

/** Runs `limit` tasks at once; `maxWaiting` more wait in line. */
function turns(limit: number, waitingLimit: number): <T>(task: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = [];
  let running = 0;
  return async (task) => {
    if (running >= limit) {
      if (waiting.length >= waitingLimit) throw new Error('too many logins at once');
      await new Promise<void>((resolve) => waiting.push(resolve));
    } else running += 1;
    try {
      return await task();
    } finally {
      const next = waiting.shift();
      if (next === undefined) running -= 1;
      else next();
    }
  };
}
