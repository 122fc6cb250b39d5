import { fetchedEntry, type ListedAs } from '../../streams/listed-as.ts';
import { LedgerWriter } from './ledger-writer.ts';
import type { Listed } from './listing.ts';
import type { LedgerEntry, Pop3Ledger } from './types.ts';

const nothing = { listSize: null, headerSha256: null, rawSha256: null, failures: 0, reason: null } as const;

interface Failing {
  readonly at: number;
  /** Blocked after so many. */
  readonly limit: number;
  readonly seenBytes: number | undefined;
}

/**
 * The ledger as one session sees it: each change is durable before it counts. An item goes by its UIDL where that stands
 * once in the listing; without one, what is in custody goes by its hash (`sha:`) and what fails by its size (`size:`).
 */
export class Book {
  readonly #ledger: Pop3Ledger;
  readonly #writer: LedgerWriter;
  readonly #entries: Map<string, LedgerEntry>;
  /** Hashes of bytes in our custody that the mailbox may still hold. */
  readonly #held = new Set<string>();
  /** Deletions that QUIT has to confirm. */
  readonly #unconfirmed = new Set<string>();
  /** The server would not delete them. */
  readonly #refused = new Set<string>();
  /** RETR failed for an item without a UIDL of its own, which may be any of those in custody. */
  #unseen = false;

  private constructor(ledger: Pop3Ledger, entries: Map<string, LedgerEntry>) {
    this.#ledger = ledger;
    this.#writer = new LedgerWriter(ledger);
    this.#entries = entries;
    for (const entry of entries.values()) if (entry.rawSha256 !== null) this.#held.add(entry.rawSha256);
  }

  /** Reads the ledger and forgets what the mailbox no longer holds, which keeps it as small as the mailbox. */
  static async open(ledger: Pop3Ledger, listing: readonly Listed[]): Promise<Book> {
    const entries = new Map(await ledger.read());
    const gone = goneOf(entries, listing);
    for (const key of gone) entries.delete(key);
    // Also for who makes the ledger anew from the log: it would be as long as the archive.
    if (gone.length > 0) await ledger.write(new Map(gone.map((key) => [key, null])));
    return new Book(ledger, entries);
  }

  of(item: Listed): LedgerEntry | undefined {
    const key = keyOf(item) ?? failureKeyOf(item);
    return this.#entries.get(key);
  }

  /** True when something failed in a session before. */
  get hasFailing(): boolean {
    for (const { state } of this.#entries.values()) if (state === 'failing') return true;
    return false;
  }

  /** True when these bytes are in our custody already. */
  holds(rawSha256: string): boolean {
    return this.#held.has(rawSha256);
  }

  /** In custody now; that it is in the ledger is its intake record's work. */
  noteFetched(listed: ListedAs, rawSha256: string, at: number): void {
    this.#entries.set(listed.key, fetchedEntry(listed, rawSha256, at));
    this.#held.add(rawSha256);
  }

  /** DELE was answered +OK. */
  noteDeleted(key: string): void {
    this.#unconfirmed.add(key);
  }

  /** DELE was answered -ERR: the item comes again, and its hash is still needed. */
  noteRefused(key: string): void {
    this.#refused.add(key);
  }

  async noteLeft(item: Listed, at: number): Promise<void> {
    const key = keyOf(item) ?? failureKeyOf(item);
    await this.#put(key, { ...nothing, state: 'left', listSize: item.listSize, at });
  }

  /** RETR failed in this session. True when that was once too often, so that the item is blocked now. */
  async noteFailing(item: Listed, reason: string, how: Failing): Promise<boolean> {
    const { at, limit, seenBytes } = how;
    const failures = (this.of(item)?.failures ?? 0) + 1;
    const state = failures >= limit ? 'blocked' : 'failing';
    const key = keyOf(item) ?? failureKeyOf(item);
    if (state === 'failing' && keyOf(item) === null) this.#unseen = true;
    const failing = { state, failures, reason, listSize: item.listSize, at } as const;
    await this.#put(key, {
      ...nothing,
      ...this.of(item),
      ...failing,
      ...(seenBytes === undefined ? {} : { seenBytes }),
    });
    return state === 'blocked';
  }

  /** QUIT was answered +OK: what was deleted is gone. `complete`: the session saw every item of the mailbox. */
  async confirm(at: number, complete: boolean): Promise<void> {
    const deleted = new Map<string, LedgerEntry>();
    const gone = new Map<string, null>();
    for (const key of this.#unconfirmed) {
      const entry = this.#entries.get(key);
      if (key.startsWith('sha:')) gone.set(key, null);
      else if (entry !== undefined) deleted.set(key, { ...entry, state: 'deleted', at });
    }
    // Nothing more can come back that these would tell apart, but for what was not deleted.
    const sawAll = complete && !this.#unseen;
    const isOver = (key: string): boolean => sawAll && key.startsWith('sha:') && !this.#refused.has(key);
    for (const key of this.#entries.keys()) if (isOver(key)) gone.set(key, null);
    // Put back by a power cut, they are `fetched`: as held, if the mailbox should list them again.
    if (deleted.size > 0) await this.#ledger.write(deleted, { sync: false });
    if (gone.size > 0) await this.#ledger.write(gone);
  }

  async #put(key: string, entry: LedgerEntry): Promise<void> {
    await this.#writer.put(key, entry);
    this.#entries.set(key, entry);
  }
}

/**
 * Keys of what the mailbox no longer holds. The listing may be long and the ledger is short: so each item is looked for
 * among the keys.
 */
function goneOf(entries: ReadonlyMap<string, LedgerEntry>, listing: readonly Listed[]): readonly string[] {
  if (entries.size === 0) return [];
  const gone = new Set(entries.keys());
  const uidls = new Map([...gone].flatMap((key) => (key.startsWith('uid:') ? [[key.slice(4), key]] : [])));
  const hasSizes = [...gone].some((key) => key.startsWith('size:'));
  let anonymous = false;
  for (const item of listing) {
    // A UIDL given twice names no item, but the hash under it still tells them apart.
    const key = item.uidl === null ? undefined : uidls.get(item.uidl);
    if (key !== undefined) gone.delete(key);
    if (hasSizes) gone.delete(failureKeyOf(item));
    anonymous ||= !item.unique;
  }
  return [...gone].filter((key) => !(anonymous && key.startsWith('sha:')));
}

/** Null for an item that has no UIDL of its own. */
export const keyOf = ({ unique, uidl }: Listed): string | null => (unique && uidl !== null ? `uid:${uidl}` : null);

/** Sizes are nearly as good as names for the few items that fail. */
export const failureKeyOf = ({ listSize }: Listed): string => `size:${listSize ?? '?'}`;
