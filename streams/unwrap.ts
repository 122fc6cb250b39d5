import {
  catchError,
  concat,
  concatMap,
  defer,
  from,
  isObservable,
  map,
  mergeMap,
  type Observable,
  type ObservableInput,
  of,
} from 'rxjs';
import type { JournalOptions, MatchingOptions, Parsed, ParsedMail, SpoolItem } from './message.ts';
import {
  type Digesting,
  digestOriginals,
  needsContentHash,
  type Opened,
  type OpenLarge,
  primaryBytes,
  type Version,
} from './open-mail.ts';
import { insistsOn, parsedMail } from './parsed-mail.ts';
import type { Bodies, Directory, HashContent, Unwrap, UnwrapOptions } from './ports.ts';
import type { Turns } from './turns.ts';

/** Mail of our own, journaled back, and why it is skipped: an alert (journaling c.7), a canary (N5). */
export const ownReasons = { 'own-notice': 'loop', canary: 'canary' } as const;
export type OwnFlag = keyof typeof ownReasons;

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
  /** Of mail of this engine that was journaled back; null for all other. Asked for small mail alone. */
  readonly ownFlagOf?: (bytes: Uint8Array, parsed: Parsed) => OwnFlag | null;
  /** Whom the headers of a reported original name in To and Cc; absent: nobody is compared (journaling N5). */
  readonly namedIn?: (bytes: Uint8Array, parsed: Parsed) => readonly string[];
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
  const unwrapping: Unwrapping = { ports, optionsFor, matching, inTurn };
  const isLarge = ({ size, parsed }: SpoolItem): boolean => parsed === null && size > (ports.largeAbove ?? largeBytes);
  return defer(() => {
    const done: Unwrapped[] = [];
    const later: Observable<Unwrapped>[] = [];
    for (const item of items.filter((each) => !isLarge(each))) {
      const begun = begin(item, unwrapping);
      if (isObservable(begun)) later.push(begun);
      else done.push(begun);
    }
    return concat(
      from(done),
      from(later).pipe(mergeMap((unwrapped$) => unwrapped$, readsAtOnce)),
      from(items.filter(isLarge)).pipe(concatMap((item) => outcomeOf(item, () => unwrapLarge(item, unwrapping)))),
    );
  });
}

interface Unwrapping {
  readonly ports: UnwrapPorts;
  readonly optionsFor: (item: SpoolItem) => JournalOptions;
  readonly matching: Pick<MatchingOptions, 'matchOnContent'>;
  readonly inTurn: Turns;
}

const unwrapped = (item: SpoolItem, parsed: ParsedMail): Unwrapped => ({
  kind: 'parsed',
  item: { ...item, state: 'parsed', parsed },
});
const failed = (item: SpoolItem, error: unknown): Unwrapped => ({ kind: 'failed', item, error });

const outcomeOf = (item: SpoolItem, parse: () => Observable<ParsedMail>): Observable<Unwrapped> =>
  defer(parse).pipe(
    map((parsed) => unwrapped(item, parsed)),
    catchError((error: unknown) => of(failed(item, error))),
  );

/**
 * A small item, at once where nothing has to be waited for: most mail is still in memory, and a stream for each message
 * costs more than its parsing leaves behind.
 */
function begin(item: SpoolItem, unwrapping: Unwrapping): Unwrapped | Observable<Unwrapped> {
  const { ports, inTurn } = unwrapping;
  if (item.parsed !== null) return { kind: 'parsed', item };
  try {
    const lend = inTurn.lasts() ? ports.bodies.lend : undefined;
    const read = lend?.(item.sha256, (bytes) => readMail(item, bytes, unwrapping, copied));
    if (read === undefined) return outcomeOf(item, () => unwrapSmall(item, unwrapping));
    if (read.primary === null && inTurn.lasts())
      return unwrapped(item, parsedMail(item, opened(read, null), ports.directory));
    return outcomeOf(item, () => finish(item, read, unwrapping));
  } catch (error) {
    return failed(item, error);
  }
}

