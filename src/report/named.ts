import type { Parsed } from '../../streams/message.ts';
import { readHeaderBlock } from './header-block.ts';
import { addressesOf } from './header-facts.ts';

/** Nobody writes to more people by name; a list is one address. */
const maxNamed = 1_000;

/**
 * The addresses that To and Cc of a reported original name, as they are written; none where no envelope was read, or the
 * original was encoded on its way. `bytes` are the received ones.
 */
export function namedIn(bytes: Uint8Array, { class: read, level, originals, primary }: Parsed): readonly string[] {
  const original = originals[primary ?? 0];
  if (read !== 'envelope' || (level !== 'L0' && level !== 'L1') || original?.decoding !== 'identity') return [];
  const [first, last] = [original.ranges[0], original.ranges.at(-1)];
  if (first === undefined || last === undefined) return [];
  const block = readHeaderBlock(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length), first[0], last[1]);
  return ['to', 'cc'].flatMap((name) => addressesOf(block, name)).slice(0, maxNamed);
}
