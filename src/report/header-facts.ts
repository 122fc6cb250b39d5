import type { HeaderFacts, MessageTimes } from '../../streams/message.ts';
import { parseAddressList } from './addresses.ts';
import { parseDate } from './dates.ts';
import { decodeWords } from './encoded-words.ts';
import { fieldText, findField, findFields, type HeaderBlock, rawFieldText } from './header-block.ts';

/** Far beyond any server's; a row in memory has it several times, and there may be thousands of rows. */
const messageIdLimit = 8 * 1024;
/** So much of a value is read for a fact that is kept with the index. */
const valueLimitBytes = 64 * 1024;
const subjectLimit = 4096;
/** Received fields looked at; a message that loops is stopped by far fewer. */
const receivedLimit = 200;

/** The facts of one message, from its top header block alone; `subject` is its {@link readSubject}. */
export function readHeaderFacts(block: HeaderBlock, subject = readSubject(block)): HeaderFacts {
  const messageId = findField(block, 'message-id');
  return {
    messageId: messageId === undefined ? null : readMessageId(fieldText(block, messageId, valueLimitBytes)),
    from: addressesOf(block, 'from')[0] ?? null,
    subject: shortSubject(subject),
    dateAt: readDate(block),
  };
}

/** The Date of a block as epoch milliseconds; null when it is absent or unreadable. */
export function readDate(block: HeaderBlock): number | null {
  const date = findField(block, 'date');
  return date === undefined ? null : parseDate(rawFieldText(block, date, valueLimitBytes));
}

/** The addr-specs of every field of that lower-case name. */
export function addressesOf(block: HeaderBlock, name: string): readonly string[] {
  const found: string[] = [];
  for (const field of findFields(block, name)) {
    for (const address of parseAddressList(fieldText(block, field)).addresses) found.push(address);
  }
  return found;
}

/** The decoded subject with whatever it holds, line breaks too; null without one. */
export function readSubject(block: HeaderBlock): string | null {
  const subject = findField(block, 'subject');
  return subject === undefined ? null : decodeWords(fieldText(block, subject, valueLimitBytes));
}

/**
 * First `<…>` token with its white space removed, brackets kept (journaling c.3); null when there is none. It may be
 * longer than a line of mail, being folded or sent by somebody who does not count; keys hold a digest of it. Beyond
 * 8 KB it counts as none.
 */
export function readMessageId(text: string): string | null {
  const found = /<[^<>]*>/.exec(text)?.[0].replace(/\s+/g, '');
  return found === undefined || found === '<>' || found.length > messageIdLimit ? null : found;
}

/** What a message says of its own age (journaling c.6); the report's part is for the caller to add. */
export function readOwnTimes(block: HeaderBlock, date: number | null): Omit<MessageTimes, 'reportSent' | 'outerDate'> {
  let oldestReceived: number | null = null;
  let newestReceived: number | null = null;
  for (const field of findFields(block, 'received').slice(0, receivedLimit)) {
    const text = rawFieldText(block, field, valueLimitBytes);
    const at = parseDate(text.slice(text.lastIndexOf(';') + 1));
    if (at === null) continue;
    if (oldestReceived === null || at < oldestReceived) oldestReceived = at;
    if (newestReceived === null || at > newestReceived) newestReceived = at;
  }
  return { date, oldestReceived, newestReceived };
}

function shortSubject(subject: string | null): string | null {
  if (subject === null) return null;
  const short = subject.replace(/\s+/g, ' ').trim();
  // A character outside the basic plane is not cut in two.
  return short.length <= subjectLimit ? short : short.slice(0, subjectLimit).replace(/[\ud800-\udbff]$/, '');
}
