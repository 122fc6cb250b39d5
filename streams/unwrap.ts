import { catchError, concat, concatMap, defer, from, map, mergeMap, type Observable, of } from 'rxjs';
import { isGatewayCopy, transportEnvelope } from './gateway-envelope.ts';
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
import {
  type Digesting,
  digestOriginals,
  needsContentHash,
  type Opened,
  type OpenLarge,
  primaryBytes,
  type Version,
} from './open-mail.ts';
import type { Bodies, Directory, HashContent, Unwrap } from './ports.ts';
import { isInternalMail, mailboxesOf, observeRecipients } from './screen.ts';
import type { Turns } from './turns.ts';

/** An alert of ours, journaled back (journaling c.7). */
export const ownNoticeFlag = 'own-notice';

/** What unwrapping needs of the world. */
export interface UnwrapPorts extends Digesting {
  readonly bodies: Bodies;
  readonly unwrap: Unwrap;
  /** Opens a large message, one at a time, where nothing else waits for it; absent: as the small ones. */
  readonly openLarge?: OpenLarge;
  /** Bytes above which a message is large; 1 MB where absent, 0 for one that nobody has promised to take. */
  readonly largeAbove?: number;
  readonly hashContent: HashContent;
  readonly directory: Directory;
  /** True for an alert of this engine that was journaled back (journaling c.7); asked for small mail alone. */
  readonly isOwnNotice?: (bytes: Uint8Array, parsed: Parsed) => boolean;
  /** Lower-case header names (journaling b.1). */
  readonly trustedRecipientHeaders: readonly string[];
}
export type Unwrapped =
  | { readonly kind: 'parsed'; readonly item: SpoolItem }
  | { readonly kind: 'failed'; readonly item: SpoolItem; readonly error: unknown };

/** Messages above this are opened one at a time, so that a window holds no more than one of them. */
export const largeBytes = 1_048_576;
/** Small messages read at once: enough to hide the disk, few enough to hold. */
const readsAtOnce = 8;

/** Parses each item of a window that is not parsed yet; a failing one comes out as `failed` and stops no other. */
export function unwrapWindow(
  items: readonly SpoolItem[],
  ports: UnwrapPorts,
  optionsFor: (item: SpoolItem) => JournalOptions,
  matching: Pick<MatchingOptions, 'matchOnContent'>,
  inTurn: Turns,
): Observable<Unwrapped> {
  const parse = (item: SpoolItem): Observable<Unwrapped> =>
    item.parsed !== null
      ? of({ kind: 'parsed', item } as const)
      : defer(() => unwrapItem(item, { ports, options: optionsFor(item), matching, inTurn })).pipe(
          map((parsed): Unwrapped => ({ kind: 'parsed', item: { ...item, state: 'parsed', parsed } })),
          catchError((error: unknown) => of({ kind: 'failed', item, error } as const)),
        );
  const isLarge = ({ size, parsed }: SpoolItem): boolean => parsed === null && size > (ports.largeAbove ?? largeBytes);
  return concat(
    from(items.filter((item) => !isLarge(item))).pipe(mergeMap(parse, readsAtOnce)),
    from(items.filter(isLarge)).pipe(concatMap(parse)),
  );
}

interface Unwrapping {
  readonly ports: UnwrapPorts;
  readonly options: JournalOptions;
  readonly matching: Pick<MatchingOptions, 'matchOnContent'>;
  readonly inTurn: Turns;
}

