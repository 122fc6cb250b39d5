import { wordsOf } from '../../streams/words.ts';
import { readLeaves } from './leaf-reader.ts';
import { showMessage } from './show.ts';

/** The words that a message is found by. */
export interface MessageWords {
  /** Each once, with a blank between them. */
  readonly words: string;
  /** There are more than are kept, or not all of it could be read. */
  readonly truncated: boolean;
}

/** Different words kept of one message: a long report has a few thousand, and a list of everything would fill the disk. */
const maxWords = 5_000;
/** Characters looked at, some hundred pages; of each attached message too. */
const maxText = 256 * 1024;
/** Attached messages that are read, at any depth: each holds those below it once more. */
const maxAttached = 20;
const maxDepth = 3;

/**
 * Words of what a person is shown of a message: its text, the names of its attachments, and the same of attached messages,
 * with their subjects. Never rejects for what it contains.
 */
export async function wordsIn(message: Uint8Array): Promise<MessageWords> {
  const texts: string[] = [];
  const isCut = await readInto(texts, message, { depth: 0, left: { messages: maxAttached } });
  const words = wordsOf(texts.join('\n'), maxWords + 1);
  return { words: words.slice(0, maxWords).join(' '), truncated: isCut || words.length > maxWords };
}

interface Place {
  readonly depth: number;
  readonly left: { messages: number };
}

/** True where something was left out. */
async function readInto(texts: string[], message: Uint8Array, { depth, left }: Place): Promise<boolean> {
  const { subject, text, truncated, attachments } = await showMessage(message);
  if (depth > 0) texts.push(subject);
  texts.push(text.slice(0, maxText), ...attachments.map(({ name }) => name ?? ''));
  let isCut = truncated || text.length > maxText;
  if (!attachments.some(({ type }) => type === 'message/rfc822')) return isCut;
  const { leaves } = await readLeaves(message);
  for (const { type, bytes } of leaves) {
    if (type !== 'message/rfc822' || bytes === null) continue;
    if (depth >= maxDepth || left.messages === 0) return true;
    left.messages -= 1;
    isCut = (await readInto(texts, bytes, { depth: depth + 1, left })) || isCut;
  }
  return isCut;
}
