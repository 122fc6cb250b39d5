import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Daybook, type DaybookOptions, startDaybook } from '../../bench/peers/daybook.ts';
import { eventually } from '../support/eventually.ts';
import { statusOf } from '../support/journal-api.ts';
import { SmtpClient } from '../support/smtp-client.ts';
import { configOf, definitions, type Mailbox, openMailbox, report, type StoreUnderTest, sendOne } from './load.ts';
import { examineSettled, type Findings, Outside } from './outside.ts';
import { openShim, type Shim } from './shim.ts';

/** Bytes of a message that is one record, and of one that goes to the commit log in pieces while it arrives. */
const sizes = { small: 2_000, large: 600_000 } as const;
type Name = keyof typeof sizes;

/** One life of an engine: its start, two messages by SMTP, one from a mailbox, and its ordinary end. */
export interface Life extends AsyncDisposable {
  readonly directory: string;
  readonly shim: Shim;
  readonly outside: Outside;
  /** Lives until the end of it, or until it is killed on the way. */
  live(): Promise<void>;
  /** Starts again without the shim, sends again what had no answer, and looks for all that was promised. */
  examine(): Promise<Findings>;
}

export interface LifeOptions {
  readonly bytes: StoreUnderTest;
  /** The folder's content before it, as another life left it. */
  readonly inherited?: string;
  readonly under?: (directory: string) => readonly string[];
}

export async function openLife({ bytes, inherited, under }: LifeOptions): Promise<Life> {
  const directory = await mkdtemp(join(tmpdir(), 'daybook-life-'));
  const shim = await openShim(join(directory, 'data'));
  const outside = new Outside();
  // Whoever inherits a folder sends other messages than the one before did.
  const life = inherited === undefined ? 'first' : 'second';
  const mailbox = await openMailbox({ outside, name: life, random: () => 0.5 });
  mailbox.fill(1);
  const messages = Object.fromEntries(
    Object.entries(sizes).map(([name, size]) => [name, report(`${life}.${name}`, size)]),
  ) as Record<Name, Buffer>;
  if (inherited !== undefined) await copyFolder(inherited, join(directory, 'data'));
  const start = (more: Pick<DaybookOptions, 'environment' | 'under'>): Promise<Daybook> =>
    startDaybook({ config: configOf(bytes, mailbox), directory, ...more });
  // One thread for the disk, so that the order of the calls is nearly always the same.
  const environment = { ...shim.environment, UV_THREADPOOL_SIZE: '1' };
  const mine = { environment, ...(under && { under: under(directory) }) };
  return {
    directory,
    shim,
    outside,
    live: () => live(() => start(mine), { life, shim, outside, mailbox, messages }),
    examine: async () => {
      await using daybook = await start({});
      for (const name of unanswered(outside, life)) {
        await sendAlone(daybook, outside, `${life}.${name}`, messages[name]);
      }
      await settled(daybook, mailbox);
      return await examineSettled(daybook, outside, definitions);
    },
    [Symbol.asyncDispose]: async () => {
      await mailbox[Symbol.asyncDispose]();
      await shim[Symbol.asyncDispose]();
      await rm(directory, { recursive: true, force: true, maxRetries: 3 });
    },
  };
}

interface Parts {
  readonly life: string;
  readonly shim: Shim;
  readonly outside: Outside;
  readonly mailbox: Mailbox;
  readonly messages: Readonly<Record<Name, Buffer>>;
}

async function live(start: () => Promise<Daybook>, { life, shim, outside, mailbox, messages }: Parts): Promise<void> {
  try {
    await using daybook = await start();
    for (const name of unanswered(outside, life)) await sendAlone(daybook, outside, `${life}.${name}`, messages[name]);
    await settled(daybook, mailbox);
    await daybook.end('SIGTERM');
  } catch (error) {
    // Killed on the way, as was asked for; anything else is a fault of the engine or of this loop.
    if ((await shim.met()).struck === 0) throw error;
  }
}

const unanswered = ({ promises }: Outside, life: string): readonly Name[] =>
  (Object.keys(sizes) as Name[]).filter(
    (name) => !promises.some(({ messageId }) => messageId.startsWith(`<${life}.${name}@`)),
  );

async function sendAlone(daybook: Daybook, outside: Outside, name: string, bytes: Buffer): Promise<void> {
  await using client = await SmtpClient.ready(daybook.smtpPort);
  const { code, text } = await sendOne(client, outside, name, bytes);
  if (code !== 250) throw new Error(`${code} ${text}`);
}

/** Resolves when the mailbox is empty and all is settled. */
async function settled(daybook: Daybook, mailbox: Mailbox): Promise<void> {
  const isSettled = async (): Promise<boolean> => {
    const statuses = await Promise.all(definitions.map((id) => statusOf(daybook, id)));
    return mailbox.server.items.length === 0 && statuses.every(({ processingQueue }) => processingQueue.messages === 0);
  };
  await eventually(isSettled, { what: 'an empty mailbox and nothing in process' });
}

/** A data directory without its sockets, which cannot be copied. */
export const copyFolder = (from: string, to: string): Promise<void> =>
  cp(from, to, { recursive: true, filter: (file) => !file.endsWith('.socket') });
