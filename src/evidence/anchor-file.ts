import { open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { readSignedHead, type SignedHead } from './head.ts';

/** A head and the key that signed it, as `daybook head` prints it and as anchors keep it. */
export interface KeptHead {
  readonly head: SignedHead;
  /** PEM. */
  readonly publicKey: string;
}

/** One line, without its end. */
export const lineOf = ({ head, publicKey }: KeptHead): string => JSON.stringify({ head, publicKey });

/** A line of ours has some 500 bytes. */
const maxLineBytes = 4_096;
/** Heads read from one file: hourly ones of a hundred years. What is older than those is left out. */
const maxHeads = 1_000_000;
/** Lines without a head that are named; a file that is something else needs no longer list. */
const maxUnreadable = 100;

/** The head in a text of one JSON value, or null where there is none. */
export function headIn(text: string): SignedHead | null {
  try {
    const value = JSON.parse(text) as { readonly head?: unknown } | null;
    return readSignedHead(value?.head);
  } catch {
    return null;
  }
}

/** What a file of heads holds: one JSON value, or a line for each. */
export interface HeadsFile {
  readonly heads: readonly SignedHead[];
  /** Lines, counted from 1, that hold no head; the last, where a write was cut off, is not among them. */
  readonly unreadable: readonly number[];
}

/** @throws the system's error */
export async function readHeads(path: string): Promise<HeadsFile> {
  const file = await open(path, 'r');
  const heads: SignedHead[] = [];
  const unreadable: number[] = [];
  try {
    const isCut = await endsOpen(file);
    const lines: string[] = [];
    let count = 0;
    for await (const line of createInterface({ input: file.createReadStream({ autoClose: false }) })) {
      count += 1;
      // A head that a person wrote over several lines is one value; longer than a few lines it is none.
      if (lines.length < 64) lines.push(line.slice(0, maxLineBytes));
      if (line === '') continue;
      const head = line.length <= maxLineBytes ? headIn(line) : null;
      if (head !== null) heads.push(head);
      else if (unreadable.length < maxUnreadable) unreadable.push(count);
      if (heads.length > maxHeads) heads.shift();
    }
    const whole = heads.length === 0 ? headIn(lines.join('\n')) : null;
    if (whole !== null) return { heads: [whole], unreadable: [] };
    if (isCut && unreadable.at(-1) === count) unreadable.pop();
    return { heads, unreadable };
  } finally {
    await file.close();
  }
}

type OpenFile = Awaited<ReturnType<typeof open>>;

/** True where the last byte ends no line. */
async function endsOpen(file: OpenFile): Promise<boolean> {
  const { size } = await file.stat();
  if (size === 0) return false;
  const last = Buffer.alloc(1);
  await file.read(last, 0, 1, size - 1);
  return last[0] !== 0x0a;
}

/** The last head of a file, from its end alone; null where its last lines hold none. */
async function lastHead(file: OpenFile): Promise<SignedHead | null> {
  const { size } = await file.stat();
  const tail = Buffer.alloc(Math.min(size, 4 * maxLineBytes));
  await file.read(tail, 0, tail.length, size - tail.length);
  const lines = tail.toString('utf8').split('\n').toReversed();
  return lines.map(headIn).find((head) => head !== null) ?? null;
}

/**
 * Adds a head as one line, on disk when it resolves. Made where it is missing, for the owner alone.
 * @throws Error where the file knows more of this log than the head does: then the folder was put back, and a younger
 *   line would hide it; the system's error
 */
export async function appendHead(path: string, kept: KeptHead): Promise<void> {
  const file = await open(path, 'a+', 0o600);
  try {
    const last = await lastHead(file);
    if (last !== null && last.log === kept.head.log && last.size > kept.head.size) {
      const when = new Date(last.at).toISOString();
      throw new Error(`on ${when} the log had ${last.size} records, and has ${kept.head.size}: it was put back`);
    }
    const { size } = await file.stat();
    const start = (await endsOpen(file)) ? await withoutTail(file) : '';
    await file.appendFile(`${start}${lineOf(kept)}\n`);
    await file.sync();
    if (size > 0) return;
    await using folder = await open(dirname(path), 'r');
    await folder.sync();
  } finally {
    await file.close();
  }
}

/** Cuts off what a power cut left of a line; where a file may only grow, a line end closes it. */
async function withoutTail(file: OpenFile): Promise<string> {
  const { size } = await file.stat();
  const tail = Buffer.alloc(Math.min(size, maxLineBytes));
  await file.read(tail, 0, tail.length, size - tail.length);
  const end = tail.lastIndexOf(0x0a);
  if (end < 0 && size > tail.length) return '\n';
  return file.truncate(size - tail.length + end + 1).then(
    () => '',
    () => '\n',
  );
}
