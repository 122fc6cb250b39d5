import { type ContentType, contentTypeOf, parameterOf } from './content-type.ts';
import { type HeaderBlock, readHeaderBlock } from './header-block.ts';
import { type Limit, type Limits, reportLimits } from './limits.ts';

/** One leaf: a part that is no container. A `message/*` part is a leaf; nobody looks into it (journaling b.2). */
export interface Part {
  readonly block: HeaderBlock;
  readonly type: ContentType;
  /** Body, as a range of the received bytes. The line end before a boundary belongs to the boundary. */
  readonly start: number;
  readonly end: number;
}

/** A message cut into its leaves. */
export interface PartWalk {
  /** In order of appearance; those seen before `limit` was met. */
  readonly leaves: readonly Part[];
  /** Some container had no closing boundary. */
  readonly truncated: boolean;
  readonly limit: Limit | null;
}

const LF = 10;
const CR = 13;
const DASH = 45;

/** The leaves of the message whose header block is given and whose body ends at `end`. Linear: each level is read once. */
export function walkParts(
  block: HeaderBlock,
  end: number,
  limits = reportLimits,
  type = contentTypeOf(block, 'text/plain'),
): PartWalk {
  const walk: Walk = { limits, leaves: [], parts: 0, truncated: false, limit: null };
  visit(walk, { block, type, start: Math.min(block.bodyStart, end), end }, 1);
  return walk;
}

interface Walk {
  readonly limits: Limits;
  readonly leaves: Part[];
  parts: number;
  truncated: boolean;
  limit: Limit | null;
}

function visit(walk: Walk, part: Part, depth: number): void {
  const boundary = part.type.type.startsWith('multipart/') ? parameterOf(part.type, 'boundary') : undefined;
  if (boundary === undefined || boundary === '') {
    walk.leaves.push(part);
    return;
  }
  if (depth > walk.limits.depth) walk.limit = 'depth';
  else if (boundary.length > walk.limits.boundaryBytes) walk.limit = 'boundary';
  else visitContainer(walk, part, { boundary, depth });
}

function visitContainer(walk: Walk, container: Part, { boundary, depth }: { boundary: string; depth: number }): void {
  const { bytes } = container.block;
  const scope = bytes.subarray(0, container.end);
  const needle = Buffer.from(`--${boundary.trimEnd()}`, 'latin1');
  const fallback = container.type.type === 'multipart/digest' ? 'message/rfc822' : 'text/plain';
  let delimiter = nextDelimiter(scope, needle, container.start);
  while (delimiter !== null && !delimiter.closing) {
    const start = delimiter.next;
    const following = nextDelimiter(scope, needle, start);
    const end = following === null ? container.end : Math.max(start, following.start);
    walk.parts += 1;
    if (walk.parts > walk.limits.parts) walk.limit = 'parts';
    else visitPart(walk, readHeaderBlock(scope, start, end), { end, fallback, depth });
    if (walk.limit !== null) return;
    delimiter = following;
  }
  if (delimiter === null) walk.truncated = true;
}

function visitPart(walk: Walk, block: HeaderBlock, at: { end: number; fallback: string; depth: number }): void {
  if (block.end - block.start > walk.limits.headerBytes) {
    walk.limit = 'header';
    return;
  }
  visit(walk, { block, type: contentTypeOf(block, at.fallback), start: block.bodyStart, end: at.end }, at.depth + 1);
}

interface Delimiter {
  /** Where the line end before it begins. */
  readonly start: number;
  /** First byte of the next line. */
  readonly next: number;
  readonly closing: boolean;
}

/**
 * A boundary counts at the start of a line and with nothing but blanks after it (RFC 2046 5.1.1). The line end before
 * it is not part of what is searched: dashes are rare in encoded bytes, so the search runs at the speed of memory.
 */
function nextDelimiter(scope: Buffer, needle: Buffer, from: number): Delimiter | null {
  for (let at = scope.indexOf(needle, from); at !== -1; at = scope.indexOf(needle, at)) {
    const found = at === 0 || scope[at - 1] === LF ? readDelimiter(scope, at, at + needle.length) : null;
    if (found !== null) return found;
    // On to the next line: many near misses in one line cost no more than one.
    at = scope.indexOf(LF, at);
    if (at === -1) return null;
  }
  return null;
}

function readDelimiter(scope: Buffer, at: number, end: number): Delimiter | null {
  let after = end;
  const closing = scope[after] === DASH && scope[after + 1] === DASH;
  if (closing) after += 2;
  while (scope[after] === 32 || scope[after] === 9) after += 1;
  if (scope[after] === CR && (scope[after + 1] === LF || after + 1 === scope.length)) after += 1;
  if (after < scope.length && scope[after] !== LF) return null;
  const lineEnd = at > 1 && scope[at - 2] === CR ? 2 : 1;
  return { start: Math.max(0, at - lineEnd), next: Math.min(after + 1, scope.length), closing };
}
