import type { SchedulerLike, Subscription } from 'rxjs';
import type { Postgres, Row, Run, Statement } from '../../src/cluster/postgres.ts';
import { SimDatabase, type SimTransaction, StatementError } from './sim-database.ts';
import { carry } from './sim-statements.ts';

/** As postgres.ts asks of each of its connections. */
const lockWithinMs = 4_000;
const idleInTransactionMs = 5_000;

/** How a commit ends that somebody has asked for. `appliesAfterMs`: its rows are locked so long, as while it waits for a standby. */
export interface CommitPlan {
  readonly appliesAfterMs: number;
  /** Where the server stops meanwhile: whether the rows had reached its disk. */
  readonly isOnDisk: boolean;
}

/** The one server of a cluster: sessions of several workers on one database, on the clock of the world. */
export class SimServer {
  readonly database: SimDatabase;
  readonly clock: SchedulerLike;
  isUp = true;
  /** Told of what no server would answer, and of records that two have written under one number. */
  broke: (error: unknown) => void = () => undefined;
  /** Of the next commit. */
  planCommit: () => CommitPlan = () => ({ appliesAfterMs: 0, isOnDisk: true });
  readonly #sessions = new Set<SimSession>();

  constructor(clock: SchedulerLike) {
    this.clock = clock;
    this.database = new SimDatabase(() => clock.now());
  }

  /** @throws StatementError while it is down */
  connect(): SimSession {
    if (!this.isUp) throw new StatementError('57P03', 'connect ECONNREFUSED');
    const session = new SimSession(this, () => this.#sessions.delete(session));
    this.#sessions.add(session);
    return session;
  }

  /** As a worker has it whose line takes no time and never breaks. */
  reach(): Postgres {
    const within = async <T>(use: (run: Run) => Promise<T>): Promise<T> => {
      const session = this.connect();
      try {
        return await use((statement) => session.ask(statement));
      } finally {
        session.leave();
      }
    };
    return {
      run: (statement) => within((run) => run(statement)),
      transaction: (work) =>
        within(async (run) => {
          await run({ text: 'begin' });
          const answer = await work(run);
          await run({ text: 'commit' });
          return answer;
        }),
      [Symbol.asyncDispose]: async () => undefined,
    };
  }

  /** All sessions end; what was committed is there when it is up again. */
  stop(): void {
    this.isUp = false;
    for (const session of this.#sessions) session.end(new StatementError('57P01', 'terminating connection'));
  }
}

/** One connection, as the server has it. */
export class SimSession {
  readonly #server: SimServer;
  readonly #left: () => void;
  #transaction: SimTransaction | null = null;
  #idle: Subscription | undefined;
  #isBusy = false;
  #isGone = false;
  #committing: CommitPlan | null = null;
  #over: StatementError | null = null;
  #stop: (error: StatementError) => void = () => undefined;

  constructor(server: SimServer, left: () => void) {
    this.#server = server;
    this.#left = left;
  }

  /** @throws StatementError as the server answers */
  async ask(statement: Statement): Promise<readonly Row[]> {
    if (this.#over !== null) throw this.#over;
    this.#idle?.unsubscribe();
    this.#isBusy = true;
    const stopped = new Promise<never>((_, reject) => {
      this.#stop = reject;
    });
    stopped.catch(() => undefined);
    try {
      return await Promise.race([this.#carry(statement), stopped]);
    } catch (error) {
      if (!(error instanceof StatementError) || error.code === '0A000' || error.code === '23505')
        this.#server.broke(error);
      throw error;
    } finally {
      this.#isBusy = false;
      this.#rest();
    }
  }

  /** The other side is gone: what is under way is ended first, also a commit; what was only begun is given up. */
  leave(): void {
    this.#isGone = true;
    if (!this.#isBusy) this.#rest();
  }

  end(error: StatementError): void {
    if (this.#over !== null) return;
    this.#over = error;
    this.#idle?.unsubscribe();
    this.#left();
    if (this.#transaction !== null) this.#server.database.locks.refuse(this.#transaction, error);
    if (this.#committing?.isOnDisk === true) this.#transaction?.commit();
    else this.#transaction?.end();
    this.#transaction = null;
    this.#stop(error);
  }

  async #carry(statement: Statement): Promise<readonly Row[]> {
    const { database } = this.#server;
    if (statement.text === 'begin') {
      this.#transaction = database.begin();
      return [];
    }
    if (statement.text === 'commit') return this.#commit();
    if (this.#transaction !== null) return this.#within(this.#transaction, statement);
    const alone = database.begin();
    this.#transaction = alone;
    try {
      const rows = await this.#within(alone, statement);
      if (this.#over !== null) throw this.#over;
      alone.commit();
      return rows;
    } finally {
      alone.end();
      this.#transaction = null;
    }
  }

  async #within(transaction: SimTransaction, statement: Statement): Promise<readonly Row[]> {
    const { database, clock } = this.#server;
    const running = carry(transaction, statement);
    const error = new StatementError('55P03', 'canceling statement due to lock timeout');
    // Whichever of its locks it waits for by then: two that lock rows in another order would wait for each other for ever.
    const limit = clock.schedule(() => database.locks.refuse(transaction, error), lockWithinMs);
    return running.finally(() => limit.unsubscribe());
  }

  async #commit(): Promise<readonly Row[]> {
    const plan = this.#server.planCommit();
    if (plan.appliesAfterMs > 0) {
      this.#committing = plan;
      await new Promise<void>((resolve) => this.#server.clock.schedule(() => resolve(), plan.appliesAfterMs));
      if (this.#over !== null) throw this.#over;
      this.#committing = null;
    }
    this.#transaction?.commit();
    this.#transaction = null;
    return [];
  }

  /** Between two statements. */
  #rest(): void {
    if (this.#over !== null) return;
    if (this.#isGone) this.end(new StatementError('08006', 'the client is gone'));
    else if (this.#transaction !== null) {
      const error = new StatementError('25P03', 'terminating connection due to idle-in-transaction timeout');
      this.#idle = this.#server.clock.schedule(() => this.end(error), idleInTransactionMs);
    }
  }
}
