import { serverNow } from '../../src/cluster/postgres.ts';
import type { SimRow, SimTransaction } from './sim-database.ts';
import type { Statements } from './sim-statements.ts';

const at = (...parts: readonly unknown[]): string => parts.map(String).join(' ');
const found = (row: SimRow | undefined): readonly SimRow[] => (row === undefined ? [] : [row]);

const headOf = (transaction: SimTransaction, log: unknown): SimRow | undefined => transaction.read('log', at(log));

const columns = ['seq', 'head', 'tail', 'body_length', 'body', 'pack', 'pack_at', 'dropped'];
/** Of each row as many parameters as it has columns, behind so many others. */
async function insertRecords(transaction: SimTransaction, values: readonly unknown[], others: number): Promise<void> {
  for (let from = others; from < values.length; from += columns.length) {
    const row = Object.fromEntries(columns.map((name, n) => [name, values[from + n]]));
    await transaction.insert('record', at(values[0], row['seq']), row);
  }
}

const write: Statements[string] = async (transaction, values) => {
  await insertRecords(transaction, values, 9);
  const [log, seq, hash, worker, session, batch, first_seq, beforeSession, beforeBatch] = values;
  const row = await transaction.lock('log', at(log));
  await transaction.write('log', at(log), { ...row, seq, hash });
  const before = await transaction.lock('writer', at(log, worker));
  const isBehind = before === undefined || (before['session'] === beforeSession && before['batch'] === beforeBatch);
  if (isBehind) await transaction.write('writer', at(log, worker), { session, batch, first_seq, last_seq: seq });
  return [{ noted: isBehind ? 1 : 0 }];
};
const writeText = (records: string): string =>
  `with ${records}h as (update daybook.log set seq = $2, hash = $3 where log = $1),
     w as (insert into daybook.writer as w (log, worker, session, batch, first_seq, last_seq)
           values ($1, $4, $5, $6, $7, $2)
           on conflict (log, worker) do update set session = excluded.session, batch = excluded.batch,
             first_seq = excluded.first_seq, last_seq = excluded.last_seq
           where w.session is not distinct from $8 and w.batch is not distinct from $9
           returning 1)
   select count(*)::integer as noted from w`;
const insertText =
  'insert into daybook.record (log, seq, head, tail, body_length, body, pack, pack_at, dropped) values …';

/** What `LogRows` asks for. */
export const logStatements: Statements = {
  'select log, mark, room from daybook.log where name = $1': async (transaction, [name]) =>
    transaction.rows('log').flatMap(([, row]) => (row['name'] === name ? [row] : [])),

  'insert into daybook.log (name, mark, hash) values ($1, $2, $3) on conflict (name) do nothing': async (
    transaction,
    [name, mark, hash],
  ) => {
    await transaction.lock('log', at('name', name));
    if (transaction.rows('log').some(([, row]) => row['name'] === name)) return [];
    const log = transaction.database.next();
    const room = `00000000-0000-4000-8000-${String(log).padStart(12, '0')}`;
    await transaction.write('log', at(log), { log, name, mark, hash, room, seq: 0, sweep_begun: 0 });
    return [];
  },

  'select master, wrapped from daybook.log_key where log = $1': async (transaction, [log]) =>
    transaction.rows('log_key').flatMap(([, row]) => (row['log'] === log ? [row] : [])),

  'select 1 as stands from daybook.log_key where log = $1 and id = $2': async (transaction, [log, id]) =>
    transaction.rows('log_key').flatMap(([, row]) => (row['log'] === log && row['id'] === id ? [{ stands: 1 }] : [])),

  'insert into daybook.log_key (log, master, id, wrapped) values ($1, $2, $3, $4)': async (
    transaction,
    [log, master, id, wrapped],
  ) => {
    await transaction.insert('log_key', at(log, master), { log, master, id, wrapped });
    return [];
  },

  [`select ${serverNow} as now`]: async (transaction) => [{ now: transaction.database.now() }],

  'select seq, hash from daybook.log where log = $1': async (transaction, [log]) => found(headOf(transaction, log)),

  [`select seq, hash, mark, sweep_begun, ${serverNow} as at from daybook.log where log = $1 for update`]: async (
    transaction,
    [log],
  ) => {
    const row = await transaction.lock('log', at(log));
    return row === undefined ? [] : [{ ...row, at: transaction.database.now() }];
  },

  'select session, batch, first_seq, last_seq from daybook.writer where log = $1 and worker = $2': async (
    transaction,
    [log, worker],
  ) => found(transaction.read('writer', at(log, worker))),

  'insert into daybook.body (log, bytes) values … returning body': async (transaction, [log, ...bodies]) => {
    const made: SimRow[] = [];
    for (const bytes of bodies) {
      const body = String(transaction.database.next());
      await transaction.insert('body', at(log, body), { body, bytes });
      made.push({ body });
    }
    return made;
  },

  'delete from daybook.body where log = $1 and body = any($2)': async (transaction, [log, bodies]) => {
    for (const body of bodies as readonly string[]) await transaction.write('body', at(log, body), null);
    return [];
  },

  [insertText]: async (transaction, values) => {
    await insertRecords(transaction, values, 1);
    return [];
  },
  [writeText(`r as (${insertText}), `)]: write,
  [writeText('')]: write,

  [`select seq, head, case when dropped then null else tail end as tail from daybook.record
    where log = $1 and seq > $2 and seq <= $3 order by seq limit $4`]: async (
    transaction,
    [log, after, last, limit],
  ) => {
    const rows: SimRow[] = [];
    for (let seq = Number(after) + 1; seq <= Number(last) && rows.length < Number(limit); seq += 1) {
      const row = transaction.read('record', at(log, seq));
      if (row !== undefined) rows.push({ ...row, tail: row['dropped'] === true ? null : row['tail'] });
    }
    return rows;
  },

  [`select seq, head, tail, body_length, body, pack, pack_at, dropped from daybook.record
    where log = $1 and seq = $2`]: async (transaction, [log, seq]) => found(transaction.read('record', at(log, seq))),

  'select substring(bytes from $3 for $4) as bytes from daybook.body where log = $1 and body = $2': async (
    transaction,
    [log, body, from, length],
  ) => {
    const bytes = transaction.read('body', at(log, body))?.['bytes'] as Buffer | undefined;
    const start = Number(from) - 1;
    return bytes === undefined ? [] : [{ bytes: Buffer.from(bytes.subarray(start, start + Number(length))) }];
  },
};
