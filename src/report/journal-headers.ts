import { findFields, type HeaderBlock } from './header-block.ts';
import { addressesOf } from './header-facts.ts';

/** The two fields of "Remove Journal Headers", and no others (journaling a.2). */
const journalHeaders = ['x-ms-exchange-organization-bcc', 'x-ms-exchange-crosspremises-bcc'] as const;

/** The BCC recipients that Exchange left in a header block; harvested whether the fields are removed or not. */
export function harvestBcc(block: HeaderBlock): readonly string[] {
  return journalHeaders.flatMap((name) => addressesOf(block, name));
}

/** True when the block has at least one of the two fields. */
export function hasJournalHeaders(block: HeaderBlock): boolean {
  return journalHeaders.some((name) => findFields(block, name).length > 0);
}

/** The range [start, end) without the two fields of its top header block; every other byte stays. */
export function rangesWithoutJournalHeaders(
  block: HeaderBlock,
  start: number,
  end: number,
): readonly (readonly [number, number])[] {
  const cuts = journalHeaders.flatMap((name) => findFields(block, name)).sort((a, b) => a.start - b.start);
  const ranges: (readonly [number, number])[] = [];
  let from = start;
  for (const cut of cuts) {
    if (cut.start > from) ranges.push([from, cut.start]);
    from = cut.end;
  }
  if (from < end) ranges.push([from, end]);
  return ranges;
}
