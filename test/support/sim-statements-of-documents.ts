import type { SimRow } from './sim-database.ts';
import type { Statements } from './sim-statements.ts';

/** Key of a document's row: log, room, owner and its own key. */
export const documentKey = (...parts: readonly unknown[]): string => JSON.stringify(parts.map(String));

/** What `SharedDocuments` asks for, and the state of a move. */
export const documentStatements: Statements = {
  'select key, value from daybook.document where log = $1 and room = $2 and owner = $3 order by key': async (
    transaction,
    [log, room, owner],
  ) => {
    const rows = transaction.rows('document').map(([, row]) => row);
    return rows
      .filter((row) => row['log'] === log && row['room'] === room && row['owner'] === owner)
      .toSorted((one, other) => (String(one['key']) < String(other['key']) ? -1 : 1));
  },

  [`select 1 as held from daybook.tenure
    where log = $1 and name = $2 and token = $3 and expires > clock_timestamp() for share`]: async (
    transaction,
    [log, name, token],
  ) => {
    const isHeld = (row: SimRow | undefined): boolean =>
      String(row?.['token']) === String(token) && Number(row?.['expires']) > transaction.database.now();
    const key = documentKey(log, name);
    if (!isHeld(transaction.read('tenure', key))) return [];
    return isHeld(await transaction.lock('tenure', key, 'share')) ? [{ held: 1 }] : [];
  },

  [`insert into daybook.document (log, room, owner, token, key, value)
    select $1, $2, $3, $4, key, value from unnest($5::text[], $6::text[]) as d (key, value)
    on conflict (log, room, owner, key) do update set token = excluded.token, value = excluded.value`]: async (
    transaction,
    [log, room, owner, token, keys, values],
  ) => {
    for (const [at, key] of (keys as readonly string[]).entries()) {
      const row = { log, room, owner, token, key, value: (values as readonly string[])[at] };
      await transaction.write('document', documentKey(log, room, owner, key), row);
    }
    return [];
  },

  'delete from daybook.document where log = $1 and room = $2 and owner = $3 and token <= $4 and key = any($5)': async (
    transaction,
    [log, room, owner, token, keys],
  ) => {
    for (const key of keys as readonly string[]) {
      const row = await transaction.lock('document', documentKey(log, room, owner, key));
      if (row !== undefined && Number(row['token']) <= Number(token))
        await transaction.write('document', documentKey(log, room, owner, key), null);
    }
    return [];
  },

  [`delete from daybook.document where log = $1 and owner = $2 and room in ('uidl', 'runtime')`]: async (
    transaction,
    [log, owner],
  ) => {
    for (const [key, row] of transaction.rows('document'))
      if (row['log'] === log && row['owner'] === owner && (row['room'] === 'uidl' || row['room'] === 'runtime'))
        await transaction.write('document', key, null);
    return [];
  },

  [`select value from daybook.document where log = $1 and room = 'move' and owner = '' and key = ''`]: async (
    transaction,
    [log],
  ) => {
    const row = transaction.read('document', documentKey(log, 'move', '', ''));
    return row === undefined ? [] : [row];
  },
};
