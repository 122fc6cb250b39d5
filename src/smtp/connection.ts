import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { SMTPServer } from 'smtp-server';
import { SMTPConnection, type SMTPConnectionOptions } from 'smtp-server/lib/smtp-connection.js';
import type { SMTPStream } from 'smtp-server/lib/smtp-stream.js';
import type { TransportFacts } from '../../streams/message.ts';
import { isLoopback, peerAddress } from './address.ts';
import { DataParser, type DataSink, readStock } from './data-parser.ts';
import { Dialogue } from './dialogue.ts';
import type { Host } from './host.ts';
import { Incoming } from './incoming.ts';
import { type ParsedPath, type Path, parsePath } from './path.ts';
import { announcedMail, arrivedMail } from './refused-mail.ts';
import { type Refusal, type Reply, refusals, replies } from './reply.ts';
import { Transaction } from './transaction.ts';

const disabledCommands = new Set(['WIZ', 'SHELL', 'KILL', 'HELP', 'VRFY', 'XCLIENT', 'XFORWARD']);
const enhanced = /^[245]\.\d{1,3}\.\d{1,3} /;

/**
 * One client. smtp-server speaks the protocol; this class adds what it lacks: our DATA framing without a stream for
 * each message, exact enhanced codes, bounds on commands, and deadlines that a dripping client cannot extend.
 */
export class Connection extends SMTPConnection implements DataSink {
  declare readonly host: Host;
  readonly peer: string;
  transaction = new Transaction(); // Since the last RSET, EHLO, answer or STARTTLS.
  incoming: Incoming | undefined;
  sample: { readonly at: number; readonly size: number } | undefined;
  lastMailAt: number;
  closedAt: number | undefined;
  authTries = 0;
  loggingIn = false;
  maySend = true; // As it was when it came.
  secretId: string | number | undefined; // Of the route it logged in by.
  dialogue: Dialogue | undefined; // Only while it is wanted: `undefined` costs a session nothing.
  #commands = 0;
  /** A DATA was refused; a client that does not look sends the mail all the same. */
  #mailMayFollow = false;

  constructor(host: Host, server: SMTPServer, socket: Socket, options?: SMTPConnectionOptions | null) {
    super(server, socket, options);
    this.host = host;
    this.peer = peerAddress(this.remoteAddress);
    this.lastMailAt = host.now();
    this.#listen();
    this._parser = this._createParser();
  }

  /** Greets at once: the library's pause for early talkers would cost every connection 100 ms. */
  override init(): void {
    this._setListeners(() => {
      const refusal = this.host.refuseConnection(this);
      if (refusal === undefined) this.connectionReady();
      else this.refuse(refusal);
    });
  }

  /** Gives an answer that carries its own enhanced code; 421 closes. */
  reply(reply: Reply): void {
    this.send(reply.code, reply.text, false);
  }

  /** Refuses and reports it. */
  refuse(refusal: Refusal, definitionId: string | null = null): void {
    this.host.rejected(refusal, this.peer, definitionId, arrivedMail(refusal, this));
    this.reply(refusal);
  }

  /** Ends the connection with this answer, in the middle of a message too. */
  cut(refusal: Refusal): void {
    this.refuse(refusal);
    this.incoming?.abort();
    this.incoming = undefined;
    this.close();
  }

  /** The answer to the message in `incoming`, which there must be. */
  answer(reply: Reply): void {
    this.incoming = undefined;
    if (reply.code === 250) {
      this.lastMailAt = this.host.now();
      this.#commands = 0;
    }
    this.reply(reply);
    this._dataStream = false;
    this._transactionCounter++;
    this._unrecognizedCommands = 0;
    this._resetSession();
    if (this.host.stopping) this.reply(refusals.stopping);
    else if (this._parser) this._parser.continue();
  }

  /** No further command is served. A message on its way gets its answer first. */
  stop(): void {
    if (this.incoming === undefined && !this._closing) this.reply(refusals.stopping);
  }

  /** Breaks the connection off; of a message on its way nothing counts. */
  destroy(): void {
    this.incoming?.abort();
    this.incoming = undefined;
    this._socket.destroy();
  }

  transport(): TransportFacts {
    return {
      kind: 'smtp',
      peer: this.peer,
      mailFrom: this.transaction.mailFrom,
      rcptTo: this.transaction.recipients,
      tls: this.secure ? ((this._socket as Partial<TLSSocket>).getProtocol?.() ?? null) : null,
      authenticatedAs: this.identity,
      uidl: null,
    };
  }

  /** The service address it logged in as, in look-up form and lower case. */
  get identity(): string | null {
    return typeof this.session.user === 'string' ? this.session.user : null;
  }

