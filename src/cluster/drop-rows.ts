import { EngineFailure } from '../../streams/failure.ts';
import { headerBytes, readHeader } from '../store/record.ts';
import { answered, type Postgres, type Run, serverNow } from './postgres.ts';
import type { VaultRef } from './vault.types.ts';

/** A hold has no end; whether it still stands is asked again after so long. */
const heldForMs = 86_400_000;

/** A record whose payload stands in a pack. */
export interface Standing {
  readonly seq: number;
  readonly ref: VaultRef;
}

/**
 * The statements that take payloads out of a log; their errors are EngineFailure `store-failed`. A row that is dropped names its
 * pack until that is removed: so what a crash has left can be found again.
 */
export class DropRows {
  readonly #postgres: Postgres;
  readonly #log: number;

  /** `log`: its number. */
  constructor(postgres: Postgres, log: number) {
    this.#postgres = postgres;
    this.#log = log;
  }

  /** Tails and bodies in the database go; answers the bytes of these payloads, but for those that were dropped before. */
  drop(seqs: readonly number[]): Promise<number> {
    return this.#inTransaction(async (run) => {
      // In order, so that two workers wait for each other and do not lock each other out.
      const rows = await run({
        text: `select seq, body, substring(head for ${headerBytes}) as head from daybook.record
               where log = $1 and seq = any($2) and not dropped order by seq for update`,
        values: [this.#log, seqs],
      });
      const some = rows.filter(({ head }) => payloadBytesIn(head as Buffer) > 0);
      if (some.length === 0) return 0;
      await run({
        text: 'delete from daybook.body where log = $1 and body = any($2)',
        values: [this.#log, some.flatMap(({ body }) => (body === null ? [] : [body]))],
      });
      await run({
        text: `update daybook.record set dropped = true, tail = '', body = null where log = $1 and seq = any($2)`,
        values: [this.#log, some.map(({ seq }) => seq)],
      });
      return some.reduce((sum, { head }) => sum + payloadBytesIn(head as Buffer), 0);
    });
  }

  /** Packs that still hold what was dropped of these records. */
  async packsOf(seqs: readonly number[]): Promise<readonly string[]> {
    const rows = await this.#run({
      text: `select distinct pack from daybook.record
             where log = $1 and seq = any($2) and dropped and pack is not null order by pack`,
      values: [this.#log, seqs],
    });
    return rows.map(({ pack }) => String(pack));
  }

  /** What else a pack is needed for. */
  standing(pack: string): Promise<readonly Standing[]> {
    return this.#standing(this.#run, pack, '');
  }

  /** Up to when the newest sweep takes packs that nothing names, epoch ms. */
  sweepBegun(): Promise<number> {
    return sweepBegun(this.#run, this.#log, '');
  }

  /**
   * Points these records at where their payloads lie now; false, and nothing done, where others stand in the pack by now.
   * `begun`: of the sweep before they were stored. @throws EngineFailure `store-failed` where another one has begun, which
   * may have taken them
   */
  move(pack: string, moved: readonly Standing[], begun: number): Promise<boolean> {
    return this.#inTransaction(async (run) => {
      const now = await this.#standing(run, pack, 'for update');
      const isSame = now.length === moved.length && now.every(({ seq }, at) => seq === moved[at]?.seq);
      if (!isSame) return false;
      await run({
        text: `update daybook.record r set pack = m.pack, pack_at = m.at
               from unnest($2::bigint[], $3::text[], $4::bigint[]) as m (seq, pack, at)
               where r.log = $1 and r.seq = m.seq`,
        values: [
          this.#log,
          moved.map(({ seq }) => seq),
          moved.map(({ ref }) => ref.pack),
          moved.map(({ ref }) => ref.at),
        ],
      });
      // At the end: nobody appends from here to the commit.
      if ((await sweepBegun(run, this.#log, 'for share')) !== begun)
        throw new EngineFailure('store-failed', 'what was stored for a pack that is thinned may have been swept');
      return true;
    });
  }

  /** Notes a pack that is to go, and cannot before `until` (epoch ms); of a hold it is asked again a day later. */
  async noteLocked(pack: string, until: number): Promise<void> {
    await this.#run({
      text: `insert into daybook.locked (log, pack, until) values ($1, $2, coalesce($3, ${serverNow} + ${heldForMs}))
             on conflict (log, pack) do update set until = excluded.until`,
      values: [this.#log, pack, Number.isFinite(until) ? until : null],
    });
  }

  /** Noted packs whose time is over, the longest over first. */
  async unlocked(now: number, limit: number): Promise<readonly string[]> {
    const rows = await this.#run({
      text: 'select pack from daybook.locked where log = $1 and until <= $2 order by until limit $3',
      values: [this.#log, now, limit],
    });
    return rows.map(({ pack }) => String(pack));
  }

  /** How many packs are noted. */
  async locked(): Promise<number> {
    const [row] = await this.#run({
      text: 'select count(*) as packs from daybook.locked where log = $1',
      values: [this.#log],
    });
    return Number(row?.['packs']);
  }

  /** The pack is removed: what was dropped of it is done with. */
  async forget(pack: string): Promise<void> {
    await this.#run({
      text: `with noted as (delete from daybook.locked where log = $1 and pack = $2)
             update daybook.record set pack = null, pack_at = null where log = $1 and pack = $2 and dropped`,
      values: [this.#log, pack],
    });
  }

  async #standing(run: Run, pack: string, lock: '' | 'for update'): Promise<readonly Standing[]> {
    const rows = await run({
      text: `select seq, pack_at, body_length from daybook.record
             where log = $1 and pack = $2 and not dropped order by seq ${lock}`,
      values: [this.#log, pack],
    });
    return rows.map((row) => ({
      seq: Number(row['seq']),
      ref: { pack, at: Number(row['pack_at']), length: Number(row['body_length']) },
    }));
  }

  readonly #run: Run = (statement) => answered(this.#postgres.run(statement));
  #inTransaction<T>(work: (run: Run) => Promise<T>): Promise<T> {
    return answered(this.#postgres.transaction(work));
  }
}

const payloadBytesIn = (head: Buffer): number => readHeader(head)?.payloadBytes ?? 0;

async function sweepBegun(run: Run, log: number, lock: '' | 'for share'): Promise<number> {
  const [row] = await run({ text: `select sweep_begun from daybook.log where log = $1 ${lock}`, values: [log] });
  return Number(row?.['sweep_begun']);
}
