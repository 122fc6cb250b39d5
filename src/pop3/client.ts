import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import Pop3 from 'node-pop3';
import type { Subscription } from 'rxjs';
import { openGiveBack } from '../give-back.ts';
import { connectMs, connectTcp, networkFailure, secure } from './connect.ts';
import { Framing } from './framing.ts';
import { Pop3Failure, RefusedCommand, SessionOver } from './pop3-failure.ts';
import { SharedChunks } from './shared-chunks.ts';
import { shown, withoutPassword } from './shown.ts';
import type { MailboxOptions, MailboxPorts } from './types.ts';

export type ClientPorts = Pick<MailboxPorts, 'clock' | 'lookup' | 'trace' | 'stage' | 'certificate'>;

/** Takes the content of a multi-line answer. A promise stops the reading until it is settled; it must not reject. */
export type TakeContent = (content: Buffer) => Promise<void> | undefined;

/** A command whose answer has not come, in the order sent. */
interface Pending {
  readonly content: TakeContent | null;
  info: string;
  readonly resolve: (info: string) => void;
  readonly reject: (error: Error) => void;
}

/**
 * node-pop3 with connection and framing replaced (house D-011): its commands that answer one line, such as DELE, are
 * its own; they write to what looks like a socket to them and is `send`. Any number of commands may be under way, so
 * that answers can be pipelined. One failure ends it for good; every wait is bounded by `timeoutMs` of silence.
 */
export class Pop3Client extends Pop3 {
  /** What it hears, and hands on in parts. */
  readonly chunks = new SharedChunks(openGiveBack());
  readonly #options: MailboxOptions;
  readonly #ports: ClientPorts;
  readonly #pending: Pending[] = [];
  readonly #framing: Framing;
  #link: Socket | undefined;
  #unlisten: (() => void) | undefined;
  #failure: Pop3Failure | undefined;
  #watch: Subscription | undefined;
  #heardAt = 0;
  #outgoing = '';
  /** Mail was asked for: what stands where an answer should may be a line of it. */
  #mailAsked = false;
  #blocked = 0;

