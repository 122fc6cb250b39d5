/** What S3 says in XML, and its refusals. The names are those of the S3 API (docs.aws.amazon.com/AmazonS3/latest/API). */

/** Refusals that say nothing of the request itself: a moment later, or over another connection, it may be taken. */
const passingCodes: ReadonlySet<string> = new Set([
  'BadDigest',
  'IncompleteBody',
  'InternalError',
  'RequestTimeout',
  'SlowDown',
  'XAmzContentSHA256Mismatch',
]);

/** No answer, or one that is a no. */
export class S3Error extends Error {
  /** Of HTTP; null: no answer came. */
  readonly status: number | null;
  /** S3's word for it, where the answer has one. */
  readonly code: string | null;
  /** Worth another try. */
  readonly isPassing: boolean;

  constructor(
    text: string,
    { status = null, code = null, isPassing }: { status?: number | null; code?: string | null; isPassing: boolean },
    options?: ErrorOptions,
  ) {
    super(text, options);
    this.name = 'S3Error';
    this.status = status;
    this.code = code;
    this.isPassing = isPassing;
  }
}

/** What an answer other than 2xx means. */
export function refusalOf(what: string, status: number, body: Buffer): S3Error {
  const xml = body.toString('utf8');
  const code = textOf(xml, 'Code') ?? null;
  const message = textOf(xml, 'Message');
  const words = [code, message].filter((word) => word !== null && word !== undefined && word !== '').join(', ');
  const isPassing = status >= 500 || status === 429 || status === 408 || passingCodes.has(code ?? '');
  return new S3Error(`${what}: answered with status ${status}${words === '' ? '' : ` (${words})`}`, {
    status,
    code,
    isPassing,
  });
}

/**
 * An answer as text, once it is sure that all of it came: an error may stand behind status 200, and half a listing must
 * not pass for a short one. @throws S3Error
 */
export function documentOf(what: string, root: string, body: Buffer): string {
  const xml = body.toString('utf8');
  if (xml.includes(`<${root}`) && (xml.includes(`</${root}>`) || /\/>\s*$/.test(xml))) return xml;
  const code = textOf(xml, 'Code') ?? null;
  const reason = code === null ? `the answer is no ${root}` : `${code}, ${textOf(xml, 'Message') ?? ''}`;
  throw new S3Error(`${what}: ${reason}`, { status: 200, code, isPassing: code === null || passingCodes.has(code) });
}

/** What stands in each element of that name, in their order; they have no attributes and none of their own name in them. */
export function elements(xml: string, name: string): readonly string[] {
  const [open, close] = [`<${name}>`, `</${name}>`];
  const found: string[] = [];
  for (let from = xml.indexOf(open); from !== -1; from = xml.indexOf(open, from)) {
    const start = from + open.length;
    const end = xml.indexOf(close, start);
    if (end === -1) break;
    found.push(xml.slice(start, end));
    from = end;
  }
  return found;
}

/** The text of the first element of that name. */
export function textOf(xml: string, name: string): string | undefined {
  const [first] = elements(xml, name);
  return first === undefined ? undefined : unescaped(first);
}

const named: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };
const unescaped = (text: string): string =>
  text.replace(/&(?:#x([0-9a-f]{1,6})|#(\d{1,7})|([a-z]{2,4}));/gi, (all, hex, decimal, name) => {
    if (name !== undefined) return named[name] ?? all;
    const point = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16);
    return point <= 0x10ffff ? String.fromCodePoint(point) : all;
  });

/** Text as it may stand in an element. */
export const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