function unwrapItem(item: SpoolItem, { ports, options, matching, inTurn }: Unwrapping): Observable<ParsedMail> {
  const { directory, trustedRecipientHeaders, bodies } = ports;
  const isInternal = (address: string): boolean => directory.classify(address).internal;
  const unwrapOptions = { ...options, trustedRecipientHeaders, isInternal };
  const insists = insistsOn(item);
  if (item.size > (ports.largeAbove ?? largeBytes) && ports.openLarge !== undefined) {
    const opened$ = ports.openLarge(item, { unwrapOptions, insists, ...matching });
    return from(opened$).pipe(map((opened) => parsedMail(item, opened, ports)));
  }
  const read = (bytes: Uint8Array, isLent: boolean): Observable<ParsedMail> => {
    const parsed = marked(ports.unwrap(bytes, unwrapOptions), bytes, ports);
    const versions = digestOriginals(parsed, { bytes, sha256: item.sha256 }, ports);
    const primary = needsContentHash(parsed, matching) ? primaryBytes(parsed, versions, { bytes, insists }) : null;
    const opened = { parsed, versions: versions.map(({ sha256, size }) => ({ sha256, size })) };
    const contentHash$: Observable<string | null> =
      primary === null ? of(null) : from(ports.hashContent(isLent ? new Uint8Array(primary) : primary));
    // The bytes have been used. A report may name 20,000 people, and looking each of them up is a piece of work too.
    return contentHash$.pipe(
      mergeMap((contentHash) => inTurn(() => of(parsedMail(item, { ...opened, contentHash }, ports)))),
    );
  };
  const readBack = (): Observable<ParsedMail> =>
    from(bodies.read(item.body, 'identity', item.sha256)).pipe(mergeMap((bytes) => inTurn(() => read(bytes, false))));
  return inTurn(() => bodies.lend?.(item.sha256, (bytes) => read(bytes, true)) ?? readBack());
}

/** With the flag by which it is skipped, where it is our own. */
export function marked(parsed: Parsed, bytes: Uint8Array, { isOwnNotice }: Pick<UnwrapPorts, 'isOwnNotice'>): Parsed {
  if (isOwnNotice?.(bytes, parsed) !== true) return parsed;
  return { ...parsed, flags: [...parsed.flags, ownNoticeFlag] };
}

/** An operator wants it archived although nobody could read it. */
const insistsOn = ({ overrides }: SpoolItem): boolean => overrides.includes('quarantine');

/** What the archive needs to know of an opened message: everything but its bytes. */
function parsedMail(item: SpoolItem, opened: Opened, { directory }: UnwrapPorts): ParsedMail {
  const { contentHash } = opened;
  const parsed = isGatewayCopy(item) ? transportEnvelope(opened.parsed, item.transport) : opened.parsed;
  const observed = observeRecipients(parsed, directory);
  const representations = representationsOf(item, parsed, opened.versions).map((each) =>
    each.primary ? { ...each, contentHash } : each,
  );
  return {
    ...parsed,
    observed,
    internal: isInternalMail(parsed, observed, directory),
    mailboxes: mailboxesOf(parsed, observed, directory),
    representations,
    matchKey: matchKeyOf(parsed.messageId, contentHash),
  };
}

const noFacts: HeaderFacts = { messageId: null, from: null, subject: null, dateAt: null };

/** Every version of the message in the received bytes; the report itself where there is none (L3), or nothing (L5). */
function representationsOf(item: SpoolItem, parsed: Parsed, versions: readonly Version[]): readonly Representation[] {
  const { originals, primary, level, subject, messageId, sender } = parsed;
  const { sha256, size, body } = item;
  if (originals.length > 0) {
    return versions.map((version, at) => representationOf(item, originals[at], version, at === (primary ?? 0)));
  }
  if (level === 'L5' && !insistsOn(item)) return [];
  const facts = level === 'L5' ? noFacts : { messageId, from: sender, subject, dateAt: parsed.times.date };
  const whole = { sha256, size, body, decoding: 'identity', protected: false, clearText: false } as const;
  return [{ ...whole, contentHash: null, facts, primary: true, stub: level !== 'L5' }];
}

function representationOf(
  item: SpoolItem,
  original: Original | undefined,
  { sha256, size }: Version,
  primary: boolean,
): Representation {
  if (original === undefined) throw new Error('there is a digest for each original');
  const { ranges, decoding, facts, clearText } = original;
  const isWhole = size === item.size && decoding === 'identity';
  const body = isWhole ? item.body : sliceBody(item.body, ranges);
  const { protected: isProtected } = original;
  return {
    sha256,
    size,
    body,
    decoding,
    contentHash: null,
    protected: isProtected,
    clearText,
    stub: false,
    primary,
    facts,
  };
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
