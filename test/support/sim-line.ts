import type { Postgres, Row, Run, Statement } from '../../src/cluster/postgres.ts';
import { below } from './prng.ts';
import type { SimClock } from './sim-clock.ts';
import type { Plant } from './sim-figures.ts';
import type { SimPower } from './sim-power.ts';
import type { SimServer, SimSession } from './sim-server.ts';

/** As postgres.ts waits for an answer, and for a connection. */
const answerWithinMs = 5_000;
const connectWithinMs = 2_000;

/** What the line between one life of a worker and the server does. */
export interface LinePlan {
  /** Longest way of a statement or an answer, ms; 0: none takes any time. */
  readonly slowMs: number;
  /** Share of the statements whose connection breaks: before they have arrived, or before their answer has. */
  readonly lossy: number;
  /** The same of commits. */
  readonly lossyCommit: number;
  /** The worker is stopped for a while at the statement of this number, of all or of those of one name, or when it has seen that it holds a definition for which it is to write (`token`); null: it is not. */
  readonly sleepAt: { readonly name: string | null; readonly number: number } | null;
}
export const calmLine: LinePlan = { slowMs: 0, lossy: 0, lossyCommit: 0, sleepAt: null };

export interface LineParts {
  readonly server: SimServer;
  /** Of this life. What comes back to the worker comes on it: never once the life is over, and late while it sleeps. */
  readonly clock: SimClock;
  readonly power: SimPower;
  readonly random: () => number;
  readonly plant: Plant | undefined;
  /** Puts the worker to sleep. */
  readonly sleep: () => void;
}

/** A line that broke, or gave no answer in time. */
export class LineError extends Error {
  override name = 'LineError';
}

type Loss = 'none' | 'request' | 'answer';

/** The database as one life of a worker reaches it: a connection for each transaction, over a line that takes time and breaks. */
export class SimLine implements Postgres {
  plan: LinePlan;
  /** Nothing comes through, either way, and nobody is told. */
  isCut = false;
  /** Answers that were lost of commits that were made. */
  unheard = 0;
  readonly #parts: LineParts;
  readonly #sessions = new Set<SimSession>();
  /** What this worker has written last, as it was told; by which the planted fault goes. */
  #heard: Row | undefined;
  #isOver = false;
  #passed = 0;

  constructor(parts: LineParts, plan: LinePlan) {
    this.#parts = parts;
    this.plan = plan;
  }

  run: Run = (statement) => this.#with((session) => this.#ask(session, statement));

  transaction<T>(work: (run: Run) => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const done = this.#with(async (session) => {
        await this.#ask(session, { text: 'begin' });
        let written: Row | undefined;
        const answer = await work((statement) => {
          if (statement.text.includes('insert into daybook.writer')) written = writerOf(statement);
          return this.#askWithin(session, statement);
        });
        if (this.#parts.plant === 'answer-before-commit') resolve(answer);
        await this.#ask(session, { text: 'commit' });
        this.#heard = written ?? this.#heard;
        resolve(answer);
      });
      done.catch(reject);
    });
  }

  /** Puts the worker to sleep where its plan says so; true where it does. */
  pass(name: string | undefined): boolean {
    const { sleepAt } = this.plan;
    if (sleepAt === null || (sleepAt.name !== null && sleepAt.name !== name)) return false;
    this.#passed += 1;
    if (this.#passed !== sleepAt.number) return false;
    this.#parts.sleep();
    return true;
  }

  /** The life is over: what it has sent arrives, nothing of it is answered. */
  end(): void {
    this.#isOver = true;
    for (const session of this.#sessions) session.leave();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.end();
  }

  async #with<T>(use: (session: SimSession) => Promise<T>): Promise<T> {
    const session = await this.#connect();
    this.#sessions.add(session);
    try {
      return await use(session);
    } finally {
      this.#sessions.delete(session);
      if (!this.isCut) session.leave();
    }
  }

  async #connect(): Promise<SimSession> {
    const { server, clock } = this.#parts;
    if (!this.isCut) return server.connect();
    await new Promise<void>((resolve) => clock.schedule(() => resolve(), connectWithinMs));
    throw new LineError('timeout exceeded when trying to connect');
  }

  /** With the planted faults of what a worker asks within a transaction. */
  async #askWithin(session: SimSession, statement: Statement): Promise<readonly Row[]> {
    const { plant } = this.#parts;
    const rows = await this.#ask(session, statement);
    if (plant === 'write-unfenced' && statement.name === 'held') return [{ held: 1 }];
    if (plant === 'retry-unlooked' && statement.name === 'last-write')
      return this.#heard === undefined ? [] : [this.#heard];
    return rows;
  }

  /** @throws Error, whether or not it was carried out */
  async #ask(session: SimSession, statement: Statement): Promise<readonly Row[]> {
    const { power, clock, random } = this.#parts;
    // Before it has sent it, or while it waits for the answer.
    const hasSent = this.pass(statement.name) && random() < 0.5;
    if (clock.isAsleep && !hasSent) await new Promise<void>((resolve) => clock.schedule(() => resolve(), 0));
    await power.point('statement');
    const loss = this.#draw(statement);
    if (loss === 'request') throw new LineError('Connection terminated unexpectedly');
    return new Promise((resolve, reject) => {
      const limit = clock.schedule(() => reject(new LineError('Query read timeout')), answerWithinMs);
      const back = (tell: () => void): void =>
        this.#comeBack(() => {
          limit.unsubscribe();
          tell();
        });
      this.#send(() => {
        session.ask(statement).then(
          (rows) => {
            if (loss === 'answer' && statement.text === 'commit') this.unheard += 1;
            const lost = new LineError('Connection terminated unexpectedly');
            back(loss === 'answer' ? () => reject(lost) : () => resolve(rows));
          },
          (error: unknown) => back(() => reject(error)),
        );
      });
    });
  }

  #send(arrive: () => void): void {
    if (this.isCut) return;
    const waitMs = below(this.#parts.random, this.plan.slowMs + 1);
    if (waitMs === 0) arrive();
    else this.#parts.server.clock.schedule(arrive, waitMs);
  }

  #comeBack(arrive: () => void): void {
    if (this.isCut || this.#isOver) return;
    const { clock, random } = this.#parts;
    const waitMs = below(random, this.plan.slowMs + 1);
    if (waitMs === 0 && !clock.isAsleep) arrive();
    else clock.schedule(arrive, waitMs);
  }

  #draw({ text }: Statement): Loss {
    const { lossy, lossyCommit } = this.plan;
    const share = text === 'commit' ? lossyCommit : lossy;
    if (share === 0) return 'none';
    const chance = this.#parts.random();
    if (chance >= share) return 'none';
    return chance < share / 3 ? 'request' : 'answer';
  }
}

const writerOf = ({ values = [] }: Statement): Row => {
  const [, seq, , , session, batch, first] = values;
  return { session, batch, first_seq: first, last_seq: seq };
};
