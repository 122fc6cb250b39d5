import { createHash } from 'node:crypto';
import type { Vault, VaultRef } from '../../src/cluster/vault.types.ts';
import { EngineFailure } from '../../streams/failure.ts';

/** What a vault in memory keeps: several can be opened on one, as workers share a bucket. */
export class MemoryPacks {
  readonly packs = new Map<
    string,
    { readonly bytes: Buffer; readonly digests: Map<number, string>; readonly at: number }
  >();
  readonly #now: () => number;
  #made = 0;

  /** `now` in epoch ms. */
  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** One pack for each call of `store`. Logs that share the place have rooms of their own there. */
  open(room = ''): Vault {
    let isClosed = false;
    return {
      store: async (payloads) => {
        if (isClosed) throw new EngineFailure('store-failed', 'the vault is closed');
        return payloads.length === 0
          ? []
          : this.#add(
              room,
              payloads.map((pieces) => Buffer.concat(pieces)),
            );
      },
      read: async (ref, offset, length) => this.#read(ref, offset, length),
      remove: async (packs) => {
        for (const pack of packs) this.packs.delete(pack);
      },
      list: (before, after) => this.#list(room, before, after),
      [Symbol.asyncDispose]: async () => {
        isClosed = true;
      },
    };
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
