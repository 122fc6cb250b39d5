import { type IntakeState, inProcessStates } from '../../streams/message.ts';
import type { IntakeQuery, IntakeReader, IntakeRecord, Page } from '../../streams/ports.ts';
import type { IndexDb } from './index-db.ts';
import type { IndexMemory } from './index-memory.ts';
import { lastPart, rangeOf } from './keys.ts';
import { newestFirst, pageOf } from './page.ts';
import type { IntakeRow } from './rows.ts';

/** Intake records, ended or not. Rare states and items in process have an index of their own. */
export function createIntakeReader(index: IndexDb, memory: IndexMemory): IntakeReader {
  return {
    get: async (id) => {
      const row = await index.intake.get(id);
      return row === undefined ? undefined : recordOf(row, memory);
    },
    find: async (query) => {
      const wanted = (row: IntakeRow): boolean => matches(row, query, memory);
      const page = await pageOf(rowsFor(index, memory, query), query.limit, wanted, ({ intakeId }) => intakeId);
      return { items: page.items.map((row) => recordOf(row, memory)), next: page.next } satisfies Page<IntakeRecord>;
    },
  };
}

function rowsFor(index: IndexDb, memory: IndexMemory, query: IntakeQuery): AsyncIterable<IntakeRow> {
  const { state, cursor } = query;
  if (state === undefined || state === 'archived' || state === 'matched')
    return index.intake.values(newestFirst(cursor));
  if (!isInProcess(state)) return named(index, index.state.keys(newestFirst(cursor, state)));
  return openRows(index, memory, query);
}

/** Rows in process, newest first over all definitions: the newest of each range, merged. */
async function* openRows(index: IndexDb, memory: IndexMemory, query: IntakeQuery): AsyncGenerator<IntakeRow> {
  const ranges = query.definition === undefined ? memory.definitions() : [query.definition];
  const readers = ranges.map((range) => index.open.keys(newestFirst(query.cursor, range)));
  const heads = await Promise.all(readers.map(nextOf));
  try {
    for (;;) {
      let at = -1;
      for (const [place, key] of heads.entries()) {
        if (key !== undefined && (at < 0 || lastPart(key) > lastPart(heads[at] ?? ''))) at = place;
      }
      const key = heads[at];
      if (key === undefined) return;
      const row = await index.intake.get(lastPart(key));
      if (row !== undefined) yield row;
      heads[at] = await nextOf(readers[at]);
    }
  } finally {
    await Promise.all(readers.map((reader) => reader.return()));
  }
}

const nextOf = async (reader: AsyncGenerator<string, void> | undefined): Promise<string | undefined> =>
  (await reader?.next())?.value ?? undefined;

async function* named(index: IndexDb, keys: AsyncIterable<string>): AsyncGenerator<IntakeRow> {
  for await (const key of keys) {
    const row = await index.intake.get(lastPart(key));
    if (row !== undefined) yield row;
  }
}

type Removed = Pick<IndexMemory, 'removed'>;

function matches(
  row: IntakeRow,
  { definition, state, reason, flag, since, until }: IntakeQuery,
  removed: Removed,
): boolean {
  if (definition !== undefined && rangeOf(row.definitionId) !== definition) return false;
  if (flag !== undefined && !flagsOf(row, removed).includes(flag)) return false;
  if (row.receivedAt < (since ?? 0) || row.receivedAt > (until ?? Number.POSITIVE_INFINITY)) return false;
  return (state === undefined || row.state === state) && (reason === undefined || row.reason === reason);
}

/** What is kept of a definition that was removed is nobody's, and says so (journaling d.2, T13). */
function flagsOf({ definitionId, state, parsed, flags }: IntakeRow, { removed }: Removed): readonly string[] {
  const own = parsed?.flags ?? flags;
  const isKept = state === 'held' || state === 'quarantined';
  return isKept && definitionId !== null && removed.has(definitionId) ? [...own, 'orphan'] : own;
}

const isInProcess = (state: IntakeState): boolean => (inProcessStates as readonly string[]).includes(state);

function recordOf(row: IntakeRow, removed: Removed): IntakeRecord {
  const { parsed: _parsed, dueAt, sharedWith: _sharedWith, ...rest } = row;
  const waits = isInProcess(row.state);
  return {
    ...rest,
    flags: flagsOf(row, removed),
    nextAttemptAt: waits ? dueAt : null,
  };
}
