import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Observable, Subject } from 'rxjs';
import { EngineFailure } from '../../streams/failure.ts';
import type { Figures } from '../../streams/figures.ts';
import type { Body, JournalOptions, SpoolItem } from '../../streams/message.ts';
import type { Archive, Bodies, Custody, EventLog, IntakeReader, MessageReader, Spool } from '../../streams/ports.ts';
import { closing, once } from '../close.ts';
import { exclusive } from '../exclusive.ts';
import type { MasterKey } from '../master-key.ts';
import { createBodies, gatherInto, type ReadLarge } from './bodies.ts';
import type { Bytes } from './bytes.types.ts';
import { type CommitLogRecovery, type OpenedCommitLog, openCommitLog } from './commit-log.ts';
import type { CommitLog, LogPosition, LogRecord, WaitingRecords } from './commit-log.types.ts';
import { createCustody } from './custody.ts';
import { type Encryption, openEncryption } from './encryption.ts';
import type { Touched } from './fold.ts';
import { folder } from './folder.ts';
import { createHolds, type Holds } from './holds.ts';
import { createHousekeeping, type Housekeeping } from './housekeeping.ts';
import { createImports, type Imports } from './imports.ts';
import type { IndexDb } from './index-db.ts';
import { type IndexMemory, loadIndexMemory } from './index-memory.ts';
import { createArchive } from './level-archive.ts';
import { openLevelBytes } from './level-bytes.ts';
import { createDefinitionStore, type DefinitionStore, readLedger, readLedgerDays } from './level-definitions.ts';
import { createLevelDocuments, type Documents } from './level-documents.ts';
import { createEventLog } from './level-event-log.ts';
import { createIntakeReader } from './level-intake.ts';
import { createMessageReader } from './level-messages.ts';
import { createSpool, waitingUnder } from './level-spool.ts';
import { openLock } from './lock.ts';
import { createLogEvidence, type LogEvidence } from './log-tree.ts';
import { prepareIndex, writeFormat } from './prepare-index.ts';
import { recentBytes } from './recent-bytes.ts';
import type { RecordKeys } from './record-keys.ts';
import { createReparses, type Reparses } from './reparses.ts';
import { createRetention, type Retention } from './retention.ts';
import { sealedBytes } from './sealed-bytes.ts';
import { openSegmentBytes } from './segment-bytes.ts';
import { createUidlStore, type UidlStore } from './uidl-store.ts';
import { createUnseal } from './unseal.ts';
import { type ShareWaits, waitDraft } from './waits.ts';

/** Bytes of fresh messages kept for their parsing: some two hundred of common size. */
const recentMaxBytes = 16 * 1024 * 1024;
/** Up to here a message is one record; beyond it goes to disk while it arrives (store section 2). */
const chunkBytes = 256 * 1024;

export interface StoreOptions {
  readonly dataDir: string;
  readonly bytes: 'segments' | 'leveldb';
  readonly segmentBytes: number;
  /** Encrypts what is written from now on, and opens what is encrypted; null: nothing is. */
  readonly master?: MasterKey | null;
  readonly now: () => number;
  readonly journalTypeOf: (item: SpoolItem) => JournalOptions['journalType'] | null;
  /** Reads large bodies off this thread; here where absent. */
  readonly readLarge?: ReadLarge | undefined;
  /** Makes the index anew from the commit log; `folded` is called with the number of records so far. */
  readonly rebuild?: { readonly folded: (records: number) => void };
}

/** How far the store is behind what it is asked to keep. */
export interface Unwritten {
  /** Of messages, in memory alone. */
  readonly bytes: number;
  readonly records: WaitingRecords;
}

/** The store of one data directory: custody, spool, archive, event log and their readers on one commit log and index. */
export interface Store extends AsyncDisposable {
  readonly custody: Custody;
  readonly spool: Spool;
  /** Items in process that wait for a copy under a match key, `limit` at most, the oldest first. */
  waiting(matchKey: string, limit: number): Promise<readonly SpoolItem[]>;
  readonly bodies: Bodies;
  /** Fills `into` with a body as it is stored, for who checks it elsewhere: the bytes may be damaged. */
  gather(body: Body, into: Uint8Array): Promise<unknown>;
  readonly archive: Archive;
  readonly messages: MessageReader;
  readonly intake: IntakeReader;
  readonly imports: Imports;
  readonly events: EventLog;
  readonly definitions: DefinitionStore;
  /** The ledger of a definition's mailbox. */
  readonly uidl: (definitionId: string) => UidlStore;
  readonly housekeeping: Housekeeping;
  readonly retention: Retention;
  readonly holds: Holds;
  readonly reparses: Reparses;
  readonly log: CommitLog;
  readonly evidence: LogEvidence;
  /** What each durable group has changed; who waits for due items or shows a status listens here. */
  readonly touched$: Observable<Touched>;
  readonly recovery: CommitLogRecovery;
  /** Resolves when nothing more can be promised on this store; close it and open another. Never while it is well. */
  readonly failure: Promise<EngineFailure>;
  figuresOf(definitionId: string | null): Figures;
  /** What is in process, and how many messages have been archived or matched, of all definitions together. */
  readonly queue: { readonly messages: number; readonly bytes: number; readonly settled: number };
  /** What was taken over and is not on disk yet. */
  readonly unwritten: Unwritten;
  /** When the oldest message in process was received, or null. */
  oldest(definitionId: string | null): number | null;
  ledger(definitionId?: string, day?: string): ReturnType<typeof readLedger>;
  ledgerDays(definitionId: string | undefined, limit: number, cursor?: string): ReturnType<typeof readLedgerDays>;
}

