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
}

export function createPasswordCheck(): PasswordCheck {
  const turn = turns(maxHashing, maxWaiting);
  const processKey = randomBytes(32);
  const digest = (text: string): Buffer => createHmac('sha256', processKey).update(text).digest();
  /** By hash, the digest of the password that fits it: senders log in for each connection. */
  const right = new Map<string, Buffer>();
  return {
    verify: (secret, tried) => {
      const held = secret.reveal();
      const form = hashedForm.exec(held);
      if (form === null) return secret.equals(tried);
      const triedDigest = digest(tried);
      const known = right.get(held);
      if (known !== undefined && timingSafeEqual(known, triedDigest)) return true;
      const [, logN, r, p, salt = '', key = ''] = form;
      return turn(async () => {
        const made = await derive(tried, Buffer.from(salt, 'base64url'), {
          logN: Number(logN),
          r: Number(r),
          p: Number(p),
        });
        const fits = timingSafeEqual(made, Buffer.from(key, 'base64url'));
        if (fits && right.size >= maxRemembered) right.clear();
        if (fits) right.set(held, triedDigest);
        return fits;
      });
    },
  };
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
