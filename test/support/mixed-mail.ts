import { dateOf, idOf, received } from './journey-mail.ts';
import { reportKinds, sentOf } from './journey-reports.ts';
import {
  buildBounce,
  buildMessage,
  buildProtectedPair,
  buildReport,
  type MessageParts,
  type ReportParts,
} from './mail.ts';
import { below, prng } from './prng.ts';

/** One message of a mixed feed. `to`: the definition it is sent to, or the mail gateway. */
export interface Mixed {
  readonly name: string;
  readonly kind: string;
  readonly to: string;
  readonly bytes: Buffer;
}
type Random = () => number;
/** A message that copies are made of later. */
interface Base {
  readonly name: string;
  readonly parts: MessageParts;
  readonly pair: boolean;
}

const dayMs = 86_400_000;
const pick = <T>(random: Random, from: readonly T[]): T => from[below(random, from.length)]!;
const chance = (random: Random, share: number): boolean => random() < share;

const people = ['ada@north.example', 'bo@north.example', 'legal@north.example'];
const strangers = ['new@north.example', 'cy@south.example', 'mallory@east.example'];

/**
 * Rounds of mail of every family and damage, copies of earlier mail in every form, and mail that a rule stops. The copies
 * of a round are all of earlier rounds, each of another message, so that nothing in a round depends on its order.
 */
export function mixedRounds(
  seed: number,
  { rounds, size, places, byContent }: MixedSize,
): readonly (readonly Mixed[])[] {
  const random = prng(seed);
  const bases: Base[] = [];
  // These kinds differ in their report alone: where content is looked for, those of one round would be copies.
  const kinds = reportKinds.filter((kind) => !byContent || sentOf(kind, 'x').expected.state !== 'archived');
  return Array.from({ length: rounds }, (_, round) => {
    const free = [...bases];
    return Array.from({ length: size }, (__, at): Mixed => {
      const name = `s${seed}r${round}m${at}`;
      const lot = random();
      const to = pick(random, places);
      if (lot < 0.3) {
        const kind = kinds[(round * size + at) % kinds.length]!;
        // Skipped everywhere else, and so no copy of the next one.
        const isWide = byContent && to === 'wide' && kind === 'nobody of ours';
        return {
          name,
          kind,
          to: to === 'gateway' || isWide ? places[0]! : to,
          bytes: received(sentOf(kind, name).bytes),
        };
      }
      if (lot < 0.6 || free.length === 0) {
        const base = baseOf(name, bases.length, random);
        bases.push(base);
        return mixed(name, 'first', { to, base }, random);
      }
      const [base] = free.splice(below(random, free.length), 1);
      return mixed(name, pick(random, Object.keys(copies)), { to, base: base! }, random);
    });
  });
}
export interface MixedSize {
  readonly rounds: number;
  readonly size: number;
  readonly places: readonly string[];
  /** `matching.matchOnContent` is on. */
  readonly byContent: boolean;
}

function baseOf(name: string, count: number, random: Random): Base {
  const now = Date.now();
  const age = pick(random, [0, 0, 0, 0, 0, 0, 3, 29, 31, 45, -2]);
  const from = pick(random, ['Ada <ada@north.example>', 'bo@north.example', ...strangers]);
  const parts: MessageParts = {
    from,
    to: pick(random, [...people, ...strangers]),
    subject: `Lunch ${name}`,
    messageId: chance(random, 0.1) ? null : idOf(name),
    date: chance(random, 0.06) ? null : dateOf(now - age * dayMs - count * 1_000),
    body: `Soup today, says ${name}.\r\n`,
    headers: chance(random, 0.3) ? ['X-MS-Exchange-Organization-BCC: legal@north.example'] : [],
    ...(chance(random, 0.3) ? { cc: pick(random, [...people, ...strangers]) } : {}),
  };
  return { name, parts, pair: chance(random, 0.1) && age === 0 };
}

/** The ways in which the same mail, or nearly the same, comes again. */
const copies: Readonly<Record<string, (parts: MessageParts, name: string) => MessageParts>> = {
  'the same': (parts) => parts,
  'another way': (parts) => ({
    ...parts,
    headers: ['Received: from hub by edge; Mon, 30 Nov 2026 09:00:00 +0000', ...(parts.headers ?? [])],
  }),
  'a footer': (parts) => ({ ...parts, body: `${parts.body}\r\n--\r\nThis mail is confidential.\r\n` }),
  'a tagged subject': (parts) => ({ ...parts, subject: `[EXT] ${parts.subject}` }),
  'another sender': (parts) => ({ ...parts, from: 'cy@north.example' }),
  'another date': (parts) => ({ ...parts, date: dateOf(Date.now() - 3_600_000) }),
  'another id': (parts, name) => ({ ...parts, messageId: idOf(name) }),
  'no id': (parts) => ({ ...parts, messageId: null }),
  'other letters': (parts) => ({ ...parts, from: parts.from?.toUpperCase() ?? null }),
};

function mixed(
  name: string,
  kind: string,
  { to, base }: { readonly to: string; readonly base: Base },
  random: Random,
): Mixed {
  const parts = copies[kind]?.(base.parts, name) ?? base.parts;
  const whole = buildMessage(parts);
  if (to === 'gateway' || chance(random, 0.15)) return { name, kind: `${kind}, plain`, to, bytes: received(whole) };
  const pair = base.pair ? buildProtectedPair(idOf(base.name), base.parts.date ?? dateOf()) : null;
  const inside =
    pair === null ? [whole] : pick(random, [[pair.guarded, pair.clear], [pair.clear, pair.guarded], [pair.clear]]);
  const form = pick(random, Object.keys(forms));
  const report = buildReport({
    messageId: parts.messageId ?? null,
    originals: inside,
    recipients: recipientsOf(random),
    ...(forms[form]?.(parts) ?? {}),
  });
  const bytes = received(form === 'bounced' ? buildBounce(report, undefined, `N${name}`) : report);
  return { name, kind: `${kind}, ${form}${pair === null ? '' : ', protected'}`, to, bytes };
}

/** The forms of a report. */
const forms: Readonly<Record<string, (parts: MessageParts) => ReportParts>> = {
  common: () => ({}),
  'of 2003': () => ({ family: 'ms2003' }),
  'of WorkMail': () => ({ family: 'workmail' }),
  'without marker': () => ({ family: 'none' }),
  'in base64': () => ({ textEncoding: 'base64', originalEncoding: 'base64' }),
  'young outside': () => ({ date: dateOf() }),
  'from outside': () => ({ from: 'Journal <journal@east.example>' }),
  'by a delegate': () => ({ sender: 'bo@north.example', onBehalfOf: 'ada@north.example' }),
  'of a stranger': () => ({ sender: 'mallory@east.example' }),
  bounced: () => ({}),
  'without its mail': () => ({ originals: [], partsAfter: ['Content-Type: text/plain\r\n\r\nremoved'] }),
  'with another id': () => ({ messageId: '<other@north.example>' }),
  'with two mails': (parts) => ({ originals: [buildMessage(parts), buildMessage({ ...parts, body: 'Else.\r\n' })] }),
  unreadable: () => ({ text: 'This item was scanned.\r\n' }),
};

function recipientsOf(random: Random): NonNullable<ReportParts['recipients']> {
  return Array.from({ length: below(random, 4) }, () => ({
    address: pick(random, [...people, ...strangers]),
    type: pick(random, ['to', 'cc', 'bcc', 'recipient'] as const),
  }));
}