/**
 * Opens the store in the order of the store page, section 3: own lock, folder, index, commit log, fold.
 * @throws EngineFailure `locked`, `index-unknown`, `key-unusable`, `store-failed`
 */
export async function openStore(options: StoreOptions): Promise<Store> {
  const lock = await lockDataDir(options);
  try {
    return await openLocked(options, lock);
  } catch (error) {
    await lock[Symbol.asyncDispose]();
    throw error;
  }
}

/** The data directory, made where it is missing, for this process alone. @throws EngineFailure `locked` */
export async function lockDataDir({ dataDir }: Pick<StoreOptions, 'dataDir'>): Promise<AsyncDisposable> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  return openLock(dataDir);
}

/** As `openStore`, where the lock is held; the store gives it back when it is closed. @throws EngineFailure `index-unknown`, `store-failed` */
export async function openLocked(options: StoreOptions, lock: AsyncDisposable): Promise<Store> {
  const encryption = await openEncryption(options.dataDir, options.master ?? null);
  const index = await prepareIndex({ ...options, seal: encryption?.index ?? null });
  try {
    return await assemble(options, { index, encryption, lock });
  } catch (error) {
    await index[Symbol.asyncDispose]();
    throw error;
  }
}

async function assemble(
  options: StoreOptions,
  { encryption, ...parts }: Pick<StoreParts, 'index' | 'lock'> & { readonly encryption: Encryption | null },
): Promise<Store> {
  const { dataDir, segmentBytes } = options;
  const sealed = encryption === null ? {} : { unseal: encryption.unseal };
  const bytes =
    options.bytes === 'segments'
      ? await openSegmentBytes({ directory: join(dataDir, 'commitlog'), segmentBytes, ...sealed })
      : await openLevelBytes({ directory: join(dataDir, 'bodies'), ...sealed });
  if (encryption === null) return assembleStore({ ...options, ...parts, openLog: logOn(bytes) });
  const { keys } = encryption;
  return assembleStore({ ...options, ...parts, openLog: logOn(sealedBytes(bytes, keys), keys), keys });
}

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
  /** Makes the index know durable records. They come in order, without a gap, one group at a time. */
  readonly fold: (group: readonly LogRecord[]) => Promise<void>;
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
  /** Others may take an item over: how far it has waited goes into the log too. */
  readonly sharesWaits?: boolean;
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
  const memory = await loadIndexMemory(index);
  const write = exclusive();
  const touched$ = new Subject<Touched>();
  let records = 0;
  const fold = folder(index, memory, parts);
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
    fold: async (group) => {
      const touched = await write(() => fold(group));
      records += group.length;
      rebuild?.folded(records);
      touched$.next(touched);
    },
  });
  const shareWaits: ShareWaits = async (items) => {
    if (parts.sharesWaits === true) await log.append(waitDraft(items));
  };
  const documents = parts.documents ?? createLevelDocuments(index);
  const recent = recentBytes(recentMaxBytes);
  // The last first, each whatever became of the others: an index left open could not be opened again.
  const stack = closing();
  stack.use(lock);
  stack.use(index);
  stack.defer(() => touched$.complete());
  stack.defer(() => write(() => writeFormat(index)));
  stack.use(log);
  const custody = createCustody({ log, recent, chunkBytes: parts.chunkBytes ?? chunkBytes });
  return {
    custody,
    get unwritten() {
      return { bytes: custody.unwrittenBytes, records: log.waiting };
    },
    spool: createSpool({ index, memory, write, shareWaits }),
    waiting: (matchKey, limit) => waitingUnder({ index, memory }, matchKey, limit),
    bodies: createBodies(log, recent, parts.readLarge),
    gather: (body, into) => gatherInto(log, body, into),
    archive: createArchive({ log, index, memory, write, shareWaits, journalTypeOf }),
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
    ...ledgersOf(index, memory),
    [Symbol.asyncDispose]: once(() => stack[Symbol.asyncDispose]()),
  };
}

const ledgersOf = (index: IndexDb, memory: IndexMemory): Pick<Store, 'ledger' | 'ledgerDays'> => ({
  ledger: (definitionId, day) => readLedger(index, definitionId, day),
  ledgerDays: (definitionId, limit, cursor) =>
    readLedgerDays(index, definitionId === undefined ? memory.definitions() : [definitionId], { limit, cursor }),
});
