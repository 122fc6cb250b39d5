import { EngineFailure } from '../../streams/failure.ts';
import type { Documents } from '../store/level-documents.ts';
import { putDocuments, takeDocuments } from './document-rows.ts';
import { type DocumentPlace, documentText } from './document-text.ts';
import type { LogSeal } from './log-seal.ts';
import { answered, type Postgres } from './postgres.ts';
import { isHeld } from './tenure-rows.ts';
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
  const place = { log, room, owner, token };
  const put = new Map<string, string>();
  const taken: string[] = [];
  for (const [key, value] of changes) {
    if (value === null) taken.push(key);
    else put.set(key, text.seal({ room, owner, key }, JSON.stringify(value)));
  }
  await answered(
    postgres.transaction(async (run) => {
      if (!(await isHeld(run, { log, name: definitionTenure(owner), token })))
        throw new EngineFailure('store-failed', `another worker holds ${owner}`);
      if (put.size > 0) await run(putDocuments(place, put));
      if (taken.length > 0) await run(takeDocuments(place, taken));
    }),
  );
}
