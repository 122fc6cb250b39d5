import { unreported } from './gap.ts';
import { isGatewayCopy, transportEnvelope } from './gateway-envelope.ts';
import { matchKeyOf } from './match-keys.ts';
import type { Body, HeaderFacts, Original, Parsed, ParsedMail, Representation, Slice, SpoolItem } from './message.ts';
import type { Opened, Version } from './open-mail.ts';
import { parserVersion } from './parser-version.ts';
import type { Directory } from './ports.ts';
import { isInternalMail, mailboxesOf, observeRecipients } from './screen.ts';

/** An operator wants it archived although it was put into quarantine. */
export const insistsOn = ({ overrides }: SpoolItem): boolean => overrides.includes('quarantine');

/** What the archive needs to know of an opened message: everything but its bytes. */
export function parsedMail(item: SpoolItem, opened: Opened, directory: Directory): ParsedMail {
  const { contentHash } = opened;
  const parsed = isGatewayCopy(item) ? transportEnvelope(opened.parsed, item.transport) : opened.parsed;
  const observed = observeRecipients(parsed, directory);
  const representations = representationsOf(item, parsed, opened.versions).map((each) =>
    each.primary ? { ...each, contentHash } : each,
  );
  return {
    ...parsed,
    observed,
    internal: isInternalMail(parsed, observed, directory),
    mailboxes: mailboxesOf(parsed, observed, directory),
    ...unreported(opened.named ?? [], { observed, directory }),
    representations,
    matchKey: matchKeyOf(parsed.messageId, contentHash),
    parser: parserVersion,
  };
}

const noFacts: HeaderFacts = { messageId: null, from: null, subject: null, dateAt: null };

/** Every version of the message in the received bytes; the report itself where there is none (L3), or nothing (L5). */
function representationsOf(item: SpoolItem, parsed: Parsed, versions: readonly Version[]): readonly Representation[] {
  const { originals, primary, level, subject, messageId, sender } = parsed;
  const { sha256, size, body } = item;
  if (originals.length > 0) {
    return versions.map((version, at) => representationOf(item, originals[at], version, at === (primary ?? 0)));
  }
  if (level === 'L5' && !insistsOn(item)) return [];
  const facts = level === 'L5' ? noFacts : { messageId, from: sender, subject, dateAt: parsed.times.date };
  const whole = { sha256, size, body, decoding: 'identity', protected: false, clearText: false } as const;
  return [{ ...whole, contentHash: null, facts, primary: true, stub: level !== 'L5' }];
}

function representationOf(
  item: SpoolItem,
  original: Original | undefined,
  { sha256, size }: Version,
  primary: boolean,
): Representation {
  if (original === undefined) throw new Error('there is a digest for each original');
  const { ranges, decoding, facts, clearText } = original;
  const isWhole = size === item.size && decoding === 'identity';
  const body = isWhole ? item.body : sliceBody(item.body, ranges);
  const { protected: isProtected } = original;
  return {
    sha256,
    size,
    body,
    decoding,
    contentHash: null,
    protected: isProtected,
    clearText,
    stub: false,
    primary,
    facts,
  };
}

/** The slices that hold the given ranges [start, end) of a body's bytes. */
export function sliceBody(body: Body, ranges: readonly (readonly [number, number])[]): Body {
  const slices: Slice[] = [];
  for (const [start, end] of ranges) {
    let at = 0;
    for (const { seq, offset, length } of body) {
      const from = Math.max(start, at);
      const to = Math.min(end, at + length);
      if (from < to) slices.push({ seq, offset: offset + from - at, length: to - from });
      at += length;
    }
  }
  return slices;
}
