import { isIPv6 } from 'node:net';

/** Failed tries that one address has in a minute before it is answered 429 (interface section 7). */
export const triesAMinute = 100;
const windowMs = 60_000;
/** Addresses remembered at once: about 1 MB. Beyond it the one remembered longest is forgotten. */
const maxAddresses = 10_000;

/** Counts failed tries by address in windows of one minute. */
export interface FailedTries {
  /** Counts one more, and tells how long this address has to wait: 0 within the limit, else milliseconds. */
  failed(address: string, now: number): number;
}

export function createFailedTries(): FailedTries {
  const windows = new Map<string, { count: number; endsAt: number }>();
  return {
    failed: (address, now) => {
      const key = networkOf(address);
      const known = windows.get(key);
      // One that ends later was begun before the clock was set back.
      if (known !== undefined && known.endsAt > now && known.endsAt <= now + windowMs) {
        known.count += 1;
        return known.count > triesAMinute ? known.endsAt - now : 0;
      }
      windows.delete(key);
      const [oldest] = windows.keys();
      if (windows.size >= maxAddresses && oldest !== undefined) windows.delete(oldest);
      windows.set(key, { count: 1, endsAt: now + windowMs });
      return 0;
    },
  };
}

/** An IPv6 host has a whole /64 to choose from, so that counts as one address; an IPv4-mapped one is the IPv4 address. */
export function networkOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  if (!isIPv6(address)) return address;
  const [head = '', tail] = (address.split('%', 1)[0] ?? '').toLowerCase().split('::');
  const groups = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  while (tail !== undefined && groups.length + after.length < 8) groups.push('0');
  return `${[...groups, ...after].slice(0, 4).join(':')}::/64`;
}
