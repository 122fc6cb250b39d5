import type { Connection } from './connection.ts';
import type { DialogueSink } from './dialogue.ts';
import type { Incoming } from './incoming.ts';
import type { SmtpLimits } from './limits.ts';
import type { ProxyFault } from './proxy-header.ts';
import type { Refusal } from './reply.ts';
import type { Transaction } from './transaction.ts';
import type { RefusedMail } from './types.ts';

/** What a connection asks of the listener it belongs to. */
export interface Host {
  readonly limits: SmtpLimits;
  readonly ownFraming: boolean;
  readonly stopping: boolean;
  readonly startTls: boolean;
  /** Where the dialogue of sessions goes; undefined while nobody wants it. */
  readonly dialogue: DialogueSink | undefined;
  now(): number;
  /** True when this address speaks for others, and says for whom with its first bytes. */
  isBalancer(peer: string): boolean;
  /** Counts it. False for a socket that is closed without a word: the process can have no more. */
  takesSocket(): boolean;
  /** False for a socket that is closed without a word: more come than can even be refused. */
  hasRoomFor(peer: string): boolean;
  /** A socket that was taken is gone, and has never been a connection. */
  socketGone(): void;
  notIntroduced(balancer: string, fault: ProxyFault): void;
  /** Why this connection may not stay, or undefined. */
  refuseConnection(connection: Connection): Refusal | undefined;
  /** Or why it may not come: what was announced has no room any more, or a definition takes nothing since RCPT. */
  openMessage(transaction: Transaction): Incoming | Declined;
  /** All bytes are in the receipt; the answer comes by `connection.answer`, once. */
  deliver(connection: Connection, incoming: Incoming): void;
  rejected(refusal: Refusal, peer: string, definitionId: string | null, mail?: RefusedMail): void;
  /** `wary`: it may be a line of a mail, or a password. */
  malformed(peer: string, command: string, wary: boolean): void;
  closed(connection: Connection): void;
}

/** Why a message may not come; null: for a reason of no definition. */
export interface Declined {
  readonly refusal: Refusal;
  readonly definitionId: string | null;
}
