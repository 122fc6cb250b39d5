import { createServer, type Server, type Socket } from 'node:net';
import { TLSSocket } from 'node:tls';

/** One message of a mailbox. */
export interface Pop3Item {
  readonly uidl: string;
  readonly bytes: Buffer;
  /** What LIST says; the true size when absent. */
  readonly listSize?: number;
}

/** One client's connection, as a script sees it. */
export interface Pop3Connection {
  /** 1 for the first connection to this server. */
  readonly number: number;
  socket: Socket;
  write(text: string | Buffer): void;
  /** Answers as an honest server would. */
  honestly(): void;
  /** Speaks TLS from here on. */
  upgrade(pair: { readonly cert: string; readonly key: string }): void;
}

/**
 * Scripts a server: called for the greeting (command '') and for each command line. What it does not answer by `write`
 * or `honestly` stays unanswered. A script that returns false leaves the command to the honest server.
 */
export type Pop3Script = (command: string, connection: Pop3Connection) => boolean;

export interface Pop3ServerOptions {
  readonly user?: string;
  readonly password?: string;
  readonly items?: readonly Pop3Item[];
  /** TLS from the first byte. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Offers STLS with this pair. */
  readonly stls?: { readonly cert: string; readonly key: string };
  /** Lines of CAPA; null refuses the command. */
  readonly capabilities?: readonly string[] | null;
  /** Commands that are not known here, such as UIDL. */
  readonly unknown?: readonly string[];
  readonly script?: Pop3Script;
}

/** A POP3 server on loopback (RFC 1939) that is honest unless it is scripted. */
export interface Pop3Server extends AsyncDisposable {
  readonly port: number;
  /** What is in the mailbox. A test may change it between sessions. */
  readonly items: Pop3Item[];
  /** Every command line, in order, without passwords. */
  readonly commands: string[];
  script: Pop3Script | undefined;
  connections(): number;
}

