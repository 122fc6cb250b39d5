import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EngineFailure } from '../../streams/failure.ts';
import { isSignedBy, keyId, type SignedHead } from '../evidence/head.ts';
import { keyFile, publicKeyFile, readPublicKeys } from '../evidence/signing-key.ts';
import type { FoundHead, FoundHeads } from '../evidence/stored-stamps.ts';
import type { Reading } from '../store/encryption.ts';
import { openLevelBytes } from '../store/level-bytes.ts';
import { checkLevelFiles, type FileFault } from '../store/leveldb-check.ts';
import { reserveFaults } from '../store/reserve.ts';
import { segmentName } from '../store/segment-files.ts';
import { createUnseal } from '../store/unseal.ts';
import { checkKeyFiles } from '../store/verify-keys.ts';
import { openedRecord, type Verified, verifySegments } from '../store/verify-segments.ts';
import { LogAudit } from './log-audit.ts';
import { openedCopy } from './opened-copy.ts';
import { smallFaults } from './small-files.ts';
import { endFaults, indexFaults, indexOf, type LogEnd } from './verify-index.ts';

/** Where the records of a log lie; `database`: not in the data directory. */
export type LogPlace = 'segments' | 'leveldb' | 'database';

export interface VerifyOptions {
  readonly dataDir: string;
  readonly bytes: LogPlace;
  /** The records that count, where an engine writes on; null: the engine is stopped. */
  readonly upTo: number | null;
  /** Not every byte: the index, the keys, the footers of sealed segments and all of the last one. */
  readonly quick?: boolean;
  /** Opens what is encrypted; without it nothing is. */
  readonly reading?: Reading;
  /** The records where no files are to be read: of a running engine whose files only it can read, or of a database. */
  readonly records?: AsyncIterable<Verified>;
  /** Heads kept elsewhere: the log must be an extension of each. */
  readonly heads?: readonly SignedHead[];
  /** Heads of the anchors; read before `upTo` is taken, or the log seems to lack what came in between. */
  readonly kept?: FoundHeads;
  /** Told now and then how much was read. */
  readonly progress?: (bytes: number) => void;
}

/** What a verification found. Nothing is changed by it. */
export interface VerifyReport {
  /** Looked at: with `quick` those of the last segment, and no tree is made. */
  readonly records: number;
  readonly bytes: number;
  readonly heads: number;
  /** Heads of anchors that the log was compared with. */
  readonly anchored: number;
  /** Payloads deleted by policy, with a tombstone. */
  readonly deleted: number;
  /** Records whose content nobody could look at, for want of the master key. */
  readonly unread: number;
  /** Master keys that open the archive; none where it is not encrypted. */
  readonly keyIds: readonly string[];
  /** Written in part when the engine was killed, and promised to nobody. */
  readonly tornBytes: number;
  readonly log: string;
  readonly size: number;
  readonly root: string;
  readonly faults: readonly FileFault[];
  /** Left out for want of a place where it could be done. */
  readonly unchecked: readonly FileFault[];
}

const firstSegment = `commitlog/${segmentName(1)}`;

/** What an archive in clear is read with. */
const inClear: Reading = { unseal: createUnseal(null), index: null, hasKey: true };

/** Verifies a data directory from its bytes (interface section 1, store section 4). @throws the system's error where it cannot be read, NoPlaceError where its log cannot */
export async function verifyData(options: VerifyOptions): Promise<VerifyReport> {
  const { dataDir, heads = [], kept = { heads: [], faults: [] }, quick = false, progress } = options;
  const faults: FileFault[] = [...(await smallFaults(dataDir)), ...kept.faults];
  const publicKeys = await keysOf(dataDir, faults);
  const keyFiles = await checkKeyFiles(dataDir);
  const index = await indexOf({ reading: inClear, ...options }, keyFiles.keyIds.length > 0);
  faults.push(...keyFiles.faults, ...index.faults);
  let bytes = index.bytes + keyFiles.bytes;
  let tornBytes = 0;
  let looked = 0;
  let end: LogEnd = { lastSeq: 0, file: options.bytes === 'segments' ? firstSegment : 'commitlog' };
  const sizes = [
    index.head?.seq,
    index.tree?.size,
    ...[...heads, ...kept.heads.map(({ head }) => head)].map(({ size }) => size),
  ];
  const audit = new LogAudit(
    publicKeys,
    sizes.filter((size): size is number => size !== undefined),
  );
  for await (const step of options.records ?? recordsOf(options)) {
    // Without the records before there is nothing that they could follow from.
    if (step.kind === 'record') {
      looked += 1;
      end = { ...end, lastSeq: step.head.record.seq };
      if (!quick) audit.add(step.head, step);
    } else if (step.kind === 'fault') faults.push(step.fault);
    else if (step.kind === 'torn') tornBytes += step.bytes;
    else {
      bytes += step.bytes;
      end = { lastSeq: step.lastSeq ?? end.lastSeq, file: step.next ?? end.file };
    }
    if (step.kind === 'read') progress?.(bytes);
  }
  if (quick) faults.push(...endFaults(index, end));
  else {
    faults.push(...(await reserveFaults(dataDir)));
    audit.end();
    faults.push(...audit.faults, ...indexFaults(index, audit, end));
    for (const head of heads) faults.push(...headFaults({ head, file: 'commitlog' }, audit, publicKeys));
    for (const each of kept.heads) faults.push(...headFaults(each, audit, publicKeys));
  }
  const { deleted, unread, name, size, root } = audit;
  const { keyIds } = keyFiles;
  const anchored = quick ? 0 : kept.heads.length;
  return {
    records: looked,
    bytes,
    heads: audit.heads,
    anchored,
    deleted,
    unread,
    keyIds,
    tornBytes,
    log: name,
    size,
    root,
    faults,
    unchecked: index.unchecked,
  };
}

