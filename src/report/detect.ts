import type { Decoding, Family } from '../../streams/message.ts';
import { contentTypeOf } from './content-type.ts';
import { fieldText, findField, findFields, type HeaderBlock, readHeaderBlock } from './header-block.ts';
import { type Part, walkParts } from './mime-parts.ts';
import { isMessage, openBeginning, readTopBlock } from './originals.ts';
import { isSameMessageId } from './primary.ts';
import { type Report, readReport } from './report.ts';
import { decodeTransfer } from './transfer-decoding.ts';

/** A report that was found, and how it had to be found. */
export interface Detection {
  readonly report: Report;
  /** `ndr-unwrapped`, `marker-missing`. */
  readonly flags: readonly string[];
}

/** Finds the journal report in a message whose body ends at `end`: D1 to D5 of journaling b.5. Null: there is none. */
export function detectReport(block: HeaderBlock, end: number): Detection | null {
  const family = markerFamily(block);
  if (family !== null) return { report: readReport(block, end, { family }), flags: [] };
  const { type } = contentTypeOf(block, 'text/plain');
  if (type === 'multipart/report') return detectInBounce(block, end);
  if (type === 'multipart/mixed') return detectByShape(block, end);
  return null;
}

/** The family that the marker fields name (D1 to D3); repeated and folded ones count. */
export function markerFamily(block: HeaderBlock): Family | null {
  if (findField(block, 'x-ms-journal-report') !== undefined) return 'ms2007';
  if (findField(block, 'x-ms-exchange-organization-journal-report') !== undefined) return 'ms2007';
  if (valuesOf(block, 'x-wm-journal-report').some((value) => value.startsWith('journal'))) return 'workmail';
  const identifiers = [...valuesOf(block, 'content-identifier'), ...valuesOf(block, 'content-identifer')];
  return identifiers.includes('exjournalreport') ? 'ms2003' : null;
}

/**
 * A delivery report that carries a copy of the mail and its recipients, as Sun's server writes it (journaling b.1).
 * One that tells of a failure or delay is an ordinary bounce.
 */
export function isDsnCapture(block: HeaderBlock, end: number): boolean {
  if (contentTypeOf(block, 'text/plain').type !== 'multipart/report') return false;
  const { leaves } = walkParts(block, end);
  const status = leaves.find((leaf) => leaf.type.type === 'message/delivery-status');
  return status !== undefined && leaves.some(isMessage) && tellsRecipients(status);
}

/** D4: a bounce that carries a report, opened once. */
function detectInBounce(block: HeaderBlock, end: number): Detection | null {
  for (const leaf of walkParts(block, end).leaves) {
    const child = isMessage(leaf) ? openBeginning(leaf) : null;
    const family = child === null ? null : markerFamily(child.block);
    if (child === null || family === null) continue;
    const report =
      child.decoding === 'identity'
        ? readReport(child.block, child.end, { family })
        : readDecoded(leaf, { family, decoding: child.decoding });
    return { report, flags: ['ndr-unwrapped'] };
  }
  return null;
}

/**
 * An encoded report tells who sent the message to whom. Its original lies in no range of the received bytes and is not
 * written anew (INV-6): the report as received stands for it, as for one that is missing.
 */
function readDecoded(leaf: Part, { family, decoding }: { family: Family; decoding: Decoding }): Report {
  const bytes = decodeTransfer(leaf.block.bytes.subarray(leaf.start, leaf.end), decoding);
  return readReport(readTopBlock(bytes, 0, bytes.length), bytes.length, { family, decoded: true });
}

/** D5: the marker was lost, but everything else is there and agrees. */
function detectByShape(block: HeaderBlock, end: number): Detection | null {
  const walk = walkParts(block, end);
  const attached = walk.leaves.filter(isMessage).length;
  if (walk.limit !== null || attached < 1 || attached > 2) return null;
  const report = readReport(block, end, { family: 'heuristic' });
  const { sender, messageId, recipients, unparsed } = report.envelope;
  if (report.limit !== null || sender === null || messageId === null) return null;
  if (recipients.length === 0 || unparsed.length > 0) return null;
  const agrees = report.originals.found.some(({ facts }) => isSameMessageId(facts.messageId, messageId));
  return agrees ? { report, flags: ['marker-missing'] } : null;
}

/** Per-recipient fields stand in blocks of their own after the first (RFC 3464 2.1). */
function tellsRecipients(status: Part): boolean {
  const { bytes } = status.block;
  let named = false;
  for (let at = status.start; at < status.end; ) {
    const group = readHeaderBlock(bytes, at, status.end);
    const actions = findFields(group, 'action').map((field) => fieldText(group, field).toLowerCase());
    if (actions.includes('failed') || actions.includes('delayed')) return false;
    named ||= findField(group, 'final-recipient') !== undefined || findField(group, 'original-recipient') !== undefined;
    at = group.bodyStart;
  }
  return named;
}

function valuesOf(block: HeaderBlock, name: string): readonly string[] {
  return findFields(block, name).map((field) => fieldText(block, field).toLowerCase());
}
