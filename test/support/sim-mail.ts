import { buildMessage, buildReport, type ReportRecipient } from './mail.ts';
import { below } from './prng.ts';
import { sha256 } from './store-fixture.ts';

export const exchange = 'exchange';
export const tap = 'tap';
/** A POP3 mailbox; its reports are of the same kind as those of `exchange`. */
export const box = 'box';
export type Place = typeof exchange | typeof tap | typeof box;

/** What becomes of every copy of one message. */
export type Fate = 'archived' | 'held' | 'skipped' | 'quarantined';

/** One mail that a sending side has to deliver. */
export interface SimMail {
  readonly bytes: Buffer;
  readonly sha256: string;
  readonly places: readonly Place[];
  /** Number of the message that it is a copy of. */
  readonly message: number;
}
/** What the archive must show of one message in the end. */
export interface Expected {
  readonly fate: Fate;
  readonly recipients: ReadonlySet<string>;
}
export interface SimPost {
  readonly mails: readonly SimMail[];
  readonly expected: readonly Expected[];
}

const dayMs = 86_400_000;
const kinds = [
  'plain',
  'plain',
  'plain',
  'plain',
  'collision',
  'without-id',
  'stub',
  'bare',
  'both',
  'old',
  'foreign',
  'garbage',
] as const;
const families = ['ms2007', 'ms2003', 'workmail'] as const;
const people = ['ada', 'bo', 'cy', 'di', 'ed', 'flo'];
const outside = ['gus@south.example', 'hal@south.example'];

interface Draft {
  readonly random: () => number;
  readonly name: string;
  readonly date: string;
  readonly from: string;
}

/** 20 to 80 mails: copies of some messages of every kind, in a random order. */
export function drawPost(random: () => number, startAt: number): SimPost {
  const mails: SimMail[] = [];
  const expected: Expected[] = [];
  // Mostly few: a crash among few messages finds as much, and many seeds find more than many messages.
  const wanted = 20 + Math.floor(random() ** 9 * 60);
  while (mails.length < wanted) {
    const at = startAt - below(random, 5 * dayMs);
    const draft = { random, name: `m${expected.length}`, date: dateOf(at), from: pick(random, people) };
    for (const { fate, recipients, copies } of drawMessages(pick(random, kinds), draft, at)) {
      for (const [bytes, places] of copies)
        mails.push({ bytes, places, sha256: sha256(bytes), message: expected.length });
      expected.push({ fate, recipients: new Set(recipients) });
    }
  }
  return { mails: shuffled(random, mails).map((mail) => perhapsPulled(random, mail)), expected };
}

/** Some of what was meant for the listener of `exchange` alone lies in a mailbox instead. */
function perhapsPulled(random: () => number, mail: SimMail): SimMail {
  const isPulled = mail.places.length === 1 && mail.places[0] === exchange && random() < 0.4;
  return isPulled ? { ...mail, places: [box] } : mail;
}

type Copy = readonly [bytes: Buffer, places: readonly Place[]];
interface Message {
  readonly fate: Fate;
  readonly recipients: readonly string[];
  readonly copies: readonly Copy[];
}
const message = (fate: Fate, recipients: readonly string[], copies: readonly Copy[]): Message => ({
  fate,
  recipients,
  copies,
});

