import type { SimRow, SimTransaction } from './sim-database.ts';
import type { Statements } from './sim-statements.ts';
import { documentKey } from './sim-statements-of-documents.ts';

const endsAt = ({ database }: SimTransaction, seconds: unknown): number => database.now() + Number(seconds) * 1_000;
const isOver = ({ database }: SimTransaction, row: SimRow): boolean => Number(row['expires']) <= database.now();
const isToken = (row: SimRow, token: unknown): boolean => String(row['token']) === String(token);
const homeOf = (log: unknown, worker: unknown): string => documentKey(log, 'home', worker, '');

/** What `openTenures` and its looks ask for. */
export const tenureStatements: Statements = {
  [`insert into daybook.document (log, room, owner, key, token, value) values ($1, 'home', $2, '', 0, $3)
    on conflict (log, room, owner, key) do nothing`]: async (transaction, [log, worker, value]) => {
    if ((await transaction.lock('document', homeOf(log, worker))) === undefined)
      await transaction.write('document', homeOf(log, worker), {
        ...{ log, room: 'home', owner: worker },
        ...{ key: '', token: 0, value },
      });
    return [];
  },

  [`select d.value, exists (select from daybook.tenure t
      where t.log = $1 and t.name = $3 and t.expires > clock_timestamp()) as lives
    from daybook.document d where d.log = $1 and d.room = 'home' and d.owner = $2 for update`]: async (
    transaction,
    [log, worker, name],
  ) => {
    // As the statement began, also where the row of the home has to be waited for.
    const life = transaction.read('tenure', documentKey(log, name));
    const row = await transaction.lock('document', homeOf(log, worker));
    return row === undefined ? [] : [{ ...row, lives: life !== undefined && !isOver(transaction, life) }];
  },

  [`update daybook.document set value = $3 where log = $1 and room = 'home' and owner = $2`]: async (
    transaction,
    [log, worker, value],
  ) => {
    const row = await transaction.lock('document', homeOf(log, worker));
    if (row !== undefined) await transaction.write('document', homeOf(log, worker), { ...row, value });
    return [];
  },

  'delete from daybook.tenure where log = $1 and holder = $2': (transaction, [log, holder]) =>
    removeTenures(transaction, (row) => row['log'] === log && row['holder'] === holder),

  'delete from daybook.tenure where log = $1 and holder = $2 and token = any($3)': (
    transaction,
    [log, holder, tokens],
  ) =>
    removeTenures(
      transaction,
      (row) =>
        row['log'] === log &&
        row['holder'] === holder &&
        (tokens as readonly string[]).some((token) => isToken(row, token)),
    ),

  [`insert into daybook.tenure as t (log, name, holder, token, expires)
    values ($1, $2, $3, nextval('daybook.token'), clock_timestamp() + make_interval(secs => $4))
    on conflict (log, name) do update
      set expires = excluded.expires, token = case when t.token = $5 then t.token else excluded.token end
      where t.token = $5 or t.expires <= clock_timestamp()
    returning token`]: async (transaction, [log, name, holder, seconds, life]) => {
    const [drawn, expires] = [String(transaction.database.next()), endsAt(transaction, seconds)];
    const row = await transaction.lock('tenure', documentKey(log, name));
    if (row !== undefined && !isToken(row, life) && !isOver(transaction, row)) return [];
    const token = row !== undefined && isToken(row, life) ? row['token'] : drawn;
    await transaction.write('tenure', documentKey(log, name), { log, name, holder, ...row, token, expires });
    return [{ token }];
  },

  [`update daybook.tenure t set expires = clock_timestamp() + make_interval(secs => $4)
    from unnest($2::text[], $5::bigint[]) as n (name, token)
    where t.log = $1 and t.name = n.name and t.holder = $3 and t.token = n.token
      and t.expires > clock_timestamp()
    returning t.name, t.token`]: async (transaction, [log, names, holder, seconds, tokens]) => {
    const renewed: SimRow[] = [];
    for (const [at, name] of (names as readonly string[]).entries()) {
      const token = (tokens as readonly string[])[at];
      const isOurs = (row: SimRow | undefined): row is SimRow =>
        row !== undefined && row['holder'] === holder && isToken(row, token) && !isOver(transaction, row);
      const key = documentKey(log, name);
      if (!isOurs(transaction.read('tenure', key))) continue;
      const row = await transaction.lock('tenure', key);
      if (!isOurs(row)) continue;
      await transaction.write('tenure', key, { ...row, expires: endsAt(transaction, seconds) });
      renewed.push(row);
    }
    return renewed;
  },

  'select name, holder from daybook.tenure where log = $1 and expires > clock_timestamp()': async (
    transaction,
    [log],
  ) => transaction.rows('tenure').flatMap(([, row]) => (row['log'] === log && !isOver(transaction, row) ? [row] : [])),

  [`insert into daybook.tenure as t (log, name, holder, token, expires)
    select $1, name, $3, nextval('daybook.token'), clock_timestamp() + make_interval(secs => $4)
    from unnest($2::text[]) as n (name)
    on conflict (log, name) do update
      set holder = excluded.holder, token = excluded.token, expires = excluded.expires
      where t.expires <= clock_timestamp()
    returning name, token`]: async (transaction, [log, names, holder, seconds]) => {
    const got: SimRow[] = [];
    for (const name of names as readonly string[]) {
      const [token, expires] = [String(transaction.database.next()), endsAt(transaction, seconds)];
      const row = await transaction.lock('tenure', documentKey(log, name));
      if (row !== undefined && !isOver(transaction, row)) continue;
      await transaction.write('tenure', documentKey(log, name), { log, name, holder, token, expires });
      got.push({ name, token });
    }
    return got;
  },
};

async function removeTenures(
  transaction: SimTransaction,
  isMeant: (row: SimRow) => boolean,
): Promise<readonly SimRow[]> {
  for (const [key, before] of transaction.rows('tenure')) {
    if (!isMeant(before)) continue;
    const row = await transaction.lock('tenure', key);
    if (row !== undefined && isMeant(row)) await transaction.write('tenure', key, null);
  }
  return [];
}
