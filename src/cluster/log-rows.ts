import { EngineFailure } from '../../streams/failure.ts';
import type { LogPosition } from '../store/commit-log.types.ts';
import { genesisHash } from '../store/record.ts';
import { answered, type Postgres, type Row, type Run, serverNow } from './postgres.ts';
import { insertOf } from './row-insert.ts';
import type { VaultRef } from './vault.types.ts';

/** The log as it stands, its row locked: nobody else appends until the transaction ends. */
export interface LockedHead extends LogPosition {
  readonly mark: number;
  /** The server's clock, epoch ms. */
  readonly at: number;
  /** What was stored before it (epoch ms) and is named by nothing may have been swept. */
  readonly sweepBegun: number;
}

/** Which group of a worker. */
export interface Batch {
  readonly session: string;
  readonly batch: number;
}
export interface LastWrite extends Batch {
  readonly firstSeq: number;
  readonly lastSeq: number;
}

/** A group on its way into the log. */
export interface Group extends Batch {
  /** Where the log ends with it. */
  readonly head: LogPosition;
  readonly worker: string;
  /** What the worker has written before it; null: nothing. */
  readonly last: Batch | null;
}

/** Where the first bytes of a payload lie; the rest is the tail. Null: there are no others. */
export type BodyPlace = { readonly body: string } | { readonly ref: VaultRef } | null;

/** A record as it is written. `tail`: what every worker reads of its payload to fold it, at its end. */
export interface WrittenRow {
  readonly seq: number;
  readonly head: Buffer;
  readonly tail: Buffer;
  readonly bodyLength: number;
  readonly place: BodyPlace;
  /** Its payload was deleted before the row was written; absent: it is there. */
  readonly dropped?: boolean;
}
export interface ReadRow {
  readonly seq: number;
  readonly head: Buffer;
  readonly tail: Buffer;
}
export interface PlacedRow extends ReadRow {
  readonly bodyLength: number;
  readonly place: BodyPlace;
  readonly dropped: boolean;
}

/**
 * The statements of one log. Those that are given a transaction throw what the database throws, the others EngineFailure
 * `store-failed`.
 */
export class LogRows {
  readonly #run: Run;
  readonly #log: number;
  readonly mark: number;
  /** Where its packs lie in object storage: no other log has the same, of whatever database. */
  readonly room: string;

  private constructor(postgres: Postgres, row: Row) {
    this.#run = (statement) => answered(postgres.run(statement));
    this.#log = Number(row['log']);
    this.mark = Number(row['mark']);
    this.room = String(row['room']);
  }

  /** The log of this name; made where it is missing, with `mark` for its mark. */
  static async open(postgres: Postgres, name: string, mark: number): Promise<LogRows> {
    const find = { text: 'select log, mark, room from daybook.log where name = $1', values: [name] };
    const [row] = await postgres.transaction(async (run) => {
      const found = await run(find);
      if (found.length > 0) return found;
      // Only where it is missing: also an insert that does nothing takes one of the 32,767 numbers.
      await run({
        text: 'insert into daybook.log (name, mark, hash) values ($1, $2, $3) on conflict (name) do nothing',
        values: [name, mark, Buffer.from(genesisHash, 'hex')],
      });
      return run(find);
    });
    if (row === undefined) throw new EngineFailure('store-failed', `no log ${name}`);
    return new LogRows(postgres, row);
  }

  get id(): number {
    return this.#log;
  }