/** One message of that kind with its copies; two where they collide. */
function drawMessages(kind: (typeof kinds)[number], draft: Draft, at: number): readonly Message[] {
  const { random, name } = draft;
  const messageId = kind === 'without-id' ? null : `<${name}@north.example>`;
  const to = some(random);
  const original = buildMessage({ ...headOf(draft, to), messageId, body: `Body of ${name}.` });
  switch (kind) {
    case 'collision': {
      const other = { ...draft, from: 'zed', date: dateOf(at - 60_000) };
      const twin = buildMessage({ ...headOf(other, ['bo@north.example']), messageId, body: `Other than ${name}.` });
      const twinTo = ['bo@north.example'];
      return [
        message('archived', to, reports(draft, original, to)),
        message('archived', twinTo, reports(other, twin, twinTo)),
      ];
    }
    case 'stub': {
      const stub = report(draft, null, to, { messageId });
      return [message('archived', to, [[stub, [exchange]], ...(random() < 0.5 ? reports(draft, original, to) : [])])];
    }
    case 'bare':
      return [message('archived', to, [[original, [pick(random, [exchange, tap] as const)]]])];
    case 'both':
      return [message('archived', to, [[original, [exchange, tap]], ...reports(draft, original, to)])];
    case 'old': {
      const old = { ...draft, date: dateOf(at - 40 * dayMs) };
      return [message('held', [], reports(old, buildMessage({ ...headOf(old, to), messageId }), to))];
    }
    case 'foreign': {
      const from = outside[0] ?? '';
      const foreign = buildMessage({ from, to: outside[1] ?? '', messageId, date: draft.date, subject: name });
      return [
        message(
          'skipped',
          [],
          [
            [
              buildReport({
                sender: from,
                messageId,
                recipients: [{ address: outside[1] ?? '' }],
                originals: [foreign],
              }),
              [exchange],
            ],
          ],
        ),
      ];
    }
    case 'garbage':
      return [
        message(
          'quarantined',
          [],
          [[Buffer.from(`\x00\x01 ${name} no header at all`), [pick(random, [exchange, tap] as const)]]],
        ),
      ];
    default:
      return [drawCopies(draft, original, { messageId, to })];
  }
}

/** Reports, perhaps a second one with other recipients, perhaps copies of the gateway as they are or with a banner. */
function drawCopies(
  draft: Draft,
  original: Buffer,
  { messageId, to }: { readonly messageId: string | null; readonly to: readonly string[] },
): Message {
  const { random } = draft;
  const copies: Copy[] = [[report(draft, original, to, { messageId }), [exchange]]];
  const all = [...to];
  if (random() < 0.5) {
    const hidden = pick(random, people);
    all.push(`${hidden}.bcc@north.example`);
    copies.push([report(draft, original, [`${hidden}.bcc@north.example`], { messageId, type: 'bcc' }), [exchange]]);
  }
  if (random() < 0.5) copies.push([original, [tap]]);
  if (random() < 0.3)
    copies.push([Buffer.concat([Buffer.from('Received: from hub.north.example\r\n'), original]), [tap]]);
  if (random() < 0.2 && messageId !== null) {
    const bannered = buildMessage({ ...headOf(draft, to), messageId, body: `Banner. Body of ${draft.name}.` });
    copies.push([bannered, [tap]]);
  }
  return message('archived', all, copies);
}

const reports = (
  draft: Draft,
  original: Buffer,
  to: readonly string[],
): readonly (readonly [Buffer, readonly Place[]])[] => [[report(draft, original, to, {}), [exchange]]];

function report(
  draft: Draft,
  original: Buffer | null,
  to: readonly string[],
  { messageId, type = 'to' }: { readonly messageId?: string | null; readonly type?: 'to' | 'bcc' },
): Buffer {
  const recipients = to.map((address): ReportRecipient => ({ address, type }));
  return buildReport({
    family: pick(draft.random, families),
    sender: `${draft.from}@north.example`,
    subject: `Subject ${draft.name}`,
    messageId: messageId === undefined ? `<${draft.name}@north.example>` : messageId,
    recipients,
    originals: original === null ? [] : [original],
    boundary: `b-${draft.name}-${below(draft.random, 1_000_000)}`,
  });
}

const headOf = (draft: Draft, to: readonly string[]) => ({
  from: `${draft.from}@north.example`,
  to: to.join(', '),
  subject: `Subject ${draft.name}`,
  date: draft.date,
});

/** One to three people of the house. */
function some(random: () => number): readonly string[] {
  const count = 1 + below(random, 3);
  return [...new Set(Array.from({ length: count }, () => `${pick(random, people)}@north.example`))];
}

const dateOf = (at: number): string => new Date(Math.floor(at / 1_000) * 1_000).toUTCString().replace('GMT', '+0000');

export const pick = <T>(random: () => number, all: readonly T[]): T => all[below(random, all.length)] as T;

function shuffled<T>(random: () => number, all: readonly T[]): readonly T[] {
  const left = [...all];
  return Array.from({ length: all.length }, () => left.splice(below(random, left.length), 1)[0] as T);
}
