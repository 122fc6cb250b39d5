import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from './free-port.ts';

const run = promisify(execFile);

/** A Dovecot of its own on loopback, with any number of mailboxes; each takes the password `pw`. */
export interface Dovecot extends AsyncDisposable {
  readonly port: number;
  /** The port that speaks TLS from the first byte; null without a certificate. */
  readonly tlsPort: number | null;
  /** Puts messages into a mailbox, which is made where it is missing; they are listed in this order. */
  fill(user: string, messages: readonly Uint8Array[]): Promise<void>;
  /** What a mailbox holds, by file name. */
  held(user: string): Promise<ReadonlyMap<string, Buffer>>;
  /** What the server has logged. */
  log(): Promise<string>;
}
export interface DovecotOptions {
  /** PEM. */
  readonly tls?: { readonly cert: string; readonly key: string };
}

const startsWithinMs = 20_000;
const nobody = '65534';

/** Needs root, since Dovecot does. @throws when it does not start */
export async function startDovecot({ tls }: DovecotOptions = {}): Promise<Dovecot> {
  if (userInfo().uid !== 0) throw new Error('Dovecot starts only as root');
  const base = await mkdtemp(join(tmpdir(), 'daybook-dovecot-'));
  await chmod(base, 0o755);
  await mkdir(join(base, 'run'));
  await mkdir(join(base, 'mail'), { mode: 0o777 });
  await run('chown', [`${nobody}:${nobody}`, join(base, 'mail')]);
  const [port, tlsPort] = [await freePort(), tls === undefined ? null : await freePort()];
  if (tls !== undefined) {
    await writeFile(join(base, 'cert.pem'), tls.cert);
    await writeFile(join(base, 'key.pem'), tls.key, { mode: 0o600 });
  }
  await writeFile(join(base, 'dovecot.conf'), configOf(base, port, tlsPort));
  const child = spawn('dovecot', ['-F', '-c', join(base, 'dovecot.conf')], { stdio: 'ignore' });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const log = (): Promise<string> => readFile(join(base, 'log'), 'utf8').catch(() => '');
  await greeted(port, child, log);
  let filled = 0;
  const folder = (user: string, name: string): string => join(base, 'mail', user, name);
  return {
    port,
    tlsPort,
    log,
    fill: async (user, messages) => {
      for (const name of ['cur', 'new', 'tmp']) await mkdir(folder(user, name), { recursive: true });
      for (const message of messages) {
        filled += 1;
        const { length } = message;
        const name = `${1_700_000_000 + filled}.M${filled}P1.box,S=${length},W=${length}:2,`;
        await writeFile(folder(user, join('cur', name)), message);
      }
      await run('chown', ['-R', `${nobody}:${nobody}`, join(base, 'mail', user)]);
    },
    held: async (user) => {
      const held = new Map<string, Buffer>();
      for (const name of ['cur', 'new']) {
        for (const file of await readdir(folder(user, name))) {
          held.set(file, await readFile(join(folder(user, name), file)));
        }
      }
      return held;
    },
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGTERM');
      await ended;
      await rm(base, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
    },
  };
}

const configOf = (base: string, port: number, tlsPort: number | null): string => `
base_dir = ${base}/run
protocols = pop3
listen = 127.0.0.1
log_path = ${base}/log
ssl = ${tlsPort === null ? 'no' : 'yes'}
${tlsPort === null ? '' : `ssl_cert = <${base}/cert.pem\nssl_key = <${base}/key.pem`}
disable_plaintext_auth = no
default_login_user = dovenull
default_internal_user = dovecot
first_valid_uid = 100
first_valid_gid = 100
mail_uid = ${nobody}
mail_gid = ${nobody}
mail_location = maildir:${base}/mail/%u
pop3_fast_size_lookups = yes
mail_max_userip_connections = 1000
service pop3-login {
  chroot =
  # As a busy server has them: processes that wait for the next login.
  service_count = 0
  process_min_avail = 1
  inet_listener pop3 {
    address = 127.0.0.1
    port = ${port}
  }
  inet_listener pop3s {
    port = ${tlsPort ?? 0}
    ssl = yes
  }
}
service pop3 {
  service_count = 100
  process_min_avail = 4
}
passdb {
  driver = static
  args = password=pw
}
userdb {
  driver = static
  args = uid=${nobody} gid=${nobody} home=${base}/mail/%u
}
`;

/** Waits for its greeting. */
async function greeted(port: number, child: ChildProcess, log: () => Promise<string>): Promise<void> {
  const until = Date.now() + startsWithinMs;
  while (Date.now() < until) {
    if (child.exitCode !== null) throw new Error(`dovecot ended with ${child.exitCode}: ${await log()}`);
    const greeting = await new Promise<string>((resolve) => {
      const socket = connect(port, '127.0.0.1');
      socket.once('data', (bytes) => resolve(bytes.toString())).once('error', () => resolve(''));
      socket.once('data', () => socket.destroy());
    });
    if (greeting.startsWith('+OK')) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`dovecot did not greet within ${startsWithinMs} ms: ${await log()}`);
}
