import type { Destination } from '../../streams/message.ts';

/** What one mail transaction has gathered between MAIL and DATA. */
export class Transaction {
  mailFrom: string | null = null;
  /** By SIZE= of MAIL. */
  announcedBytes: number | null = null;
  /** RCPT commands so far, refused ones too. */
  tried = 0;
  /** One for each definition, in the order of RCPT. */
  readonly destinations = new Map<string | null, Destination>();
  readonly #recipients = new Map<string, string>();

  /** Accepted recipients as they were written, each once. */
  get recipients(): readonly string[] {
    return [...this.#recipients.values()];
  }

  /** Their look-up forms. */
  get keys(): Iterable<string> {
    return this.#recipients.keys();
  }

  /** `key` is the look-up form in lower case; a second one with it changes nothing. */
  add(key: string, raw: string, destination: Destination): void {
    if (this.#recipients.has(key)) return;
    this.#recipients.set(key, raw);
    this.destinations.set(destination.definitionId, destination);
  }
}
