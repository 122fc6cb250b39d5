import type { ObservableInput } from 'rxjs';
import { matchKeyOf } from './match-keys.ts';
import type { MatchingOptions, Parsed, SpoolItem } from './message.ts';
import type { Decode, HashBytes, UnwrapOptions } from './ports.ts';

/** The digest of one version of the message: lower-case hex SHA-256 and size of the decoded bytes. */
export interface Version {
  readonly sha256: string;
  readonly size: number;
}

/** A received message taken apart: what its bytes are needed for is done. */
export interface Opened {
  readonly parsed: Parsed;
  /** One for each of `parsed.originals`. */
  readonly versions: readonly Version[];
  /** Of the version that stands for the message; null where it is not needed. */
  readonly contentHash: string | null;
  /** Whom the headers of the original name; absent where that was not asked. */
  readonly named?: readonly string[];
}

/**
 * Opens one large message off the main thread, its bytes checked there.
 * @throws EngineFailure `damaged`, `missing`, `parser-crash`
 */
export type OpenLarge = (
  item: Pick<SpoolItem, 'body' | 'sha256' | 'size'>,
  options: OpenLargeOptions,
) => ObservableInput<Opened>;
export interface OpenLargeOptions {
  readonly unwrapOptions: UnwrapOptions;
  readonly matchOnContent: boolean;
}

export interface Digesting {
  readonly decode: Decode;
  readonly hashBytes: HashBytes;
}
interface Digested extends Version {
  readonly bytes: Uint8Array;
}

/** Every original, cut out of the received bytes and decoded. `sha256` is that of the received bytes. */
export function digestOriginals(
  parsed: Parsed,
  received: { readonly bytes: Uint8Array; readonly sha256: string },
  { decode, hashBytes }: Digesting,
): readonly Digested[] {
  return parsed.originals.map(({ ranges, decoding }) => {
    const bytes = decode(join(received.bytes, ranges), decoding);
    const isWhole = decoding === 'identity' && bytes.length === received.bytes.length;
    return { bytes, size: bytes.length, sha256: isWhole ? received.sha256 : hashBytes(bytes) };
  });
}

/** The bytes that stand for the message: those of the primary original, or all where none was found. Null: it has none. */
export function primaryBytes(
  { originals, primary, level }: Parsed,
  digested: readonly Digested[],
  { bytes, insists }: { readonly bytes: Uint8Array } & Pick<UnwrapOptions, 'insists'>,
): Uint8Array | null {
  if (originals.length > 0) return digested[primary ?? 0]?.bytes ?? null;
  return level === 'L5' && !insists ? null : bytes;
}

/** True where copies are looked for by content: there is no Message-ID, or `matching.matchOnContent`. */
export const needsContentHash = (
  { messageId }: Pick<Parsed, 'messageId'>,
  { matchOnContent }: Pick<MatchingOptions, 'matchOnContent'>,
): boolean => matchOnContent || matchKeyOf(messageId, null) === null;

function join(bytes: Uint8Array, ranges: readonly (readonly [number, number])[]): Uint8Array {
  const [only] = ranges;
  if (only !== undefined && ranges.length === 1) return bytes.subarray(only[0], only[1]);
  const joined = new Uint8Array(ranges.reduce((sum, [start, end]) => sum + end - start, 0));
  let at = 0;
  for (const [start, end] of ranges) {
    joined.set(bytes.subarray(start, end), at);
    at += end - start;
  }
  return joined;
}
