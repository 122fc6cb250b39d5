import { randomUUID } from 'node:crypto';
import { asyncScheduler, type SchedulerLike } from 'rxjs';
import { DropRows } from '../../src/cluster/drop-rows.ts';
import { openLogSeal } from '../../src/cluster/log-key.ts';
import { openLogRows, openSharedLog } from '../../src/cluster/open-shared-log.ts';
import { type SweepOptions, sweepIfDue } from '../../src/cluster/pack-sweep.ts';
import type { Postgres } from '../../src/cluster/postgres.ts';
import { SweepRows } from '../../src/cluster/sweep-rows.ts';
import type { Vault } from '../../src/cluster/vault.types.ts';
import type { MasterKey } from '../../src/master-key.ts';
import type { CommitLog, LogRecord, RecordDraft } from '../../src/store/commit-log.types.ts';
import { encodeParticulars } from '../../src/store/particulars.ts';

/** A log of several workers without stores over it: what each has folded is a list. */
export interface SharedLogFixture extends AsyncDisposable {
  readonly postgres: Postgres;
  readonly name: string;
  /** Number of the log in the database. */
  readonly id: number;
  /** Its room in the object storage. */
  readonly room: string;
  open(worker: string): Promise<OpenedLog>;
}

export interface OpenedLog {
  readonly log: CommitLog;
  readonly folded: readonly LogRecord[];
}

export interface SharedLogFixtureOptions {
  readonly postgres: Postgres;
  /** Opens the room of bodies for one worker; null: they lie in the database. */
  readonly openVault: ((room: string) => Vault) | null;
  /** Encrypts the log; in clear by default. */
  readonly master?: MasterKey | null;
  /** Its name; a new one by default. */
  readonly log?: string;
  readonly clock?: SchedulerLike;
  readonly now?: () => number;
  /** By what right mail of a mailbox is written; by none by default. */
  readonly tokenOf?: (definitionId: string) => string | null;
}

/** Closes the database that it is given. */
export async function openSharedLogFixture({
  postgres,
  openVault,
  master = null,
  clock = asyncScheduler,
  now = () => Date.now(),
  tokenOf = () => null,
  log: name = `log-${randomUUID()}`,
}: SharedLogFixtureOptions): Promise<SharedLogFixture> {
  const rows = await openLogRows(postgres, name);
  const seal = await openLogSeal({ postgres, rows }, master);
  const logs: CommitLog[] = [];
  return {
    postgres,
    name,
    id: rows.id,
    room: rows.room,
    open: async (worker) => {
      const folded: LogRecord[] = [];
      const log = await openSharedLog({
        postgres,
        rows,
        vault: openVault === null ? null : openVault(rows.room),
        seal,
        worker,
        clock,
        tokenOf,
        now,
        foldedUpTo: null,
        fold: async (group) => void folded.push(...group),
        failed: () => undefined,
      });
      logs.push(log);
      return { log, folded };
    },
    [Symbol.asyncDispose]: async () => {
      for (const log of logs) await log[Symbol.asyncDispose]();
      await postgres[Symbol.asyncDispose]();
    },
  };
}

/** Sweeps the packs of a log as if it were `now` (epoch ms). Answers how many it removed; null: none was due. */
export async function sweepAt(
  { postgres, id }: Pick<SharedLogFixture, 'postgres' | 'id'>,
  vault: Pick<Vault, 'answers' | 'list' | 'remove' | 'lockedUntil'>,
  now: number,
  { isEnding = () => false, ...options }: Partial<Pick<SweepOptions, 'isEnding' | 'max'>> = {},
): Promise<number | null> {
  let sum = 0;
  const removed = (packs: number): void => {
    sum += packs;
  };
  const [rows, drops] = [new SweepRows(postgres, id), new DropRows(postgres, id)];
  const isWhole = await sweepIfDue({ rows, drops, vault }, { now, isEnding, removed, ...options });
  return isWhole === null ? null : sum;
}

/** A message with what is told of it at the end of its payload, as custody writes it. */
export function mailDraft(body: Uint8Array, told: unknown): RecordDraft {
  const particulars = encodeParticulars(told);
  const facts = { particulars: particulars.length };
  return { kind: 'intake', facts, payload: [body, particulars], particulars: told };
}
