import { EngineFailure } from '../../streams/failure.ts';
import type { Postgres, Run } from './postgres.ts';

/** The statements of tenures; their errors are those of the database. */
export interface TenureParts {
  readonly postgres: Postgres;
  readonly log: number;
  readonly worker: string;
}

/** What a worker holds while it lives. */
export const workerName = (worker: string): string => `worker:${worker}`;

/**
 * Begins a life of this worker, in one transaction: of two that start at once one is the first. What a former one held is free.
 * @throws EngineFailure `locked` where another one of this name lives
 */
export function enter({ postgres, log, worker, home }: TenureParts & { readonly home: string }): Promise<void> {
  return postgres.transaction(async (run) => {
    await run({
      text: `insert into daybook.document (log, room, owner, key, token, value) values ($1, 'home', $2, '', 0, $3)
             on conflict (log, room, owner, key) do nothing`,
      values: [log, worker, home],
    });
    const [row] = await run({
      text: `select d.value, exists (select from daybook.tenure t
               where t.log = $1 and t.name = $3 and t.expires > clock_timestamp()) as lives
             from daybook.document d where d.log = $1 and d.room = 'home' and d.owner = $2 for update`,
      values: [log, worker, workerName(worker)],
    });
    if (row?.['value'] !== home && row?.['lives'] === true) {
      const text = `a worker with another one lives and is named ${worker}; give this one its own cluster.worker`;
      throw new EngineFailure('locked', text);
    }
    await run({
      text: `update daybook.document set value = $3 where log = $1 and room = 'home' and owner = $2`,
      values: [log, worker, home],
    });
    await run({ text: 'delete from daybook.tenure where log = $1 and holder = $2', values: [log, worker] });
  });
}

/** What one look has found. */
export interface Looked {
  /** Token of this worker's own row; null: another one of its name has it. */
  readonly life: string | null;
  /** Tokens of the names that it still holds. */
  readonly renewed: ReadonlyMap<string, string>;
  /** Holders by name. */
  readonly all: ReadonlyMap<string, string>;
}

/** Renews the worker and what it holds, and reads what all have. */
export async function lookAt(
  { postgres, log, worker }: TenureParts,
  asked: { readonly held: ReadonlyMap<string, string>; readonly life: string | null; readonly tenureMs: number },
): Promise<Looked> {
  const { held, life, tenureMs } = asked;
  const seconds = tenureMs / 1_000;
  const [alive, renewed, all] = await postgres.transaction(async (run) => [
    await run({
      name: 'live',
      text: `insert into daybook.tenure as t (log, name, holder, token, expires)
             values ($1, $2, $3, nextval('daybook.token'), clock_timestamp() + make_interval(secs => $4))
             on conflict (log, name) do update
               set expires = excluded.expires, token = case when t.token = $5 then t.token else excluded.token end
               where t.token = $5 or t.expires <= clock_timestamp()
             returning token`,
      values: [log, workerName(worker), worker, seconds, life ?? '0'],
    }),
    // By the token: another life of this worker would have the name, and another token.
    await run({
      name: 'renew',
      text: `update daybook.tenure t set expires = clock_timestamp() + make_interval(secs => $4)
             from unnest($2::text[], $5::bigint[]) as n (name, token)
             where t.log = $1 and t.name = n.name and t.holder = $3 and t.token = n.token
               and t.expires > clock_timestamp()
             returning t.name, t.token`,
      values: [log, [...held.keys()], worker, seconds, [...held.values()]],
    }),
    await run({
      name: 'tenures',
      text: 'select name, holder from daybook.tenure where log = $1 and expires > clock_timestamp()',
      values: [log],
    }),
  ]);
  const lives = alive?.[0]?.['token'];
  return {
    life: lives === undefined ? null : String(lives),
    renewed: new Map(renewed?.map((row) => [String(row['name']), String(row['token'])])),
    all: new Map(all?.map((row) => [String(row['name']), String(row['holder'])])),
  };
}

/** Takes what nobody holds; answers the tokens of what it got. */
export async function seek(
  { postgres, log, worker }: TenureParts,
  names: readonly string[],
  tenureMs: number,
): Promise<ReadonlyMap<string, string>> {
  const got = await postgres.run({
    name: 'seek',
    text: `insert into daybook.tenure as t (log, name, holder, token, expires)
           select $1, name, $3, nextval('daybook.token'), clock_timestamp() + make_interval(secs => $4)
           from unnest($2::text[]) as n (name)
           on conflict (log, name) do update
             set holder = excluded.holder, token = excluded.token, expires = excluded.expires
             where t.expires <= clock_timestamp()
           returning name, token`,
    values: [log, names, worker, tenureMs / 1_000],
  });
  return new Map(got.map((row) => [String(row['name']), String(row['token'])]));
}

/** Others need not wait for the end of them. What cannot be given back ends by itself. */
export async function release({ postgres, log, worker }: TenureParts, tokens: readonly string[]): Promise<void> {
  const text = 'delete from daybook.tenure where log = $1 and holder = $2 and token = any($3)';
  await postgres.run({ text, values: [log, worker, tokens] }).catch(() => undefined);
}

/** Whether the name is held by this token; then it stays so to the end of the transaction. */
export async function isHeld(
  run: Run,
  { log, name, token }: { readonly log: number; readonly name: string; readonly token: string },
): Promise<boolean> {
  const [held] = await run({
    name: 'held',
    text: `select 1 as held from daybook.tenure
               where log = $1 and name = $2 and token = $3 and expires > clock_timestamp() for share`,
    values: [log, name, token],
  });
  return held !== undefined;
}
