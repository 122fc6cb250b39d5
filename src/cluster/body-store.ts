import { asFailure } from '../../streams/failure.ts';
import { exclusive } from '../exclusive.ts';
import type { Waiting } from '../store/group-commit.types.ts';
import type { LogSeal } from './log-seal.ts';
import type { Prepared } from './shared-log.types.ts';
import { prepareAll, takeGroup } from './shared-records.ts';
import type { Vault, VaultRef } from './vault.types.ts';

/** Where the bodies of a group lie, in their order, and since when (epoch ms). */
export interface StoredBodies {
  readonly refs: readonly VaultRef[];
  readonly at: number;
}
/** A group whose bodies stand in object storage. */
export interface Stored {
  readonly group: readonly Waiting[];
  readonly prepared: readonly Prepared[];
  readonly places: StoredBodies;
}

export interface BodyStoreParts {
  readonly vault: Vault;
  /** Null: bodies are stored in clear. */
  readonly seal: LogSeal | null;
  /** Epoch ms. */
  readonly now: () => number;
  /** There is a group to be written. */
  readonly ready: () => void;
}

/**
 * Puts bodies into object storage before their records are written, what waits together. What one pack holds is referred
 * to by one transaction, all of it or nothing: so one pack at a time, and no group in parts. Neither its answers nor its
 * failures are waited for by what has no body: a failure is told to whom it concerns, and the log has no part in it.
 */
export class BodyStore {
  readonly #parts: BodyStoreParts;
  #waiting: Waiting[] = [];
  #underWay: readonly Waiting[] = [];
  readonly #stored: Stored[] = [];
  #running: Promise<void> | null = null;
  readonly #oneByOne = exclusive();

  constructor(parts: BodyStoreParts) {
    this.#parts = parts;
  }

  /** Whose bodies stand and are not written about yet. */
  get unwritten(): readonly Waiting[] {
    return this.#stored.flatMap(({ group }) => group);
  }

  /** Whose bodies wait or are on their way: object storage has not answered for them. */
  get unstored(): readonly Waiting[] {
    return [...this.#underWay, ...this.#waiting];
  }

  get isReady(): boolean {
    return this.#stored.length > 0;
  }

  add(waiting: Waiting): void {
    this.#waiting.push(waiting);
    this.#running ??= this.#run();
  }

  /** The next group that is to be written; null: none is. */
  take(): Stored | null {
    return this.#stored.shift() ?? null;
  }

  /** Stores payloads in packs that hold nothing else. @throws EngineFailure `store-failed` */
  apart: Vault['store'] = (payloads, how) => this.#oneByOne(() => this.#parts.vault.store(payloads, how));

  /** Resolves when nothing is on its way: within seconds, since a storage that is away would be waited for group by group. */
  async end(): Promise<void> {
    this.#parts.vault.hurry();
    await this.#running;
  }

  async #run(): Promise<void> {
    // At least one turn: what is appended in the same one shares a pack.
    await Promise.resolve();
    const { now, ready } = this.#parts;
    while (this.#waiting.length > 0) {
      const group = takeGroup(this.#waiting);
      this.#underWay = group;
      const prepared = prepareAll(group, this.#parts.seal);
      try {
        const at = now();
        const refs = await this.apart(prepared.map(({ body }) => body));
        this.#stored.push({ group, prepared, places: { refs, at } });
        ready();
      } catch (error) {
        for (const { reject } of group) reject(asFailure(error));
      }
      this.#underWay = [];
    }
    this.#running = null;
  }
}
