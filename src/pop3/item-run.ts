import { createHash } from 'node:crypto';
import type { ListedAs } from '../../streams/listed-as.ts';
import type { Custodied } from '../../streams/message.ts';
import type { Receipt } from '../../streams/ports.ts';
import { exclusive } from '../exclusive.ts';
import { type Book, failureKeyOf, keyOf } from './book.ts';
import { headerDigest } from './header-digest.ts';
import type { Listed } from './listing.ts';
import { OversizedMessage, Pop3Failure, RefusedCommand, RetrievalFailure, SessionOver } from './pop3-failure.ts';
import { ReceiptWriter } from './receipt-writer.ts';
import type { RunContext } from './run.ts';
import { SeenItem } from './seen-item.ts';
import type { Pop3Session } from './session.types.ts';
import { isTooLarge, largerThanListed, mayFit, tooLarge } from './too-large.ts';

/** RETR may fail in this many sessions running before an item is blocked (journaling c.8). */
const MAX_FAILURES = 3;

/** What one RETR gave. */
interface Fetched {
  readonly receipt: Receipt;
  readonly headerSha256: string;
  /** Taken only where it must be known before the commit. */
  readonly rawSha256: string | null;
}

/** The work on single items of one session. Nothing is deleted before it is durable in custody and in the ledger. */
export class ItemRun {
  /** Items that cost a command, bytes retrieved, messages taken into custody. */
  items = 0;
  bytes = 0;
  taken = 0;
  readonly #session: Pop3Session;
  readonly #book: Book;
  readonly #context: RunContext;
  readonly #oneByOne = exclusive();
  /** At most as many as a batch has items. */
  readonly #deletions: Promise<void>[] = [];

  constructor(session: Pop3Session, book: Book, context: RunContext) {
    this.#session = session;
    this.#book = book;
    this.#context = context;
  }

  get pipelined(): boolean {
    return this.#session.pipelined;
  }