  override send(code: number, data?: string | string[] | null, context?: string | false): void {
    const shown = typeof data === 'string' && enhanced.test(data) ? false : context;
    if (this.dialogue !== undefined) {
      const words = [this._getEnhancedStatusCode(code, shown), [data ?? ''].flat().join(' / ')];
      this.dialogue.said(this.host.now(), { code, text: words.filter((word) => word !== '').join(' ') });
    }
    super.send(code, data, shown);
  }

  override close(): void {
    this.closedAt ??= this.host.now();
    super.close();
  }

  override _onCommand(command: Buffer, callback?: () => void): void {
    this.#listen();
    // A line that is awaited answers a challenge of AUTH.
    this.dialogue?.heard(this.host.now(), command, Boolean(this._nextHandler));
    const refusal = this._upgrading ? undefined : this.#judgeCommand(command);
    if (refusal === undefined) {
      super._onCommand(command, callback);
    } else if (refusal.code === 421) {
      this.cut(refusal);
    } else {
      this.reply(refusal);
      setImmediate(callback ?? (() => undefined));
    }
  }

  /** At each command, so that a detailed log switched on or off meets sessions that are open. */
  #listen(): void {
    const sink = this.host.dialogue;
    if (sink === undefined) this.dialogue = undefined;
    else this.dialogue ??= new Dialogue(sink, { session: this.id, peer: this.peer });
  }

  /** Bounds that hold for every command; one that closes the connection, or one that only refuses the command. */
  #judgeCommand(command: Buffer): Refusal | undefined {
    const { limits, stopping } = this.host;
    if (stopping) return refusals.stopping;
    const [verb = ''] = command.toString('latin1', 0, 5).toUpperCase().split(' ');
    if (command.length > limits.commandBytes && verb !== 'AUTH' && !this._nextHandler) return refusals.lineTooLong;
    const counted = verb !== 'RCPT' || this.transaction.tried >= limits.recipients;
    if (counted && ++this.#commands > limits.commandsWithoutMail) return refusals.tooManyCommands;
    return undefined;
  }

  override handler_DATA(_command: Buffer, callback: () => void): void {
    const parser = this._parser;
    if (!parser || this.transaction.destinations.size === 0) {
      this.#mailMayFollow = true;
      this.reply(replies.needRecipient);
      callback();
      return;
    }
    const opened = this.host.openMessage(this.transaction);
    if (!(opened instanceof Incoming)) {
      this.#mailMayFollow = true;
      this.refuse(opened.refusal, opened.definitionId);
      callback();
      return;
    }
    this.incoming = opened;
    this.sample = undefined;
    if (parser instanceof DataParser) parser.beginData(this);
    else this._dataStream = readStock(parser, this);
    this.reply(replies.startData);
    callback();
  }

  takeData(content: Buffer): Promise<void> | undefined {
    const wait = this.incoming?.write(content);
    if (this.incoming?.overrun) this.cut(refusals.tooLarge);
    return wait;
  }

  endData(): void {
    if (this.incoming !== undefined) this.host.deliver(this, this.incoming);
  }

  override _createParser(): SMTPStream {
    const stock = super._createParser();
    if (!this.host?.ownFraming) return stock;
    const parser = new DataParser(() => this._socket);
    parser.oncommand = stock.oncommand;
    parser.on('error', (error) => this.send(421, `Error: ${error.message}`));
    return parser;
  }

  /** AUTH is hidden outside TLS, but not from a client on this machine; STARTTLS without a certificate of our own. */
  override _isDisabled(command: string): boolean {
    if (command === 'STARTTLS') return !this.host.startTls;
    if (command === 'AUTH') return !this.secure && !isLoopback(this.peer);
    return disabledCommands.has(command);
  }

  override _parseAddressCommand(rawName: string, rawCommand: Buffer | string): ParsedPath {
    const text = rawCommand.toString();
    const parsed = parsePath(text, (command) => super._parseAddressCommand(rawName, command));
    if (parsed === false) this.host.malformed(this.peer, text, this.#mailMayFollow || this._unrecognizedCommands > 0);
    return parsed;
  }

  override _validateMailParams(parsed: Path): ReturnType<SMTPConnection['_validateMailParams']> {
    const fault = super._validateMailParams(parsed);
    if (fault?.code === 552)
      this.host.rejected(refusals.tooLarge, this.peer, null, announcedMail(parsed, this.maySend));
    return fault;
  }

  override _resetSession(): void {
    super._resetSession();
    this.transaction = new Transaction();
  }

  /** The idle time is not the client's while we owe an answer or do not read. */
  override _onTimeout(): void {
    if (!this._closing && (this.loggingIn || this.incoming?.ended || this.incoming?.blocked)) this._armTimeout();
    else super._onTimeout();
  }

  override _onClose(): void {
    this.incoming?.abort();
    this.incoming = undefined;
    super._onClose();
    this.host.closed(this);
  }
}
