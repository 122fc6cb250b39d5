import type { Observable, SchedulerLike } from 'rxjs';
import type { Custody, Delivery } from '../../streams/ports.ts';
import type { DialogueSink } from './dialogue.ts';
import type { SmtpLimits } from './limits.ts';

/** What the listener must know of the definition that a service address chooses. Read anew at each RCPT and AUTH. */
export interface SmtpRoute {
  /** Null on the gateway's listener, where any address is taken. */
  readonly definitionId: string | null;
  readonly definitionVersion: number | null;
  /** True when this peer may send to the definition (journaling a.2, Additional Source IP Ranges). */
  sourceAllowed(peer: string): boolean;
  readonly requireTls: boolean;
  readonly requireAuth: boolean;
  /** Compares in constant time. A rejection is answered 454 and counts as no failure of the client. */
  verifyPassword(password: string): boolean | Promise<boolean>;
  /** Any value that changes with the password: sessions that used the old one end before their next transaction. */
  readonly secretId?: string | number;
  readonly suspended: boolean;
}

/** Why something was refused: the words of `smtp.rejected` events. */
export type RejectReason =
  | 'unknown-address'
  | 'source'
  | 'tls-missing'
  | 'auth-missing'
  | 'auth-failed'
  | 'auth-locked'
  | 'other-identity'
  | 'suspended'
  | 'too-many-recipients'
  | 'too-many-connections'
  | 'too-many-commands'
  | 'proxy-header'
  | 'too-large'
  | 'too-slow'
  | 'store-full'
  | 'overloaded'
  | 'store-failed'
  | 'commit-timeout'
  | 'expired'
  | 'stopping';

/** One refusal. `reply` is the code with its enhanced code, such as `550 5.1.1`. */
export interface Rejection {
  readonly definitionId: string | null;
  readonly reason: RejectReason;
  readonly reply: string;
  readonly peer: string;
  /** Of a message that is too large. */
  readonly mail?: RefusedMail;
}
/** What is known of a message whose end nobody waited for. */
export interface RefusedMail {
  readonly mailFrom: string | null;
  /** As announced, or as much as came; null where neither says. */
  readonly bytes: number | null;
}

/** The sockets of all listeners against what the process may have open. */
export interface Sockets {
  /** With `few` a connection gets 421, with `none` it is closed without a word. */
  left(): 'enough' | 'few' | 'none';
  taken(): void;
  gone(): void;
  /** One was refused, or closed, since there were too few. */
  refused(): void;
}

/** What the listener needs from the engine. */
export interface SmtpPorts {
  readonly custody: Pick<Custody, 'begin'>;
  /** `address` has its domain in lower-case A-labels; the local part is as the client wrote it. Case-insensitive. */
  findRoute(address: string): SmtpRoute | undefined;
  /**
   * Takes as long as a wrong password of a definition does, for a user name that is none; never lets anybody in. May be
   * rejected as `verifyPassword`. `address` is the same for the same user, in lower case.
   */
  checkDecoy(address: string, password: string): unknown;
  /** True when some definition takes mail from this peer; others get few connections. */
  sourceKnown(peer: string): boolean;
  /**
   * True for a balancer: its connections begin with a PROXY header, and the address in it is the peer's everywhere. Who is
   * none is never asked for one.
   */
  isBalancer(peer: string): boolean;
  /** Asked at MAIL. `sizeHintBytes` is what the client announced with SIZE=, or null. */
  admit(sizeHintBytes: number | null): 'ok' | 'full' | 'overloaded' | 'failed' | 'stopping';
  /** How many sockets the process may still have. */
  readonly sockets: Sockets;
  /** Called for each refusal; the engine counts and samples. */
  rejected(rejection: Rejection): void;
  log(level: 'debug' | 'info' | 'warn' | 'error', text: string, data: Readonly<Record<string, unknown>>): void;
  /** The dialogue of sessions, for the detailed log; absent where there is none. */
  readonly dialogue?: DialogueSink;
  /** All deadlines and times come from here. */
  readonly clock: SchedulerLike;
}

/** PEM text of a certificate chain and of its private key. */
export interface TlsPair {
  readonly cert: string | Buffer;
  readonly key: string | Buffer;
}

/** Settings of one listener (interface section 2, `smtp.*` or `gateway.smtp`). */
export interface SmtpOptions {
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  /** In the banner; the machine's name when absent. */
  readonly hostname?: string | undefined;
  /** Without it STARTTLS is not offered. */
  readonly tls?: TlsPair | undefined;
  readonly maxMessageBytes: number;
  readonly maxConnections: number;
  readonly idleTimeoutMs: number;
  /** Limit named in the refusal of an over-age item; 30 days when absent. */
  readonly maxAgeMs?: number | undefined;
  readonly origin: 'journal' | 'gateway';
  /** Overrides of the guards, for tests. */
  readonly limits?: Partial<SmtpLimits> | undefined;
  /** Takes the DATA framing of smtp-server instead of ours. It drops a dot after a bare LF: for diagnosis only. */
  readonly stockFraming?: boolean | undefined;
}

/** An open listener. */
export interface SmtpListener extends AsyncDisposable {
  /** The bound port. */
  readonly port: number;
  /** Messages received in full. One observer. Bounded: a connection has one unanswered delivery at most. */
  readonly delivery$: Observable<Delivery>;
  /** Connections that may send commands now. */
  connections(): number;
  /**
   * New handshakes use this pair from now on; also switches STARTTLS on.
   * @throws Error when the pair is not usable; the old one stays in force
   */
  updateTls(pair: TlsPair): void;
  /** Stops accepting, ends idle connections with 421, lets messages in DATA finish within the grace. Idempotent. */
  close(): Promise<void>;
}
