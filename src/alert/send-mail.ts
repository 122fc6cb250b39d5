import type { createTransport } from 'nodemailer';
import type { SchedulerLike } from 'rxjs';
import { messageOf } from '../../streams/failure.ts';
import type { Sending } from './channel.ts';

/** Longest silence in any step: a relay that greets no sooner would hold the next mail up. */
const stepWithinMs = 30_000;
/** The whole of it. */
const sentWithinMs = 120_000;
const stopping = 'the engine is stopping';

/** Where mail of the engine is handed over. */
export interface MailServer {
  readonly host: string;
  readonly port: number;
  readonly security: 'tls' | 'starttls' | 'none';
  readonly login: { readonly user: string; readonly password: { reveal(): string } } | null;
}

/** Loaded with the first mail: a start has no use for it, and mail waits for the start. */
const transportTo = async (options: Parameters<typeof createTransport>[0]) =>
  (await import('nodemailer')).createTransport(options);

type Mail = Parameters<ReturnType<typeof createTransport>['sendMail']>[0];

/**
 * One connection for one mail; whatever ends it early closes the connection.
 * @throws Error with what the server said, in one line and without a password
 */
export async function sendMail(
  { host, port, security, login }: MailServer,
  mail: Mail,
  { signal, clock }: Sending & { readonly clock: SchedulerLike },
): Promise<void> {
  const transport = await transportTo({
    host,
    port,
    secure: security === 'tls',
    requireTLS: security === 'starttls',
    ignoreTLS: security === 'none',
    connectionTimeout: stepWithinMs,
    greetingTimeout: stepWithinMs,
    socketTimeout: stepWithinMs,
    disableFileAccess: true,
    disableUrlAccess: true,
    ...(login === null ? {} : { auth: { user: login.user, pass: login.password.reveal() } }),
  });
  if (signal.aborted) throw new Error(stopping);
  // What is given up here would go on there, and might still arrive: the signal alone closes its connection.
  const line = new AbortController();
  const sending = transport.sendMail({ ...mail, signal: line.signal });
  let giveUp: (error: Error) => void = () => undefined;
  const givenUp = new Promise<never>((_, reject) => {
    giveUp = reject;
  });
  const aborted = (): void => giveUp(new Error(stopping));
  signal.addEventListener('abort', aborted, { once: true });
  const late = clock.schedule(() => giveUp(new Error(`not sent within ${sentWithinMs / 1_000} s`)), sentWithinMs);
  try {
    await Promise.race([sending, givenUp]);
  } catch (error) {
    sending.catch(() => undefined);
    throw new Error(told(error, login?.password.reveal()), { cause: error });
  } finally {
    late.unsubscribe();
    signal.removeEventListener('abort', aborted);
    line.abort();
  }
}

/** What the server said, in one line, never a password: servers quote what they were sent. */
function told(error: unknown, password: string | undefined): string {
  const said = withoutPassword(messageOf(error), password).replace(/[\p{Cc}\s]+/gu, ' ');
  return withoutPassword(said, password).slice(0, 200);
}

/** AUTH LOGIN says it in base64, AUTH PLAIN in base64 behind the user's name. */
function withoutPassword(text: string, password: string | undefined): string {
  if (password === undefined || password === '') return text;
  const hides = (coded: string): boolean => Buffer.from(coded, 'base64').includes(password);
  return text.replaceAll(password, '***').replace(/[\w+/-]{4,}={0,2}/g, (word) => (hides(word) ? '***' : word));
}

export const domainOf = (address: string): string => address.slice(address.lastIndexOf('@') + 1);
