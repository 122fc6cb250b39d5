import type { ChunksDone } from '../../streams/ports.ts';
import type { TakeContent } from './client.ts';
import type { Listed } from './listing.ts';

/** A mailbox that let us in. Every method throws Pop3Failure once the session is over, RefusedCommand for -ERR. */
export interface Pop3Session {
  readonly peer: string | null;
  /** Of the TLS connection; null in clear. */
  readonly tlsVersion: string | null;
  /** Names in upper case (RFC 2449); empty where the server has no CAPA. */
  readonly capabilities: ReadonlySet<string>;
  /** True: commands may be sent before earlier ones are answered (RFC 2449 section 6.6). */
  readonly pipelined: boolean;
  /** Number of items (STAT). */
  count(): Promise<number>;
  /** UIDL and LIST together, oldest first. */
  list(): Promise<readonly Listed[]>;
  /** The header block, MAX_HEADER_BYTES at most; null where the server refuses. */
  top(n: number): Promise<Buffer | null>;
  /** The exact bytes of a message, as they come. Past `maxMessageBytes` the session ends. */
  retrieve(n: number, content: TakeContent): Promise<void>;
  /** To be told of content of `retrieve` that nobody reads any more, also after the session; absent where it is no use. */
  readonly done?: ChunksDone;
  delete(n: number): Promise<void>;
  /** Resolves when the server has confirmed: only now the deletions hold. */
  quit(): Promise<void>;
  /** Lets go without QUIT. Idempotent. */
  close(): void;
}
