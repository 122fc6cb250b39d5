import { startDaybook } from '../../bench/peers/daybook.ts';
import { eventually } from '../support/eventually.ts';
import { all, type Entry, type IntakeItem, promised, statusOf } from '../support/journal-api.ts';
import { dateOf, received, sha256 } from '../support/journey-mail.ts';
import { openPop3Server, type Pop3Item, type Pop3Script } from '../support/pop3-server.ts';
import { below, prng } from '../support/prng.ts';
import { SmtpClient, stuff } from '../support/smtp-client.ts';

export interface FidelityOptions {
  readonly messages: number;
  readonly seed: number;
}
export interface Fidelity {
  readonly seed: number;
  readonly smtp: number;
  readonly pop3: number;
  readonly bytes: number;
  /** What came back otherwise than it was sent, by its number; empty where all held. */
  readonly differences: readonly string[];
}

const recipient = 'journal@journal.north.example';
const config = (port: number): string => `
logLevel: error
store: { minimumFree: 1MB }
pop3: { pollInterval: 100ms, timeout: 20s }
directory: { internalDomains: [north.example] }
definitions:
  - { id: pushed, description: pushed, transport: smtp, serviceEmailAddress: ${recipient}, deliveryWaitAttempts: 1, journalType: standard }
  - id: pulled
    description: pulled
    transport: pop3
    serviceEmailAddress: box@journal.north.example
    deliveryWaitAttempts: 1
    journalType: standard
    pop3: { host: 127.0.0.1, port: ${port}, mailboxName: box, password: secret, encrypted: false }
`;

/** All that a framing may stumble over, and every byte. */
const tokens = [
  '\r\n',
  '\n',
  '\r',
  '.',
  '..',
  '\r\n.',
  '\r\n..',
  '\n.',
  '\r.',
  '\r\n.\r',
  '\0',
  '\xff',
  '\r\n.\n',
  ' ',
  'From ',
];

/** A mail whose body is random: tokens, bytes of every value, or a long run of both. */
function randomMail(random: () => number, name: string): Buffer {
  const pieces = random() < 0.02 ? 60_000 : below(random, 200);
  const body = Array.from({ length: pieces }, () =>
    random() < 0.6 ? (tokens[below(random, tokens.length)] ?? '') : String.fromCharCode(below(random, 256)),
  ).join('');
  const header = `From: ada@north.example\r\nTo: bo@north.example\r\nMessage-ID: <${name}@north.example>\r\nDate: ${dateOf()}\r\n\r\n`;
  return Buffer.from(header + body, 'latin1');
}

/** Pieces of random lengths, mostly small ones; a large mail in larger ones. */
function segments(random: () => number, bytes: Buffer): readonly Buffer[] {
  const longest = bytes.length > 20_000 ? 9_000 : 1 + below(random, 300);
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const piece = bytes.subarray(at, at + 1 + below(random, longest));
    pieces.push(piece);
    at += piece.length;
  }
  return pieces;
}

/** Random mail to the built engine over both ways in, cut at random; every byte must come back by its raw routes. */
export async function fidelity({ messages, seed }: FidelityOptions): Promise<Fidelity> {
  const random = prng(seed);
  const mails = Array.from({ length: messages }, (_, at) => randomMail(random, `${seed}.${at}`));
  const half = Math.ceil(messages / 2);
  const items = mails.slice(half).map((bytes, at): Pop3Item => ({ uidl: `u${at}`, bytes }));
  await using server = await openPop3Server({ items, script: cutting(random) });
  await using daybook = await startDaybook({ config: config(server.port) });
  const differences: string[] = [];
  const differ = (name: string, expected: string, found: string | undefined): void => {
    if (expected !== found) differences.push(`${name}: sent ${expected}, found ${found}`);
  };
  const hashOf = async (path: string): Promise<string> =>
    sha256(Buffer.from(await (await daybook.fetch(path)).arrayBuffer()));
  const pushed = new Map<string, string>();
  await using client = await SmtpClient.ready(daybook.smtpPort);
  for (const [at, mail] of mails.slice(0, half).entries()) {
    await client.send(`MAIL FROM:<>\r\nRCPT TO:<${recipient}>\r\nDATA\r\n`);
    await client.replyLines(3);
    for (const piece of segments(random, stuff(mail))) {
      await client.send(piece);
      if (random() < 0.3) await new Promise((resolve) => setImmediate(resolve));
    }
    const answer = promised((await client.reply()).text);
    differ(`message ${at} of ${seed}, at its 250`, sha256(received(mail)), answer.sha256);
    pushed.set(answer.ids[0] ?? '', sha256(received(mail)));
  }
  await runsOut(async () => server.items.length, 'mail in the mailbox');
  const inProcess = async (): Promise<number> => {
    const statuses = await Promise.all(['pushed', 'pulled'].map((id) => statusOf(daybook, id)));
    return statuses.reduce((sum, { processingQueue }) => sum + processingQueue.messages, 0);
  };
  await runsOut(inProcess, 'mail in process');
  const intake = await all<IntakeItem>(daybook, '/v1/intake');
  for (const { id, sha256: recorded } of intake) {
    if (pushed.has(id)) differ(`intake ${id}`, pushed.get(id) ?? '', recorded);
    differ(`the raw bytes of intake ${id}`, recorded, await hashOf(`/v1/intake/${id}/raw`));
  }
  for (const { id, entryId } of intake) if (entryId === null) differences.push(`intake ${id} has no entry`);
  const pulled = intake.filter(({ definition }) => definition === 'pulled').map(({ sha256: hash }) => hash);
  const laid = mails.slice(half).map((mail) => sha256(received(mail)));
  differ('the mailbox', [...laid].sort().join(), [...pulled].sort().join());
  for (const { id, sha256: recorded } of await all<Entry>(daybook, '/v1/messages')) {
    differ(`the raw bytes of entry ${id}`, recorded, await hashOf(`/v1/messages/${id}/raw`));
  }
  const bytes = mails.reduce((sum, { length }) => sum + length, 0);
  if (intake.length !== messages) differences.push(`${intake.length} intake records of ${messages} messages`);
  return { seed, smtp: half, pop3: messages - half, bytes, differences };
}

/** Waits until nothing is left, for as long as it grows less: how much there is says nothing of how long it may stand still. */
async function runsOut(count: () => Promise<number>, what: string): Promise<void> {
  for (let left = await count(); left > 0; ) {
    left = await eventually(
      async () => {
        const now = await count();
        return now < left ? { left: now } : undefined;
      },
      { withinMs: 60_000, what: `less than ${left} of ${what}` },
    ).then((answer) => answer.left);
  }
}

/** The honest server, its answers cut at random; each connection's answers in their order. */
const cutting =
  (random: () => number): Pop3Script =>
  (command, connection) => {
    // The connection ends with its answer.
    if (command === 'QUIT') return false;
    const { write } = connection;
    const waiting: Buffer[] = [];
    connection.write = (bytes) => void waiting.push(...segments(random, Buffer.from(bytes as Buffer)));
    connection.honestly();
    connection.write = write;
    const next = (): void => {
      const piece = waiting.shift();
      if (piece === undefined) return;
      write(piece);
      setImmediate(next);
    };
    next();
    return true;
  };
