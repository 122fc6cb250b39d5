import { Subject } from 'rxjs';
import { EngineFailure } from '../../streams/failure.ts';
import { closing, once } from '../close.ts';
import { exclusive } from '../exclusive.ts';
import { createBodies, gatherInto } from './bodies.ts';
import type { Bytes } from './bytes.types.ts';
import { type OpenedCommitLog, openCommitLog } from './commit-log.ts';
import type { LogPosition, LogRecord } from './commit-log.types.ts';
import { createCustody } from './custody.ts';
import type { Touched } from './fold.ts';
import { folder } from './folder.ts';
import { createHolds } from './holds.ts';
import { createHousekeeping } from './housekeeping.ts';
import { createImports } from './imports.ts';
import type { IndexDb } from './index-db.ts';
import { type IndexMemory, loadIndexMemory } from './index-memory.ts';
import { createArchive } from './level-archive.ts';
import { createDefinitionStore, readLedger, readLedgerDays } from './level-definitions.ts';
import { createLevelDocuments, type Documents } from './level-documents.ts';
import { createEventLog } from './level-event-log.ts';
import { createIntakeReader } from './level-intake.ts';
import { createMessageReader } from './level-messages.ts';
import { createSpool, waitingUnder } from './level-spool.ts';
import { createLogEvidence } from './log-tree.ts';
import type { Store, StoreOptions } from './open-store.ts';
import { writeFormat } from './prepare-index.ts';
import { recentBytes } from './recent-bytes.ts';
import type { RecordKeys } from './record-keys.ts';
import { createReparses } from './reparses.ts';
import { createRetention } from './retention.ts';
import { Taken } from './taken.ts';
import { createUidlStore } from './uidl-store.ts';
import { createUnseal } from './unseal.ts';
import { waitsIn, waitsInto } from './waits.ts';

/** Bytes of fresh messages kept for their parsing: some two hundred of common size. */
const recentMaxBytes = 16 * 1024 * 1024;
/** Of a log that others write too: mail waits longer for its turn, and what is not there any more is asked of a server. */
const sharedRecentMaxBytes = 2 * recentMaxBytes;
/** Up to here a message is one record; beyond it goes to disk while it arrives (store section 2). */
const chunkBytes = 256 * 1024;

/** A log in files of this machine. */
export const logOn =
  (bytes: Bytes, keys?: RecordKeys): StoreParts['openLog'] =>
  (options) =>
    openCommitLog({ ...options, bytes, keys });

/** What a log is opened with, wherever it lies. */
export interface LogOptions {
  readonly now: () => number;
  /** Where the index stands; null: it knows nothing, and is made from the whole log. */
  readonly foldedUpTo: LogPosition | null;
  /** Makes the index know durable records. They come in order, without a gap, one group at a time. `elsewhere`: another engine has written them. */
  readonly fold: (group: readonly LogRecord[], elsewhere?: boolean) => Promise<void>;
  /** Told once, when nothing more is promised on this log. */
  readonly failed: (failure: EngineFailure) => void;
}

/** What a store is made of once its files are open; a simulation brings its own. */
export interface StoreParts extends Pick<StoreOptions, 'now' | 'journalTypeOf' | 'readLarge' | 'rebuild'> {
  /** Opens the log, and folds what the index does not know yet. The store closes it. */
  readonly openLog: (options: LogOptions) => Promise<OpenedCommitLog>;
  /** Where records are sealed; the log opens them, and closes the keys. */
  readonly keys?: RecordKeys | undefined;
  readonly index: IndexDb;
  /** Absent: in the index. */
  readonly documents?: Documents;
  /** Others write the log too and may take an item over: how far it has waited goes into the log. */
  readonly isShared?: boolean;
  /** Given back last, after index and log have been closed. */
  readonly lock: AsyncDisposable;
  /** The index is synced after this much of the log. */
  readonly checkpointBytes?: number;
  /** A message above this goes to the log in pieces while it arrives. */
  readonly chunkBytes?: number;
}

