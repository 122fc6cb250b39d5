import type { LedgerEntry, Pop3Ledger } from './types.ts';

/** Writes ledger entries as group commit does: whatever waits when the last write has returned goes out in one. */
export class LedgerWriter {
  readonly #ledger: Pop3Ledger;
  #waiting = new Map<string, LedgerEntry>();
  #next: Promise<void> | null = null;
  #last: Promise<void> = Promise.resolve();

  constructor(ledger: Pop3Ledger) {
    this.#ledger = ledger;
  }

  /** Durable when it resolves. @throws EngineFailure of the store */
  put(key: string, entry: LedgerEntry): Promise<void> {
    this.#waiting.set(key, entry);
    if (this.#next === null) {
      this.#next = this.#last.then(() => this.#flush());
      this.#last = this.#next.catch(() => undefined);
    }
    return this.#next;
  }

  #flush(): Promise<void> {
    const changes = this.#waiting;
    this.#waiting = new Map();
    this.#next = null;
    return this.#ledger.write(changes);
  }
}
