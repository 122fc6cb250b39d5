import pg from 'pg';
import { EngineFailure, messageOf } from '../../streams/failure.ts';

/** A statement with a name is planned once for each connection. */
export interface Statement {
  readonly name?: string;
  readonly text: string;
  readonly values?: readonly unknown[];
}
export type Row = Readonly<Record<string, unknown>>;
/** Runs one statement and answers its rows. */
export type Run = (statement: Statement) => Promise<readonly Row[]>;

/** The server of a cluster that can be written to, whichever that is at the time. */
export interface Postgres extends AsyncDisposable {
  /** One statement by itself. What it throws says nothing of whether it was carried out. */
  readonly run: Run;
  /**
   * Commits when `work` resolves, and gives everything up when it throws. Where the server was lost or a standby has not
   * answered for the commit, it throws though all may have been written: only what can be repeated may be asked for.
   */
  transaction<T>(work: (run: Run) => Promise<T>): Promise<T>;
}

/** No server can be reached, or none of them is the primary: it may be another moment. `wrong`: what each of them said. */
class DatabaseAway extends EngineFailure {
  override readonly name = 'DatabaseAway';

  constructor(wrong: readonly string[]) {
    super('store-failed', `no database server can be written to: ${wrong.join('; ')}`);
  }
}

/** SQL of the server's clock, epoch ms. */
export const serverNow = 'floor(extract(epoch from clock_timestamp()) * 1000)::bigint';

/** A commit takes some ms; a server that does not answer for so long is given up, and its connection with it. */
const answerWithinMs = 5_000;
const connectWithinMs = 2_000;
/** A worker that is paused within a transaction holds up all the others no longer than this. */
const idleInTransactionMs = 5_000;
/** Shorter than the wait for an answer: what nobody waits for any more must not stand in line for a row. */
const lockWithinMs = 4_000;
/** Of each kind at once, so that many readers do not keep the log from being written. */
const maxTransactions = 4;
const maxStatements = 4;
/** What all is well with; anything else that a commit is told beside its success is a wait for a standby that was broken off. */
const successful = '00000';
/** Errors of a statement, which the next server would answer in the same way. */
const ownErrors = /^(?:22|23|40|42|55|25P02|57014)/;

/**
 * `url`: `postgres://user:password@host[:port][,host[:port]]…/database[?options]`. Nothing is connected yet.
 * @throws EngineFailure `store-failed` where that cannot be read
 */
export function openPostgres(url: string): Postgres {
  return new Servers(urlsOf(url));
}

/** One URL for each host. */
export function urlsOf(url: string): readonly string[] {
  const [, before = '', hosts = '', after = ''] = /^(postgres(?:ql)?:\/\/(?:[^@/]*@)?)([^/?]+)(.*)$/.exec(url) ?? [];
  const urls = hosts.split(',').map((host) => `${before}${host}${after}`);
  if (hosts === '' || !urls.every((each) => URL.canParse(each)))
    throw new EngineFailure('store-failed', 'the connection string of the cluster cannot be read');
  return urls;
}

class Servers implements Postgres {
  readonly #urls: readonly string[];
  #pool: pg.Pool | null = null;
  #finding: Promise<pg.Pool> | null = null;
  #closed = false;
  readonly #transactions = atMost(maxTransactions);
  readonly #statements = atMost(maxStatements);

  constructor(urls: readonly string[]) {
    this.#urls = urls;
  }

  run: Run = (statement) => this.#statements(() => this.#with((run) => run(statement)));

  transaction<T>(work: (run: Run) => Promise<T>): Promise<T> {
    return this.#transactions(() =>
      this.#with(async (run, client) => {
        await run({ text: 'begin' });
        const answer = await work(run);
        await commit(run, client);
        return answer;
      }),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await this.#finding?.catch(() => undefined);
    const pool = this.#pool;
    this.#pool = null;
    await pool?.end();
  }

  /** A connection that has seen an error is not used again: what it is in the middle of is not known. */
  async #with<T>(use: (run: Run, client: pg.PoolClient) => Promise<T>): Promise<T> {
    const pool = this.#pool ?? (await this.#find());
    const client = await pool.connect().catch((error: unknown) => {
      this.#giveUp(pool);
      throw error;
    });
    const run: Run = (statement) =>
      runOn(client, statement).catch((error: unknown) => {
        if (!isOwnError(error)) this.#giveUp(pool);
        throw error;
      });
    try {
      const answer = await use(run, client);
      client.release();
      return answer;
    } catch (error) {
      client.release(true);
      throw error;
    }
  }

  #giveUp(pool: pg.Pool): void {
    if (this.#pool !== pool) return;
    this.#pool = null;
    pool.end().catch(() => undefined);
  }

  #find(): Promise<pg.Pool> {
    this.#finding ??= this.#look().finally(() => {
      this.#finding = null;
    });
    return this.#finding;
  }

  async #look(): Promise<pg.Pool> {
    const wrong: string[] = [];
    for (const url of this.#urls) {
      if (this.#closed) break;
      const pool = poolOf(url);
      try {
        const { rows } = await pool.query<{ waits: boolean }>('select pg_is_in_recovery() as waits');
        if (rows[0]?.waits === false && !this.#closed) {
          this.#pool = pool;
          return pool;
        }
        wrong.push('is a standby');
      } catch (error) {
        wrong.push(messageOf(error));
      }
      await pool.end().catch(() => undefined);
    }
    throw new DatabaseAway(wrong);
  }
}

function poolOf(url: string): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    max: maxTransactions + maxStatements,
    application_name: 'daybook',
    connectionTimeoutMillis: connectWithinMs,
    query_timeout: answerWithinMs,
    idle_in_transaction_session_timeout: idleInTransactionMs,
    lock_timeout: lockWithinMs,
    keepAlive: true,
  });
  // A server that dies is told of by the query under way; without a listener it would end the process.
  pool.on('error', () => undefined);
  pool.on('connect', (client) => client.on('error', () => undefined));
  return pool;
}

/**
 * Where a wait for the standby was broken off, the server says so beside the success, in its own language: the rows are on
 * one server only (Patroni issue 1412).
 */
async function commit(run: Run, client: pg.PoolClient): Promise<void> {
  let isAlone = false;
  const hear = ({ code }: { readonly code?: string | undefined }): void => {
    isAlone ||= code !== successful;
  };
  client.on('notice', hear);
  try {
    await run({ text: 'commit' });
  } finally {
    client.off('notice', hear);
  }
  if (isAlone) throw new EngineFailure('store-failed', 'the commit has reached no standby');
}

async function runOn(client: pg.PoolClient, { name, text, values = [] }: Statement): Promise<readonly Row[]> {
  const query = { text, values: values as unknown[], ...(name === undefined ? {} : { name }) };
  const { rows } = await client.query<Row>(query);
  return rows;
}

const isOwnError = (error: unknown): boolean => error instanceof pg.DatabaseError && ownErrors.test(error.code ?? '');

/** What a database answers, its errors as EngineFailure `store-failed`. */
export const answered = <T>(answer: Promise<T>): Promise<T> =>
  answer.catch((error: unknown) => {
    if (error instanceof EngineFailure) throw error;
    throw new EngineFailure('store-failed', `database: ${messageOf(error)}`, { cause: error });
  });

/** Runs so many at once, the others in the order they came; each is bounded in time, and their callers bound how many wait. */
function atMost(limit: number): <T>(task: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = [];
  let free = limit;
  return async (task) => {
    if (free > 0) free -= 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await task();
    } finally {
      const next = waiting.shift();
      if (next === undefined) free += 1;
      else next();
    }
  };
}
