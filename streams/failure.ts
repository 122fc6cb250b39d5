/** The closed table of expected failures. `retryable` is what the caller does first: try again, or not. */
export const failures = {
  'store-failed': { retryable: true, text: 'the store could not write' },
  'store-full': { retryable: true, text: 'the store has no room' },
  'commit-timeout': { retryable: true, text: 'the store did not answer in time' },
  'too-large': { retryable: false, text: 'the message is larger than the limit' },
  expired: { retryable: false, text: 'journal item older than the age limit' },
  stopping: { retryable: true, text: 'the engine is stopping' },
  damaged: { retryable: false, text: 'stored bytes do not have the hash that was recorded' },
  missing: { retryable: false, text: 'no such record' },
  'parser-crash': { retryable: true, text: 'the parser failed' },
  locked: { retryable: false, text: 'another engine has this data directory' },
  'key-unusable': { retryable: false, text: 'the encrypted archive cannot be opened' },
  'index-unknown': { retryable: false, text: 'the index does not belong to this commit log' },
} as const satisfies Record<string, { retryable: boolean; text: string }>;

export type FailureCode = keyof typeof failures;

/** An expected failure with a code of the table; what tells of one that came before it is not told so twice. Bugs are plain errors; only these are answered by rule. */
export class EngineFailure extends Error {
  readonly code: FailureCode;
  readonly retryable: boolean;

  constructor(code: FailureCode, detail?: string, options?: ErrorOptions) {
    const { text } = failures[code];
    const isWhole = detail === undefined || detail.startsWith(text);
    super(isWhole ? (detail ?? text) : `${text}: ${detail}`, options);
    this.name = 'EngineFailure';
    this.code = code;
    this.retryable = failures[code].retryable;
  }
}

/** Whatever was thrown, as a failure: what has no code of the table is trouble of the store. */
export const asFailure = (error: unknown): EngineFailure =>
  error instanceof EngineFailure ? error : new EngineFailure('store-failed', String(error), { cause: error });

/** What a thrown thing says of itself. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
