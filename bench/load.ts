import { connect, type Socket } from 'node:net';

/**
 * Sends journal reports over kept connections, one transaction after another on each, every message with an id of its
 * own. Run as a process of its own: `node dist/bench/load.js PORT CONNECTIONS COUNT BYTES RECIPIENT [pipelined]`, the last
 * with MAIL, RCPT and DATA in one write, as Exchange and Postfix send them (RFC 2920). Prints one JSON line.
 */
export interface LoadResult {
  readonly sent: number;
  /** How often a message was put off (45x); it is sent again, as any sender does. */
  readonly putOff: number;
  readonly seconds: number;
  /** Milliseconds from the first MAIL to the answer of DATA. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** What the sending itself took of the machine that both share. */
  readonly cpuSeconds: number;
}
export interface LoadOptions {
  readonly port: number;
  readonly connections: number;
  readonly count: number;
  /** Of each message. */
  readonly bytes: number;
  readonly recipient: string;
  /** False by default. */
  readonly pipelined?: boolean;
}

const idWidth = 24;
/** Of one whose message was put off, before it comes again. */
const restMs = 100;

export async function load(options: LoadOptions): Promise<LoadResult> {
  let next = 0;
  const runId = `${process.pid.toString(36)}${Date.now().toString(36)}`;
  const takeId = (): string | undefined => {
    next += 1;
    return next > options.count ? undefined : `${runId}.${next}`.padStart(idWidth, '0').slice(-idWidth);
  };
  const told = { latencies: [] as number[], putOff: 0 };
  const senders = await Promise.all(Array.from({ length: options.connections }, () => openSender(options.port)));
  const [startedAt, cpuBefore] = [performance.now(), process.cpuUsage()];
  await Promise.all(senders.map((sender) => sendAll(sender, options, takeId, told)));
  const seconds = (performance.now() - startedAt) / 1_000;
  const { user, system } = process.cpuUsage(cpuBefore);
  const { latencies, putOff } = told;
  latencies.sort((a, b) => a - b);
  const at = (share: number): number => latencies[Math.floor((latencies.length - 1) * share)] ?? 0;
  const cpuSeconds = (user + system) / 1_000_000;
  return { sent: latencies.length, putOff, seconds, p50Ms: at(0.5), p99Ms: at(0.99), cpuSeconds };
}

interface Sender {
  readonly socket: Socket;
  /** Resolves with the next whole reply. */
  reply(): Promise<string>;
}

async function openSender(port: number): Promise<Sender> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  let text = '';
  let waiting: { resolve: (reply: string) => void; reject: (error: Error) => void } | undefined;
  const settle = (): void => {
    const whole = /^(?:\d{3}-.*\r\n)*\d{3} .*\r\n/.exec(text);
    if (whole === null || waiting === undefined) return;
    text = text.slice(whole[0].length);
    const { resolve } = waiting;
    waiting = undefined;
    resolve(whole[0]);
  };
  socket.setEncoding('latin1');
  socket.on('data', (chunk: string) => {
    text += chunk;
    settle();
  });
  const fail = (error: Error): void => waiting?.reject(error);
  socket.on('error', fail);
  socket.on('close', () => fail(new Error('connection closed')));
  const sender: Sender = {
    socket,
    reply: () =>
      new Promise((resolve, reject) => {
        waiting = { resolve, reject };
        settle();
      }),
  };
  await sender.reply();
  await ask(sender, 'EHLO load.north.example\r\n', '250');
  return sender;
}

async function sendAll(
  sender: Sender,
  { bytes, recipient, pipelined = false }: LoadOptions,
  takeId: () => string | undefined,
  told: { readonly latencies: number[]; putOff: number },
): Promise<void> {
  const { message, idsAt } = template(bytes);
  const commands = ['MAIL FROM:<MicrosoftExchange0@north.example>\r\n', `RCPT TO:<${recipient}>\r\n`, 'DATA\r\n'];
  for (let id = takeId(); id !== undefined; id = takeId()) {
    for (const at of idsAt) message.write(id, at, 'latin1');
    const startedAt = performance.now();
    while (!(await wasTaken(sender, { commands, message, pipelined }))) {
      told.putOff += 1;
      await new Promise((resolve) => setTimeout(resolve, restMs));
    }
    told.latencies.push(performance.now() - startedAt);
  }
  sender.socket.end('QUIT\r\n');
}

