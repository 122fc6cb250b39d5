import { Pop3Failure } from './pop3-failure.ts';

/** Bounds of a listing (brief of reliability 2.3): the largest mailbox on record has 144 524 items. */
const MAX_LISTING_BYTES = 64 * 1024 * 1024;
const MAX_ENTRIES = 1_000_000;
const MAX_NUMBER = 2 ** 31 - 1;
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

  /** Number and the word behind it, of each line. @throws Pop3Failure `protocol` for what is no listing */
  entries(): ReadonlyMap<number, string> {
    const entries = new Map<number, string>();
    for (const line of this.lines()) {
      const [, digits = '', word = ''] = /^(\d{1,10})[ \t]+([\x21-\x7e]+)/.exec(line) ?? [];
      const n = Number(digits);
      if (n < 1 || n > MAX_NUMBER || entries.has(n)) throw new Pop3Failure('protocol', `unusable listing: ${line}`);
      if (entries.size >= MAX_ENTRIES) throw new Pop3Failure('protocol', 'listing too long');
      entries.set(n, word);
    }
    return entries;
  }

  *lines(): Generator<string> {
    const bytes = Buffer.concat(this.#chunks, this.#size);
    let from = 0;
    while (from < bytes.length) {
      const end = bytes.indexOf('\r\n', from);
      const to = end < 0 ? bytes.length : end;
      if (to > from) yield bytes.toString('latin1', from, to);
      from = to + 2;
    }
  }
}

/** One item of the mailbox as listed. */
export interface Listed {
  readonly n: number;
  /** Null where the server gives none that is usable. */
  readonly uidl: string | null;
  readonly listSize: number | null;
  /** True when no other item of this listing has the same UIDL. */
  readonly unique: boolean;
}

/** Puts both listings together, oldest first: numbers are given in the order of arrival. */
export function listed(
  uidls: ReadonlyMap<number, string> | null,
  sizes: ReadonlyMap<number, string>,
): readonly Listed[] {
  const seen = new Map<string, number>();
  for (const uidl of uidls?.values() ?? []) seen.set(uidl, (seen.get(uidl) ?? 0) + 1);
  const numbers = new Set([...sizes.keys(), ...(uidls?.keys() ?? [])]);
  return [...numbers]
    .toSorted((one, other) => one - other)
    .map((n) => {
      const uidl = uidls?.get(n) ?? null;
      const usable = uidl !== null && uidl.length <= MAX_UIDL_LENGTH ? uidl : null;
      return { n, uidl: usable, listSize: sizeOf(sizes.get(n)), unique: usable !== null && seen.get(usable) === 1 };
    });
}

function sizeOf(word: string | undefined): number | null {
  if (word === undefined || !/^\d{1,15}$/.test(word)) return null;
  return Number(word);
}
