import { randomUUID } from 'node:crypto';
import { asyncScheduler } from 'rxjs';
import { openLogRows, openSharedLog } from '../../src/cluster/open-shared-log.ts';
import { openPostgres, type Postgres } from '../../src/cluster/postgres.ts';
import type { Vault } from '../../src/cluster/vault.types.ts';
import type { CommitLog, LogRecord, RecordDraft } from '../../src/store/commit-log.types.ts';
import { encodeParticulars } from '../../src/store/particulars.ts';

/** A log of several workers without stores over it: what each has folded is a list. */
export interface SharedLogFixture extends AsyncDisposable {
  readonly postgres: Postgres;
  /** Number of the log in the database. */
  readonly id: number;
  open(worker: string): Promise<OpenedLog>;
}

export interface OpenedLog {
  readonly log: CommitLog;
  readonly folded: readonly LogRecord[];
}

export interface SharedLogFixtureOptions {
  /** Connection string. */
  readonly url: string;
  /** Opens the room of bodies for one worker; null: they lie in the database. */
  readonly openVault: ((room: string) => Vault) | null;
}

export async function openSharedLogFixture({ url, openVault }: SharedLogFixtureOptions): Promise<SharedLogFixture> {
  const postgres = openPostgres(url);
  const rows = await openLogRows(postgres, `log-${randomUUID()}`);
  const logs: CommitLog[] = [];
  return {
    postgres,
    id: rows.id,
    open: async (worker) => {
      const folded: LogRecord[] = [];
      const log = await openSharedLog({
        postgres,
        rows,
        vault: openVault === null ? null : openVault(rows.room),
        worker,
        clock: asyncScheduler,
        now: () => Date.now(),
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

/** A message with what is told of it at the end of its payload, as custody writes it. */
export function mailDraft(body: Uint8Array, told: unknown): RecordDraft {
  const particulars = encodeParticulars(told);
  const facts = { particulars: particulars.length };
  return { kind: 'intake', facts, payload: [body, particulars], particulars: told };
}