interface Transaction {
  readonly commands: readonly string[];
  readonly message: Buffer;
  readonly pipelined: boolean;
}

/** False where it was put off, and the next transaction may begin. @throws Error at any other answer */
async function wasTaken(sender: Sender, { commands, message, pipelined }: Transaction): Promise<boolean> {
  try {
    if (pipelined) await askAll(sender, commands, ['250', '250', '354']);
    else for (const [at, code] of ['250', '250', '354'].entries()) await ask(sender, commands[at] ?? '', code);
    await ask(sender, message, '250');
    return true;
  } catch (error) {
    if (!(error instanceof PutOff)) throw error;
    await ask(sender, 'RSET\r\n', '250');
    return false;
  }
}

/** The server has no room for the message now. */
class PutOff extends Error {}

async function ask(sender: Sender, bytes: string | Buffer, code: string): Promise<void> {
  const answer = sender.reply();
  sender.socket.write(bytes);
  expectCode(await answer, code);
}

async function askAll(sender: Sender, commands: readonly string[], codes: readonly string[]): Promise<void> {
  sender.socket.write(commands.join(''));
  const replies: string[] = [];
  for (const _ of commands) replies.push(await sender.reply());
  for (const [at, code] of codes.entries()) expectCode(replies[at] ?? '', code);
}

function expectCode(text: string, code: string): void {
  if (text.startsWith('45')) throw new PutOff(text.trim());
  if (!text.startsWith(code)) throw new Error(`expected ${code}, got ${text.trim()}`);
}

/** A report of about `bytes` bytes with the final dot, and where the ids go: 11 % text, the rest base64, as mail is. */
export function template(bytes: number): { readonly message: Buffer; readonly idsAt: readonly number[] } {
  const id = '#'.repeat(idWidth);
  const head = [
    'From: Journal <MicrosoftExchange0@north.example>',
    'To: journal@journal.north.example',
    'X-MS-Journal-Report:',
    'MIME-Version: 1.0',
    'Content-Type: multipart/mixed; boundary="outer"',
    '',
    '--outer',
    'Content-Type: text/plain; charset=us-ascii',
    '',
    'Sender: ada@north.example',
    'Subject: Figures',
    `Message-Id: <${id}@north.example>`,
    'To: bo@north.example',
    'Bcc: legal@north.example',
    '',
    '--outer',
    'Content-Type: message/rfc822',
    '',
    'From: Ada <ada@north.example>',
    'To: bo@north.example',
    'Subject: Figures',
    `Message-ID: <${id}@north.example>`,
    `Date: ${new Date().toUTCString().replace('GMT', '+0000')}`,
    'MIME-Version: 1.0',
    'Content-Type: multipart/mixed; boundary="inner"',
    '',
    '--inner',
    'Content-Type: text/plain; charset=us-ascii',
    '',
  ].join('\r\n');
  const tail = '\r\n--inner--\r\n--outer--\r\n.\r\n';
  const room = Math.max(0, bytes - head.length - tail.length - 120);
  const text = lines('Soup today, bread tomorrow, and the minutes of the last meeting.', Math.floor(room * 0.11));
  const part = '\r\n--inner\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n';
  const message = Buffer.from(
    `${head}\r\n${text}${part}${lines('Zm9v'.repeat(19), Math.ceil(room * 0.89))}${tail}`,
    'latin1',
  );
  const first = message.indexOf(id);
  return { message, idsAt: [first, message.indexOf(id, first + 1)] };
}

const lines = (line: string, bytes: number): string => `${line}\r\n`.repeat(Math.floor(bytes / (line.length + 2)));

if (process.argv[1]?.endsWith('load.js') === true) {
  const [port = '', connections = '', count = '', bytes = '', recipient = '', how] = process.argv.slice(2);
  const numbers = { port: Number(port), connections: Number(connections), count: Number(count), bytes: Number(bytes) };
  console.log(JSON.stringify(await load({ ...numbers, recipient, pipelined: how === 'pipelined' })));
}
