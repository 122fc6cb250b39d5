import type { Pop3Connection, Pop3Item, Pop3Script, Pop3ServerOptions } from './pop3-server.ts';

/** One hostile or unlucky server: how it behaves, and which of its messages were ever whole on the wire. */
export interface HostileMailbox {
  readonly name: string;
  readonly options: Pop3ServerOptions;
  /** Messages that arrive whole in the end; the engine has to keep each of them once. */
  readonly whole: readonly Buffer[];
  /** True when the mailbox must be empty at the end. */
  readonly empties: boolean;
}

/** Three messages with dots, 8-bit and NUL bytes and odd line ends. */
export const mailOf = (name: string): readonly Pop3Item[] =>
  [1, 2, 3].map((n) => ({
    uidl: `${name}-${n}`,
    bytes: Buffer.from(
      `From: ada@north.example\r\nTo: bo@north.example\r\nSubject: ${name} ${n}\r\nMessage-ID: <${name}.${n}@north.example>\r\n` +
        `Date: ${new Date().toUTCString().replace('GMT', '+0000')}\r\n\r\n.dotted\r\n..\r\n.\u00e9\0 bare\nLF\r\n.\r\nend ${n}\r\n`,
      'latin1',
    ),
  }));

const answerTo =
  (verb: string, answer: (connection: Pop3Connection, argument: string) => void): Pop3Script =>
  (command, connection) => {
    const [said = '', argument = ''] = command.split(' ', 2);
    if (said.toUpperCase() !== verb) return false;
    answer(connection, argument);
    return true;
  };
const saying = (verb: string, text: string): Pop3Script => answerTo(verb, ({ write }) => write(text));

/** Writes bytes in pieces, each in a turn of its own so that they are segments of their own. */
function inPieces(connection: Pop3Connection, pieces: readonly (string | Buffer)[]): void {
  const [first, ...rest] = pieces;
  if (first === undefined) return;
  connection.write(first);
  setImmediate(() => inPieces(connection, rest));
}

/** Everything the honest server would write, cut as told; answers of one connection stay in their order. */
function splitting(cut: (bytes: Buffer) => readonly Buffer[]): Pop3Script {
  return (_command, connection) => {
    const { write } = connection;
    const socket = { ...connection, write };
    connection.write = (bytes) => inPieces(socket, cut(Buffer.from(bytes as Buffer)));
    connection.honestly();
    connection.write = write;
    return true;
  };
}
const byteByByte = (bytes: Buffer): readonly Buffer[] => [...bytes].map((byte) => Buffer.from([byte]));
/** Such that a segment is exactly `.` or `.` CRLF, and the terminator is torn each way. */
const atDots = (bytes: Buffer): readonly Buffer[] => {
  const pieces: Buffer[] = [];
  let from = 0;
  for (let at = bytes.indexOf('.'); at >= 0; at = bytes.indexOf('.', at + 1)) {
    pieces.push(bytes.subarray(from, at), bytes.subarray(at, at + 1));
    from = at + 1;
  }
  return [...pieces, bytes.subarray(from)].filter(({ length }) => length > 0);
};

/** Breaks off in the middle of a message. */
const breaking = (how: 'end' | 'resetAndDestroy'): Pop3Script =>
  answerTo('RETR', ({ write, socket }) => {
    write('+OK\r\nSubject: half of i');
    socket[how]();
  });
/** Says more than it was asked. */
const twice = ({ write, honestly }: Pop3Connection): void => {
  honestly();
  write('+OK surprise\r\n');
};
/** The third message is gone between LIST and RETR, and stays in every listing. */
const unlessGone = ({ number, write, honestly }: Pop3Connection, n: string): void => {
  if (number > 1 || n === '3') write('-ERR no such message\r\n');
  else honestly();
};

/** `firstOnly`: the script rules the first connection, the others are honest. */
const firstOnly =
  (script: Pop3Script): Pop3Script =>
  (command, connection) =>
    connection.number === 1 && script(command, connection);

/** Twenty of them. None takes a pipeline but the last, whose window breaks. */
export function hostileMailboxes(): readonly HostileMailbox[] {
  const one = (
    name: string,
    script: Pop3Script,
    more: { readonly options?: Pop3ServerOptions; readonly whole?: number; readonly empties?: boolean } = {},
  ): HostileMailbox => {
    const items = mailOf(name);
    const { options = {}, whole = 3, empties = whole === 3 } = more;
    return {
      name,
      options: { items, script, ...options },
      whole: items.slice(0, whole).map(({ bytes }) => bytes),
      empties,
    };
  };
  const sizes = (listSize: number) => ({
    options: { items: mailOf(`sizes-${listSize}`).map((item) => ({ ...item, listSize })) },
  });
  const same = mailOf('same-uidl').map((item) => ({ ...item, uidl: 'always' }));
  const honest: Pop3Script = () => false;
  return [
    one('byte-by-byte', splitting(byteByByte)),
    one('at-dots', splitting(atDots)),
    one('stalls-in-retr', firstOnly(answerTo('RETR', ({ write }) => write('+OK\r\nSubject: ha')))),
    one('silent-greeting', saying('', ''), { whole: 0 }),
    one('fin-in-retr', firstOnly(breaking('end'))),
    one('rst-in-retr', firstOnly(breaking('resetAndDestroy'))),
    one('gone-at-quit', firstOnly(answerTo('QUIT', ({ socket }) => socket.destroy()))),
    one('refuses-quit', firstOnly(saying('QUIT', '-ERR not yet\r\n'))),
    one('says-err', saying('', '-ERR too many connections\r\n'), { whole: 0 }),
    one('garbage-greeting', saying('', 'HTTP/1.1 200 OK\r\n'), { whole: 0 }),
    one('no-answer-to-pass', saying('PASS', ''), { whole: 0 }),
    one('in-use', firstOnly(saying('PASS', '-ERR [IN-USE] locked\r\n'))),
    { ...one('sizes-1', honest, sizes(1)) },
    { ...one('sizes-90000', honest, sizes(90_000)) },
    { ...one('same-uidl', honest, { options: { items: same } }), whole: same.map(({ bytes }) => bytes) },
    one('no-uidl', honest, { options: { items: mailOf('no-uidl'), unknown: ['UIDL'] } }),
    one(
      'endless',
      answerTo('RETR', ({ write, socket }) => endless(write, socket)),
      { whole: 0 },
    ),
    one('unasked', firstOnly(answerTo('STAT', twice))),
    one('vanished', answerTo('RETR', unlessGone), {
      whole: 2,
      empties: false,
    }),
    one(
      'pipeline-breaks',
      firstOnly(answerTo('RETR', ({ honestly, socket }, n) => (n === '2' ? socket.end() : honestly()))),
      {
        options: { items: mailOf('pipeline-breaks'), capabilities: ['TOP', 'UIDL', 'PIPELINING'] },
      },
    ),
  ];
}

/** Never the end of it, as fast as the client takes it. */
function endless(write: Pop3Connection['write'], socket: Pop3Connection['socket']): void {
  write('+OK\r\n');
  const more = (): void => {
    if (socket.destroyed) return;
    write(`${'x'.repeat(64 * 1024)}\r\n`);
    socket.once('drain', more);
  };
  more();
}
