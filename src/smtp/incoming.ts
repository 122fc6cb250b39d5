import { EngineFailure } from '../../streams/failure.ts';
import type { Receipt } from '../../streams/ports.ts';

/** What bounds one message. */
export interface IncomingOptions {
  readonly limitBytes: number;
  /** Swallowed past the limit before the connection must be cut. */
  readonly overrunBytes: number;
  readonly startedAt: number;
}

/**
 * One message between DATA and its answer. What fails on the way is kept for the answer: the rest of the message is
 * then swallowed, since SMTP has no other moment to refuse. A receipt leaves by `end` whole, or is aborted; never both.
 */
export class Incoming {
  readonly startedAt: number;
  /** Content bytes so far, swallowed ones too. */
  size = 0;
  /** True while the receipt asks us to wait: silence is then not the client's. */
  blocked = false;
  /** True from the terminator to the answer. */
  ended = false;
  readonly #limits: IncomingOptions;
  #receipt: Receipt | undefined;
  #failure: EngineFailure | undefined;

  constructor(receipt: Receipt, options: IncomingOptions) {
    this.startedAt = options.startedAt;
    this.#limits = options;
    this.#receipt = receipt;
  }

  /** More came than even a refusal is worth. */
  get overrun(): boolean {
    return this.size > this.#limits.limitBytes + this.#limits.overrunBytes;
  }

  /** Hands the bytes on, uncopied. The promise, if any, never rejects. */
  write(content: Buffer): Promise<void> | undefined {
    this.size += content.length;
    if (this.size > this.#limits.limitBytes) this.#fail(new EngineFailure('too-large'));
    if (this.#receipt === undefined) return undefined;
    try {
      const wait = this.#receipt.write(content);
      return wait === undefined ? undefined : this.#block(wait);
    } catch (cause) {
      this.#fail(storeFailure(cause));
      return undefined;
    }
  }

  /** The terminator has come: the receipt with all bytes in it, or why there is none. */
  end(): Receipt | EngineFailure {
    this.ended = true;
    const receipt = this.#receipt;
    this.#receipt = undefined;
    return receipt ?? this.#failure ?? new EngineFailure('store-failed');
  }

  /** The client is gone, or was cut off. Nothing of the message counts. */
  abort(): void {
    this.#receipt?.abort();
    this.#receipt = undefined;
  }

  async #block(wait: Promise<void>): Promise<void> {
    this.blocked = true;
    try {
      await wait;
    } catch (cause) {
      this.#fail(storeFailure(cause));
    } finally {
      this.blocked = false;
    }
  }

  #fail(failure: EngineFailure): void {
    this.#failure ??= failure;
    this.abort();
  }
}

/** Whatever a receipt throws, as a failure that has an answer. */
export function storeFailure(cause: unknown): EngineFailure {
  return cause instanceof EngineFailure ? cause : new EngineFailure('store-failed', undefined, { cause });
}
