import type { Daybook } from '../../bench/peers/daybook.ts';
import { promised } from '../support/journal-api.ts';
import { dateOf, idOf } from '../support/journey-mail.ts';
import { buildMessage, buildReport } from '../support/mail.ts';
import { masterKeyFile } from '../support/master-keys.ts';
import { openPop3Server, type Pop3Item, type Pop3Server } from '../support/pop3-server.ts';
import { SmtpClient, type SmtpReply } from '../support/smtp-client.ts';
import { type Outside, sha256 } from './outside.ts';

const serviceAddress = 'journal@journal.north.example';

/** A report whose original has about this many bytes, dated now. */
export function report(name: string, bodyBytes: number): Buffer {
  const messageId = idOf(name);
  const body = 'Soup today, bread tomorrow. '.repeat(Math.ceil(bodyBytes / 28)).slice(0, bodyBytes);
  return buildReport({ messageId, originals: [buildMessage({ messageId, date: dateOf(), body })] });
}

/** Mostly of common size; now and then one that reaches the commit log in pieces. */
export const someSize = (random: () => number): number =>
  random() < 0.03 ? 400_000 : 500 + Math.floor(random() * 20_000);

/** Sends one message and notes what was promised for it. @throws Error when the connection ends before an answer */
export async function sendOne(client: SmtpClient, outside: Outside, name: string, bytes: Buffer): Promise<SmtpReply> {
  const sentAt = Date.now();
  outside.sent += 1;
  const reply = await client.mail([serviceAddress], bytes, 'MicrosoftExchange0@north.example');
  if (reply.code !== 250) return reply;
  const promise = promised(reply.text);
  const sent = sha256(bytes);
  if (promise.sha256 !== sent) throw new Error(`promised other bytes than were sent: ${reply.text}`);
  outside.promises.push({ by: '250', id: promise.ids[0] ?? null, sha256: sent, messageId: idOf(name), sentAt });
  return reply;
}

export interface SendingOptions {
  readonly outside: Outside;
  /** Names the messages; each message has a name of its own. */
  readonly name: string;
  readonly random: () => number;
  /** Aborted when the engine is about to be ended: from then on the connection may break. */
  readonly crashing: AbortSignal;
}

/** One connection that sends until it is cut. @throws Error where it is refused, or cut before `crashing` */
export async function keepSending(
  daybook: Daybook,
  { outside, name, random, crashing }: SendingOptions,
): Promise<void> {
  try {
    await using client = await SmtpClient.ready(daybook.smtpPort);
    for (let n = 1; ; n += 1) {
      const each = `${name}.${n}`;
      const { code, text } = await sendOne(client, outside, each, report(each, someSize(random)));
      if (code !== 250) throw new Error(`${code} ${text}`);
    }
  } catch (error) {
    if (!crashing.aborted) throw error;
  }
}

export interface MailboxOptions {
  readonly outside: Outside;
  readonly name: string;
  readonly random: () => number;
}
/** A POP3 server that notes the hash of each message at the DELE, and is filled up again while `isFilling`. */
export interface Mailbox extends AsyncDisposable {
  readonly server: Pop3Server;
  isFilling: boolean;
  /** Puts this many new messages in. */
  fill(count: number): void;
}
/** As many as one session finds. */
const mailboxSize = 20;

export async function openMailbox({ outside, name, random }: MailboxOptions): Promise<Mailbox> {
  const listings = new Map<number, readonly Pop3Item[]>();
  const filledAt = new Map<string, number>();
  const noted = new Set<string>();
  let filled = 0;
  const server = await openPop3Server({
    script: (command, { number }) => {
      if (command === '') {
        listings.set(number, [...server.items]);
        if (mailbox.isFilling) mailbox.fill(mailboxSize - server.items.length);
      }
      const asked = /^DELE (\d+)$/i.exec(command)?.[1];
      const item = asked === undefined ? undefined : listings.get(number)?.[Number(asked) - 1];
      if (item !== undefined && !noted.has(item.uidl)) {
        noted.add(item.uidl);
        const promise = { id: null, sha256: sha256(item.bytes), messageId: idOf(item.uidl) };
        const sentAt = filledAt.get(item.uidl) ?? 0;
        outside.promises.push({ by: 'DELE', ...promise, sentAt });
      }
      return false;
    },
  });
  const mailbox: Mailbox = {
    server,
    isFilling: false,
    fill: (count) => {
      for (let n = 0; n < count; n += 1) {
        filled += 1;
        outside.sent += 1;
        const uidl = `${name}.box.${filled}`;
        filledAt.set(uidl, Date.now());
        server.items.push({ uidl, bytes: report(uidl, someSize(random)) });
      }
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
  return mailbox;
}

export const definitions = ['exchange', 'mailbox'] as const;

/** One definition that is sent to and one that polls, with small segments, so that new ones are begun all the time. */
/** Where mail rests in the engine under test. */
export type StoreUnderTest = 'segments' | 'leveldb' | 'encrypted segments';

/** As the switches of a script say. */
export const storeOf = ({
  leveldb,
  encrypted,
}: {
  readonly leveldb: boolean;
  readonly encrypted: boolean;
}): StoreUnderTest => (encrypted ? 'encrypted segments' : leveldb ? 'leveldb' : 'segments');

const bytesOf = (store: StoreUnderTest): string => (store === 'leveldb' ? 'leveldb' : 'segments');
export const encryptionOf = (isEncrypted: boolean): string =>
  isEncrypted ? `, encryption: { keyFile: ${masterKeyFile()} }` : '';

export const configOf = (store: StoreUnderTest, mailbox: Mailbox, segmentSize = '4MB'): string => `
logLevel: error
store: { bytes: ${bytesOf(store)}, minimumFree: 1MB, segmentSize: ${segmentSize}${encryptionOf(store === 'encrypted segments')} }
pop3: { pollInterval: 200ms }
directory: { internalDomains: [north.example] }
definitions:
  - id: exchange
    description: Exchange
    transport: smtp
    serviceEmailAddress: ${serviceAddress}
    deliveryWaitAttempts: 1
  - id: mailbox
    description: The journaling mailbox
    transport: pop3
    serviceEmailAddress: box@journal.north.example
    deliveryWaitAttempts: 1
    pop3: { host: 127.0.0.1, port: ${mailbox.server.port}, mailboxName: box, password: secret, encrypted: false }
`;
