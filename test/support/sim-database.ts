import { RowLocks } from './sim-locks.ts';

export type Table = 'log' | 'log_key' | 'record' | 'body' | 'writer' | 'tenure' | 'document';
/** A row by the names of its columns, as the driver gives them; points of time are epoch ms. */
export type SimRow = Readonly<Record<string, unknown>>;

/** An error of a statement, with the code that PostgreSQL gives it. */
export class StatementError extends Error {
  override name = 'StatementError';
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** A row that a transaction has written, as it is about to be committed; null: it was deleted. */
export type Change = readonly [table: Table, row: SimRow | null, key: string];

/**
 * The tables of a cluster in memory, as transactions under READ COMMITTED see them: each statement what is committed when
 * it begins, and what its own transaction has written; rows are locked until the end of a transaction, and who waits for
 * one sees it as it stands by then. That it agrees with PostgreSQL is what the contracts are run on both for.
 */
export class SimDatabase {
  readonly now: () => number;
  readonly locks = new RowLocks();
  /** Told of each commit before it is made. Throws where something is wrong with it. */
  watch: (changes: readonly Change[]) => void = () => undefined;
  readonly #tables = new Map<Table, Map<string, SimRow>>();
  #last = 0;

  /** `now`: the clock of the server, epoch ms. */
  constructor(now: () => number) {
    this.now = now;
  }

  begin(): SimTransaction {
    return new SimTransaction(this);
  }

  /** Of a sequence or an identity: never given twice, also where a transaction is given up. */
  next(): number {
    this.#last += 1;
    return this.#last;
  }

  table(table: Table): Map<string, SimRow> {
    const found = this.#tables.get(table) ?? new Map<string, SimRow>();
    this.#tables.set(table, found);
    return found;
  }
}

export class SimTransaction {
  readonly database: SimDatabase;
  readonly #written = new Map<string, Change>();
  #isOver = false;

  constructor(database: SimDatabase) {
    this.database = database;
  }

  read(table: Table, key: string): SimRow | undefined {
    const own = this.#written.get(`${table} ${key}`);
    return own === undefined ? this.database.table(table).get(key) : (own[1] ?? undefined);
  }

  /** All rows of a table with their keys. */
  rows(table: Table): readonly (readonly [key: string, row: SimRow])[] {
    const all = new Map(this.database.table(table));
    for (const [of, row, key] of this.#written.values()) {
      if (of !== table) continue;
      if (row === null) all.delete(key);
      else all.set(key, row);
    }
    return [...all];
  }

  /** Waits for the row, which need not be there; answers it as it stands by then. */
  async lock(table: Table, key: string, mode: 'share' | 'update' = 'update'): Promise<SimRow | undefined> {
    if (this.#isOver) throw new StatementError('25P02', 'the transaction is over');
    await this.database.locks.take(this, `${table} ${key}`, mode);
    return this.read(table, key);
  }

  /** Writes a row, or deletes it with null, whoever has it before. */
  async write(table: Table, key: string, row: SimRow | null): Promise<void> {
    await this.lock(table, key);
    this.#written.set(`${table} ${key}`, [table, row, key]);
  }

  /** @throws StatementError where there is one of this key */
  async insert(table: Table, key: string, row: SimRow): Promise<void> {
    if ((await this.lock(table, key)) !== undefined)
      throw new StatementError('23505', `duplicate key value violates unique constraint "${table}_pkey"`);
    await this.write(table, key, row);
  }

  commit(): void {
    const changes = [...this.#written.values()];
    this.database.watch(changes);
    for (const [table, row, key] of changes) {
      if (row === null) this.database.table(table).delete(key);
      else this.database.table(table).set(key, row);
    }
    this.end();
  }

  /** Gives up what it has written and not committed. */
  end(): void {
    this.#isOver = true;
    this.#written.clear();
    this.database.locks.release(this);
  }
}
