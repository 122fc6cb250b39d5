import type { Socket } from 'node:net';
import { isLoopback } from './address.ts';
import type { Host } from './host.ts';
import { type ProxyClient, type ProxyFault, readProxyHeader } from './proxy-header.ts';
import { refusals } from './reply.ts';

/** What is asked of the listener. */
export type IntroductionHost = Pick<Host, 'limits' | 'stopping' | 'now' | 'socketGone' | 'notIntroduced'>;

interface Waiting {
  readonly balancer: string;
  readonly since: number;
  readonly read: () => void;
  bytes: Buffer;
  /** Refused: it is given the time to read why. */
  refusedAt: number | undefined;
}

/**
 * Connections of balancers that have not said yet whose they are (PROXY protocol). Nothing is said to them before: they
 * are no sessions, so that no rule can take the balancer's address for the client's.
 */
export class Introductions {
  readonly #host: IntroductionHost;
  readonly #waiting = new Map<Socket, Waiting>();

  constructor(host: IntroductionHost) {
    this.#host = host;
  }

  /**
   * Reads the header from a socket that counts as taken. `met` is called once, with the client, or null where the balancer
   * itself is it; the socket then has what followed the header. Without a call the socket is closed and counted as gone.
   */
  wait(socket: Socket, balancer: string, met: (client: ProxyClient | null) => void): void {
    const { stopping, limits } = this.#host;
    if (socket.destroyed || stopping || this.#waiting.size >= limits.introductions) {
      this.#host.socketGone();
      socket.destroy();
      return;
    }
    const read = (): void => this.#read(socket, waiting, met);
    const waiting: Waiting = {
      balancer,
      since: this.#host.now(),
      read,
      bytes: Buffer.alloc(0),
      refusedAt: undefined,
    };
    this.#waiting.set(socket, waiting);
    // A connection that breaks off says so by `close` too.
    socket.on('error', ignore).on('close', () => this.#closed(socket));
    socket.on('readable', read);
  }

  /** Refuses who is late, and destroys sockets whose other side does not go. */
  sweep(now: number): void {
    const { introductionMs, lingerMs } = this.#host.limits;
    for (const [socket, waiting] of this.#waiting) {
      if (waiting.refusedAt !== undefined) {
        if (now - waiting.refusedAt > lingerMs) socket.destroy();
      } else if (now - waiting.since > introductionMs) this.#refuse(socket, waiting, 'missing');
    }
  }

  destroyAll(): void {
    for (const socket of this.#waiting.keys()) socket.destroy();
  }

  #read(socket: Socket, waiting: Waiting, met: (client: ProxyClient | null) => void): void {
    for (let chunk = socket.read() as Buffer | null; chunk !== null; chunk = socket.read() as Buffer | null) {
      waiting.bytes = waiting.bytes.length === 0 ? chunk : Buffer.concat([waiting.bytes, chunk]);
      const header = readProxyHeader(waiting.bytes);
      if (header.kind === 'more') continue;
      socket.off('readable', waiting.read);
      if (header.kind === 'fault') {
        this.#refuse(socket, waiting, header.fault);
        return;
      }
      this.#waiting.delete(socket);
      const rest = waiting.bytes.subarray(header.bytes);
      if (rest.length > 0) socket.unshift(rest);
      // Loopback of another machine: its own processes, not ours, which may do more than others here.
      const isElsewhere = header.client !== null && isLoopback(header.client.address) && !isLoopback(waiting.balancer);
      met(isElsewhere ? null : header.client);
      return;
    }
  }

  #refuse(socket: Socket, waiting: Waiting, fault: ProxyFault): void {
    const refusal = refusals.notIntroduced;
    this.#host.notIntroduced(waiting.balancer, fault);
    waiting.refusedAt = this.#host.now();
    socket.off('readable', waiting.read);
    socket.resume();
    socket.end(`${refusal.code} ${refusal.text}\r\n`);
  }

  /** Who comes and goes without a word is a balancer that looks whether we are there. */
  #closed(socket: Socket): void {
    const waiting = this.#waiting.get(socket);
    if (waiting === undefined) return;
    this.#waiting.delete(socket);
    this.#host.socketGone();
    if (waiting.refusedAt === undefined && waiting.bytes.length > 0) {
      this.#host.notIntroduced(waiting.balancer, 'malformed');
    }
  }
}

const ignore = (): void => undefined;
