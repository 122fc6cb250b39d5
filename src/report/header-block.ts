import { isUtf8 } from 'node:buffer';

/** Header blocks read in place: fields are byte ranges, and a value becomes a string only when somebody asks for it. */

/** One field. `start`…`end` covers its folded lines and the last line end, so cutting the range removes the field. */
export interface Field {
  readonly start: number;
  readonly nameEnd: number;
  readonly valueStart: number;
  readonly end: number;
}

/** A header block inside `bytes`. Lines that are no field are passed over. */
export interface HeaderBlock {
  readonly bytes: Buffer;
  readonly fields: readonly Field[];
  readonly start: number;
  /** Where the empty line begins. */
  readonly end: number;
  /** First byte after the empty line. */
  readonly bodyStart: number;
}

/** Far above the 128 KiB that a report may have: an ordinary mail to 90 000 people still tells all of them. */
const scanLimitBytes = 4 * 1024 * 1024;
/** Fields kept of one block; real mail has below 200. */
const fieldLimit = 20_000;

const LF = 10;
const CR = 13;
const COLON = 58;
/** Begins the line that an mbox has before each message. */
const fromLine = Buffer.from('From ');

/**
 * Where the header block of a message begins: after an mbox `From ` line, with a UTF-8 BOM before or after it
 * (journaling b.5). Whoever writes an mbox puts the line before a message that may have a BOM of its own.
 */
export function messageStart(bytes: Buffer, start: number, end: number): number {
  let at = afterBom(bytes, start, end);
  const quoted = bytes[at] === 0x3e ? 1 : 0;
  if (end - at > 5 && startsWith(bytes, at + quoted, fromLine)) {
    const lineEnd = bytes.indexOf(LF, at);
    if (lineEnd !== -1 && lineEnd < end) at = lineEnd + 1;
  }
  return afterBom(bytes, at, end);
}

function afterBom(bytes: Buffer, at: number, end: number): number {
  return bytes[at] === 0xef && bytes[at + 1] === 0xbb && bytes[at + 2] === 0xbf && at + 3 <= end ? at + 3 : at;
}

function startsWith(bytes: Buffer, at: number, word: Uint8Array): boolean {
  for (let i = 0; i < word.length; i += 1) if (bytes[at + i] !== word[i]) return false;
  return true;
}

/** Reads the block that begins at `start`; lines end in CRLF or LF. Linear, and bounded by {@link scanLimitBytes}. */
export function readHeaderBlock(bytes: Buffer, start: number, end: number): HeaderBlock {
  const fields: { start: number; nameEnd: number; valueStart: number; end: number }[] = [];
  const stop = Math.min(end, start + scanLimitBytes);
  let current: { end: number } | null = null;
  let at = start;
  while (at < stop) {
    const first = bytes[at];
    if (first === LF) return { bytes, fields, start, end: at, bodyStart: at + 1 };
    if (first === CR && bytes[at + 1] === LF && at + 1 < end)
      return { bytes, fields, start, end: at, bodyStart: at + 2 };
    const nameEnd = endOfName(bytes, at, stop);
    let colon = nameEnd;
    while (isBlank(bytes[colon]) && colon < stop) colon += 1;
    let next = colon;
    while (next < stop && bytes[next] !== LF) next += 1;
    if (next < stop) next += 1;
    if (isBlank(first)) {
      if (current !== null) current.end = next;
    } else if (nameEnd > at && colon < stop && bytes[colon] === COLON && fields.length < fieldLimit) {
      const field = { start: at, nameEnd, valueStart: colon + 1, end: next };
      fields.push(field);
      current = field;
    } else current = null;
    at = next;
  }
  return { bytes, fields, start, end: at, bodyStart: at };
}

/** The first field of that lower-case name. */
export function findField(block: HeaderBlock, name: string): Field | undefined {
  for (const field of block.fields) if (isNamed(block.bytes, field, name)) return field;
  return undefined;
}

/** Every field of that lower-case name, in order. */
export function findFields(block: HeaderBlock, name: string): readonly Field[] {
  const found: Field[] = [];
  for (const field of block.fields) if (isNamed(block.bytes, field, name)) found.push(field);
  return found;
}

/** Value unfolded and trimmed; 8-bit bytes as UTF-8 when they are, else as ISO-8859-1. At most `maxBytes` are read. */
export function fieldText(block: HeaderBlock, field: Field, maxBytes = scanLimitBytes): string {
  const raw = rawFieldText(block, field, maxBytes);
  if (!/[\x80-\xff]/.test(raw)) return raw;
  const bytes = Buffer.from(raw, 'latin1');
  return isUtf8(bytes) ? bytes.toString('utf8') : raw;
}

/** As {@link fieldText}, each byte one character: for parameters, where bytes must stay comparable. */
export function rawFieldText(block: HeaderBlock, field: Field, maxBytes = scanLimitBytes): string {
  const { bytes } = block;
  let start = field.valueStart;
  let end = Math.min(field.end, start + maxBytes);
  while (start < end && isSpace(bytes[start])) start += 1;
  while (end > start && isSpace(bytes[end - 1])) end -= 1;
  const text = bytes.toString('latin1', start, end);
  return text.includes('\n') ? text.replace(/\r?\n/g, '') : text;
}

function isNamed(bytes: Buffer, field: Field, name: string): boolean {
  if (field.nameEnd - field.start !== name.length) return false;
  for (let i = 0; i < name.length; i += 1) {
    const byte = bytes[field.start + i] ?? 0;
    const lower = byte >= 65 && byte <= 90 ? byte + 32 : byte;
    if (lower !== name.charCodeAt(i)) return false;
  }
  return true;
}

/** RFC 5322 3.6.8: printable ASCII without colon. */
function endOfName(bytes: Buffer, start: number, stop: number): number {
  let at = start;
  while (at < stop) {
    const byte = bytes[at] ?? 0;
    if (byte < 33 || byte > 126 || byte === COLON) break;
    at += 1;
  }
  return at;
}

function isBlank(byte: number | undefined): boolean {
  return byte === 32 || byte === 9;
}

function isSpace(byte: number | undefined): boolean {
  return byte === 32 || byte === 9 || byte === CR || byte === LF;
}