export async function openPop3Server(options: Pop3ServerOptions = {}): Promise<Pop3Server> {
  const items = [...(options.items ?? [])];
  const commands: string[] = [];
  const sockets = new Set<Socket>();
  let connections = 0;
  const server: Server = createServer((plain) => {
    const number = ++connections;
    sockets.add(plain);
    plain.on('error', () => plain.destroy()).on('close', () => sockets.delete(plain));
    const secured = options.tls === undefined ? plain : serverTls(plain, options.tls);
    serve(secured, { options, items, commands, number, script: () => opened.script });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const opened: Pop3Server = {
    port,
    items,
    commands,
    script: options.script,
    connections: () => connections,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
  return opened;
}

interface Served {
  readonly options: Pop3ServerOptions;
  readonly items: Pop3Item[];
  readonly commands: string[];
  readonly number: number;
  readonly script: () => Pop3Script | undefined;
}

function serve(socket: Socket, served: Served): void {
  const session = { user: '', signedIn: false, listing: [...served.items], deleted: new Set<Pop3Item>() };
  let rest = '';
  const connection: Pop3Connection = {
    number: served.number,
    socket,
    write: (text) => void (connection.socket.destroyed || connection.socket.write(text)),
    honestly: () => undefined,
    upgrade: () => undefined,
  };
  const handle = (command: string): void => {
    connection.honestly = () => honest(command, session, connection, served);
    const script = served.script();
    if (script === undefined || !script(command, connection)) connection.honestly();
  };
  const hear = (chunk: Buffer): void => {
    rest += chunk.toString('utf8');
    for (let end = rest.indexOf('\r\n'); end >= 0; end = rest.indexOf('\r\n')) {
      const command = rest.slice(0, end);
      rest = rest.slice(end + 2);
      served.commands.push(command.replace(/^PASS .*/, 'PASS'));
      handle(command);
    }
  };
  socket.on('data', hear);
  connection.upgrade = (pair) => {
    connection.socket.off('data', hear);
    connection.socket = serverTls(connection.socket, pair);
    connection.socket.on('data', hear);
  };
  handle('');
}

interface Session {
  user: string;
  signedIn: boolean;
  readonly listing: readonly Pop3Item[];
  readonly deleted: Set<Pop3Item>;
}

function honest(command: string, session: Session, connection: Pop3Connection, served: Served): void {
  const verb = command.split(' ', 1).join('').toUpperCase();
  const answer = answerOf(verb, command.slice(verb.length + 1), { session, connection, served });
  connection.write(typeof answer === 'string' ? `${answer}\r\n` : answer);
  if (verb === 'QUIT') {
    // One that another session has deleted meanwhile is gone already.
    for (const item of session.deleted) {
      const at = served.items.indexOf(item);
      if (at >= 0) served.items.splice(at, 1);
    }
    connection.socket.end();
  }
  if (verb === 'STLS' && served.options.stls !== undefined) connection.upgrade(served.options.stls);
}

interface Asked {
  readonly session: Session;
  readonly connection: Pop3Connection;
  readonly served: Served;
}

function answerOf(verb: string, argument: string, { session, connection, served }: Asked): string | Buffer {
  const { options } = served;
  if (options.unknown?.includes(verb)) return '-ERR unknown command';
  switch (verb) {
    case '':
      return '+OK ready';
    case 'CAPA': {
      if (options.capabilities === null) return '-ERR unknown command';
      const stls = options.stls !== undefined && !(connection.socket instanceof TLSSocket) ? ['STLS'] : [];
      return ['+OK', ...stls, ...(options.capabilities ?? ['TOP', 'UIDL', 'USER']), '.'].join('\r\n');
    }
    case 'STLS':
      return options.stls === undefined ? '-ERR unknown command' : '+OK';
    case 'USER':
      session.user = argument;
      return '+OK';
    case 'PASS':
      session.signedIn = session.user === (options.user ?? 'box') && argument === (options.password ?? 'secret');
      return session.signedIn ? '+OK' : '-ERR [AUTH] no';
    case 'QUIT':
      return '+OK bye';
    default:
      return session.signedIn ? transaction(verb, argument, session) : '-ERR sign in first';
  }
}

function transaction(verb: string, argument: string, { listing, deleted }: Session): string | Buffer {
  const standing = listing.map((item, at) => ({ item, n: at + 1 })).filter(({ item }) => !deleted.has(item));
  const size = (item: Pop3Item): number => item.listSize ?? item.bytes.length;
  const lines = (text: (item: Pop3Item) => string | number): string =>
    ['+OK', ...standing.map(({ item, n }) => `${n} ${text(item)}`), '.'].join('\r\n');
  if (verb === 'STAT') return `+OK ${standing.length} ${standing.reduce((sum, { item }) => sum + size(item), 0)}`;
  if (verb === 'UIDL') return lines(({ uidl }) => uidl);
  if (verb === 'LIST') return lines(size);
  const found = standing.find(({ n }) => n === Number(argument.split(' ')[0]));
  if (found === undefined) return '-ERR no such message';
  const text = found.item.bytes.toString('latin1');
  if (verb === 'RETR') return multiLine(text);
  if (verb === 'TOP') return multiLine(`${text.split('\r\n\r\n')[0]}\r\n\r\n`);
  if (verb !== 'DELE') return '-ERR unknown command';
  deleted.add(found.item);
  return '+OK';
}

/** A message as it stands on the wire: stuffed and terminated. */
export function multiLine(text: string): Buffer {
  const closed = text === '' || text.endsWith('\r\n') ? text : `${text}\r\n`;
  return Buffer.from(`+OK ${text.length} octets\r\n${closed.replace(/(^|\r\n)\./g, '$1..')}.\r\n`, 'latin1');
}

function serverTls(socket: Socket, { cert, key }: { readonly cert: string; readonly key: string }): TLSSocket {
  const secured = new TLSSocket(socket, { isServer: true, cert, key });
  secured.on('error', () => socket.destroy());
  return secured;
}