/** Folds what the index does not know yet, and joins the parts. @throws EngineFailure `index-unknown`, `store-failed` */
export async function assembleStore(parts: StoreParts): Promise<Store> {
  const { index, lock, now, journalTypeOf, rebuild } = parts;
  const taken = parts.isShared === true ? new Taken(now) : null;
  const memory = await loadMemory(index, taken);
  const write = exclusive();
  const touched$ = new Subject<Touched>();
  let records = 0;
  const fold = folding(folder(index, memory, parts), taken);
  let failed: (failure: EngineFailure) => void = () => undefined;
  const failure = new Promise<EngineFailure>((resolve) => {
    failed = resolve;
  });
  index.behind.failed = (error) =>
    failed(new EngineFailure('store-failed', `index: ${String(error)}`, { cause: error }));
  const log = await parts.openLog({
    now,
    failed,
    foldedUpTo: ((await index.meta.get('head')) as LogPosition | undefined) ?? null,
    fold: async (group, elsewhere = false) => {
      const touched = await write(() => fold(group));
      records += group.length;
      rebuild?.folded(records);
      touched$.next(elsewhere ? { ...touched, elsewhere } : touched);
    },
  });
  const appending = taken?.noting(log) ?? log;
  const shareWaits = waitsInto(taken === null ? null : appending);
  const documents = parts.documents ?? createLevelDocuments(log, index);
  const recent = recentBytes(taken === null ? recentMaxBytes : sharedRecentMaxBytes, now);
  // The last first, each whatever became of the others: an index left open could not be opened again.
  const stack = closing();
  stack.use(lock);
  stack.use(index);
  stack.defer(() => touched$.complete());
  stack.defer(() => write(() => writeFormat(index)));
  stack.use(log);
  const custody = createCustody({ log: appending, recent, chunkBytes: parts.chunkBytes ?? chunkBytes });
  return {
    custody,
    get unwritten() {
      return { bytes: custody.unwrittenBytes, records: log.waiting };
    },
    spool: createSpool({ index, memory, write, shareWaits, taken }),
    bodies: createBodies(log, recent, parts.readLarge),
    gather: (body, into) => gatherInto(log, body, into),
    archive: createArchive({ log, index, memory, write, shareWaits, isShared: taken !== null, journalTypeOf }),
    messages: createMessageReader(index),
    intake: createIntakeReader(index, memory),
    imports: createImports(index),
    events: createEventLog(log, index),
    definitions: createDefinitionStore(log, index, documents),
    uidl: (definitionId) => createUidlStore(documents, definitionId),
    housekeeping: createHousekeeping({ log, index, memory }),
    retention: createRetention({ log, index, memory }),
    holds: createHolds({ log, index }),
    reparses: createReparses({ log, index }),
    log,
    evidence: createLogEvidence(log, index, memory, createUnseal(parts.keys ?? null)),
    touched$,
    recovery: log.recovery,
    failure,
    figuresOf: (definitionId) => memory.figuresOf(definitionId),
    queue: memory.queue,
    oldest: (definitionId) => memory.oldestOf(definitionId),
    ...readersOf(index, memory),
    [Symbol.asyncDispose]: once(() => stack[Symbol.asyncDispose]()),
  };
}

const folding = (fold: ReturnType<typeof folder>, taken: Taken | null): ReturnType<typeof folder> =>
  taken === null ? fold : taken.folding(fold);

async function loadMemory(index: IndexDb, taken: Taken | null): Promise<IndexMemory> {
  const memory = await loadIndexMemory(index);
  return taken === null ? memory : { ...memory, due: taken.dueIn(memory.due) };
}

const readersOf = (
  index: IndexDb,
  memory: IndexMemory,
): Pick<Store, 'waiting' | 'waits' | 'ledger' | 'ledgerDays'> => ({
  waiting: (matchKey, limit) => waitingUnder({ index, memory }, matchKey, limit),
  waits: () => waitsIn(index),
  ledger: (definitionId, day) => readLedger(index, definitionId, day),
  ledgerDays: (definitionId, limit, cursor) =>
    readLedgerDays(index, definitionId === undefined ? memory.definitions() : [definitionId], { limit, cursor }),
});
