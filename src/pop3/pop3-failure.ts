import type { FailureKind } from './types.ts';

/** An expected end of a session, by its kind. `detail` is for a person: cleaned and short. */
export class Pop3Failure extends Error {
  readonly kind: FailureKind;

  constructor(kind: FailureKind, detail: string, options?: ErrorOptions) {
    super(cleaned(detail), options);
    this.name = 'Pop3Failure';
    this.kind = kind;
  }
}

/** The session ended, by another command's doing or by ours, before this one was answered: nothing is known of its item. */
export class SessionOver extends Pop3Failure {
  constructor({ kind, message }: Pop3Failure) {
    super(kind, message);
    this.name = 'SessionOver';
  }
}

/**
 * The session ended in the retrieval of one message, which was noted as failing; or in that of its headers alone, when it
 * was given up already.
 */
export class RetrievalFailure extends Pop3Failure {
  readonly part: 'retrieval' | 'headers';

  constructor({ kind, message }: Pop3Failure, part: 'retrieval' | 'headers') {
    super(kind, message);
    this.name = 'RetrievalFailure';
    this.part = part;
  }
}

/** RETR gave more than a message may have; nothing sensible can follow on that connection. */
export class OversizedMessage extends Pop3Failure {
  /** What has come of it. */
  readonly seenBytes: number;

  constructor(limitBytes: number, seenBytes: number) {
    super('protocol', `a message larger than ${limitBytes} bytes`);
    this.name = 'OversizedMessage';
    this.seenBytes = seenBytes;
  }
}

/** A command was answered -ERR (RFC 1939); the session goes on. */
export class RefusedCommand extends Error {
  /** Response code of RFC 2449 in upper case, such as `IN-USE`; null where there is none. */
  readonly code: string | null;

  constructor(text: string) {
    super(cleaned(text));
    this.name = 'RefusedCommand';
    this.code = /^\[([A-Z/-]+)\]/i.exec(text)?.[1]?.toUpperCase() ?? null;
  }
}

/** First 120 characters without control characters (journaling d.5). */
export function cleaned(text: string): string {
  return text
    .slice(0, 120)
    .replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ')
    .trim();
}
