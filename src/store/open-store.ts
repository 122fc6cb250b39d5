import { join } from 'node:path';
import type { Observable } from 'rxjs';
import type { EngineFailure } from '../../streams/failure.ts';
import type { Figures } from '../../streams/figures.ts';
import type { Body, JournalOptions, SpoolItem } from '../../streams/message.ts';
import type { Archive, Bodies, Custody, EventLog, IntakeReader, MessageReader } from '../../streams/ports.ts';
import type { Spool } from '../../streams/spool.ts';
import { makeFolder } from '../make-folder.ts';
import type { MasterKey } from '../master-key.ts';
import { assembleStore, logOn, type StoreParts } from './assemble-store.ts';
import type { ReadLarge } from './bodies.ts';
import type { CommitLogRecovery } from './commit-log.ts';
import type { CommitLog, Wait, WaitingRecords } from './commit-log.types.ts';
import { type Encryption, openEncryption } from './encryption.ts';
import type { Touched } from './fold.ts';
import type { Holds } from './holds.ts';
import type { Housekeeping } from './housekeeping.ts';
import type { Imports } from './imports.ts';
import { openLevelBytes } from './level-bytes.ts';
import type { DefinitionStore, readLedger, readLedgerDays } from './level-definitions.ts';
import { openLock } from './lock.ts';
import type { LogEvidence } from './log-tree.ts';
import { refuseMoved } from './moved.ts';
import { prepareIndex } from './prepare-index.ts';
import type { Reparses } from './reparses.ts';
import type { Retention } from './retention.ts';
import { sealedBytes } from './sealed-bytes.ts';
import { openSegmentBytes } from './segment-bytes.ts';
import type { UidlStore } from './uidl-store.ts';

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
  /** Opened by who moves it: its archive may lie in a cluster (D-121). */
  readonly evenIfMoved?: boolean;
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
  /** How far each item in process has waited, in no order that counts. */
  waits(): AsyncIterable<Wait>;
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
  await makeFolder(dataDir);
  return openLock(dataDir);
}

/** As `openStore`, where the lock is held; the store gives it back when it is closed. @throws EngineFailure `index-unknown`, `store-failed` */
export async function openLocked(options: StoreOptions, lock: AsyncDisposable): Promise<Store> {
  if (options.evenIfMoved !== true) await refuseMoved(options.dataDir);
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
