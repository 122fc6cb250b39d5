import { EngineFailure } from '../../streams/failure.ts';
import { answered, type Postgres, type Run } from './postgres.ts';

/** What the database knows of sweeps of one log; errors are EngineFailure `store-failed`. */
export class SweepRows {
  readonly #run: Run;
  readonly #log: number;

  /** `log`: its number. */
  constructor(postgres: Pick<Postgres, 'run'>, log: number) {
    this.#run = (statement) => answered(postgres.run(statement));
    this.#log = log;
  }

  /** All packs that were stored before it have been looked at; epoch ms, 0: none were. */
  async ended(): Promise<number> {
    const [row] = await this.#run({ text: 'select sweep_ended from daybook.log where log = $1', values: [this.#log] });
    return Number(row?.['sweep_ended']);
  }

  /**
   * From now on no record is written that names a pack which was stored before `before` (epoch ms). Waits for the row of
   * the log, so whoever has looked at it before has written, or never will.
   */
  async begin(before: number): Promise<void> {
    await this.#run({
      text: 'update daybook.log set sweep_begun = greatest(sweep_begun, $2) where log = $1',
      values: [this.#log, before],
    });
  }

  async end(before: number): Promise<void> {
    await this.#run({
      text: 'update daybook.log set sweep_ended = greatest(sweep_ended, $2) where log = $1',
      values: [this.#log, before],
    });
  }

  /**
   * Those of these packs that no record names, of whatever log of this database. @throws also where the server that is asked
   * does not know of the sweep: one that was cut off before it began, and takes itself for the primary
   */
  async orphans(packs: readonly string[], before: number): Promise<readonly string[]> {
    const [row] = await this.#run({
      text: `select sweep_begun, array(
               select p.pack from unnest($2::text[]) as p (pack) where not exists (
                 select 1 from daybook.log l join daybook.record r on r.log = l.log and r.pack = p.pack)) as packs
             from daybook.log where log = $1`,
      values: [this.#log, packs],
    });
    if (!(Number(row?.['sweep_begun']) >= before))
      throw new EngineFailure('store-failed', 'the database that was asked knows nothing of the sweep');
    return row?.['packs'] as string[];
  }
}
