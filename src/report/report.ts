import type { Family } from '../../streams/message.ts';
import { fileNameOf } from './content-type.ts';
import { type Envelope, parseEnvelope } from './envelope.ts';
import type { HeaderBlock } from './header-block.ts';
import { type Limit, type Limits, reportLimits } from './limits.ts';
import { type Part, type PartWalk, walkParts } from './mime-parts.ts';
import { findOriginals, type Originals } from './originals.ts';
import { type ReportText, readReportText } from './report-text.ts';

/** A journal report taken apart; nothing decided yet. */
export interface Report {
  readonly block: HeaderBlock;
  /** Where its body ends in the received bytes. */
  readonly end: number;
  readonly family: Family;
  readonly envelope: Envelope;
  readonly originals: Originals;
  readonly leaves: readonly Part[];
  /** `report-html`, `truncated-mime` and those of the envelope and the originals, in this order. */
  readonly flags: readonly string[];
  readonly limit: Limit | null;
  /** See {@link Reading}. */
  readonly decoded: boolean;
}

export interface Reading {
  readonly family: Family;
  readonly limits?: Limits;
  /** Its bytes are a decoded copy: nothing in it has a range in the received ones, so it yields no original. */
  readonly decoded?: boolean;
}

/** Reads the message with that header block, whose body ends at `end`, as a report. */
export function readReport(
  block: HeaderBlock,
  end: number,
  { family, limits = reportLimits, decoded = false }: Reading,
): Report {
  const walk = walkParts(block, end, limits);
  const limit = block.end - block.start > limits.headerBytes ? 'header' : walk.limit;
  const text = limit === null ? readReportText(walk.leaves, limits.textBytes) : null;
  const attached = limit === null ? findOriginals(walk.leaves) : { found: [], undecodable: false, flags: [] };
  const originals = decoded ? withoutRanges(attached) : attached;
  const subjects = attached.found.flatMap(({ subject }) => subject ?? []);
  const envelope = parseEnvelope(text?.text ?? '', { family, subjects, lineLimit: limits.lines });
  return {
    block,
    end,
    family,
    envelope,
    originals,
    leaves: walk.leaves,
    flags: [...textFlags(text, walk), ...envelope.flags, ...originals.flags],
    limit: limit ?? text?.limit ?? envelope.limit,
    decoded,
  };
}

function withoutRanges({ found, undecodable }: Originals): Originals {
  return { found: [], undecodable: undecodable && found.length === 0, flags: ['encoded-rfc822'] };
}

/** Part of the report is a `winmail.dat`, which is not readable as MIME (journaling b.1). */
export function hasTnef({ leaves }: Report): boolean {
  return leaves.some(({ type, block }) => {
    const named = type.type === 'application/ms-tnef' || type.type === 'application/vnd.ms-tnef';
    return named || fileNameOf(block, type) === 'winmail.dat';
  });
}

function textFlags(text: ReportText | null, walk: PartWalk): readonly string[] {
  return [...(text?.html === true ? ['report-html'] : []), ...(walk.truncated ? ['truncated-mime'] : [])];
}
