import { lookup } from 'node:dns/promises';
import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { Pop3Failure } from './pop3-failure.ts';
import { checkCertificate } from './tls-check.ts';
import type { MailboxOptions, MailboxPorts } from './types.ts';

type Ports = Pick<MailboxPorts, 'clock' | 'lookup' | 'certificate'>;
/** More addresses of one name are not tried. */
const MAX_ADDRESSES = 16;

/**
 * Connects to the first address that answers, in the resolver's order; looked up anew each time (journaling a.2).
 * @throws Pop3Failure `dns`, or what the last address failed with: `refused`, `timeout`, `protocol`
 */
export async function connectTcp(options: MailboxOptions, ports: Ports, signal: AbortSignal): Promise<Socket> {
  let failure = new Pop3Failure('dns', `${options.host} has no address`);
  for (const address of (await addressesOf(options.host, ports)).slice(0, MAX_ADDRESSES)) {
    if (signal.aborted) break;
    try {
      const socket = connect({ host: address, port: options.port, noDelay: true, keepAlive: true });
      return await settled(socket, 'connect', { ports, ms: connectMs(options), signal });
    } catch (error) {
      failure = error instanceof Pop3Failure ? error : networkFailure(error);
    }
  }
  throw failure;
}

/**
 * Speaks TLS over a connected socket and judges the certificate. The socket is destroyed on failure.
 * @throws Pop3Failure `tls-…`, `timeout`
 */
export async function secure(
  plain: Socket,
  options: MailboxOptions,
  ports: Ports,
  signal: AbortSignal,
): Promise<TLSSocket> {
  const socket = connectTls({
    socket: plain,
    // A name only: an address as server name is against RFC 6066.
    ...(isIP(options.host) === 0 ? { servername: options.host } : {}),
    ...(options.trusted === undefined ? {} : { ca: options.trusted }),
    minVersion: 'TLSv1.2',
    // Judged by `checkCertificate` below, before anything is sent.
    rejectUnauthorized: false,
  });
  try {
    await settled(socket, 'secureConnect', { ports, ms: connectMs(options), signal });
    checkCertificate(socket, options, ports.clock.now());
    ports.certificate?.(Date.parse(socket.getPeerCertificate().valid_to));
    return socket;
  } catch (error) {
    socket.destroy();
    plain.destroy();
    if (error instanceof Pop3Failure) throw error;
    throw new Pop3Failure('tls-protocol', codeOf(error), { cause: error });
  }
}

/** Connect and greeting take 30 s at most (journaling d.3). */
export const connectMs = ({ timeoutMs }: Pick<MailboxOptions, 'timeoutMs'>): number => Math.min(timeoutMs, 30_000);

/** What the network said, as a kind of journaling d.5. */
export function networkFailure(error: unknown): Pop3Failure {
  const code = codeOf(error);
  if (code === 'ECONNREFUSED') return new Pop3Failure('refused', code, { cause: error });
  const silent = ['ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH', 'EHOSTDOWN'].includes(code);
  return new Pop3Failure(silent ? 'timeout' : 'protocol', silent ? code : `connection lost: ${code}`, { cause: error });
}

async function addressesOf(host: string, ports: Ports): Promise<readonly string[]> {
  if (isIP(host) !== 0) return [host];
  try {
    if (ports.lookup !== undefined) return await ports.lookup(host);
    return (await lookup(host, { all: true })).map(({ address }) => address);
  } catch (error) {
    throw new Pop3Failure('dns', `${host}: ${codeOf(error)}`, { cause: error });
  }
}

interface Waiting {
  readonly ports: Ports;
  readonly ms: number;
  readonly signal: AbortSignal;
}

/** Waits for one event of a socket, which it destroys when something else comes first. */
function settled<S extends Socket>(socket: S, event: string, { ports, ms, signal }: Waiting): Promise<S> {
  return new Promise((resolve, reject) => {
    const done = (settle: () => void): void => {
      timer.unsubscribe();
      signal.removeEventListener('abort', stop);
      socket.off(event, reached).off('error', failed).off('close', closed);
      settle();
    };
    const fail = (error: unknown): void =>
      done(() => {
        // What the socket says from here on is of no interest.
        socket.on('error', () => undefined);
        socket.destroy();
        reject(error);
      });
    const reached = (): void => done(() => resolve(socket));
    const failed = (error: Error): void => fail(error);
    const closed = (): void => fail(Object.assign(new Error('closed'), { code: 'closed' }));
    const stop = (): void => fail(new Pop3Failure('protocol', 'stopped'));
    const timer = ports.clock.schedule(() => fail(new Pop3Failure('timeout', `no ${event} within ${ms} ms`)), ms);
    socket.once(event, reached).once('error', failed).once('close', closed);
    signal.addEventListener('abort', stop, { once: true });
  });
}

const codeOf = (error: unknown): string => String((error as NodeJS.ErrnoException).code ?? error);