  constructor(options: MailboxOptions, ports: ClientPorts) {
    super({ user: options.mailboxName, password: options.password, host: options.host, port: options.port });
    this.#options = options;
    this.#ports = ports;
    this.#framing = new Framing({
      status: (line) => this.#status(line),
      content: (bytes) => this.#content(bytes),
      end: () => {
        const answered = this.#pending.shift();
        answered?.resolve(answered.info);
      },
    });
    // An 'error' event without a listener ends the process; who waits is told by its promise.
    this.on('error', () => undefined);
    this._socket = { write: (line: string) => this.#writeForVerb(line) } as unknown as Socket;
  }

  /** node-pop3 asks for this before each of its commands; the connection is made by `open`. */
  override async _connect(): Promise<string> {
    if (this.#failure !== undefined) throw this.#failure;
    return this._PASSInfo;
  }

  get peer(): string | null {
    return this.#link?.remoteAddress?.replace(/^::ffff:/, '') ?? null;
  }

  /** Of the TLS connection; null in clear. */
  get tlsVersion(): string | null {
    return this.#link instanceof TLSSocket ? this.#link.getProtocol() : null;
  }

  /** Connects and reads the greeting. @throws Pop3Failure, or RefusedCommand for a greeting of -ERR */
  async open(implicitTls: boolean, signal: AbortSignal): Promise<void> {
    const { stage } = this.#ports;
    stage?.('connect');
    const plain = await connectTcp(this.#options, this.#ports, signal);
    stage?.(implicitTls ? 'encrypt' : 'greeting');
    const link = implicitTls ? await secure(plain, this.#options, this.#ports, signal) : plain;
    if (implicitTls) stage?.('greeting');
    this.#listen(link);
    const lateMs = connectMs(this.#options);
    const late = this.#ports.clock.schedule(
      () => void this.#fail(new Pop3Failure('timeout', `no greeting within ${lateMs} ms`)),
      lateMs,
    );
    await this.#expect(null).finally(() => late.unsubscribe());
  }

  /**
   * STLS (RFC 2595). Bytes that came in clear behind the answer end the session: they must not count as said inside TLS.
   * @throws Pop3Failure, or RefusedCommand
   */
  async upgrade(signal: AbortSignal): Promise<void> {
    const plain = this.#link;
    if (plain === undefined) throw new Error('STLS before the connection');
    await this.send('STLS');
    if (this.#failure !== undefined) throw this.#failure;
    this.#unlisten?.();
    plain.on('error', () => undefined);
    this.#listen(await secure(plain, this.#options, this.#ports, signal));
  }

  /**
   * Sends one command; `content` takes the multi-line answer where there is one. Resolves with the text behind +OK.
   * @throws RefusedCommand for -ERR; Pop3Failure when the session is over
   */
  send(command: string, content: TakeContent | null = null): Promise<string> {
    if (/[\r\n\0]/.test(command)) throw new Error('a POP3 command is one line');
    this.#ports.trace?.(`> ${command.startsWith('PASS ') ? 'PASS ***' : command}`);
    this.#write(`${command}\r\n`);
    this.#mailAsked ||= /^(?:RETR|TOP) /.test(command);
    return this.#expect(content);
  }

  /** Commands of one turn go out together: a pipeline of them is one packet, and one write, not many. */
  #write(line: string): void {
    const link = this.#link;
    if (link === undefined) return;
    this.#outgoing += line;
    if (this.#outgoing !== line) return;
    process.nextTick(() => {
      link.write(this.#outgoing, 'utf8');
      this.#outgoing = '';
    });
  }

  /** Ends the session at once with `failure`; who waits is told. Returns the failure that counts, the first one. */
  abandon(failure: Pop3Failure): Pop3Failure {
    return this.#fail(failure);
  }

  /** Lets go of the connection. Idempotent. What QUIT has not confirmed is not deleted. */
  close(): void {
    if (this.#failure !== undefined) return;
    // Nobody's answer is at fault.
    const behind = this.#pending.splice(0);
    const failure = this.#fail(new Pop3Failure('protocol', 'session closed'));
    for (const { reject } of behind) reject(new SessionOver(failure));
  }

  #expect(content: TakeContent | null): Promise<string> {
    if (this.#failure !== undefined) return Promise.reject(new SessionOver(this.#failure));
    this.#heardAt = this.#ports.clock.now();
    this.#watch ??= this.#watchFor(this.#options.timeoutMs);
    return new Promise((resolve, reject) => this.#pending.push({ content, info: '', resolve, reject }));
  }

  #writeForVerb(line: string): boolean {
    // The password would stay in it.
    this._command = '';
    this.send(line.trimEnd()).then(
      (info) => this.emit('response', info, null),
      (error: Error) => {
        // node-pop3 leaves this listener behind after an error.
        this.removeAllListeners('response');
        this.emit('error', error);
      },
    );
    return true;
  }

  #listen(link: Socket): void {
    this.#link = link;
    const failed = (error: Error): unknown => this.#fail(networkFailure(error));
    const ended = (): unknown => this.#fail(new Pop3Failure('protocol', 'connection closed by the server'));
    const heard = (chunk: Buffer): void => this.#hear(chunk);
    link.on('error', failed).on('end', ended).on('close', ended).on('data', heard);
    if (this.#failure !== undefined) link.destroy();
    this.#unlisten = () => link.off('error', failed).off('end', ended).off('close', ended).off('data', heard);
  }

  #hear(chunk: Buffer): void {
    this.#heardAt = this.#ports.clock.now();
    try {
      this.chunks.hear(chunk, () => this.#framing.feed(chunk));
      if (this.#pending.length === 0 && this.#framing.midLine) throw new Pop3Failure('protocol', 'unasked bytes');
    } catch (error) {
      this.#fail(error instanceof Pop3Failure ? error : new Pop3Failure('protocol', String(error), { cause: error }));
    }
  }

  #status(line: string): boolean {
    this.#ports.trace?.(`< ${shown(line, this.#options.password)}`);
    const [pending] = this.#pending;
    if (pending === undefined) throw this.#stray('unasked', line);
    if (/^\+OK\b/i.test(line)) {
      pending.info = line.slice(4).trim();
      if (pending.content !== null) return true;
      this.#pending.shift();
      pending.resolve(pending.info);
    } else if (/^-ERR\b/i.test(line)) {
      this.#pending.shift();
      pending.reject(new RefusedCommand(withoutPassword(line, this.#options.password).slice(5)));
    } else {
      throw this.#stray('unexpected reply', line);
    }
    return false;
  }

  /** A line that answers nothing. What is told of it is kept for good: no password, no mail. */
  #stray(what: string, line: string): Pop3Failure {
    const said = this.#mailAsked ? '' : `: ${withoutPassword(line, this.#options.password)}`;
    return new Pop3Failure('protocol', what + said);
  }

  #content(bytes: Buffer): void {
    const [pending] = this.#pending;
    if (pending === undefined) throw new Pop3Failure('protocol', 'an answer to no question');
    this.chunks.keep(bytes);
    const wait = pending.content?.(bytes);
    if (wait === undefined) return;
    if (++this.#blocked === 1) this.#link?.pause();
    void wait.finally(() => {
      this.#heardAt = this.#ports.clock.now();
      if (--this.#blocked === 0) this.#link?.resume();
    });
  }

  /** One timer for the session, moved on when it finds that something was heard since. */
  #watchFor(ms: number): Subscription {
    const { clock } = this.#ports;
    return clock.schedule(() => {
      this.#watch = undefined;
      if (this.#pending.length === 0) return;
      if (this.#blocked > 0) this.#heardAt = clock.now();
      const leftMs = this.#heardAt + this.#options.timeoutMs - clock.now();
      if (leftMs > 0) this.#watch = this.#watchFor(leftMs);
      else this.#fail(new Pop3Failure('timeout', `no answer within ${this.#options.timeoutMs} ms`));
    }, ms);
  }

  #fail(failure: Pop3Failure): Pop3Failure {
    if (this.#failure !== undefined) return this.#failure;
    this.#failure = failure;
    this.#watch?.unsubscribe();
    this.#link?.destroy();
    const [head, ...behind] = this.#pending.splice(0);
    head?.reject(failure);
    for (const { reject } of behind) reject(new SessionOver(failure));
    return failure;
  }
}
