import { createHash } from 'node:crypto';
import { of, type Subscription } from 'rxjs';
import { unwrap } from '../../src/report/unwrap.ts';
import { decode } from '../../src/store/bodies.ts';
import type { ArchiveEntry, JournalOptions, MatchingOptions, Settlement, SpoolItem } from '../../streams/message.ts';
import type { HashContent } from '../../streams/ports.ts';
import { type ProcessingPorts, processing } from '../../streams/processing.ts';
import type { ProcessingNews } from '../../streams/retrying.ts';
import { MemoryStore, type MemoryStoreOptions } from './memory-spool.ts';
import { everybodyKnown, journalOptions, matchingOptions, minute, noon, receivedOf } from './stream-shapes.ts';
import { VirtualClock } from './virtual-time.ts';

export interface LineParts {
  /** The same for all items, or for each one. */
  readonly options?: Partial<JournalOptions> | ((item: SpoolItem) => Partial<JournalOptions>);
  readonly matching?: Partial<MatchingOptions>;
  readonly ports?: Partial<ProcessingPorts>;
  readonly fault?: MemoryStoreOptions['fault'];
  readonly definitionIds?: readonly string[];
  readonly window?: number;
}

/**
 * The lines of some definitions over one memory store, on a clock that is moved by hand. The parser is the real one; the
 * content hash is the SHA-256 of everything after the header unless a test brings another.
 */
export class Line implements Disposable {
  readonly clock = new VirtualClock(noon);
  readonly store: MemoryStore;
  readonly news: ProcessingNews[] = [];
  readonly #running: Subscription[];
  #taken = 0;

  constructor({ options, matching, ports, fault, definitionIds = ['exchange'], window = 16 }: LineParts = {}) {
    this.store = new MemoryStore({ clock: this.clock, ...(fault === undefined ? {} : { fault }) });
    const { spool, archive, bodies, entries } = this.store;
    const optionsFor = (item: SpoolItem): JournalOptions => ({
      ...journalOptions,
      ...(typeof options === 'function' ? options(item) : options),
    });
    this.#running = definitionIds.map((definitionId) =>
      processing(
        {
          spool,
          archive,
          bodies,
          messages: { get: (id) => of(entries.get(id)) },
          unwrap,
          decode,
          hashBytes: sha256,
          hashContent: hashAfterHeader,
          directory: everybodyKnown,
          trustedRecipientHeaders: [],
          wake$: this.store.wake$(definitionId),
          ...ports,
        },
        { definitionId, window, optionsFor, matching: { ...matchingOptions, ...matching } },
        this.clock,
      ).subscribe((news) => this.news.push(news)),
    );
  }

  /** Takes a message in now; answers its intake id. */
  take(bytes: Uint8Array, definitionId = 'exchange'): string {
    this.#taken += 1;
    const id = `intake-${String(this.#taken).padStart(3, '0')}`;
    this.store.take(receivedOf(id, { definitionId, receivedAt: this.clock.now() }), bytes);
    return id;
  }

  /** An operator's release or retry of what has ended. */
  reopen(intakeId: string, overrides: SpoolItem['overrides']): void {
    const ended = this.store.ended.get(intakeId);
    if (ended === undefined) throw new Error(`${intakeId} has not ended`);
    const dueAt = this.clock.now();
    const fresh = { state: 'received', attempt: 0, deadline: null, parsed: null, failures: 0 } as const;
    this.store.items.set(intakeId, { ...ended.item, ...fresh, dueAt, overrides });
  }

  /** Messages that the line finds together in its next window. */
  takeAtOnce(messages: readonly Uint8Array[]): void {
    for (const bytes of messages) this.#move(this.take(bytes, 'nobody'));
  }

  /** A message in custody whose bytes have changed since. */
  takeDamaged(bytes: Uint8Array): string {
    const id = this.take(bytes, 'nobody');
    this.store.bytes[this.store.bytes.length - 1] = new Uint8Array(bytes.length);
    this.#move(id);
    return id;
  }

  /** Lets `seconds` pass since noon. */
  until(seconds: number): void {
    this.clock.runUntil(noon + seconds * 1_000);
  }

  /** Lets every wait of the default options pass. */
  runOut(): void {
    this.clock.runUntil(this.clock.now() + 30 * minute);
  }

  get settled(): readonly Settlement[] {
    return this.news.flatMap((news) => (news.type === 'processing.settled' ? news.settlements : []));
  }

  /** Outcome and reason by intake id. */
  get ends(): Readonly<Record<string, string>> {
    return Object.fromEntries(
      this.store
        .settlements()
        .map(({ intakeId, outcome, reason }) => [intakeId, reason ? `${outcome} ${reason}` : outcome]),
    );
  }

  get entries(): readonly ArchiveEntry[] {
    return [...this.store.entries.values()];
  }

  [Symbol.dispose](): void {
    for (const line of this.#running) line.unsubscribe();
  }

  /** To the definition whose line runs, without waking it. */
  #move(intakeId: string): void {
    const item = this.store.items.get(intakeId);
    if (item !== undefined) this.store.items.set(intakeId, { ...item, definitionId: 'exchange' });
  }
}

export const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
export const hashAfterHeader: HashContent = (message) => {
  const text = Buffer.from(message);
  return of(sha256(text.subarray(Math.max(0, text.indexOf('\r\n\r\n')))));
};
