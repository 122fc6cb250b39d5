import { stat } from 'node:fs/promises';
import type { FileFault } from './leveldb-check.ts';
import { ReadAhead } from './read-ahead.ts';
import type { RecordHead } from './record.ts';
import { codeOf, segmentPath, segmentsIn, shownName } from './segment-files.ts';
import { openSealed } from './segment-reader.ts';
import { type WalkOptions, walkSegment } from './segment-walk.ts';
import { createUnseal, type Unseal } from './unseal.ts';

/** What a verification comes upon, in the order of the log. */
export type Verified =
  /** `isUnread`: the payload or the facts are sealed, and no key was at hand to look at them. */
  | {
      readonly kind: 'record';
      readonly head: RecordHead;
      readonly file: string;
      readonly isDropped: boolean;
      readonly isUnread: boolean;
    }
  | { readonly kind: 'fault'; readonly fault: FileFault }
  /** The end of the last segment, written in part: no fault after a kill. */
  | { readonly kind: 'torn'; readonly file: string; readonly bytes: number }
  /** `lastSeq`: of a segment whose footer alone was read. `next`: the file that the record behind it would be in. */
  | { readonly kind: 'read'; readonly bytes: number; readonly lastSeq?: number; readonly next?: string };

export interface VerifySegments {
  /** The `commitlog` folder of the data directory. */
  readonly directory: string;
  /** The last record that counts, while an engine writes on; null: all of them. */
  readonly upTo: number | null;
  /** Of sealed segments, but the last, the footers alone. */
  readonly quick?: boolean;
  /** Opens sealed records; without it their facts and payloads are not looked at. */
  readonly unseal?: Unseal;
  /** Segments that end before this record are left out. */
  readonly from?: number;
}

/**
 * Reads every byte of every segment and compares: heads with their hashes, payloads with the hashes in the heads, footers
 * with theirs. Changes nothing, and opens nothing for writing.
 */
export async function* verifySegments({
  directory,
  upTo,
  quick = false,
  from = 1,
  unseal = createUnseal(null),
}: VerifySegments): AsyncGenerator<Verified> {
  const all = await segmentsIn(directory);
  // The one that holds it, where it does not begin one.
  const firstSeqs = all.filter((firstSeq, at) => firstSeq >= from || (all[at + 1] ?? Number.POSITIVE_INFINITY) > from);
  const keyFaults = new Set<string>();
  let expected = Math.min(from, firstSeqs[0] ?? from);
  let mark: number | null = null as number | null;
  for (const [at, firstSeq] of firstSeqs.entries()) {
    if (upTo !== null && firstSeq > upTo) return;
    const file = shownName(directory, firstSeq);
    const fault = (text: string, offset?: number): Verified => ({
      kind: 'fault',
      fault: { file, text, ...(offset === undefined ? {} : { offset }) },
    });
    if (firstSeq !== expected) {
      const text = `is missing: records ${expected} to ${firstSeq - 1} are in no file`;
      yield { kind: 'fault', fault: { file: shownName(directory, expected), text } };
    }
    const isLast = at === firstSeqs.length - 1;
    const path = segmentPath(directory, firstSeq);
    const segment = await openSealed(path, firstSeq).catch(ifUnreadable);
    if (segment === null) {
      yield fault('cannot be read');
      expected = firstSeqs[at + 1] ?? firstSeq;
      continue;
    }
    const { handle, footer, fileBytes, writable } = segment;
    try {
      // A sealed one is read-only: without its footer it is damaged, also as the last one.
      const isOpen = isLast && footer === null && writable;
      if (footer === null && !isOpen) yield fault('the footer is missing or damaged');
      const endBytes = footer?.tableOffset ?? fileBytes;
      if (quick && !isLast && footer !== null) {
        expected = footer.table.nextSeq;
        yield {
          kind: 'read',
          bytes: fileBytes - footer.tableOffset,
          lastSeq: expected - 1,
          next: shownName(directory, expected),
        };
        continue;
      }
      const walk: WalkOptions = {
        file: new ReadAhead(handle, endBytes),
        firstSeq,
        startBytes: 0,
        verifyFrom: firstSeq,
        mark,
        open: isOpen,
        table: footer?.table ?? null,
        unseal,
      };
      expected = footer?.table.nextSeq ?? firstSeqs[at + 1] ?? firstSeq;
      for await (const step of walkSegment(walk)) {
        if (upTo !== null && step.kind !== 'torn' && step.kind !== 'astray' && step.seq > upTo) return;
        if (step.kind === 'frame' && step.head !== null) {
          mark ??= step.head.mark;
          if (footer === null) expected = step.seq + 1;
          yield* openedRecord(step.head, { file, isDropped: step.isGone, isUnread: step.isUnread, unseal, keyFaults });
        } else if (step.kind === 'payload')
          yield fault(`the payload of record ${step.seq} is not what its hash says`, step.offset);
        else if (step.kind === 'gap') yield fault(`record ${step.seq} at ${step.offset} is damaged`, step.offset);
        else if (step.kind === 'torn' && upTo === null) yield { kind: 'torn', file, bytes: fileBytes - step.offset };
      }
      const next = footer === null ? file : shownName(directory, expected);
      yield { kind: 'read', bytes: (await stat(path)).size, next };
    } catch (error) {
      ifUnreadable(error);
      yield fault('cannot be read to its end');
    } finally {
      await handle.close();
    }
  }
}

interface RecordFacts {
  readonly file: string;
  readonly isDropped: boolean;
  readonly isUnread: boolean;
  readonly unseal: Unseal;
  /** Files of keys whose fault was told. */
  readonly keyFaults: Set<string>;
}

/** The record with its facts; where they cannot be opened, why, and the record without them: the chain is checked all the same. */
export async function* openedRecord(
  head: RecordHead,
  { file, isDropped, isUnread, unseal, keyFaults }: RecordFacts,
): AsyncGenerator<Verified> {
  const keyFault = await unseal.keyFault(head);
  if (keyFault !== null) {
    if (!keyFaults.has(keyFault.file)) yield { kind: 'fault', fault: keyFault };
    keyFaults.add(keyFault.file);
    yield { kind: 'record', head, file, isDropped, isUnread: true };
    return;
  }
  const opened = await unseal.head(head).catch((error: unknown) => String(error));
  if (typeof opened !== 'string') {
    const isSealed = opened.seal !== null && opened.record.facts === undefined;
    yield { kind: 'record', head: opened, file, isDropped, isUnread: isUnread || isSealed };
    return;
  }
  yield { kind: 'fault', fault: { file, text: opened } };
  yield { kind: 'record', head, file, isDropped, isUnread: true };
}

/** The disk itself says that it lost the bytes; any other error is the reader's trouble. */
function ifUnreadable(error: unknown): null {
  if (codeOf(error) === 'EIO') return null;
  throw error;
}
