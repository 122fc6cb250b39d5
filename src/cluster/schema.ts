import type { Postgres, Run } from './postgres.ts';

/**
 * The tables of a cluster. Every row carries the number of its log, and every key begins with it: one database holds many
 * logs, and a distributed one (Citus) can keep each of them in one place without a new key (D-104). Changes are only added.
 */
const migrations: readonly string[] = [
  `
  create sequence daybook.token;
  create table daybook.log (
    log smallint generated always as identity primary key,
    name text not null unique,
    mark bigint not null,
    seq bigint not null default 0,
    hash bytea not null
  ) with (fillfactor = 50);
  create table daybook.record (
    log smallint not null,
    seq bigint not null,
    head bytea not null,
    tail bytea not null,
    body_length integer not null,
    body bigint,
    pack text,
    pack_at bigint,
    dropped boolean not null default false,
    primary key (log, seq)
  );
  alter table daybook.record alter head set storage external, alter tail set storage external;
  create index record_pack on daybook.record (log, pack) where pack is not null;
  create table daybook.body (
    log smallint not null,
    body bigint generated always as identity,
    bytes bytea not null,
    primary key (log, body)
  );
  alter table daybook.body alter bytes set storage external;
  create table daybook.writer (
    log smallint not null,
    worker text not null,
    session uuid not null,
    batch bigint not null,
    first_seq bigint not null,
    last_seq bigint not null,
    primary key (log, worker)
  ) with (fillfactor = 50);
  create table daybook.tenure (
    log smallint not null,
    name text not null,
    holder text not null,
    token bigint not null,
    expires timestamptz not null,
    primary key (log, name)
  ) with (fillfactor = 50);
  create table daybook.document (
    log smallint not null,
    room text not null,
    owner text not null,
    key text not null,
    token bigint not null,
    value text not null,
    primary key (log, room, owner, key)
  ) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);
  `,
  // Where the packs of a log lie in a bucket that logs of other databases may use too. Drawn anew for each log that stands.
  'alter table daybook.log add room uuid not null unique default gen_random_uuid()',
  // Of sweeps (sweep-rows.ts), epoch ms: from when on what nothing names is safe, and up to when all was looked at.
  `
  alter table daybook.log add sweep_begun bigint not null default 0, add sweep_ended bigint not null default 0;
  `,
  // Packs that are to go, and that nobody can remove before `until` (epoch ms).
  `
  create table daybook.locked (
    log smallint not null,
    pack text not null,
    until bigint not null,
    primary key (log, pack)
  );
  `,
  // The key of an encrypted log, wrapped under a master key that the database never sees (log-key.ts).
  `
  create table daybook.log_key (
    log smallint not null,
    master text not null,
    id text not null,
    wrapped bytea not null,
    primary key (log, master)
  );
  `,
];

/** Any number; two workers that start at once take turns. */
const turn = 7_319_004;

/** Brings the tables up to date; does nothing where they are. */
export function migrate(postgres: Postgres): Promise<void> {
  return postgres.transaction(async (run) => {
    await run({ text: 'select pg_advisory_xact_lock($1)', values: [turn] });
    for (let done = await migrationsDone(run); done < migrations.length; done += 1) {
      await run({ text: migrations[done] ?? '' });
      await run({ text: 'insert into daybook.migration (number) values ($1)', values: [done + 1] });
    }
  });
}

async function migrationsDone(run: Run): Promise<number> {
  const [found] = await run({ text: `select to_regclass('daybook.migration') is not null as stands` });
  if (found?.['stands'] !== true) {
    await run({ text: 'create schema if not exists daybook' });
    await run({
      text: 'create table daybook.migration (number integer primary key, at timestamptz not null default now())',
    });
  }
  const [row] = await run({ text: 'select coalesce(max(number), 0)::integer as done from daybook.migration' });
  return Number(row?.['done']);
}
