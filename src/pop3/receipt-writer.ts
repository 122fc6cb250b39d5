import type { Receipt } from '../../streams/ports.ts';

/** Hands bytes to a receipt. A failure of ours is kept to the end: the rest of the message is swallowed, then it counts. */
export class ReceiptWriter {
  readonly #receipt: Receipt;
  #failure: unknown;
  #waits: Promise<void> | undefined;

  constructor(receipt: Receipt) {
    this.#receipt = receipt;
  }

  write(content: Buffer): Promise<void> | undefined {
    if (this.#failure !== undefined) return undefined;
    try {
      const wait = this.#receipt.write(content)?.catch((error: unknown) => {
        this.#failure ??= error;
      });
      this.#waits = wait ?? this.#waits;
      return wait;
    } catch (error) {
      this.#failure = error;
      return undefined;
    }
  }

  /** @throws what the receipt failed with */
  async finished(): Promise<void> {
    await this.#waits;
    if (this.#failure !== undefined) throw this.#failure;
  }
}
