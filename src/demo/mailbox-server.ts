import { createServer, type Socket } from 'node:net';
import { listeningPort } from './listening-port.ts';

/** A POP3 mailbox on loopback for the demo (RFC 1939): one user, messages in memory, deletes in force after QUIT. */
export interface MailboxServer extends AsyncDisposable {
  readonly port: number;
  /** Messages still in the mailbox. */
  readonly size: () => number;
}

interface Mailbox {
  readonly messages: Map<string, Buffer>;
  readonly user: string;
  readonly password: string;
}

export async function openMailbox(
  login: { readonly user: string; readonly password: string },
  mail: readonly Uint8Array[],
): Promise<MailboxServer> {
  const messages = new Map(mail.map((bytes, at) => [`demo-${at + 1}`, Buffer.from(bytes)]));
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    serve(socket, { ...login, messages });
  });
  const port = await listeningPort(server);
  return {
    port,
    size: () => messages.size,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
}

function serve(socket: Socket, mailbox: Mailbox): void {
  const session = { user: '', signedIn: false, listing: [...mailbox.messages], deleted: new Set<string>() };
  let rest = '';
  socket.write('+OK mailbox of the demo\r\n');
  socket.on('data', (chunk) => {
    rest += chunk.toString('latin1');
    for (let end = rest.indexOf('\r\n'); end >= 0; end = rest.indexOf('\r\n')) {
      const [verb = '', ...args] = rest.slice(0, end).split(' ');
      rest = rest.slice(end + 2);
      socket.write(answer(session, mailbox, [verb.toUpperCase(), ...args]));
      if (verb.toUpperCase() === 'QUIT') socket.end();
    }
  });
}

interface Session {
  user: string;
  signedIn: boolean;
  readonly listing: readonly (readonly [string, Buffer])[];
  readonly deleted: Set<string>;
}

function answer(session: Session, mailbox: Mailbox, [verb = '', argument = '']: readonly string[]): string | Buffer {
  switch (verb) {
    case 'CAPA':
      return '+OK\r\nUIDL\r\nTOP\r\nUSER\r\nPIPELINING\r\n.\r\n';
    case 'USER':
      session.user = argument;
      return '+OK\r\n';
    case 'PASS':
      session.signedIn = session.user === mailbox.user && argument === mailbox.password;
      return session.signedIn ? '+OK\r\n' : '-ERR [AUTH] no\r\n';
    case 'QUIT':
      for (const uidl of session.deleted) mailbox.messages.delete(uidl);
      return '+OK\r\n';
    default:
      return session.signedIn ? answerSignedIn(session, verb, argument) : '-ERR sign in first\r\n';
  }
}

function answerSignedIn(session: Session, verb: string, argument: string): string | Buffer {
  const { listing, deleted } = session;
  const standing = listing
    .map(([uidl, bytes], at) => ({ uidl, bytes, n: at + 1 }))
    .filter(({ uidl }) => !deleted.has(uidl));
  const one = standing.find(({ n }) => n === Number(argument));
  const lines = (text: (message: (typeof standing)[number]) => string): string =>
    `+OK\r\n${standing.map((message) => `${message.n} ${text(message)}\r\n`).join('')}.\r\n`;
  if (verb === 'NOOP') return '+OK\r\n';
  if (verb === 'STAT')
    return `+OK ${standing.length} ${standing.reduce((sum, { bytes }) => sum + bytes.length, 0)}\r\n`;
  if (verb === 'LIST' && argument === '') return lines(({ bytes }) => String(bytes.length));
  if (verb === 'UIDL' && argument === '') return lines(({ uidl }) => uidl);
  if (one === undefined) return '-ERR no such message\r\n';
  if (verb === 'LIST') return `+OK ${one.n} ${one.bytes.length}\r\n`;
  if (verb === 'UIDL') return `+OK ${one.n} ${one.uidl}\r\n`;
  if (verb === 'RETR') return stuffed(one.bytes.toString('latin1'));
  if (verb === 'TOP') return stuffed(`${one.bytes.toString('latin1').split('\r\n\r\n')[0] ?? ''}\r\n\r\n`);
  if (verb !== 'DELE') return '-ERR unknown command\r\n';
  deleted.add(one.uidl);
  return '+OK\r\n';
}

const stuffed = (text: string): Buffer =>
  Buffer.from(`+OK\r\n${text.replace(/^\./gm, '..')}${text.endsWith('\r\n') ? '' : '\r\n'}.\r\n`, 'latin1');
