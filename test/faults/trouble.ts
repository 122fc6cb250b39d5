import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Daybook, startDaybook } from '../../bench/peers/daybook.ts';
import { eventually } from '../support/eventually.ts';
import { SmtpClient } from '../support/smtp-client.ts';
import { configOf, definitions, type Mailbox, openMailbox, report, type StoreUnderTest, sendOne } from './load.ts';
import { examine, examineSettled, type Findings, nothingFound, Outside } from './outside.ts';
import { type Fault, openShim, type Shim } from './shim.ts';

export type Place = 'commitlog' | 'bodies' | 'index' | 'keys' | '.';
export interface TroubleOptions {
  readonly bytes: StoreUnderTest;
  readonly fault: Fault;
  /** Folder of the data directory whose calls fail: the truth, or what is derived from it. */
  readonly within: Place;
  /** Whether it begins before the engine does, or while it runs. */
  readonly from: 'start' | 'running';
  /** How long the engine may take after the fault's end (reliability G4: 30 s); 0: not asked. */
  readonly backWithinMs: number;
}
export interface Trouble {
  /** How many calls met the fault; 0: there was no such call, and the case says nothing. */
  readonly struck: number;
  /** After the start without the fault. */
  readonly findings: Findings;
  /** In the running engine after the fault's end; a read that fails loudly is none of them. */
  readonly meanwhile: Omit<Findings, 'unreadable'>;
  /** Promised messages that the running engine refused to give after the fault's end. */
  readonly unreadable: number;
  /** What SMTP clients were answered while it lasted, each code once; `none` where the connection was closed instead. */
  readonly answers: readonly string[];
  /** From the fault's end until a new message had its 250; null: not in time, not alive, or not asked. */
  readonly smtpBackAfterMs: number | null;
  /** The same until the mailbox was empty. */
  readonly mailboxBackAfterMs: number | null;
  /** Whether the process was still there. */
  readonly isAlive: boolean;
  /** What kept it from starting again, or from settling; null as it should be. */
  readonly failure: string | null;
}

/** Messages so large that each second one begins a new segment: files are opened, closed and renamed all the time. */
const messageBytes = 600_000;
/** Sent while the fault lasts, at least and at most: rare calls need more to meet it. */
const sends = { least: 3, most: 12 } as const;
/** A poll that failed is tried again after half a minute, also by the next process. */
const mailboxWithinMs = 60_000;
/** A poll comes five times a second, and has two messages to fetch. */
const pollWithinMs = 10_000;
/** A client that waits longer for an answer has none. */
const answerWithinMs = 15_000;

/** One engine, one fault, its end, and a start without it (reliability G4). */
export async function trouble({ bytes, fault, within, from, backWithinMs }: TroubleOptions): Promise<Trouble> {
  const directory = await mkdtemp(join(tmpdir(), 'daybook-trouble-'));
  await using shim = await openShim(join(directory, 'data', within));
  const outside = new Outside();
  await using mailbox = await openMailbox({ outside, name: 'trouble', random: () => 0 });
  const options = { config: configOf(bytes, mailbox, '1MB'), directory };
  try {
    if (from === 'start') await shim.arm(fault);
    const daybook = await startDaybook({ ...options, environment: shim.environment }).catch(() => null);
    await using _daybook = daybook;
    const run: Run = { outside, mailbox, shim, sent: 0 };
    const seen =
      daybook === null ? neverStarted(await shim.met()) : await during(run, daybook, { fault, from, backWithinMs });
    await daybook?.end('SIGKILL');
    return { ...seen, ...(await afterRestart(run, options)) };
  } finally {
    await rm(directory, { recursive: true, force: true, maxRetries: 3 });
  }
}

type Seen = Omit<Trouble, 'findings' | 'failure'>;
const neverStarted = ({ struck }: { readonly struck: number }): Seen => ({
  ...{
    struck,
    answers: [],
    smtpBackAfterMs: null,
    mailboxBackAfterMs: null,
    isAlive: false,
    meanwhile: nothingFound,
    unreadable: 0,
  },
});

/** While the fault lasts, and what the same process does after it. */
async function during(
  run: Run,
  daybook: Daybook,
  { fault, from, backWithinMs }: Pick<TroubleOptions, 'fault' | 'from' | 'backWithinMs'>,
): Promise<Seen> {
  const { shim, outside } = run;
  if (from === 'running') {
    await trySending(run, daybook);
    await shim.arm(fault);
  }
  const answers = await answersOf(run, daybook);
  const { struck } = await shim.met();
  await shim.disarm();
  const [smtpBackAfterMs, mailboxBackAfterMs] = await Promise.all([
    timeOf(async () => (await trySending(run, daybook)) === '250', backWithinMs),
    timeOf(async () => run.mailbox.server.items.length === 0, backWithinMs),
  ]);
  const isAlive = await daybook.fetch('/healthz').then(
    () => true,
    () => false,
  );
  const found = isAlive ? await examine(daybook, outside) : nothingFound;
  const { unreadable, ...meanwhile } = found;
  return { struck, answers, smtpBackAfterMs, mailboxBackAfterMs, isAlive, meanwhile, unreadable: unreadable.length };
}

interface Run {
  readonly outside: Outside;
  readonly mailbox: Mailbox;
  readonly shim: Shim;
  sent: number;
}

/** Sends and has polled until the fault was met, and some more. The answers, each once. */
async function answersOf(run: Run, daybook: Daybook): Promise<readonly string[]> {
  const answers = new Set<string>();
  run.mailbox.fill(2);
  for (let sent = 0; sent < sends.most; sent += 1) {
    if (sent >= sends.least && (await run.shim.met()).struck > 0) break;
    answers.add(await trySending(run, daybook));
  }
  // What only a poll does has not been done yet where the sending was quicker than it.
  const isDone = async (): Promise<boolean> =>
    run.mailbox.server.items.length === 0 || (await run.shim.met()).struck > 0;
  await timeOf(isDone, pollWithinMs);
  return [...answers];
}

/** Sends one message on a connection of its own; the code of the answer, or `none`. */
async function trySending(run: Run, daybook: Daybook): Promise<string> {
  run.sent += 1;
  const name = `trouble.${run.sent}`;
  try {
    await using client = await SmtpClient.ready(daybook.smtpPort);
    const tooLate = setTimeout(() => client.destroy(), answerWithinMs);
    const { code } = await sendOne(client, run.outside, name, report(name, messageBytes)).finally(() =>
      clearTimeout(tooLate),
    );
    return String(code);
  } catch {
    return 'none';
  }
}

/** How long it takes from now until it is so. */
async function timeOf(isBack: () => Promise<boolean>, withinMs: number): Promise<number | null> {
  if (withinMs === 0) return null;
  const from = performance.now();
  return eventually(isBack, { withinMs }).then(
    () => Math.round(performance.now() - from),
    () => null,
  );
}

async function afterRestart(
  { outside, mailbox }: Run,
  options: { readonly config: string; readonly directory: string },
): Promise<Pick<Trouble, 'findings' | 'failure'>> {
  try {
    await using daybook = await startDaybook(options);
    await eventually(async () => mailbox.server.items.length === 0, {
      what: 'an empty mailbox',
      withinMs: mailboxWithinMs,
    });
    return { findings: await examineSettled(daybook, outside, definitions), failure: null };
  } catch (error) {
    return { findings: nothingFound, failure: String(error) };
  }
}
