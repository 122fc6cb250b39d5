import { EngineFailure } from '../../streams/failure.ts';
import type { Documents } from '../store/level-documents.ts';
import { answered, type Postgres, type Statement } from './postgres.ts';
import { definitionTenure } from './tenures.ts';

type Document = Readonly<Record<string, unknown>>;

export interface SharedDocumentsParts {
  readonly postgres: Postgres;
  /** Number of the log. */
  readonly log: number;
  /** By what right this worker writes for a definition; null: it does not hold it. */
  readonly tokenOf: (definitionId: string) => string | null;
}

/** In the database, written only by the worker that holds the definition (D-104): what comes later from another is refused. */
export function createSharedDocuments(parts: SharedDocumentsParts): Documents {
  const { postgres, log } = parts;
  const read = async (room: string, owner: string): Promise<ReadonlyMap<string, Document>> => {
    const rows = await answered(
      postgres.run({
        name: 'documents',
        text: 'select key, value from daybook.document where log = $1 and room = $2 and owner = $3 order by key',
        values: [log, room, owner],
      }),
    );
    return new Map(rows.map((row) => [String(row['key']), JSON.parse(String(row['value'])) as Document]));
  };
  return {
    readUidl: (definitionId) => read('uidl', definitionId),
    writeUidl: (definitionId, changes) => write(parts, 'uidl', definitionId, changes),
    loadRuntime: async (definitionId) => (await read('runtime', definitionId)).get(''),
    saveRuntime: (definitionId, runtime) => write(parts, 'runtime', definitionId, new Map([['', runtime]])),
    forget: async (definitionId) => {
      const text = `delete from daybook.document where log = $1 and owner = $2 and room in ('uidl', 'runtime')`;
      await answered(postgres.run({ text, values: [log, definitionId] }));
    },
  };
}

/** @throws EngineFailure `store-failed`, also where another worker holds the definition by now; then nothing was written */
async function write(
  { postgres, log, tokenOf }: SharedDocumentsParts,
  room: string,
  owner: string,
  changes: ReadonlyMap<string, Document | null>,
): Promise<void> {
  const token = tokenOf(owner);
  if (token === null) throw new EngineFailure('store-failed', `this worker does not hold ${owner}`);
  const statements = statementsOf(changes, [log, room, owner, token]);
  await answered(
    postgres.transaction(async (run) => {
      const [held] = await run({
        name: 'held',
        text: `select 1 as held from daybook.tenure
               where log = $1 and name = $2 and token = $3 and expires > clock_timestamp() for share`,
        values: [log, definitionTenure(owner), token],
      });
      if (held === undefined) throw new EngineFailure('store-failed', `another worker holds ${owner}`);
      for (const statement of statements) await run(statement);
    }),
  );
}

function statementsOf(changes: ReadonlyMap<string, Document | null>, place: readonly unknown[]): readonly Statement[] {
  const put = [...changes].filter((change): change is [string, Document] => change[1] !== null);
  const taken = [...changes].filter(([, value]) => value === null).map(([key]) => key);
  const statements: Statement[] = [];
  if (put.length > 0) {
    statements.push({
      name: 'put-documents',
      text: `insert into daybook.document (log, room, owner, token, key, value)
             select $1, $2, $3, $4, key, value from unnest($5::text[], $6::text[]) as d (key, value)
             on conflict (log, room, owner, key) do update set token = excluded.token, value = excluded.value`,
      values: [...place, put.map(([key]) => key), put.map(([, value]) => JSON.stringify(value))],
    });
  }
  if (taken.length > 0) {
    statements.push({
      name: 'take-documents',
      text: 'delete from daybook.document where log = $1 and room = $2 and owner = $3 and token <= $4 and key = any($5)',
      values: [...place, taken],
    });
  }
  return statements;
}
