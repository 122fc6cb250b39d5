import type { SchedulerLike } from 'rxjs';
import type { Vault } from './vault.types.ts';

/** Who was refused comes again within it: a room that answers and takes nothing is heard of again. */
export const refusalStandsMs = 60_000;

/**
 * What is known of the room of bodies from outside of the store: what became of the last that was to be stored, and whether it
 * answers where nothing is. A failure there is told to the senders it concerns and is none of the log's (body-store.ts), so it
 * is here that somebody else hears of it.
 */
export class BodiesSight {
  readonly #clock: Pick<SchedulerLike, 'now'>;
  /** The one that is open; a store that is opened anew opens another. */
  #vault: Vault | null = null;
  #refusal: { readonly at: number; readonly error: unknown } | null = null;

  constructor(clock: Pick<SchedulerLike, 'now'>) {
    this.#clock = clock;
  }

  /** The vault itself, and what becomes of each call of `store` is noted. */
  watch(vault: Vault): Vault {
    this.#vault = vault;
    const isOpen = (): boolean => this.#vault === vault;
    const leave = (): void => {
      if (isOpen()) this.#vault = null;
    };
    return {
      store: async (...given) => {
        try {
          const refs = await vault.store(...given);
          this.#refusal = null;
          return refs;
        } catch (error) {
          // What a close gives up says nothing of the room.
          if (isOpen()) this.#refusal = { at: this.#clock.now(), error };
          throw error;
        }
      },
      read: (ref, offset, length) => vault.read(ref, offset, length),
      remove: (packs) => vault.remove(packs),
      lockedUntil: (pack) => vault.lockedUntil(pack),
      list: (before, after) => vault.list(before, after),
      answers: () => vault.answers(),
      hurry: () => {
        leave();
        vault.hurry();
      },
      [Symbol.asyncDispose]: async () => {
        leave();
        await vault[Symbol.asyncDispose]();
      },
    };
  }

  /** Before an end: see the vault. */
  hurry(): void {
    this.#vault?.hurry();
    this.#vault = null;
  }

  /** @throws why no body can be stored now */
  async look(): Promise<void> {
    if (this.#refusal !== null && this.#clock.now() - this.#refusal.at < refusalStandsMs) throw this.#refusal.error;
    await this.#vault?.answers();
  }
}
