import type { SimRow, SimTransaction } from './sim-database.ts';
import type { Statements } from './sim-statements.ts';

/** What `DropRows` asks for of payloads, bodies in the database or in packs. */
export const dropStatements: Statements = {
  [`select seq, body, substring(head for 96) as head from daybook.record
    where log = $1 and seq = any($2) and not dropped order by seq for update`]: async (transaction, [log, seqs]) => {
    const rows: SimRow[] = [];
    for (const seq of ascending(seqs)) {
      if (!stands(transaction.read('record', `${log} ${seq}`))) continue;
      const row = await transaction.lock('record', `${log} ${seq}`);
      if (stands(row)) rows.push(row);
    }
    return rows;
  },

  [`update daybook.record set dropped = true, tail = '', body = null where log = $1 and seq = any($2)`]: async (
    transaction,
    [log, seqs],
  ) => {
    for (const seq of ascending(seqs)) {
      const row = await transaction.lock('record', `${log} ${seq}`);
      if (row !== undefined)
        await transaction.write('record', `${log} ${seq}`, {
          ...row,
          dropped: true,
          tail: Buffer.alloc(0),
          body: null,
        });
    }
    return [];
  },

  [`select distinct pack from daybook.record
    where log = $1 and seq = any($2) and dropped and pack is not null order by pack`]: async (
    transaction,
    [log, seqs],
  ) => {
    const rows = ascending(seqs).map((seq) => transaction.read('record', `${log} ${seq}`));
    const packs = rows.flatMap((row) =>
      row?.['dropped'] === true && row['pack'] !== null ? [String(row['pack'])] : [],
    );
    return [...new Set(packs)].sort().map((pack) => ({ pack }));
  },

  [standingIn('')]: async (transaction, [log, pack]) => standing(transaction, log, pack).map(([, row]) => row),

  [standingIn('for update')]: async (transaction, [log, pack]) => {
    const rows: SimRow[] = [];
    for (const [key] of standing(transaction, log, pack)) {
      const row = await transaction.lock('record', key);
      if (stands(row) && row['pack'] === pack) rows.push(row);
    }
    return rows;
  },

  [`update daybook.record r set pack = m.pack, pack_at = m.at
    from unnest($2::bigint[], $3::text[], $4::bigint[]) as m (seq, pack, at)
    where r.log = $1 and r.seq = m.seq`]: async (transaction, [log, seqs, packs, ats]) => {
    for (const [n, seq] of (seqs as readonly number[]).entries()) {
      const row = await transaction.lock('record', `${log} ${seq}`);
      const [pack, pack_at] = [(packs as readonly string[])[n], (ats as readonly number[])[n]];
      if (row !== undefined) await transaction.write('record', `${log} ${seq}`, { ...row, pack, pack_at });
    }
    return [];
  },

  'select sweep_begun from daybook.log where log = $1': async (transaction, [log]) => {
    const row = transaction.read('log', String(log));
    return row === undefined ? [] : [row];
  },

  // No two of these are there at once, so a lock of one alone does as well.
  'select sweep_begun from daybook.log where log = $1 for share': async (transaction, [log]) => {
    const row = await transaction.lock('log', String(log));
    return row === undefined ? [] : [row];
  },

  // Nothing is locked in the object storage of a simulation, so none is noted.
  [`with noted as (delete from daybook.locked where log = $1 and pack = $2)
    update daybook.record set pack = null, pack_at = null where log = $1 and pack = $2 and dropped`]: async (
    transaction,
    [log, pack],
  ) => {
    for (const [key, row] of transaction.rows('record'))
      if (key.startsWith(`${log} `) && row['pack'] === pack && row['dropped'] === true)
        await transaction.write('record', key, { ...row, pack: null, pack_at: null });
    return [];
  },
};

function standingIn(lock: string): string {
  return `select seq, pack_at, body_length from daybook.record
          where log = $1 and pack = $2 and not dropped order by seq ${lock}`;
}

const standing = (transaction: SimTransaction, log: unknown, pack: unknown) =>
  transaction
    .rows('record')
    .filter(([key, row]) => key.startsWith(`${log} `) && row['pack'] === pack && stands(row))
    .toSorted(([, one], [, other]) => Number(one['seq']) - Number(other['seq']));

const stands = (row: SimRow | undefined): row is SimRow => row !== undefined && row['dropped'] !== true;
const ascending = (seqs: unknown): readonly number[] => [...(seqs as readonly number[])].sort((a, b) => a - b);
