import { EngineFailure } from '../../streams/failure.ts';
import type { Found } from './bytes.types.ts';
import { ReadAhead } from './read-ahead.ts';
import { codeOf, segmentPath, shownName } from './segment-files.ts';
import { openSealed, pushHoles, type SealedSegment } from './segment-reader.ts';
import { SegmentTable } from './segment-table.ts';
import { type Step, walkSegment } from './segment-walk.ts';
import { finishSeal, OpenSegment, type SegmentPlace } from './segment-writer.ts';

export interface ScanResult {
  /** The segment that goes on growing; null where the next record begins a new one. */
  open: OpenSegment | null;
  /** It holds damage: it should not grow further. */
  openDamaged: boolean;
  tornAt: number | null;
  nextSeq: number;
  /** Mark of the log (record.ts), once a record of it was seen. */
  mark: number | null;
  /** Records whose payload was found to be wrong. */
  readonly damagedPayloads: Set<number>;
}

interface Walk {
  readonly place: SegmentPlace;
  readonly firstSeq: number;
  readonly fromSeq: number;
  /** First record of the next segment; null for the last one. */
  readonly following: number | null;
  readonly result: ScanResult;
}

/** Scans the segments from the one with `fromSeq` on (see Bytes.scan); what it learns goes to `result`. */
export async function* scanSegments(
  place: SegmentPlace,
  firstSeqs: readonly number[],
  fromSeq: number,
  result: ScanResult,
): AsyncGenerator<Found> {
  const start = Math.max(
    0,
    firstSeqs.findLastIndex((firstSeq) => firstSeq <= fromSeq),
  );
  let expected = start === 0 ? 1 : firstSeqs[start];
  for (const [index, firstSeq] of firstSeqs.entries()) {
    if (index < start) continue;
    if (expected !== undefined && firstSeq > expected) {
      const text = `is missing: records ${expected} to ${firstSeq - 1} are in no file`;
      yield { kind: 'damage', damage: { file: shownName(place.directory, expected), offset: 0, text } };
    }
    result.nextSeq = firstSeq;
    yield* scanSegment({ place, firstSeq, fromSeq, following: firstSeqs[index + 1] ?? null, result });
    expected = result.nextSeq;
  }
}

async function* scanSegment(walk: Walk): AsyncGenerator<Found> {
  const { place, firstSeq, following, result } = walk;
  const segment = await openForScan(walk);
  if (segment.footer === null && segment.writable && following === null) {
    // What a crash left unwritten in memory must be on disk before anyone builds on it.
    await segment.handle.datasync();
    yield* scanOpen(walk, segment);
    return;
  }
  try {
    if (segment.footer !== null && segment.writable) await finishSeal(segment.handle);
    yield* scanSealed(walk, segment);
  } catch (error) {
    if (codeOf(error) !== 'EIO') throw error;
    yield { kind: 'damage', damage: { file: shownName(place.directory, firstSeq), offset: 0, text: 'cannot be read' } };
    result.nextSeq = segment.footer?.table.nextSeq ?? following ?? result.nextSeq;
  } finally {
    await segment.handle.close();
  }
}

async function openForScan({ place, firstSeq, following }: Walk): Promise<SealedSegment> {
  const path = segmentPath(place.directory, firstSeq);
  if (following !== null) return openSealed(path, firstSeq);
  try {
    return await openSealed(path, firstSeq, 'r+');
  } catch (error) {
    // A sealed one cannot be opened for writing.
    if (codeOf(error) !== 'EACCES') throw new EngineFailure('store-failed', String(error), { cause: error });
    return openSealed(path, firstSeq);
  }
}

async function* scanSealed(walk: Walk, { handle, footer, fileBytes }: SealedSegment): AsyncGenerator<Found> {
  const { place, firstSeq, following, fromSeq, result } = walk;
  const table = footer?.table ?? null;
  if (table !== null && fromSeq >= table.nextSeq) {
    result.nextSeq = table.nextSeq;
    return;
  }
  const row = fromSeq > firstSeq ? table?.row(fromSeq) : undefined;
  const jump = row !== undefined && row.state !== 'hole' ? row.offset : null;
  const steps = walkSegment({
    file: new ReadAhead(handle, footer?.tableOffset ?? fileBytes),
    firstSeq: jump === null ? firstSeq : fromSeq,
    startBytes: jump ?? 0,
    verifyFrom: firstSeq,
    open: false,
    mark: result.mark,
    table,
    unseal: place.unseal,
  });
  const name = shownName(place.directory, firstSeq);
  const end = table?.nextSeq ?? following;
  for await (const step of steps) yield* report(step, { name, fromSeq, result, end });
  if (table !== null) result.nextSeq = table.nextSeq;
}

async function* scanOpen(walk: Walk, segment: SealedSegment): AsyncGenerator<Found> {
  const { place, firstSeq, fromSeq, result } = walk;
  const name = shownName(place.directory, firstSeq);
  const { fileBytes, handle } = segment;
  let verifyFrom = fromSeq;
  for (let tries = 0; tries < 2; tries += 1) {
    const table = new SegmentTable(firstSeq);
    const open = new OpenSegment(handle, table, fileBytes, place);
    result.open = open;
    let astray = false;
    const { unseal } = place;
    const options = { firstSeq, startBytes: 0, verifyFrom, open: true, mark: result.mark, table: null, unseal };
    for await (const step of walkSegment({ ...options, file: new ReadAhead(handle, fileBytes) })) {
      if (step.kind === 'astray') astray = true;
      else if (step.kind === 'torn') {
        result.tornAt = step.offset;
        yield { kind: 'torn', file: name, offset: step.offset, bytes: fileBytes - step.offset };
      } else {
        if (step.kind === 'frame') open.resume(step.row, step.head);
        else result.openDamaged = true;
        if (step.kind === 'gap') pushHoles(table, step.untilSeq ?? step.seq);
        yield* report(step, { name, fromSeq, result, end: null });
      }
    }
    result.nextSeq = table.nextSeq;
    if (!astray) return;
    verifyFrom = firstSeq;
  }
}

function* report(
  step: Step,
  at: { readonly name: string; readonly fromSeq: number; readonly result: ScanResult; readonly end: number | null },
): Generator<Found> {
  const { name: file, fromSeq, result } = at;
  if (step.kind === 'frame') {
    result.nextSeq = step.seq + 1;
    result.mark ??= step.head?.mark ?? null;
    if (step.head === null || step.seq < fromSeq) return;
    yield { kind: 'record', head: step.head, file, offset: step.row.offset };
  } else if (step.kind === 'payload') {
    result.damagedPayloads.add(step.seq);
    const text = `the payload of record ${step.seq} is not what its hash says`;
    yield { kind: 'damage', damage: { file, offset: step.offset, text } };
  } else if (step.kind === 'gap') {
    const until = step.untilSeq ?? at.end;
    if (until !== null) result.nextSeq = Math.max(result.nextSeq, until);
    yield { kind: 'damage', damage: { file, offset: step.offset, text: gapText(step, until) } };
  }
}

function gapText({ seq, untilSeq }: { seq: number; untilSeq: number | null }, until: number | null): string {
  if (until === null) return `no whole record from record ${seq} on, or no footer`;
  if (until <= seq) return untilSeq === null ? 'the footer is damaged' : `bytes of no record before record ${seq}`;
  return until === seq + 1 ? `record ${seq} is damaged` : `records ${seq} to ${until - 1} are damaged`;
}
