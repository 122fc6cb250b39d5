import { setTimeout as wait } from 'node:timers/promises';
import type { Daybook } from '../../bench/peers/daybook.ts';
import { SmtpClient } from '../support/smtp-client.ts';
import { report, sendOne, someSize } from './load.ts';
import type { Outside } from './outside.ts';

export type WorkerName = 'one' | 'two';

/** How often senders heard what: `250 2.0.0`, `451 4.3.0`; `refused` and `cut` where the connection was. */
export type Answers = Readonly<Record<string, number>>;

/** The load of a run, as a fault may look at it. */
export interface Load {
  /** Promises by a 250, and by a DELE, so far. */
  acknowledged(): number;
  deleted(): number;
  /** Messages that are offered to this worker now and have no answer yet. */
  offeredTo(worker: WorkerName): number;
  /** Since it was last forgotten: what was heard, and the longest that an answer, or no answer so far, has taken. */
  answers(): Answers;
  longestAnswerMs(): number;
  /** Between two messages that were taken. */
  longestStallMs(): number;
  forget(): void;
}

export interface LoadOptions {
  readonly workerOf: (name: WorkerName) => Pick<Daybook, 'smtpPort'>;
  readonly outside: Outside;
  readonly random: () => number;
  /** Messages a second that are begun. */
  readonly rate: number;
  readonly name: string;
}

/** As many as a sender would have under way; the rest waits at its side. */
const maxUnderWay = 40;

/** Each message is offered to one worker after the other until one has taken it, as a mail server does. */
export function startLoad(options: LoadOptions): Load & { end(): Promise<void> } {
  const { workerOf, outside, random, rate, name } = options;
  const heard = new Heard();
  let isEnding = false;
  let begun = 0;
  const offer = async (each: string, bytes: Buffer): Promise<void> => {
    for (let tries = begun; ; tries += 1) {
      const worker = tries % 2 === 0 ? 'one' : 'two';
      const send = async (): Promise<string> => {
        await using client = await SmtpClient.ready(workerOf(worker).smtpPort);
        const { code, text } = await sendOne(client, outside, each, bytes);
        return `${code} ${text.split(' ', 1).join('')}`;
      };
      // Refused, or cut off: it is offered again, to the other one.
      if ((await heard.answer(worker, send)).startsWith('250')) return;
      await wait(200);
    }
  };
  const under = new Set<Promise<void>>();
  const running = (async () => {
    while (!isEnding) {
      begun += 1;
      const each = `${name}.${begun}`;
      if (under.size < maxUnderWay) {
        const offered = offer(each, report(each, someSize(random))).finally(() => under.delete(offered));
        under.add(offered);
      }
      await wait(1_000 / rate);
    }
    await Promise.all(under);
  })();
  return {
    acknowledged: () => outside.acknowledged,
    deleted: () => outside.deleted,
    offeredTo: (worker) => heard.offeredTo(worker),
    answers: () => heard.answers,
    longestAnswerMs: () => heard.longestAnswerMs,
    longestStallMs: () => heard.longestStallMs,
    forget: () => heard.forget(),
    end: async () => {
      isEnding = true;
      await running;
    },
  };
}

/** What senders heard, and when. */
class Heard {
  #counts = new Map<string, number>();
  readonly #open = new Set<{ readonly worker: WorkerName; readonly since: number }>();
  #slowest = 0;
  #longestStall = 0;
  #takenAt = performance.now();

  get answers(): Answers {
    return Object.fromEntries(this.#counts);
  }

  get longestAnswerMs(): number {
    const now = performance.now();
    return Math.round(Math.max(this.#slowest, ...[...this.#open].map(({ since }) => now - since)));
  }

  get longestStallMs(): number {
    return Math.round(Math.max(this.#longestStall, performance.now() - this.#takenAt));
  }

  offeredTo(name: WorkerName): number {
    return [...this.#open].filter(({ worker }) => worker === name).length;
  }

  forget(): void {
    this.#counts = new Map();
    this.#slowest = 0;
    this.#longestStall = 0;
    this.#takenAt = performance.now();
  }

  async answer(worker: WorkerName, send: () => Promise<string>): Promise<string> {
    const offered = { worker, since: performance.now() };
    this.#open.add(offered);
    const said = await send().catch(wordOf);
    this.#open.delete(offered);
    const now = performance.now();
    this.#slowest = Math.max(this.#slowest, now - offered.since);
    this.#counts.set(said, (this.#counts.get(said) ?? 0) + 1);
    if (said.startsWith('250')) {
      this.#longestStall = Math.max(this.#longestStall, now - this.#takenAt);
      this.#takenAt = now;
    }
    return said;
  }
}

const wordOf = (error: NodeJS.ErrnoException): string => (error.code === 'ECONNREFUSED' ? 'refused' : 'cut');