  async head(): Promise<LogPosition> {
    const [row] = await this.#run({
      name: 'head',
      text: 'select seq, hash from daybook.log where log = $1',
      values: [this.#log],
    });
    return positionOf(row);
  }

  async lock(run: Run): Promise<LockedHead> {
    const [row] = await run({
      name: 'lock',
      text: `select seq, hash, mark, sweep_begun, ${serverNow} as at from daybook.log where log = $1 for update`,
      values: [this.#log],
    });
    const { mark, at, sweep_begun: sweepBegun } = row ?? {};
    return { ...positionOf(row), mark: Number(mark), at: Number(at), sweepBegun: Number(sweepBegun) };
  }

  /**
   * What this worker has written last, in whatever session. To be asked once the row of the log is held: what a statement
   * joins to a row that it had to wait for, it gives as it stood before the wait, when a commit of this worker that nobody
   * had heard of may have been on its way.
   */
  async lastWrite(run: Run, worker: string): Promise<LastWrite | null> {
    const [row] = await run({
      name: 'last-write',
      text: 'select session, batch, first_seq, last_seq from daybook.writer where log = $1 and worker = $2',
      values: [this.#log, worker],
    });
    return lastWriteOf(row);
  }

  /** Bodies in the database itself; the answer names them in their order. Nobody waits for it but the caller. */
  async storeBodies(run: Run, bodies: readonly Uint8Array[]): Promise<readonly string[]> {
    if (bodies.length === 0) return [];
    const places = bodies.map((_, at) => `($1, $${at + 2})`).join(', ');
    const rows = await run({
      text: `insert into daybook.body (log, bytes) values ${places} returning body`,
      values: [this.#log, ...bodies],
    });
    return rows.map((row) => String(row['body']));
  }

  async removeBodies(run: Run, bodies: readonly string[]): Promise<void> {
    await run({
      name: 'remove-bodies',
      text: 'delete from daybook.body where log = $1 and body = any($2)',
      values: [this.#log, bodies],
    });
  }

  /** Rows alone: where the log ends is another statement's to say. */
  async insert(run: Run, rows: readonly WrittenRow[]): Promise<void> {
    const values: unknown[] = [this.#log];
    await run({ text: insertOf(rows, values), values });
  }

  /**
   * Writes a group that ends at `head`, and notes it as the worker's last, in one statement: each answer is waited for
   * while nobody else can append. False: what this worker has written last is another than `last`, and the transaction must
   * be given up.
   */
  async write(run: Run, rows: readonly WrittenRow[], { head, worker, session, batch, last }: Group): Promise<boolean> {
    const hash = Buffer.from(head.hash, 'hex');
    const first = rows[0]?.seq ?? head.seq;
    const before = [last?.session ?? null, last?.batch ?? null];
    const values: unknown[] = [this.#log, head.seq, hash, worker, session, batch, first, ...before];
    const records = rows.length === 0 ? '' : `r as (${insertOf(rows, values)}), `;
    const [answer] = await run({
      text: `with ${records}h as (update daybook.log set seq = $2, hash = $3 where log = $1),
               w as (insert into daybook.writer as w (log, worker, session, batch, first_seq, last_seq)
                     values ($1, $4, $5, $6, $7, $2)
                     on conflict (log, worker) do update set session = excluded.session, batch = excluded.batch,
                       first_seq = excluded.first_seq, last_seq = excluded.last_seq
                     where w.session is not distinct from $8 and w.batch is not distinct from $9
                     returning 1)
             select count(*)::integer as noted from w`,
      values,
    });
    return answer?.['noted'] === 1;
  }

  /** Records after `seq` up to `last`, `limit` at most, in order. */
  async readAfter(seq: number, last: number, limit: number, run: Run = this.#run): Promise<readonly ReadRow[]> {
    const rows = await run({
      name: 'read-after',
      text: `select seq, head, case when dropped then null else tail end as tail from daybook.record
             where log = $1 and seq > $2 and seq <= $3 order by seq limit $4`,
      values: [this.#log, seq, last, limit],
    });
    return rows.map(readRow);
  }

  /** @throws EngineFailure `missing` */
  async read(seq: number): Promise<PlacedRow> {
    const [row] = await this.#run({
      name: 'read',
      text: `select seq, head, tail, body_length, body, pack, pack_at, dropped from daybook.record
             where log = $1 and seq = $2`,
      values: [this.#log, seq],
    });
    if (row === undefined) throw new EngineFailure('missing', `record ${seq}`);
    const bodyLength = Number(row['body_length']);
    return { ...readRow(row), bodyLength, place: placeOf(row, bodyLength), dropped: row['dropped'] === true };
  }

  /** Bytes of a body in the database. @throws EngineFailure `missing` */
  async readBody(body: string, offset: number, length: number): Promise<Buffer> {
    const [row] = await this.#run({
      name: 'read-body',
      text: 'select substring(bytes from $3 for $4) as bytes from daybook.body where log = $1 and body = $2',
      values: [this.#log, body, offset + 1, length],
    });
    if (row === undefined) throw new EngineFailure('missing', `body ${body}`);
    return row['bytes'] as Buffer;
  }
}

function positionOf(row: Row | undefined): LogPosition {
  if (row === undefined) throw new EngineFailure('store-failed', 'the log is not in the database any more');
  return { seq: Number(row['seq']), hash: (row['hash'] as Buffer).toString('hex') };
}

function lastWriteOf(row: Row | undefined): LastWrite | null {
  if (row === undefined) return null;
  return {
    session: String(row['session']),
    batch: Number(row['batch']),
    firstSeq: Number(row['first_seq']),
    lastSeq: Number(row['last_seq']),
  };
}

const noBytes = Buffer.alloc(0);
const readRow = (row: Row): ReadRow => ({
  seq: Number(row['seq']),
  head: row['head'] as Buffer,
  tail: (row['tail'] as Buffer | null) ?? noBytes,
});

function placeOf(row: Row, length: number): BodyPlace {
  if (row['body'] !== null) return { body: String(row['body']) };
  if (row['pack'] === null) return null;
  return { ref: { pack: String(row['pack']), at: Number(row['pack_at']), length } };
}
