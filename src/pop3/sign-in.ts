import type { ClientPorts, Pop3Client } from './client.ts';
import { ListingReader } from './listing.ts';
import { Pop3Failure, RefusedCommand } from './pop3-failure.ts';
import type { MailboxOptions } from './types.ts';

/** Encrypted there means STLS; anywhere else TLS from the first byte (journaling a.2). */
const CLEAR_PORT = 110;
const beyondAscii = /[\u0080-\u{10ffff}]/u;

/**
 * Greeting, encryption, CAPA, USER and PASS, CAPA; answers the capabilities. Nothing secret is said before the certificate
 * was judged. Capabilities are asked for before the login, so that a pipeline may begin with it (RFC 2449 section 6.6), and
 * behind it, since a server may tell others there: those count, unless it tells none.
 * @throws Pop3Failure with the kind of journaling d.5
 */
export async function signIn(
  client: Pop3Client,
  options: MailboxOptions,
  { signal, stage }: { readonly signal: AbortSignal } & Pick<ClientPorts, 'stage'>,
): Promise<ReadonlySet<string>> {
  const { mailboxName, password, encrypted, port } = options;
  if (/[\r\n\0]/.test(mailboxName + password)) throw new Pop3Failure('auth', 'control character in name or password');
  const byStls = encrypted && (options.stls ?? port === CLEAR_PORT);
  await client.open(encrypted && !byStls, signal).catch((error: unknown) => refused(error, 'protocol'));
  if (byStls) {
    stage?.('encrypt');
    await startTls(client, signal);
  }
  stage?.('log in');
  const capabilities = await capabilitiesOf(client);
  if (beyondAscii.test(mailboxName + password) && !capabilities.has('UTF8')) {
    throw new Pop3Failure('auth', 'the server takes no name or password beyond ASCII');
  }
  const user = client.send(`USER ${mailboxName}`).catch((error: unknown) => refused(error, 'auth'));
  const pipelined = capabilities.has('PIPELINING');
  if (!pipelined) await user;
  const pass = client.send(`PASS ${password}`).catch((error: unknown) => refused(error, 'auth'));
  if (!pipelined) await pass;
  const told = capabilitiesOf(client);
  // Where the login fails, that is what counts.
  told.catch(() => undefined);
  await Promise.all([user, pass]);
  const behind = await told;
  return behind.size > 0 ? behind : capabilities;
}

/** Capability names in upper case; empty where the server does not know CAPA (RFC 2449). */
export async function capabilitiesOf(client: Pop3Client): Promise<ReadonlySet<string>> {
  const reader = new ListingReader();
  try {
    await client.send('CAPA', (content) => reader.add(content));
  } catch (error) {
    if (error instanceof RefusedCommand) return new Set();
    throw error;
  }
  return new Set([...reader.lines()].map((line) => line.split(' ', 1).join('').toUpperCase()));
}

async function startTls(client: Pop3Client, signal: AbortSignal): Promise<void> {
  if (!(await capabilitiesOf(client)).has('STLS')) throw new Pop3Failure('stls-missing', 'STLS is not offered');
  await client.upgrade(signal).catch((error: unknown) => refused(error, 'stls-missing'));
}

/** What a refusal means at that point. Servers without response codes say in words that the mailbox is taken. */
function refused(error: unknown, kind: 'auth' | 'protocol' | 'stls-missing'): never {
  if (!(error instanceof RefusedCommand)) throw error;
  const { code, message } = error;
  const taken =
    code === 'IN-USE' || code === 'LOGIN-DELAY' || /(?:maildrop|mailbox).*(?:lock|in use|busy)/i.test(message);
  if (taken) throw new Pop3Failure('mailbox-locked', message);
  const itsOwn = kind === 'auth' && (code?.startsWith('SYS/') ?? false);
  throw new Pop3Failure(itsOwn ? 'protocol' : kind, message);
}