function unwrapSmall(item: SpoolItem, unwrapping: Unwrapping): Observable<ParsedMail> {
  const { ports, inTurn } = unwrapping;
  const readBack = (): Observable<ParsedMail> =>
    from(ports.bodies.read(item.body, 'identity', item.sha256)).pipe(
      mergeMap((bytes) => inTurn(() => finish(item, readMail(item, bytes, unwrapping), unwrapping))),
    );
  return inTurn(() => {
    const lent = ports.bodies.lend?.(item.sha256, (bytes) => readMail(item, bytes, unwrapping, copied));
    return lent === undefined ? readBack() : finish(item, lent, unwrapping);
  });
}

function unwrapLarge(item: SpoolItem, unwrapping: Unwrapping): Observable<ParsedMail> {
  const { ports, matching } = unwrapping;
  if (ports.openLarge === undefined) return unwrapSmall(item, unwrapping);
  const unwrapOptions = unwrapOptionsFor(item, unwrapping);
  const opened$ = ports.openLarge(item, { unwrapOptions, ...matching });
  return from(opened$).pipe(map((mail) => parsedMail(item, mail, ports.directory)));
}

const unwrapOptionsFor = (item: SpoolItem, { ports, optionsFor }: Unwrapping): UnwrapOptions => {
  const { directory, trustedRecipientHeaders } = ports;
  const isInternal = (address: string): boolean => directory.classify(address).internal;
  return { ...optionsFor(item), insists: insistsOn(item), trustedRecipientHeaders, isInternal };
};

/** Taken apart, its content not hashed yet. */
interface Read {
  readonly parsed: Parsed;
  readonly named: readonly string[];
  readonly versions: readonly Version[];
  /** The bytes whose content hash is needed, or null. */
  readonly primary: Uint8Array | null;
}

/** All that the bytes are needed for at once. `keep`: of bytes that are lent, what is needed longer. */
function readMail(
  item: SpoolItem,
  bytes: Uint8Array,
  unwrapping: Unwrapping,
  keep = (primary: Uint8Array): Uint8Array => primary,
): Read {
  const { ports, matching } = unwrapping;
  const options = unwrapOptionsFor(item, unwrapping);
  const parsed = marked(ports.unwrap(bytes, options), bytes, ports);
  const digested = digestOriginals(parsed, { bytes, sha256: item.sha256 }, ports);
  const primary = needsContentHash(parsed, matching) ? primaryBytes(parsed, digested, { bytes, ...options }) : null;
  const versions = digested.map(({ sha256, size }) => ({ sha256, size }));
  const named = ports.namedIn?.(bytes, parsed) ?? [];
  return { parsed, named, versions, primary: primary === null ? null : keep(primary) };
}

const copied = (primary: Uint8Array): Uint8Array => new Uint8Array(primary);
const opened = ({ parsed, named, versions }: Read, contentHash: string | null): Opened => ({
  parsed,
  named,
  versions,
  contentHash,
});

/** The bytes have been used. A report may name 20,000 people, and looking each of them up is a piece of work too. */
function finish(item: SpoolItem, read: Read, { ports, inTurn }: Unwrapping): Observable<ParsedMail> {
  const contentHash$: ObservableInput<string | null> =
    read.primary === null ? of(null) : ports.hashContent(read.primary);
  return from(contentHash$).pipe(
    mergeMap((contentHash) => inTurn(() => of(parsedMail(item, opened(read, contentHash), ports.directory)))),
  );
}

/** With the flag by which it is skipped, where it is our own. */
export function marked(parsed: Parsed, bytes: Uint8Array, { ownFlagOf }: Pick<UnwrapPorts, 'ownFlagOf'>): Parsed {
  const flag = ownFlagOf?.(bytes, parsed) ?? null;
  return flag === null ? parsed : { ...parsed, flags: [...parsed.flags, flag] };
}
