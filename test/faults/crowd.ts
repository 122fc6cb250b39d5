import { connect, type Socket } from 'node:net';

/** How a client of the crowd spends its connection. None of them ever sends a message. */
export type Manner =
  | 'silent'
  | 'dripping-commands'
  | 'dripping-data'
  | 'guessing'
  | 'noop-flood'
  | 'harvesting'
  | 'churning';

export const slowManners: readonly Manner[] = ['silent', 'dripping-commands', 'dripping-data'];
export const abusiveManners: readonly Manner[] = ['guessing', 'noop-flood', 'harvesting', 'churning'];

export interface CrowdOptions {
  readonly port: number;
  /** A service address, so that DATA can be begun. */
  readonly recipient: string;
  readonly clients: number;
  readonly manners: readonly Manner[];
  /** The address of the nth client, in 127.0.0.0/8. */
  readonly addressOf: (n: number) => string;
  /** From one byte, or one piece of abuse, to the next. */
  readonly stepMs: number;
}

/** Many clients that hold connections, and come again when they are sent away. Leaves with `Symbol.dispose`. */
export interface Crowd extends Disposable {
  /** Connections as the clients see them now. */
  readonly open: number;
  /** Of those, the ones that were greeted and not told to go. */
  readonly served: number;
  readonly mostOpen: number;
  readonly mostServed: number;
  /** Connections ever begun. */
  readonly begun: number;
  /** Replies that sent a client away, by code. */
  readonly sentAway: Readonly<Record<string, number>>;
}

/** How long one that was sent away keeps its side open, which costs the engine a socket, and then stays away. */
const lingersMs = 2_500;
const awayMs = 500;
/** So many come at once, so that the queue of the system's own is never the limit. */
const comingAtOnce = 200;

export function gather(options: CrowdOptions): Crowd {
  const tally = new Tally();
  const clients = Array.from({ length: options.clients }, (_, n) => new Client(n, options, tally));
  let next = 0;
  const timer = setInterval(() => {
    const at = performance.now();
    let coming = 0;
    // From where the last round ended, so that each has its turn.
    for (let looked = 0; looked < clients.length && coming < comingAtOnce; looked += 1) {
      const client = clients[next];
      next = (next + 1) % clients.length;
      if (client?.comes(at)) coming += 1;
    }
    for (const client of clients) client.step(at);
  }, 50);
  return Object.assign(tally, {
    [Symbol.dispose]: () => {
      clearInterval(timer);
      for (const client of clients) client.leave();
    },
  });
}

class Tally {
  open = 0;
  served = 0;
  mostOpen = 0;
  mostServed = 0;
  begun = 0;
  readonly sentAway: Record<string, number> = {};

  opened(): void {
    this.open += 1;
    this.mostOpen = Math.max(this.mostOpen, this.open);
  }

  greeted(): void {
    this.served += 1;
    this.mostServed = Math.max(this.mostServed, this.served);
  }
}

const guess = `AUTH PLAIN ${Buffer.from('\0journal@journal.north.example\0guess').toString('base64')}\r\n`;

class Client {
  readonly #n: number;
  readonly #options: CrowdOptions;
  readonly #tally: Tally;
  readonly #manner: Manner;
  #socket: Socket | null = null;
  #isServed = false;
  #comesAt = 0;
  #leavesAt = Number.POSITIVE_INFINITY;
  #stepsAt = 0;
  #steps = 0;

  constructor(n: number, options: CrowdOptions, tally: Tally) {
    this.#n = n;
    this.#options = options;
    this.#tally = tally;
    this.#manner = options.manners[n % options.manners.length] ?? 'silent';
  }

  /** Connects where it is away and its time has come. */
  comes(at: number): boolean {
    if (this.#socket !== null || at < this.#comesAt) return false;
    const { port, addressOf, stepMs } = this.#options;
    const socket = connect({ port, host: '127.0.0.1', localAddress: addressOf(this.#n), allowHalfOpen: true });
    this.#socket = socket;
    this.#tally.begun += 1;
    this.#steps = 0;
    this.#stepsAt = at + stepMs * Math.random();
    socket.once('connect', () => {
      this.#tally.opened();
      socket.once('close', () => {
        this.#tally.open -= 1;
      });
    });
    socket.setEncoding('latin1').on('data', (text: string) => this.#hear(text));
    socket.on('error', () => undefined);
    socket.once('end', () => this.#unserved());
    socket.once('close', () => this.#gone(socket));
    return true;
  }

  step(at: number): void {
    if (at >= this.#leavesAt) this.leave();
    if (!this.#isServed || at < this.#stepsAt) return;
    this.#stepsAt = at + this.#options.stepMs;
    this.#act();
    this.#steps += 1;
  }

  leave(): void {
    this.#socket?.destroy();
  }

  #act(): void {
    const socket = this.#socket;
    const first = this.#steps === 0;
    const say = (text: string): void => void socket?.write(text, 'latin1');
    if (this.#manner === 'dripping-commands') say(first ? 'EHLO slow.example\r\n' : 'N');
    else if (this.#manner === 'dripping-data') {
      const begin = `EHLO slow.example\r\nMAIL FROM:<>\r\nRCPT TO:<${this.#options.recipient}>\r\nDATA\r\n`;
      say(first ? begin : 'x');
    } else if (this.#manner === 'guessing') say(first ? 'EHLO guess.example\r\n' : guess);
    else if (this.#manner === 'noop-flood') say('NOOP\r\n'.repeat(20));
    else if (this.#manner === 'harvesting') {
      const names = Array.from({ length: 20 }, (_, n) => `RCPT TO:<user${this.#steps * 20 + n}@north.example>\r\n`);
      say(first ? 'EHLO harvest.example\r\nMAIL FROM:<>\r\n' : names.join(''));
    } else if (this.#manner === 'churning') socket?.resetAndDestroy();
  }

  #hear(text: string): void {
    if (!this.#isServed && text.startsWith('220')) {
      this.#isServed = true;
      this.#tally.greeted();
    }
    const code = /^(421|554)/m.exec(text)?.[1];
    if (code === undefined) return;
    this.#tally.sentAway[code] = (this.#tally.sentAway[code] ?? 0) + 1;
    this.#unserved();
  }

  /** Told to go, or cut off. */
  #unserved(): void {
    this.#leavesAt = Math.min(this.#leavesAt, performance.now() + lingersMs);
    if (!this.#isServed) return;
    this.#isServed = false;
    this.#tally.served -= 1;
  }

  #gone(socket: Socket): void {
    if (this.#socket !== socket) return;
    this.#unserved();
    this.#socket = null;
    this.#leavesAt = Number.POSITIVE_INFINITY;
    this.#comesAt = performance.now() + awayMs * (0.5 + Math.random());
  }
}
