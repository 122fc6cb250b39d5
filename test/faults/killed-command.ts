import { existsSync } from 'node:fs';
import type { Daybook } from '../../bench/peers/daybook.ts';
import { eventually } from '../support/eventually.ts';
import { statusOf } from '../support/journal-api.ts';
import { type Run, run, watchPeak } from '../support/watched-command.ts';

/** Of a command that was killed and ran to its end. */
export interface Figures {
  readonly seconds: number;
  /** Largest resident set of any run of it, kills among them. */
  readonly commandPeakMB: number;
  readonly enginePeakMB: number;
  readonly kills: number;
}

interface Killed {
  /** Messages that the command has got through. */
  readonly done: () => Promise<number>;
  readonly until: number;
  /** Of an import, killed under it too; of an export the file that says that it is under way. */
  readonly under: Engine | { readonly state: string };
}

/** Runs a command until it has got half way, kills it, and runs it to its end, an engine killed under it meanwhile where it is to. */
export async function twice(args: readonly string[], killed: Killed): Promise<Omit<Figures, 'enginePeakMB'>> {
  const { done, until, under } = killed;
  const first = run(args);
  await reached(first, done, until / 2);
  first.kill();
  const before = await first.ended;
  const startedAt = Date.now();
  // An export that was done before the kill came is whole, and is not written twice into one place: nothing says any more
  // that it is under way, even where the process did not come to its end.
  const isDone = 'state' in under && (before.code ?? 0) === 0 && !existsSync(under.state);
  const after = isDone ? before : await toItsEnd(args, killed);
  return {
    seconds: (Date.now() - startedAt) / 1_000,
    commandPeakMB: Math.max(before.peakMB, after.peakMB),
    kills: (before.code === null ? 1 : 0) + ('state' in under ? 0 : 1),
  };
}

async function toItsEnd(args: readonly string[], { done, until, under }: Killed): Promise<Awaited<Run['ended']>> {
  const last = run(args);
  if (!('state' in under)) {
    await reached(last, done, (until * 3) / 4);
    await under.killAndRestart();
  }
  const ended = await last.ended;
  if (ended.code !== 0) throw new Error(`${args.slice(0, 2).join(' ')} ended with ${ended.code}: ${ended.stderr}`);
  return ended;
}

async function reached(command: Run, done: () => Promise<number>, count: number): Promise<void> {
  await eventually(async () => command.hasEnded() || (await done().catch(() => 0)) >= count, {
    withinMs: 3_600_000,
    what: `${count} messages`,
  });
}

/** An engine that is killed and started again on the same ports. */
export class Engine implements AsyncDisposable {
  now: Daybook;
  #peakMB = 0;
  #watch: ReturnType<typeof watchPeak>;

  constructor(daybook: Daybook) {
    this.now = daybook;
    this.#watch = watchPeak(daybook.pid);
  }

  get args(): readonly string[] {
    return ['--config', this.now.configFile];
  }
  received = async (): Promise<number> => (await statusOf(this.now, 'exchange')).counts.received;
  async killAndRestart(): Promise<void> {
    this.#peakMB = Math.max(this.#peakMB, this.#watch.stop());
    await this.now.end('SIGKILL');
    this.now = await this.now.restart();
    this.#watch = watchPeak(this.now.pid);
  }
  /** So far; counted anew from here. */
  peakMB(): number {
    const peak = Math.max(this.#peakMB, this.#watch.stop());
    this.#watch = watchPeak(this.now.pid);
    this.#peakMB = 0;
    return peak;
  }
  async settled(messages: number): Promise<void> {
    const isSettled = async () => {
      const { counts, processingQueue } = await statusOf(this.now, 'exchange');
      return processingQueue.messages === 0 && counts.received >= messages;
    };
    await eventually(isSettled, { withinMs: 3_600_000, what: 'the line' });
  }
  async [Symbol.asyncDispose](): Promise<void> {
    this.#watch.stop();
    await this.now[Symbol.asyncDispose]();
  }
}
