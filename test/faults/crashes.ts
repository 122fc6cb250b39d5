import { type Daybook, startDaybook } from '../../bench/peers/daybook.ts';
import { eventually } from '../support/eventually.ts';
import { prng } from '../support/prng.ts';
import { configOf, definitions, keepSending, type Mailbox, openMailbox, type StoreUnderTest } from './load.ts';
import { examine, examineSettled, type Findings, Outside, together } from './outside.ts';

export interface CrashOptions {
  readonly cycles: number;
  readonly bytes: StoreUnderTest;
  readonly seed: number;
  /** Where it stands; a temporary folder where absent. */
  readonly directory?: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** Ends the engine in the midst of its work; a kill -9 where absent. */
  readonly crash?: (daybook: Daybook, cycle: number) => Promise<unknown>;
  /** Called after each cycle. */
  readonly told?: (cycle: number, findings: Findings) => void;
}
export interface CrashReport {
  readonly findings: Findings;
  /** What the engine said when it did not start again, which ends the cycles; null as it should be. */
  readonly refused: string | null;
  readonly sent: number;
  readonly acknowledged: number;
  readonly deleted: number;
  /** From the start of the process until it is ready, ascending, milliseconds. */
  readonly readyAfterMs: readonly number[];
  /** Of an ordinary end after all of it. */
  readonly exitCode: number | null;
}

const senders = 6;
/** Promises after which a cycle may end: where the kill falls is drawn from here on. */
const atLeast = 20;
const upTo = 60;
/** Of them so many that were taken from the mailbox: SMTP alone is fast enough to end a cycle before a poll has ended. */
const atLeastDeleted = 6;

/** Ends the engine again and again under mixed load, and looks for every promise after each start (G1 and G2). */
export async function crashes(options: CrashOptions): Promise<CrashReport> {
  const { bytes, seed, directory, environment } = options;
  const random = prng(seed);
  const outside = new Outside();
  await using mailbox = await openMailbox({ outside, name: `${seed}`, random });
  mailbox.isFilling = true;
  const more = { ...(directory && { directory }), ...(environment && { environment }) };
  const daybook = await startDaybook({ config: configOf(bytes, mailbox), ...more });
  const run: Run = { options, random, outside, readyAfterMs: [], looks: [], engines: [daybook] };
  try {
    const refused = await cycle(run);
    if (refused === null) {
      await emptied(mailbox);
      run.looks.push(await examineSettled(lastOf(run), outside, definitions));
    }
    const { sent, acknowledged, deleted } = outside;
    const exitCode = await lastOf(run).end('SIGTERM');
    const readyAfterMs = run.readyAfterMs.toSorted((a, b) => a - b);
    return { findings: together(run.looks), refused, sent, acknowledged, deleted, readyAfterMs, exitCode };
  } finally {
    for (const engine of run.engines.toReversed()) await engine[Symbol.asyncDispose]();
  }
}

interface Run {
  readonly options: CrashOptions;
  readonly random: () => number;
  readonly outside: Outside;
  readonly readyAfterMs: number[];
  readonly looks: Findings[];
  /** Every process that was started, the last one running. */
  readonly engines: Daybook[];
}
const lastOf = ({ engines }: Run): Daybook => engines.at(-1)!;

/** All cycles; what the engine said where it did not start again, else null. */
async function cycle(run: Run): Promise<string | null> {
  const { options, outside, readyAfterMs, looks, engines } = run;
  for (let n = 0; n < options.cycles; n += 1) {
    const from = outside.promises.length;
    await loadUntilCrash(run, n);
    const startedAt = performance.now();
    try {
      engines.push(await lastOf(run).restart());
    } catch (error) {
      return String(error);
    }
    readyAfterMs.push(performance.now() - startedAt);
    const found = await examine(lastOf(run), outside, from);
    looks.push(found);
    options.told?.(n, found);
  }
  return null;
}

/** Loads the engine until so many more messages are promised, and ends it in the midst. */
async function loadUntilCrash(run: Run, n: number): Promise<void> {
  const { options, outside, random } = run;
  const daybook = lastOf(run);
  const { seed, crash = (engine) => engine.end('SIGKILL') } = options;
  const promises = atLeast + Math.floor(random() * upTo);
  const enough = outside.promises.length + promises;
  const enoughDeleted = outside.deleted + atLeastDeleted;
  const isEnough = (): boolean => outside.promises.length >= enough && outside.deleted >= enoughDeleted;
  const crashing = new AbortController();
  const sending = Array.from({ length: senders }, (_, sender) =>
    keepSending(daybook, { outside, name: `${seed}.${n}.${sender}`, random, crashing: crashing.signal }),
  );
  try {
    await eventually(async () => isEnough(), { what: `${promises} promises` });
    crashing.abort();
    await crash(daybook, n);
  } finally {
    crashing.abort();
    await daybook.end('SIGKILL');
    await Promise.all(sending);
  }
}

/** Stops filling the mailbox, and waits until the engine has emptied it. */
export async function emptied(mailbox: Mailbox): Promise<void> {
  mailbox.isFilling = false;
  await eventually(async () => mailbox.server.items.length === 0, { what: 'an empty mailbox', withinMs: 60_000 });
}
