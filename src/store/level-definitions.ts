import type { Page } from '../../streams/ports.ts';
import type { CommandFacts, CommitLog } from './commit-log.types.ts';
import type { IndexDb } from './index-db.ts';
import { lastPart, rangeOf, versionKey, within } from './keys.ts';
import type { Documents } from './level-documents.ts';
import { type DefinitionRow, emptyLedger, type LedgerRow } from './rows.ts';

/** Journal definitions as the store knows them, their versions for mail in process, and what outlives a restart. */
export interface DefinitionStore {
  all(): Promise<readonly DefinitionRow[]>;
  get(definitionId: string): Promise<DefinitionRow | undefined>;
  /** The document in force at `version`, secrets masked. */
  version(definitionId: string, version: number): Promise<Readonly<Record<string, unknown>> | undefined>;
  /**
   * Durable when it resolves to true; the event is in the event log by then. `stands`: whether the definitions are still
   * as the command was decided on, asked while nothing else is decided here or elsewhere; false: nothing was written.
   */
  command(facts: CommandFacts, stands?: (rows: readonly DefinitionRow[]) => boolean): Promise<boolean>;
  /** What the lifecycle saves now and then; not part of the commit log, so a rebuilt index starts it anew. */
  loadRuntime(definitionId: string): Promise<Readonly<Record<string, unknown>> | undefined>;
  saveRuntime(definitionId: string, runtime: Readonly<Record<string, unknown>>): Promise<void>;
  /** What the lifecycle of a removed definition saved; the ledger of its mailbox went with it. Durable when it resolves. */
  forget(definitionId: string): Promise<void>;
}

export function createDefinitionStore(log: CommitLog, index: IndexDb, documents: Documents): DefinitionStore {
  const all = async (): Promise<readonly DefinitionRow[]> => {
    const rows: DefinitionRow[] = [];
    for await (const row of index.definition.values()) rows.push(row);
    return rows;
  };
  return {
    all,
    get: async (definitionId) => index.definition.get(definitionId),
    version: async (definitionId, version) => index.version.get(versionKey(definitionId, version)),
    command: (facts, stands = () => true) =>
      log.deciding(async (append) => {
        if (!stands(await all())) return false;
        await append({ kind: 'command', facts, payload: [] });
        return true;
      }),
    loadRuntime: (definitionId) => documents.loadRuntime(definitionId),
    saveRuntime: (definitionId, runtime) => documents.saveRuntime(definitionId, runtime),
    forget: (definitionId) => documents.forget(definitionId),
  };
}

/** Rows of one day, one for each definition. */
export interface LedgerOfDay {
  readonly day: string;
  readonly rows: readonly LedgerRow[];
}

/** The newest `limit` days before the day `cursor` on which anything was received; `ranges` are those of definitions. */
export async function readLedgerDays(
  index: IndexDb,
  ranges: readonly string[],
  { limit, cursor }: { readonly limit: number; readonly cursor: string | undefined },
): Promise<Page<LedgerOfDay>> {
  const days = new Map<string, LedgerRow[]>();
  for (const range of ranges) {
    const { gte, lt } = within(range);
    let read = 0;
    for await (const [key, row] of index.ledger.entries({
      gte,
      lt: cursor === undefined ? lt : gte + cursor,
      reverse: true,
    })) {
      const day = lastPart(key);
      days.set(day, [...(days.get(day) ?? []), { ...emptyLedger, ...row }]);
      read += 1;
      // One more than is shown says whether there are more.
      if (read > limit) break;
    }
  }
  const newest = [...days].toSorted(([a], [b]) => (a < b ? 1 : -1)).map(([day, rows]) => ({ day, rows }));
  const items = newest.slice(0, limit);
  return { items, next: newest.length > limit ? (items.at(-1)?.day ?? null) : null };
}

/** The conservation account of days: rows of one definition (or of all, the gateway's too) and one day (or of all). */
export async function readLedger(
  index: IndexDb,
  definitionId: string | undefined,
  day: string | undefined,
): Promise<readonly (LedgerRow & { readonly definition: string | null; readonly day: string })[]> {
  const range = definitionId === undefined ? {} : within(rangeOf(definitionId));
  const rows = [];
  for await (const [key, row] of index.ledger.entries(range)) {
    const [definition = '', of = ''] = key.split('\u0000');
    if (day !== undefined && of !== day) continue;
    rows.push({ ...emptyLedger, ...row, definition: definition === '~' ? null : definition, day: of });
  }
  return rows;
}
