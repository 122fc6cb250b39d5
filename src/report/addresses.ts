/** Longer than any mailbox (254 octets), long enough for encapsulated directory names. */
const addressLimit = 1000;

/** Local part, `@`, domain or literal. Alternatives are told apart by one character, so it cannot backtrack far. */
const addrSpec =
  /^((?:[^\s\p{Cc}<>()[\]:;,\\"@]|"(?:[^"\\\p{Cc}]|\\[^\p{Cc}])*")+)@(\[[^\s\p{Cc}[\]<>]+\]|[^\s\p{Cc}<>()[\]:;,\\"@]+)$/u;

/** What nearly all of them are: ASCII, nothing quoted and no literal, which is told three times as fast. */
const plainAddrSpec = /^[!#-'*+\-./0-9=?A-Z^-~]+@[!#-'*+\-./0-9=?A-Z^-~]+$/;

/** An addr-spec with its domain in lower case, the local part as written (journaling b.3.9). Null for anything else. */
export function formatAddress(text: string): string | null {
  if (text.length > addressLimit) return null;
  if (plainAddrSpec.test(text)) return withLowerDomain(text);
  const found = addrSpec.exec(text);
  return found === null ? null : `${found[1]}@${(found[2] ?? '').toLowerCase()}`;
}

function withLowerDomain(address: string): string {
  const at = address.indexOf('@');
  return address.slice(0, at) + address.slice(at).toLowerCase();
}

/**
 * An address as a report writes it (journaling b.3): addr-spec, bare or in angle brackets, a name before it, `SMTP:`,
 * `[EX:/o=…]` or `/o=…`; the last two become `dn:/o=…`. '' for `<>` and for nothing; null for anything else, of which
 * several addresses are one: none of them may pass for the name of another.
 */
export function parseReportAddress(text: string): string | null {
  const trimmed = text.trim();
  if (trimmed === '' || trimmed === '<>') return '';
  const directory = /^(?:\[EX:(\/o=.+)\]|(?:EX:)?(\/o=.+))$/i.exec(trimmed);
  if (directory !== null) {
    const name = directory[1] ?? directory[2] ?? '';
    return name.length <= 2 * addressLimit && !/\p{Cc}/u.test(name) ? `dn:${name}` : null;
  }
  const open = trimmed.endsWith('>') ? trimmed.lastIndexOf('<') : -1;
  if (open > 0 && !isName(trimmed.slice(0, open))) return null;
  const bare = open === -1 ? trimmed.replace(/^\[(smtp:[^\]]+)\]$/i, '$1') : trimmed.slice(open + 1, -1);
  return formatAddress(bare.trim().replace(/^smtp:/i, ''));
}

/** What stands before an address in brackets: no other one, in brackets or parted from it by a comma. Linear. */
function isName(text: string): boolean {
  let holdsAt = false;
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at];
    if (character === '"') {
      const end = endOfEnclosed(text, at);
      // A quote that stays open may have hidden anything.
      if (end === -1) return !/[<>]/.test(text);
      at = end - 1;
    } else if (character === '<' || character === '>') return false;
    else if (character === '@') holdsAt = true;
    else if (holdsAt && (character === ',' || character === ';')) return false;
  }
  return true;
}

/** What a list of addresses holds, in its order. */
export interface AddressList {
  readonly addresses: readonly string[];
  /** Mailboxes that hold no address. */
  readonly invalid: number;
}

/**
 * The addr-specs of a header value: groups, quoted names, comments and source routes are understood, names dropped
 * (RFC 5322 3.4 and 4.4). Linear also for hostile values: an unclosed quote, comment or bracket is looked for once.
 */
export function parseAddressList(text: string): AddressList {
  const addresses: string[] = [];
  const unclosed = new Set<string>();
  let invalid = 0;
  let plain: string[] = [];
  let angle: string | null = null;
  const flush = (): void => {
    const found = angle === null ? bareAddresses(plain.join('')) : angleAddress(angle);
    if (found === null) invalid += 1;
    else addresses.push(...found);
    plain = [];
    angle = null;
  };
  for (let at = 0; at < text.length; ) {
    const opener = text[at] ?? '';
    const end = closerOf[opener] === undefined || unclosed.has(opener) ? -1 : endOfEnclosed(text, at);
    if (end !== -1) {
      // Two brackets without a comma between them are two mailboxes.
      if (opener === '<' && angle !== null) flush();
      if (opener === '<') angle = text.slice(at + 1, end - 1);
      else if (opener === '"') plain.push(text.slice(at, end));
      at = end;
      continue;
    }
    if (closerOf[opener] !== undefined) unclosed.add(opener);
    if (opener === ',' || opener === ';') flush();
    else if (opener === ':') plain = [];
    const next = endOfRun(text, at + 1);
    plain.push(/[,;:<("]/.test(opener) ? text.slice(at + 1, next) : text.slice(at, next));
    at = next;
  }
  flush();
  return { addresses, invalid };
}

const closerOf: Readonly<Record<string, string>> = { '"': '"', '(': ')', '<': '>' };

/** One past the end of the quoted string, comment or angle address that begins at `start`; -1 when it is not closed. */
function endOfEnclosed(text: string, start: number): number {
  const opener = text[start] ?? '';
  const closer = closerOf[opener];
  let depth = 1;
  let quoted = false;
  for (let at = start + 1; at < text.length; at += 1) {
    const character = text[at];
    if (character === '\\') at += 1;
    else if (opener === '<' && character === '"') quoted = !quoted;
    else if (quoted) continue;
    else if (character === closer) {
      depth -= 1;
      if (depth === 0) return at + 1;
    } else if (opener === '(' && character === '(') depth += 1;
  }
  return -1;
}

function endOfRun(text: string, start: number): number {
  let at = start;
  while (at < text.length && !isSpecial(text.charCodeAt(at))) at += 1;
  return at;
}

/** One of `" ( , : ; <`. */
function isSpecial(code: number): boolean {
  return code === 34 || code === 40 || code === 44 || code === 58 || code === 59 || code === 60;
}

/** None for `<>`; null when there is something, but no address. */
function angleAddress(text: string): readonly string[] | null {
  const bare = text.includes('"') ? text.trim() : text.replace(/\s+/g, '');
  if (bare === '') return [];
  const address = formatAddress(bare.startsWith('@') ? bare.slice(bare.indexOf(':') + 1) : bare);
  return address === null ? null : [address];
}

/** Without brackets: blanks around dots and `@` are obsolete but legal; else each word that is an address is one. */
function bareAddresses(text: string): readonly string[] | null {
  const trimmed = text.trim();
  if (trimmed === '') return [];
  if (!trimmed.includes('@') || trimmed.length > 4 * addressLimit) return null;
  const whole = formatAddress(trimmed);
  if (whole !== null) return [whole];
  const words = trimmed.split(/\s+/).flatMap((word) => formatAddress(word) ?? []);
  const closed = words.length > 0 ? null : formatAddress(trimmed.replace(/\s*([@.])\s*/g, '$1'));
  if (closed !== null) return [closed];
  return words.length > 0 ? words : null;
}
