import { createHash } from 'node:crypto';
import type { Observation, ParsedMail, SpoolItem } from '../streams/message.ts';

const people = 5_000;
const vocabulary = 20_000;
const years = 10;
const dayMs = 86_400_000;

/** What a generated archive has: everybody is somewhere, `everywhere` in half of all mail, `rarely` in every 20,000th. */
export const known = {
  everywhere: 'all-staff@north.example',
  rarely: 'auditor@south.example',
  commonWord: 'report',
  rareWord: 'zeppelin',
  /** Of the newest message. */
  until: Date.parse('2026-11-01T00:00:00Z'),
};

/** The facts of the `n`th of `count` messages, the oldest first; each the same in every run. `body`: what it says. */
export function mailOf(
  n: number,
  count: number,
  body = `Text ${n}`,
): { readonly messageId: string; readonly text: string; readonly mail: ParsedMail } {
  const pick = (salt: string, below: number): number => {
    const digest = createHash('sha256').update(`${salt}${n}`).digest();
    // The lowest numbers come most: a few people write most of the mail, a few words most subjects.
    return Math.floor((digest.readUInt32BE(0) / 2 ** 32) ** 2 * below);
  };
  const from = `person-${pick('from', people)}@north.example`;
  const to = [`person-${pick('to', people)}@north.example`, `person-${pick('cc', people)}@south.example`];
  if (n % 2 === 0) to.push(known.everywhere);
  if (n % 20_000 === 7) to.push(known.rarely);
  const words = ['a', 'b', 'c', 'd'].map((salt) => `word${pick(salt, vocabulary)}`);
  if (n % 3 === 0) words.push(known.commonWord);
  if (n % 20_000 === 9) words.push(known.rareWord);
  const messageId = `<${n}.archive@north.example>`;
  const date = known.until - Math.floor(((count - n) / count) * years * 365 * dayMs);
  const subject = words.join(' ');
  const text = `From: ${from}\r\nTo: ${to.join(', ')}\r\nSubject: ${subject}\r\nMessage-ID: ${messageId}\r\n\r\n${body}\r\n`;
  return { messageId, text, mail: parsedOf({ messageId, from, to, subject, date }) };
}

interface Facts {
  readonly messageId: string;
  readonly from: string;
  readonly to: readonly string[];
  readonly subject: string;
  readonly date: number;
}

function parsedOf({ messageId, from, to, subject, date }: Facts): ParsedMail {
  const observed = to.map((address) => ({
    ...({ address, type: 'to', via: [], source: 'envelope' } as const),
    ...{ internal: address.endsWith('@north.example'), known: true },
  }));
  return {
    ...({ class: 'envelope', family: 'ms2007', level: 'L0', flags: [], quarantineReason: null } as const),
    ...{ sender: from, onBehalfOf: null, subject, messageId, reportMessageId: messageId, recipients: observed },
    ...{ originals: [], primary: 0, extra: {}, unparsed: [], internal: false, matchKey: `mid:${messageId}` },
    times: { date, reportSent: null, oldestReceived: null, newestReceived: null, outerDate: null },
    representations: [],
    observed,
  };
}

/** What archiving writes of an item that was parsed as `mail`. */
export function observationOf(
  item: SpoolItem,
  { sender, subject, messageId, observed, times, flags }: ParsedMail,
): Observation {
  const { intakeId, definitionId, receivedAt, sha256, size, body } = item;
  return {
    ...({ intakeId, definitionId, origin: 'journal', receivedAt, level: 'L0', family: 'ms2007', flags } as const),
    ...{ reportMessageId: messageId, sender, onBehalfOf: null, recipients: observed },
    representations: [
      {
        ...({ sha256, size, body, decoding: 'identity', contentHash: null, protected: false } as const),
        ...{ clearText: false, stub: false, primary: true },
        facts: { messageId, from: sender, subject, dateAt: times.date },
      },
    ],
  };
}
