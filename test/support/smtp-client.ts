import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';

/** One reply, its lines joined by LF, codes of the continuation lines taken off. */
export interface SmtpReply {
  readonly code: number;
  readonly text: string;
}

export interface ClientOptions {
  readonly host?: string;
  readonly localAddress?: string;
  /** Keeps our side open when the server has closed its own, as a client does that does not care. */
  readonly allowHalfOpen?: boolean;
}

/** A raw SMTP client for tests: it checks nothing, sends what it is told, and reads whole replies in order. */
export class SmtpClient implements AsyncDisposable {
  #socket: Socket;
  #buffer = '';
  readonly #replies: SmtpReply[] = [];
  readonly #waiting: ((reply: SmtpReply | undefined) => void)[] = [];
  #ended = false;
  /** Resolves when the connection is gone, however it ended. */
  closed: Promise<void> = Promise.resolve();

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#listen();
  }

  /** Connects; the greeting is not read yet. */
  static async connect(port: number, options: ClientOptions = {}): Promise<SmtpClient> {
    const socket = connect({ port, host: '127.0.0.1', ...options });
    const client = new SmtpClient(socket);
    await once(socket, 'connect');
    socket.setNoDelay(true);
    return client;
  }

  /** Connects, reads the greeting and says EHLO. */
  static async ready(port: number, options: ClientOptions = {}): Promise<SmtpClient> {
    const client = await SmtpClient.connect(port, options);
    await client.reply();
    await client.command('EHLO client.test');
    return client;
  }

  /** The next reply; undefined when the server closes before there is one. */
  async replyOrEnd(): Promise<SmtpReply | undefined> {
    const reply = this.#replies.shift();
    if (reply !== undefined || this.#ended) return reply;
    return await new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** The next reply. @throws Error when the connection ends before it */
  async reply(): Promise<SmtpReply> {
    const reply = await this.replyOrEnd();
    if (reply === undefined) throw new Error('the server closed the connection without a reply');
    return reply;
  }

  /** The next replies, `550 5.1.1 …` each. */
  async replyLines(count: number): Promise<string[]> {
    const lines: string[] = [];
    for (let i = 0; i < count; i++) {
      const { code, text } = await this.reply();
      lines.push(`${code} ${text}`);
    }
    return lines;
  }

  /** Sends bytes as they are. Resolves once they are handed to the kernel, or the connection is gone. */
  async send(bytes: string | Uint8Array): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'utf8') : bytes, () => resolve());
    });
  }

  /** Sends each piece in a segment of its own, as far as the kernel lets it. */
  async sendSplit(bytes: Uint8Array, pieceBytes: number): Promise<void> {
    for (let at = 0; at < bytes.length; at += pieceBytes) {
      await this.send(bytes.subarray(at, at + pieceBytes));
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** Sends one command line and reads its reply. */
  async command(line: string): Promise<SmtpReply> {
    await this.send(`${line}\r\n`);
    return await this.reply();
  }

  /** One whole transaction; the reply to the final dot, or the first refusal. `body` is stuffed here. */
  async mail(recipients: readonly string[], body: Uint8Array | string, sender = ''): Promise<SmtpReply> {
    const commands = [`MAIL FROM:<${sender}>`, ...recipients.map((address) => `RCPT TO:<${address}>`), 'DATA'];
    for (const command of commands) {
      const reply = await this.command(command);
      if (reply.code >= 400) return reply;
    }
    await this.send(stuff(typeof body === 'string' ? Buffer.from(body, 'utf8') : body));
    return await this.reply();
  }

  /** STARTTLS and the handshake; the session begins anew. `slippedIn` goes out in clear, right behind the command. */
  async startTls(options: ConnectionOptions = { rejectUnauthorized: false }, slippedIn = ''): Promise<SmtpReply> {
    await this.send(`STARTTLS\r\n${slippedIn}`);
    const reply = await this.reply();
    if (reply.code !== 220) return reply;
    this.#socket.removeAllListeners();
    const secure = connectTls({ ...options, socket: this.#socket });
    await once(secure, 'secureConnect').catch((error: unknown) => {
      // Nobody listens to the plain socket any more.
      secure.destroy();
      this.closed = Promise.resolve();
      throw error;
    });
    this.#socket = secure;
    this.#listen();
    return reply;
  }

  /** Closes our side. */
  end(): void {
    this.#socket.end();
  }

  /** Breaks the connection with RST. */
  reset(): void {
    this.#socket.resetAndDestroy();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** Stops reading, as a client does that ignores what it is told. */
  pause(): void {
    this.#socket.pause();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.destroy();
    await this.closed;
  }

  #listen(): void {
    const socket = this.#socket;
    this.closed = new Promise((resolve) => {
      socket.once('close', () => resolve());
    });
    // What has come by then is all, whether or not our own side is still open.
    for (const over of ['end', 'close'] as const) {
      socket.once(over, () => {
        this.#ended = true;
        for (const waiting of this.#waiting.splice(0)) waiting(undefined);
      });
    }
    socket.on('error', () => undefined);
    socket.on('data', (bytes: Buffer) => this.#read(bytes.toString('latin1')));
  }

  #read(text: string): void {
    this.#buffer += text;
    for (;;) {
      const match = /^(?:\d{3}-[^\n]*\n)*(\d{3})(?: [^\n]*)?\n/.exec(this.#buffer);
      if (match === null) return;
      this.#buffer = this.#buffer.slice(match[0].length);
      const lines = match[0].trimEnd().split('\r\n');
      const reply = { code: Number(match[1]), text: lines.map((line) => line.slice(4)).join('\n') };
      const waiting = this.#waiting.shift();
      if (waiting === undefined) this.#replies.push(reply);
      else waiting(reply);
    }
  }
}

/** The bytes of a message as DATA carries them: dots doubled, terminator added. A missing last CRLF is added too. */
export function stuff(body: Uint8Array): Buffer {
  const text = Buffer.from(body).toString('latin1');
  const stuffed = text.replace(/(^|\r\n)\./g, '$1..');
  return Buffer.from(`${stuffed}${text === '' || text.endsWith('\r\n') ? '' : '\r\n'}.\r\n`, 'latin1');
}
