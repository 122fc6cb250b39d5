import { Pop3Failure } from './pop3-failure.ts';

/** Bounds of a listing (brief of reliability 2.3): the largest mailbox on record has 144 524 items. */
const MAX_LISTING_BYTES = 64 * 1024 * 1024;
const MAX_ENTRIES = 1_000_000;
const MAX_NUMBER = 2 ** 31 - 1;
const MAX_DIGITS = 10;
/** RFC 1939 allows 70; one more kind of server writes longer ones. */
const MAX_UIDL_LENGTH = 512;

/** Collects the lines of a UIDL, LIST or CAPA answer. */
export class ListingReader {
  readonly #chunks: Buffer[] = [];
  #size = 0;

  /** @throws Pop3Failure `protocol` past the bound */
  add(content: Buffer): undefined {
    this.#size += content.length;
    if (this.#size > MAX_LISTING_BYTES) throw new Pop3Failure('protocol', 'listing too large');
    this.#chunks.push(content);
  }

  /** By number, each once. @throws Pop3Failure `protocol` for what is no listing */
  entries(): readonly ListingEntry[] {
    const entries: ListingEntry[] = [];
    let isSorted = true;
    let before = 0;
    for (const line of this.lines()) {
      const entry = entryOf(line);
      if (entry === null) throw unusable(line);
      if (entries.length >= MAX_ENTRIES) throw new Pop3Failure('protocol', 'listing too long');
      entries.push(entry);
      isSorted &&= entry.n > before;
      before = entry.n;
    }
    return isSorted ? entries : sortedByNumber(entries);
  }

  *lines(): Generator<string> {
    const text = Buffer.concat(this.#chunks, this.#size).toString('latin1');
    let from = 0;
    while (from < text.length) {
      const end = text.indexOf('\r\n', from);
      const to = end < 0 ? text.length : end;
      if (to > from) yield text.slice(from, to);
      from = to + 2;
    }
  }
}

/** A line of UIDL or LIST: the number of an item, and the word behind it. */
export interface ListingEntry {
  readonly n: number;
  readonly word: string;
}

/** Digits, blanks, a word; whatever comes behind it. Read by hand: a full mailbox is listed anew in every session. */
function entryOf(line: string): ListingEntry | null {
  let n = 0;
  let at = 0;
  for (let code = line.charCodeAt(0); code >= 0x30 && code <= 0x39 && at < MAX_DIGITS; code = line.charCodeAt(++at)) {
    n = n * 10 + code - 0x30;
  }
  const digits = at;
  while (line.charCodeAt(at) === 0x20 || line.charCodeAt(at) === 0x09) at++;
  const from = at;
  while (line.charCodeAt(at) >= 0x21 && line.charCodeAt(at) <= 0x7e) at++;
  return n < 1 || n > MAX_NUMBER || from === digits || at === from ? null : { n, word: line.slice(from, at) };
}

function sortedByNumber(entries: ListingEntry[]): readonly ListingEntry[] {
  entries.sort((one, other) => one.n - other.n);
  const twice = entries.find(({ n }, at) => entries[at + 1]?.n === n);
  if (twice !== undefined) throw unusable(`${twice.n} ${twice.word}`);
  return entries;
}

const unusable = (line: string): Pop3Failure => new Pop3Failure('protocol', `unusable listing: ${line}`);

/** One item of the mailbox as listed. */
export interface Listed {
  readonly n: number;
  /** Null where the server gives none that is usable. */
  readonly uidl: string | null;
  readonly listSize: number | null;
  /** True when no other item of this listing has the same UIDL. */
  readonly unique: boolean;
}

/** Puts both listings together, oldest first: numbers are given in the order of arrival. Both are by number. */
export function listed(uidls: readonly ListingEntry[] | null, sizes: readonly ListingEntry[]): readonly Listed[] {
  const named = uidls ?? [];
  const repeated = repeatedOf(named);
  const items: Listed[] = [];
  for (let [at, atSize] = [0, 0]; at < named.length || atSize < sizes.length; ) {
    const [name, size] = [named[at], sizes[atSize]];
    const n = Math.min(name?.n ?? MAX_NUMBER, size?.n ?? MAX_NUMBER);
    const word = name?.n === n ? name.word : null;
    const uidl = word !== null && word.length <= MAX_UIDL_LENGTH ? word : null;
    const listSize = size?.n === n ? sizeOf(size.word) : null;
    items.push({ n, uidl, listSize, unique: uidl !== null && !repeated.has(uidl) });
    if (name?.n === n) at++;
    if (size?.n === n) atSize++;
  }
  return items;
}

/** UIDLs that stand more than once. */
function repeatedOf(named: readonly ListingEntry[]): ReadonlySet<string> {
  const [seen, repeated] = [new Set<string>(), new Set<string>()];
  for (const { word } of named) {
    if (seen.has(word)) repeated.add(word);
    else seen.add(word);
  }
  return repeated;
}

function sizeOf(word: string): number | null {
  return /^\d{1,15}$/.test(word) ? Number(word) : null;
}
