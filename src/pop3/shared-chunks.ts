import type { ChunksDone } from '../../streams/ports.ts';

/** A chunk of a socket, and how many still read it. */
interface Shared {
  readonly chunk: Buffer;
  readers: number;
}

/**
 * Chunks as they came from the socket, each given back once nobody reads it: a pipeline brings a dozen small messages in
 * one chunk, or the end of one and the start of the next. What is never told to be done keeps its chunk for the collector.
 */
export class SharedChunks {
  readonly #giveBack: ChunksDone;
  readonly #shared = new WeakMap<ArrayBufferLike, Shared>();

  constructor(giveBack: ChunksDone) {
    this.#giveBack = giveBack;
  }

  /** `read` looks at the chunk now, and names by `keep` the parts that somebody will still read after that. */
  hear(chunk: Buffer, read: () => void): void {
    // What shares its memory with other chunks cannot be given back alone.
    if (chunk.buffer.byteLength !== chunk.byteLength) {
      read();
      return;
    }
    const shared = { chunk, readers: 1 };
    this.#shared.set(chunk.buffer, shared);
    try {
      read();
    } finally {
      this.#left(shared);
    }
  }

  keep(part: Uint8Array): void {
    const shared = this.#shared.get(part.buffer);
    if (shared !== undefined) shared.readers += 1;
  }

  /** Nobody reads these parts any more. Told of each of them once at most. */
  done: ChunksDone = (parts) => {
    for (const part of parts) {
      const shared = this.#shared.get(part.buffer);
      if (shared !== undefined) this.#left(shared);
    }
  };

  #left(shared: Shared): void {
    shared.readers -= 1;
    if (shared.readers > 0) return;
    this.#shared.delete(shared.chunk.buffer);
    this.#giveBack([shared.chunk]);
  }
}