async function* recordsOf({
  dataDir,
  bytes,
  upTo,
  quick = false,
  reading: { unseal } = inClear,
}: VerifyOptions): AsyncGenerator<Verified> {
  if (bytes === 'segments') {
    yield* verifySegments({ directory: join(dataDir, 'commitlog'), upTo, quick, unseal });
    return;
  }
  if (bytes === 'database') throw new Error('the records of a log in a database are read by who verifies it');
  const checked = await checkLevelFiles(join(dataDir, 'bodies'), { isTorn: true });
  for (const fault of checked.faults) yield { kind: 'fault', fault };
  yield { kind: 'read', bytes: checked.bytes };
  await using copy = await openedCopy(dataDir, 'bodies', (directory) => openLevelBytes({ directory, unseal }));
  await using log = copy.opened;
  const keyFaults = new Set<string>();
  for await (const found of log.scan(1)) {
    if (found.kind === 'record') {
      const { head, file } = found;
      const { record } = head;
      // The scan takes a payload that is gone to the last byte for one that was dropped; the tombstone has to say so.
      const isMissed = record.payloadLength > 0 && (await log.slice(record.seq, 0, 1).then(isThere, isMissing));
      const sealed = head.seal === null ? null : await unseal.payload(head);
      const [isDropped, isUnread] = [isMissed || sealed === 'gone', sealed === 'unread'];
      yield* openedRecord(head, { file, isDropped, isUnread, unseal, keyFaults });
    }
    if (found.kind === 'damage') yield { kind: 'fault', fault: { file: found.damage.file, text: found.damage.text } };
    if (found.kind === 'torn') yield { kind: 'torn', file: found.file, bytes: found.bytes };
  }
}

const isThere = (): boolean => false;
const isMissing = (error: unknown): boolean => error instanceof EngineFailure && error.code === 'missing';

/** The key of the definitions, and small files that hold what is due when; without those the engine looks again. */
function headFaults(
  { head, file }: FoundHead,
  audit: LogAudit,
  publicKeys: readonly KeyObject[],
): readonly FileFault[] {
  const fault = (text: string): readonly FileFault[] => [{ file, text }];
  const when = new Date(head.at).toISOString();
  if (!publicKeys.some((key) => isSignedBy(head, key)))
    return fault(`the head of ${when} is not signed by a key of this log`);
  if (head.log !== audit.name) return fault(`the head of ${when} is of another log`);
  if (head.size > audit.size)
    return fault(`the log had ${head.size} records on ${when}, and has ${audit.size}: it was put back`);
  return audit.rootAt(head.size) === head.root ? [] : fault(`the records up to ${head.size} are not those of ${when}`);
}

/** The public keys, checked against the private one where that is readable. */
async function keysOf(dataDir: string, faults: FileFault[]): Promise<readonly KeyObject[]> {
  const names = await readdir(dataDir);
  const publicKeys = names.includes(publicKeyFile)
    ? await readPublicKeys(dataDir).catch((error: unknown) => {
        faults.push({ file: publicKeyFile, text: String(error) });
        return [];
      })
    : [];
  if (!names.includes(keyFile)) return publicKeys;
  try {
    const pem = await readFile(join(dataDir, keyFile), 'utf8');
    const privateKey = createPrivateKey(pem);
    // Readers of PEM forgive much; the file is as it was written, or it is not.
    if (privateKey.export({ type: 'pkcs8', format: 'pem' }) !== pem) {
      faults.push({ file: keyFile, text: 'is not as it was written' });
    }
    const own = keyId(createPublicKey(privateKey));
    const [first] = publicKeys;
    if (first !== undefined && keyId(first) !== own) {
      faults.push({ file: publicKeyFile, text: `does not begin with the public half of ${keyFile}` });
    }
  } catch (error) {
    faults.push({ file: keyFile, text: String(error) });
  }
  return publicKeys;
}