  /** True for an item that stays where it is: blocked, or left on the server. */
  isSettled(item: Listed): boolean {
    const entry = this.#book.of(item);
    if (entry === undefined || entry.listSize !== item.listSize) return false;
    if (entry.state === 'blocked') return !mayFit(item, entry, this.#context.options.maxMessageBytes);
    // Nothing is left any more once `matching.expiredAction` says otherwise.
    return entry.state === 'left' && this.#context.ports.leaves !== undefined;
  }

  /**
   * Takes one item into custody and deletes it; one that we have already is only deleted.
   * @throws EngineFailure of the store; Pop3Failure when the session is over
   */
  async take(item: Listed): Promise<'done' | 'paused'> {
    this.items++;
    const known = this.#book.of(item);
    if (isTooLarge(item, this.#context.options.maxMessageBytes)) return this.#block(item, tooLarge, 'retrieval');
    if (this.#isExhausted(item)) return this.#block(item, known?.reason ?? 'RETR', 'headers');
    // Also where it came again, and RETR failed then.
    const held = known !== undefined && known.rawSha256 !== null;
    if (held && (await this.#isStill(item))) {
      await this.#delete(item, keyOf(item));
      return 'done';
    }
    if (this.#context.ports.admit(item.listSize) !== 'ok') return 'paused';
    const fetched = await this.#fetch(item, held || !item.unique);
    if (fetched === null) return 'done';
    // Of bytes that may come twice, the first must be in the ledger before the second is looked up.
    if (fetched.rawSha256 === null) await this.#keep(item, fetched);
    else await this.#oneByOne(() => this.#keep(item, fetched));
    return 'done';
  }

  /** True when this is surely the item that the ledger has under its UIDL. */
  async #isStill(item: Listed): Promise<boolean> {
    const entry = this.#book.of(item);
    if (entry?.listSize == null || entry.listSize !== item.listSize || entry.headerSha256 === null) return false;
    const header = await this.#session.top(item.n);
    return header !== null && headerDigest(header) === entry.headerSha256;
  }

  /**
   * RETR into a receipt. Null when the server refused: the item is then noted as failing.
   * @throws RetrievalFailure when it ended the session, and the item is noted too
   */
  async #fetch(item: Listed, hashed: boolean): Promise<Fetched | null> {
    const seen = new SeenItem();
    try {
      return await this.#retrieve(item, seen, hashed);
    } catch (error) {
      if (error instanceof RefusedCommand) {
        await this.#refused(item, `RETR: ${error.message}`);
        return null;
      }
      if (!(error instanceof Pop3Failure) || error instanceof SessionOver) throw error;
      const isOversized = error instanceof OversizedMessage;
      if (isOversized) seen.size = error.seenBytes;
      const reason = isOversized ? largerThanListed : `RETR: ${error.message}`;
      const limit = isOversized ? 1 : this.#limitFor(seen);
      await this.#noteFailing(item, seen, { reason, limit });
      throw new RetrievalFailure(error, 'retrieval');
    }
  }

  /** The session goes on. */
  async #refused(item: Listed, reason: string): Promise<void> {
    const tries = (this.#book.of(item)?.failures ?? 0) + 1;
    if (tries >= MAX_FAILURES) await this.#block(item, reason, 'headers');
    else await this.#noteFailing(item, new SeenItem(), { reason, limit: MAX_FAILURES });
  }

  /** The session is over: headers that have not come are worth another one, which asks for nothing else of the item. */
  #limitFor({ header }: SeenItem): number {
    const { capabilities } = this.#session;
    const hasTop = capabilities.size === 0 || capabilities.has('TOP');
    return header.isWhole || !hasTop ? MAX_FAILURES : Number.POSITIVE_INFINITY;
  }

  /** All its tries failed, and the session was over before it could be blocked with its headers. */
  #isExhausted(item: Listed): boolean {
    const entry = this.#book.of(item);
    return entry?.state === 'failing' && entry.failures >= MAX_FAILURES && entry.listSize === item.listSize;
  }

  async #retrieve(item: Listed, seen: SeenItem, hashed: boolean): Promise<Fetched> {
    const receipt = this.#context.ports.custody.begin(this.#session.done, item.listSize);
    const hash = hashed ? createHash('sha256') : null;
    const writer = new ReceiptWriter(receipt);
    try {
      await this.#session.retrieve(item.n, (content) => {
        this.bytes += content.length;
        seen.add(content);
        hash?.update(content);
        return writer.write(content);
      });
      await writer.finished();
      return { receipt, headerSha256: seen.header.digest(), rawSha256: hash?.digest('hex') ?? null };
    } catch (error) {
      receipt.abort();
      throw error;
    }
  }

  async #keep(item: Listed, { receipt, headerSha256, rawSha256 }: Fetched): Promise<void> {
    const { ports } = this.#context;
    if (rawSha256 !== null && this.#book.holds(rawSha256)) {
      receipt.abort();
      await this.#delete(item, keyOf(item) ?? `sha:${rawSha256}`);
      return;
    }
    // By its size alone a younger one could pass for it: what has no UIDL of its own is taken, and held.
    if (ports.leaves !== undefined && keyOf(item) !== null && (await ports.leaves(receipt))) {
      receipt.abort();
      await this.#book.noteLeft(item, ports.clock.now());
      ports.report({ type: 'left', key: keyOf(item) ?? failureKeyOf(item), sizeBytes: item.listSize });
      return;
    }
    const listed = { key: keyOf(item) ?? `sha:${rawSha256}`, size: item.listSize, headerSha256 };
    const { sha256, receivedAt } = await this.#commit(receipt, item, listed);
    this.taken++;
    ports.taken();
    this.#book.noteFetched(listed, sha256, receivedAt);
    await this.#delete(item, listed.key);
  }

  async #commit(receipt: Receipt, { uidl }: Listed, listed: ListedAs): Promise<Custodied> {
    const { ports } = this.#context;
    const transport = {
      kind: 'pop3',
      peer: this.#session.peer,
      mailFrom: null,
      rcptTo: [],
      tls: this.#session.tlsVersion,
      authenticatedAs: null,
      uidl,
    } as const;
    const targets = [{ ...ports.destination(), intakeId: ports.newId() }];
    try {
      return await receipt.commit({ targets, origin: 'journal', receivedAt: ports.clock.now(), transport, listed });
    } catch (error) {
      receipt.abort();
      throw error;
    }
  }

  /** Waits for the answers to the deletions that were sent. @throws Pop3Failure when the session is over */
  async deleted(): Promise<void> {
    await Promise.all(this.#deletions);
  }

  /** In a pipeline the answer is not waited for: the next item has its place already. */
  async #delete(item: Listed, key: string | null): Promise<void> {
    const deletion = this.#deleteNow(item, key);
    if (!this.pipelined) return deletion;
    // Heard by `deleted`; a session that ends before is told by its own commands too.
    deletion.catch(() => undefined);
    this.#deletions.push(deletion);
  }

  /** A server that refuses to delete keeps the item; the ledger knows it at the next session. */
  async #deleteNow(item: Listed, key: string | null): Promise<void> {
    try {
      await this.#session.delete(item.n);
      if (key !== null) this.#book.noteDeleted(key);
    } catch (error) {
      if (!(error instanceof RefusedCommand)) throw error;
      if (key !== null) this.#book.noteRefused(key);
    }
  }

  /** Blocked without a try: as much as it says of itself is still shown. `part`: what it is that a broken TOP ends. */
  async #block(item: Listed, reason: string, part: RetrievalFailure['part']): Promise<'done'> {
    const seen = new SeenItem();
    try {
      seen.top = await this.#session.top(item.n);
    } catch (error) {
      if (!(error instanceof Pop3Failure) || error instanceof SessionOver) throw error;
      await this.#noteFailing(item, seen, { reason, limit: 1 });
      throw new RetrievalFailure(error, part);
    }
    await this.#noteFailing(item, seen, { reason, limit: 1 });
    return 'done';
  }

  /** One that is blocked with it, at `limit` failures, is reported with what was seen of it. */
  async #noteFailing(item: Listed, seen: SeenItem, how: { reason: string; limit: number }): Promise<void> {
    const { ports } = this.#context;
    const seenBytes = how.reason === largerThanListed ? seen.size : undefined;
    const at = ports.clock.now();
    const blocked = await this.#book.noteFailing(item, how.reason, { at, limit: how.limit, seenBytes });
    if (!blocked) return;
    const key = keyOf(item) ?? failureKeyOf(item);
    ports.report({ type: 'blocked', key, sizeBytes: seen.sizeOf(item), reason: how.reason, headers: seen.headers });
  }
}
