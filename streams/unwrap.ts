import { catchError, concat, concatMap, defer, from, map, mergeMap, type Observable, of } from 'rxjs';
import { transportEnvelope } from './gateway-envelope.ts';
import { matchKeyOf } from './match-keys.ts';
import type {
  Body,
  HeaderFacts,
  JournalOptions,
  MatchingOptions,
  Original,
  Parsed,
  ParsedMail,
  Representation,
  Slice,
  SpoolItem,
} from './message.ts';
import type { Bodies, Decode, Directory, HashBytes, HashContent, Unwrap } from './ports.ts';
import { isInternalMail, mailboxesOf, observeRecipients } from './screen.ts';

/** What unwrapping needs of the world. */
export interface UnwrapPorts {
  readonly bodies: Bodies;
  readonly unwrap: Unwrap;
  readonly decode: Decode;
  readonly hashBytes: HashBytes;
  readonly hashContent: HashContent;
  readonly directory: Directory;
  /** Lower-case header names (journaling b.1). */
  readonly trustedRecipientHeaders: readonly string[];
}
export type Unwrapped =
  | { readonly kind: 'parsed'; readonly item: SpoolItem }
  | { readonly kind: 'failed'; readonly item: SpoolItem; readonly error: unknown };

/** Messages above this are read one at a time, so that a window holds no more than one of them. */
const largeBytes = 1_048_576;
/** Small messages read at once: enough to hide the disk, few enough to hold. */
const readsAtOnce = 8;

/** Parses each item of a window that is not parsed yet; a failing one comes out as `failed` and stops no other. */
export function unwrapWindow(
  items: readonly SpoolItem[],
  ports: UnwrapPorts,
  optionsFor: (item: SpoolItem) => JournalOptions,
  matching: Pick<MatchingOptions, 'matchOnContent'>,
): Observable<Unwrapped> {
  const parse = (item: SpoolItem): Observable<Unwrapped> =>
    item.parsed !== null
      ? of({ kind: 'parsed', item } as const)
      : defer(() => unwrapItem(item, ports, optionsFor(item), matching)).pipe(
          map((parsed): Unwrapped => ({ kind: 'parsed', item: { ...item, state: 'parsed', parsed } })),
          catchError((error: unknown) => of({ kind: 'failed', item, error } as const)),
        );
  const isLarge = ({ size, parsed }: SpoolItem): boolean => parsed === null && size > largeBytes;
  return concat(
    from(items.filter((item) => !isLarge(item))).pipe(mergeMap(parse, readsAtOnce)),
    from(items.filter(isLarge)).pipe(concatMap(parse)),
  );
}

function unwrapItem(
  item: SpoolItem,
  ports: UnwrapPorts,
  options: JournalOptions,
  { matchOnContent }: Pick<MatchingOptions, 'matchOnContent'>,
): Observable<ParsedMail> {
  const { directory, trustedRecipientHeaders, bodies } = ports;
  const isInternal = (address: string): boolean => directory.classify(address).internal;
  const read = (bytes: Uint8Array, isLent: boolean): Observable<ParsedMail> => {
    const said = ports.unwrap(bytes, { ...options, trustedRecipientHeaders, isInternal });
    const parsed = item.origin === 'gateway' ? transportEnvelope(said, item.transport) : said;
    const observed = observeRecipients(parsed, directory);
    const internal = isInternalMail(parsed, observed, directory);
    const found = representationsOf(item, parsed, bytes, ports);
    const mailboxes = mailboxesOf(parsed, observed, directory);
    const key = matchKeyOf(parsed.messageId, null);
    const own = found.find(({ representation }) => representation.primary);
    const representations = found.map(({ representation }) => representation);
    const mail = { ...parsed, observed, internal, mailboxes, representations, matchKey: key };
    if (own === undefined || (key !== null && !matchOnContent)) return of(mail);
    return from(ports.hashContent(isLent ? new Uint8Array(own.bytes) : own.bytes)).pipe(
      map((contentHash) => ({
        ...mail,
        representations: representations.map((each) => (each.primary ? { ...each, contentHash } : each)),
        matchKey: key ?? matchKeyOf(null, contentHash),
      })),
    );
  };
  const lent = (bytes: Uint8Array): Observable<ParsedMail> => read(bytes, true);
  if (item.size > largeBytes && bodies.lendLarge !== undefined) {
    return from(bodies.lendLarge(item.body, item.sha256, lent)).pipe(mergeMap((parsed$) => parsed$));
  }
  return (
    bodies.lend?.(item.sha256, lent) ??
    from(bodies.read(item.body, 'identity', item.sha256)).pipe(mergeMap((bytes) => read(bytes, false)))
  );
}

interface Found {
  readonly representation: Representation;
  readonly bytes: Uint8Array;
}
const noFacts: HeaderFacts = { messageId: null, from: null, subject: null, dateAt: null };

/** Every version of the message in the received bytes; the report itself where there is none (L3), or nothing (L5). */
function representationsOf(item: SpoolItem, parsed: Parsed, bytes: Uint8Array, ports: UnwrapPorts): readonly Found[] {
  const { originals, primary, level, subject, messageId, sender } = parsed;
  if (originals.length > 0) {
    return originals.map((original, at) => representationOf(item, original, bytes, ports, at === (primary ?? 0)));
  }
  if (level === 'L5' && !item.overrides.includes('quarantine')) return [];
  const facts = level === 'L5' ? noFacts : { messageId, from: sender, subject, dateAt: parsed.times.date };
  const { sha256, size, body } = item;
  const whole = {
    sha256,
    size,
    body,
    decoding: 'identity',
    contentHash: null,
    protected: false,
    clearText: false,
  } as const;
  return [{ bytes, representation: { ...whole, facts, primary: true, stub: level !== 'L5' } }];
}

function representationOf(
  item: SpoolItem,
  original: Original,
  bytes: Uint8Array,
  { decode, hashBytes }: UnwrapPorts,
  primary: boolean,
): Found {
  const { ranges, decoding, facts, clearText } = original;
  const cut = decode(join(bytes, ranges), decoding);
  const isWhole = cut.length === bytes.length && decoding === 'identity';
  const representation: Representation = {
    sha256: isWhole ? item.sha256 : hashBytes(cut),
    size: cut.length,
    body: isWhole ? item.body : sliceBody(item.body, ranges),
    decoding,
    contentHash: null,
    protected: original.protected,
    clearText,
    stub: false,
    primary,
    facts,
  };
  return { representation, bytes: cut };
}

function join(bytes: Uint8Array, ranges: Original['ranges']): Uint8Array {
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

/** The slices that hold the given ranges [start, end) of a body's bytes. */
export function sliceBody(body: Body, ranges: readonly (readonly [number, number])[]): Body {
  const slices: Slice[] = [];
  for (const [start, end] of ranges) {
    let at = 0;
    for (const { seq, offset, length } of body) {
      const from = Math.max(start, at);
      const to = Math.min(end, at + length);
      if (from < to) slices.push({ seq, offset: offset + from - at, length: to - from });
      at += length;
    }
  }
  return slices;
}
