import { EngineFailure } from '../../streams/failure.ts';
import type { Documents } from '../store/level-documents.ts';
import { type DocumentPlace, documentText } from './document-text.ts';
import type { LogSeal } from './log-seal.ts';
import { answered, type Postgres, type Statement } from './postgres.ts';
import { definitionTenure } from './tenures.ts';

type Document = Readonly<Record<string, unknown>>;

export interface SharedDocumentsParts {
  readonly postgres: Postgres;
  /** Number of the log. */
  readonly log: number;
  /** Null: in clear. */
  readonly seal: LogSeal | null;
  /** By what right this worker writes for a definition; null: it does not hold it. */
  readonly tokenOf: (definitionId: string) => string | null;
}

/** In the database, written only by the worker that holds the definition (D-104): what comes later from another is refused. */
export function createSharedDocuments(parts: SharedDocumentsParts): Documents {
  const { postgres, log } = parts;
  const text = documentText(parts.seal);
  const read = async (room: string, owner: string): Promise<ReadonlyMap<string, Document>> => {
    const rows = await answered(
      postgres.run({
        name: 'documents',
        text: 'select key, value from daybook.document where log = $1 and room = $2 and owner = $3 order by key',
        values: [log, room, owner],
      }),
    );
    return new Map(
      rows.map((row) => {
        const key = String(row['key']);
        return [key, JSON.parse(text.open({ room, owner, key }, String(row['value']))) as Document];
      }),
    );
  };
  return {
    readUidl: (definitionId) => read('uidl', definitionId),
    writeUidl: (definitionId, changes) => write(parts, { room: 'uidl', owner: definitionId }, changes),
    loadRuntime: async (definitionId) => (await read('runtime', definitionId)).get(''),
    saveRuntime: (definitionId, runtime) =>
      write(parts, { room: 'runtime', owner: definitionId }, new Map([['', runtime]])),
    forget: async (definitionId) => {
      const statement = `delete from daybook.document where log = $1 and owner = $2 and room in ('uidl', 'runtime')`;
      await answered(postgres.run({ text: statement, values: [log, definitionId] }));
    },
  };
}

/** @throws EngineFailure `store-failed`, also where another worker holds the definition by now; then nothing was written */
async function write(
  { postgres, log, seal, tokenOf }: SharedDocumentsParts,
  { room, owner }: Pick<DocumentPlace, 'room' | 'owner'>,
  changes: ReadonlyMap<string, Document | null>,
): Promise<void> {
  const token = tokenOf(owner);
  if (token === null) throw new EngineFailure('store-failed', `this worker does not hold ${owner}`);
  const text = documentText(seal);
  const textOf = (key: string, value: Document): string => text.seal({ room, owner, key }, JSON.stringify(value));
  const statements = statementsOf(changes, { place: [log, room, owner, token], textOf });
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

function statementsOf(
  changes: ReadonlyMap<string, Document | null>,
  { place, textOf }: { readonly place: readonly unknown[]; readonly textOf: (key: string, value: Document) => string },
): readonly Statement[] {
  const put = [...changes].filter((change): change is [string, Document] => change[1] !== null);
  const taken = [...changes].filter(([, value]) => value === null).map(([key]) => key);
  const statements: Statement[] = [];
  if (put.length > 0) {
    statements.push({
      name: 'put-documents',
      text: `insert into daybook.document (log, room, owner, token, key, value)
             select $1, $2, $3, $4, key, value from unnest($5::text[], $6::text[]) as d (key, value)
             on conflict (log, room, owner, key) do update set token = excluded.token, value = excluded.value`,
      values: [...place, put.map(([key]) => key), put.map((each) => textOf(...each))],
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
