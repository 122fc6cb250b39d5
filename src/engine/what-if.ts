import type { JournalOptions, MatchingOptions } from '../../streams/message.ts';
import { durationText } from '../config/units.ts';
import type { Change, Explanation } from '../http/explain.schema.ts';
import { isoTime } from '../time-words.ts';
import { changesBetween, endingOf } from './explain-changes.ts';
import { type TrialParts, type TrialRules, type TrialSubject, type Tried, tryMessage } from './trial.ts';

type WhatIf = Explanation['whatIf'][number];

/** One option with another value. `reopens`: the parser reads it, so the message must be opened again. */
export interface Variant extends Omit<WhatIf, 'changes'> {
  readonly rules: TrialRules;
  readonly reopens: boolean;
}

/** What the parser reads: with others of these a message must be opened again. */
const parsing: readonly (keyof JournalOptions)[] = [
  'journalType',
  'preferClearTextVersion',
  'removeJournalHeaders',
  'serviceEmailAddress',
];
export const reopens = (before: TrialRules, after: TrialRules): boolean =>
  parsing.some((name) => before.options[name] !== after.options[name]) ||
  before.matching.matchOnContent !== after.matching.matchOnContent;

/** Other values of each option, one at a time: the other one of two, none instead of some, the other end of a range. */
export function variantsOf(rules: TrialRules, tried: Tried): readonly Variant[] {
  const { options, matching } = rules;
  const of = (change: Partial<JournalOptions>, option: string, from: WhatIf['from'], to: WhatIf['to']): Variant => {
    const changed = { matching, options: { ...options, ...change } };
    return { option, from, to, rules: changed, reopens: reopens(rules, changed) };
  };
  const shared = (change: Partial<MatchingOptions>, name: string, from: WhatIf['from'], to: WhatIf['to']): Variant => {
    const changed = { options, matching: { ...matching, ...change } };
    return { option: `matching.${name}`, from, to, rules: changed, reopens: reopens(rules, changed) };
  };
  const flipped = (
    [
      'extendedDeduplication',
      'journalNonInternalAddresses',
      'journalUnknownInternalAddresses',
      'preferClearTextVersion',
      'removeJournalHeaders',
    ] as const
  ).map((name) => of({ [name]: !options[name] }, name, options[name], !options[name]));
  const type = options.journalType === 'eej' ? 'standard' : 'eej';
  const clock = matching.expiryClock === 'date' ? 'latest' : 'date';
  const { matchOnContent, continuityEvent, maxAgeMs } = matching;
  const delay = durationText(options.initialProcessDelayMs);
  const { deliveryWaitAttempts: attempts } = options;
  const needed = neededAgeMs(tried, matching);
  return [
    ...flipped,
    ...(delay === '0s' ? [] : [of({ initialProcessDelayMs: 0 }, 'initialProcessDelay', delay, '0s')]),
    of({ deliveryWaitAttempts: 1 }, 'deliveryWaitAttempts', attempts, 1),
    of({ deliveryWaitAttempts: mostAttempts }, 'deliveryWaitAttempts', attempts, mostAttempts),
    ...(needed === null ? [] : [shared({ maxAgeMs: needed }, 'maxAge', durationText(maxAgeMs), durationText(needed))]),
    shared({ expiryClock: clock }, 'expiryClock', matching.expiryClock, clock),
    shared({ continuityEvent: !continuityEvent }, 'continuityEvent', continuityEvent, !continuityEvent),
    of({ journalType: type }, 'journalType', options.journalType, type),
    shared({ matchOnContent: !matchOnContent }, 'matchOnContent', matchOnContent, !matchOnContent),
  ];
}

const mostAttempts = 20;
const dayMs = 86_400_000;
/** The longest that `matching.maxAge` may be. */
const longestAgeMs = 3_650 * dayMs;

/** The shortest whole number of days that would let a held message through; null where it is not held for its age. */
function neededAgeMs({ item, verdict }: Tried, { maxAgeMs }: MatchingOptions): number | null {
  if (verdict.kind !== 'end' || verdict.outcome !== 'held' || verdict.clock === undefined) return null;
  const needed = Math.ceil((item.receivedAt - verdict.clock.messageTime) / dayMs) * dayMs;
  return needed > maxAgeMs && needed <= longestAgeMs ? needed : null;
}

/** Trying goes on for so long; what is left then is named. A person waits for it. */
const tryForMs = 10_000;

/** Tries each single option with another value; tells those by which something would be otherwise. */
export async function whatIf(
  subject: TrialSubject,
  { tried, rules }: { readonly tried: Tried; readonly rules: TrialRules },
  parts: TrialParts,
): Promise<Pick<Explanation, 'whatIf' | 'untried'>> {
  const told: WhatIf[] = [];
  const untried: string[] = [];
  const until = parts.clock.now() + tryForMs;
  for (const { option, from, to, rules: other, reopens: again } of variantsOf(rules, tried)) {
    if (parts.clock.now() > until) {
      untried.push(option);
      continue;
    }
    const after = await tryMessage(again ? subject : reused(subject, tried), other, parts);
    const changes = [...changesBetween(endingOf(tried), endingOf(after)), ...timeChange(tried, after)];
    if (to === mostAttempts && changes.every(({ field }) => field === 'decidedAt')) continue;
    if (changes.length > 0) told.push({ option, from, to, changes });
  }
  return { whatIf: told, untried };
}

/** The message as it was opened already. */
export const reused = (subject: TrialSubject, { opened: parsed }: Tried): TrialSubject =>
  parsed === null ? subject : { ...subject, item: { ...subject.item, state: 'parsed', parsed } };

/** When it is decided at the latest, for those that are waited for. */
export function timeChange(before: Tried, after: Tried): readonly Change[] {
  const [from, to] = [before, after].map(decidedAt);
  return from === to ? [] : [{ field: 'decidedAt', from: from ?? null, to: to ?? null }];
}

export const decidedAt = ({ verdict, schedule }: Tried): string | null =>
  verdict.kind === 'end' || schedule === null ? null : isoTime(schedule.deadline);
