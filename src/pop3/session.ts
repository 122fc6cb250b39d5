import type { SchedulerLike, Subscription } from 'rxjs';
import { type ClientPorts, Pop3Client, type TakeContent } from './client.ts';
import { type ListingEntry, ListingReader, listed } from './listing.ts';
import { OversizedMessage, Pop3Failure, RefusedCommand } from './pop3-failure.ts';
import type { Pop3Session } from './session.types.ts';
import { signIn } from './sign-in.ts';
import type { MailboxOptions } from './types.ts';

/** Headers are kept and compared up to here. */
export const MAX_HEADER_BYTES = 64 * 1024;
/** Of an answer to TOP: some servers send more than the header block. */
const MAX_TOP_BYTES = 4 * 1024 * 1024;
/** A whole message may take this long however steadily it trickles (journaling d.3). */
const MESSAGE_MS = 15 * 60_000;

/**
 * Connects, encrypts as told and signs in.
 * @throws Pop3Failure with the kind of journaling d.5
 */
export async function openSession(
  options: MailboxOptions,
  ports: ClientPorts,
  signal: AbortSignal,
): Promise<Pop3Session> {
  const client = new Pop3Client(options, ports);
  const stop = (): void => void client.abandon(new Pop3Failure('protocol', 'stopped'));
  signal.addEventListener('abort', stop, { once: true });
  try {
    const capabilities = await signIn(client, options, { ...ports, signal });
    return sessionOf(client, options, { ports, capabilities });
  } catch (error) {
    client.close();
    throw error;
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

interface Opened {
  readonly ports: ClientPorts;
  readonly capabilities: ReadonlySet<string>;
}

function sessionOf(client: Pop3Client, { maxMessageBytes }: MailboxOptions, opened: Opened): Pop3Session {
  const pipelined = opened.capabilities.has('PIPELINING');
  const listing = async (command: string): Promise<readonly ListingEntry[]> => {
    const reader = new ListingReader();
    await client.send(command, (content) => reader.add(content));
    return reader.entries();
  };
  return {
    peer: client.peer,
    tlsVersion: client.tlsVersion,
    capabilities: opened.capabilities,
    pipelined,
    count: async () => countOf(await client.STAT()),
    list: async () => {
      const uidls = orRefused(listing('UIDL'));
      const sizes = pipelined ? listing('LIST') : uidls.then(() => listing('LIST'));
      const [named, sized] = await Promise.all([uidls, sizes]);
      return listed(named, sized);
    },
    top: async (n) => {
      const chunks: Buffer[] = [];
      let size = 0;
      const take: TakeContent = (content) => {
        if (size < MAX_HEADER_BYTES) chunks.push(content);
        size += content.length;
        if (size > MAX_TOP_BYTES) throw new Pop3Failure('protocol', 'endless answer to TOP');
        return undefined;
      };
      const answered = orRefused(client.send(`TOP ${n} 0`, take));
      return (await answered) === null ? null : Buffer.concat(chunks).subarray(0, MAX_HEADER_BYTES);
    },
    retrieve: (n, content) => retrieve(client, n, { content, maxMessageBytes, clock: opened.ports.clock }),
    done: client.chunks.done,
    // node-pop3's own DELE hears the next answer, whichever it is: it can be one at a time only.
    delete: async (n) => void (await (pipelined ? client.send(`DELE ${n}`) : client.DELE(n))),
    quit: async () => void (await client.QUIT()),
    close: () => client.close(),
  };
}

interface Retrieval {
  readonly content: TakeContent;
  readonly maxMessageBytes: number;
  readonly clock: SchedulerLike;
}

/** The time of a message counts from its first byte: before that it waits for others. */
async function retrieve(client: Pop3Client, n: number, { content, maxMessageBytes, clock }: Retrieval): Promise<void> {
  let size = 0;
  let timer: Subscription | undefined;
  const tooLong = (): Pop3Failure => new Pop3Failure('timeout', `a message took longer than ${MESSAGE_MS} ms`);
  try {
    await client.send(`RETR ${n}`, (bytes) => {
      timer ??= clock.schedule(() => void client.abandon(tooLong()), MESSAGE_MS);
      size += bytes.length;
      if (size > maxMessageBytes) throw new OversizedMessage(maxMessageBytes, size);
      return content(bytes);
    });
  } finally {
    timer?.unsubscribe();
  }
}

function countOf(stat: string): number {
  const count = Number(/^(\d{1,10})\b/.exec(stat)?.[1]);
  if (!Number.isSafeInteger(count)) throw new Pop3Failure('protocol', `unusable answer to STAT: ${stat}`);
  return count;
}

/** Null for -ERR: the server does not have the command, or not for this item. */
async function orRefused<T>(answer: Promise<T>): Promise<T | null> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof RefusedCommand) return null;
    throw error;
  }
}
