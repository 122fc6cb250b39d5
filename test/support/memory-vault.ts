import { createHash } from 'node:crypto';
import type { Vault, VaultRef } from '../../src/cluster/vault.types.ts';
import { EngineFailure } from '../../streams/failure.ts';

/** What a vault in memory keeps: several can be opened on one, as workers share a bucket. */
export class MemoryPacks {
  readonly packs = new Map<
    string,
    { readonly bytes: Buffer; readonly digests: Map<number, string>; readonly at: number }
  >();
  /** Until when nobody can remove a pack, epoch ms. */
  readonly locks = new Map<string, number>();
  readonly #now: () => number;
  #made = 0;

  /** `now` in epoch ms. */
  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** One pack for each call of `store`. Logs that share the place have rooms of their own there. */
  open(room = '', lockMs = 0): Vault {
    let isClosed = false;
    return {
      store: async (payloads, { isAgain } = { isAgain: false }) => {
        if (isClosed) throw new EngineFailure('store-failed', 'the vault is closed');
        if (payloads.length === 0) return [];
        const bytes = payloads.map((pieces) => Buffer.concat(pieces));
        const refs = this.#add(room, bytes);
        for (const { pack } of refs) if (lockMs > 0 && !isAgain) this.locks.set(pack, this.#now() + lockMs);
        return refs;
      },
      lockedUntil: async (pack) => this.#lockOf(pack),
      read: async (ref, offset, length) => this.#read(ref, offset, length),
      remove: async (packs) => {
        const locked = packs.filter((pack) => this.#lockOf(pack) !== null);
        for (const pack of packs) if (!locked.includes(pack)) this.packs.delete(pack);
        if (locked.length > 0) throw new EngineFailure('store-failed', `${locked.length} packs are locked`);
      },
      list: (before, after) => this.#list(room, before, after),
      answers: async () => {
        if (isClosed) throw new EngineFailure('store-failed', 'the vault is closed');
      },
      hurry: () => undefined,
      [Symbol.asyncDispose]: async () => {
        isClosed = true;
      },
    };
  }

  #lockOf(pack: string): number | null {
    const until = this.packs.has(pack) ? (this.locks.get(pack) ?? 0) : 0;
    return until > this.#now() ? until : null;
  }

  #add(room: string, payloads: readonly Buffer[]): readonly VaultRef[] {
    this.#made += 1;
    const pack = room === '' ? `pack-${this.#made}` : `${room}/pack-${this.#made}`;
    const digests = new Map<number, string>();
    let at = 0;
    const refs = payloads.map((bytes) => {
      const ref = { pack, at, length: bytes.length };
      digests.set(at, digestOf(bytes));
      // A byte between two payloads: no two of them begin at the same place, empty ones neither.
      at += bytes.length + 1;
      return ref;
    });
    const bytes = Buffer.concat(payloads.flatMap((payload) => [payload, Buffer.alloc(1)]));
    this.packs.set(pack, { bytes, digests, at: this.#now() });
    return refs;
  }

  #read({ pack, at, length: whole }: VaultRef, offset: number, length: number): Uint8Array {
    const kept = this.packs.get(pack);
    if (kept === undefined || !(offset >= 0 && length >= 0 && offset + length <= whole)) {
      throw new EngineFailure('missing', `${length} bytes from ${offset} on, of ${whole} in ${pack}`);
    }
    const bytes = kept.bytes.subarray(at + offset, at + offset + length);
    const isWhole = length === whole;
    if (bytes.length < length || (isWhole && kept.digests.get(at) !== digestOf(bytes))) {
      throw new EngineFailure('damaged', `${length} bytes from ${at + offset} on in ${pack}`);
    }
    return Uint8Array.from(bytes);
  }

  async *#list(room: string, before: number, after = 0): AsyncGenerator<string> {
    for (const [pack, { at }] of [...this.packs]) {
      const isOurs = room === '' ? !pack.includes('/') : pack.startsWith(`${room}/`);
      if (isOurs && at >= after && at < before) yield pack;
    }
  }
}

const digestOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
