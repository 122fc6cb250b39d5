import { createHash } from 'node:crypto';
import { lastValueFrom, of, type SchedulerLike } from 'rxjs';
import { EngineFailure } from '../../streams/failure.ts';
import { ingest } from '../../streams/ingest.ts';
import type { Custodied } from '../../streams/message.ts';
import type { Delivery, NewId, Receipt } from '../../streams/ports.ts';
import { exclusiveByKey } from '../exclusive.ts';
import type { ImportApi, TakenImport, WantedImport } from '../http/import.types.ts';
import { importName } from '../import-name.ts';
import type { Admission, Capacity } from './capacity.ts';
import type { Definition } from './definition-book.types.ts';
import type { Workshop } from './workshop.ts';

interface ImportParts {
  readonly capacity: Capacity;
  readonly newId: NewId;
}

/**
 * Imported mail goes the way of any other: custody, then the line of its definition. What was imported before is known by
 * the index, which is a fold of the intake records, so it holds over a kill at any moment; two of the same name at once
 * wait for each other.
 */
export function createImportApi(
  { store, book, clock, options }: Pick<Workshop, 'store' | 'book' | 'clock' | 'options'>,
  { capacity, newId }: ImportParts,
): ImportApi {
  const maxMessageBytes = options.smtp.maxMessageBytes;
  // As many keys as there are requests.
  const inTurn = exclusiveByKey();
  return {
    maxMessageBytes,
    known: async (definitionId, names) => {
      if (book.get(definitionId) === undefined) return undefined;
      return (await store.imports.find(definitionId, names)).map((id) => id !== undefined);
    },
    take: async (wanted, bytes) => {
      const definition = book.get(wanted.definitionId);
      if (definition === undefined) return undefined;
      refuseUnless(capacity.admit(wanted.sizeHintBytes));
      const receipt = capacity.custody.begin(undefined, wanted.sizeHintBytes);
      try {
        const { sha256, size } = await fill(receipt, bytes, maxMessageBytes);
        const name = importName(wanted.as, sha256, wanted.envelope);
        return await inTurn(`${wanted.definitionId} ${name}`, async () => {
          const [intakeId] = await store.imports.find(wanted.definitionId, [name]);
          if (intakeId === undefined) return await commit(receipt, { wanted, definition }, { newId, clock });
          receipt.abort();
          return { intakeId, size, sha256, known: true };
        });
      } catch (error) {
        receipt.abort();
        throw error;
      }
    },
  };
}

/** @throws EngineFailure when the engine has no room for one more message now */
function refuseUnless(admission: Admission): void {
  if (admission === 'ok') return;
  if (admission === 'failed') throw new EngineFailure('store-failed');
  if (admission === 'stopping') throw new EngineFailure('stopping');
  throw new EngineFailure('store-full', admission === 'overloaded' ? 'the engine is overloaded' : undefined);
}

async function fill(
  receipt: Receipt,
  bytes: AsyncIterable<Uint8Array>,
  limitBytes: number,
): Promise<{ readonly sha256: string; readonly size: number }> {
  const hash = createHash('sha256');
  let size = 0;
  for await (const chunk of bytes) {
    size += chunk.length;
    if (size > limitBytes) throw new EngineFailure('too-large', `${limitBytes} bytes are taken`);
    hash.update(chunk);
    await receipt.write(chunk);
  }
  return { sha256: hash.digest('hex'), size };
}

async function commit(
  receipt: Receipt,
  { wanted, definition }: { readonly wanted: WantedImport; readonly definition: Definition },
  { newId, clock }: { readonly newId: NewId; readonly clock: SchedulerLike },
): Promise<TakenImport> {
  const { as: importedAs, envelope, actor, peer } = wanted;
  let custodied: Custodied | undefined;
  let failure = new EngineFailure('store-failed');
  const delivery: Delivery = {
    receipt,
    destinations: [{ definitionId: definition.id, definitionVersion: definition.version }],
    origin: 'import',
    transport: { kind: 'import', peer, ...envelope, tls: null, authenticatedAs: actor, uidl: null, importedAs },
    acknowledge: (answer) => {
      custodied = answer;
    },
    refuse: (reason) => {
      failure = reason;
    },
  };
  await lastValueFrom(of(delivery).pipe(ingest({ newId }, { concurrency: 1 }, clock)));
  const intakeId = custodied?.intakeIds[0];
  if (custodied === undefined || intakeId === undefined) throw failure;
  return { intakeId, size: custodied.size, sha256: custodied.sha256, known: false };
}
