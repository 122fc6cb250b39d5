/** Where a payload lies. */
export interface VaultRef {
  readonly pack: string;
  readonly at: number;
  readonly length: number;
}

/**
 * Payloads of the records of a shared commit log. They are stored first and referred to after, so that a record without
 * its payload is impossible. Every adapter passes test/contracts/vault.contract.ts.
 */
export interface Vault extends AsyncDisposable {
  /**
   * All of these, durable when it resolves; in the order of the payloads (each in pieces). An orphan, stored and never
   * referred to, is harmless. `isAgain`: they lay in the vault before, and are not locked anew.
   * @throws EngineFailure `store-failed` (retryable) where it is not known to be durable
   */
  store(
    payloads: readonly (readonly Uint8Array[])[],
    how?: { readonly isAgain: boolean },
  ): Promise<readonly VaultRef[]>;
  /** Bytes of a payload. @throws EngineFailure `missing`, `damaged`, `store-failed` */
  read(ref: VaultRef, offset: number, length: number): Promise<Uint8Array>;
  /** Until when nobody can remove a pack, epoch ms (infinite: until a hold is lifted); null: it can be removed, or is gone. */
  lockedUntil(pack: string): Promise<number | null>;
  /** Gives back the space of packs of which nothing is needed any more. @throws EngineFailure `store-failed` */
  remove(packs: readonly string[]): Promise<void>;
  /**
   * Packs of this log that are older than `before` (epoch ms), for the sweep of orphans; those that were made before `after`
   * may be left out. Uploads that were not ended are among them, whenever they were begun.
   */
  list(before: number, after?: number): AsyncIterable<string>;
  /** Asks for nothing but an answer. @throws EngineFailure `store-failed` where none comes, or one that refuses */
  answers(): Promise<void>;
  /** Before a close: what is under way ends within seconds, and with an error where it cannot be done by then. */
  hurry(): void;
}
