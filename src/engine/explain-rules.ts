import { judgeAge } from '../../streams/expiry.ts';
import type { MatchingOptions, ParsedMail } from '../../streams/message.ts';
import type { Directory } from '../../streams/ports.ts';
import { waits } from '../../streams/ruling.ts';
import { screen } from '../../streams/screen.ts';
import { durationText } from '../config/units.ts';
import type { Explanation } from '../http/explain.schema.ts';
import { isoTime } from '../time-words.ts';
import type { TrialRules, Tried } from './trial.ts';

type Rule = Explanation['rules'][number];

/**
 * Each rule with its verdict and the option behind it, in the order in which they are asked, up to the one that stops
 * the message. The verdicts are those of the functions that the line itself asks. No word of the mail is in them.
 */
export function rulesOf(tried: Tried, rules: TrialRules, directory: Directory): readonly Rule[] {
  const { parsed } = tried.item;
  if (parsed === null) return [readable(tried, null)];
  const told = [detect(parsed, rules), original(parsed, rules), readable(tried, parsed)];
  if (!waits(tried.item)) return [...told, look(tried, rules)];
  const own = tried.verdict.kind === 'end' ? ownTexts[tried.verdict.reason] : undefined;
  if (own !== undefined) return [...told, rule('scope', 'stopped', { detail: own })];
  const asked = [
    ...told,
    age(tried, parsed, rules.matching),
    scope(tried, parsed, rules, directory),
    delay(tried, rules),
    wait(tried, parsed, rules),
    look(tried, rules),
  ];
  const stop = asked.findIndex(({ verdict }) => verdict === 'stopped');
  return stop < 0 ? asked : asked.slice(0, stop + 1);
}

const ownTexts: Readonly<Record<string, string | undefined>> = {
  loop: 'skipped, loop: an alert of this engine that came back',
  canary: 'skipped, canary: sent by this engine, and proof that mail is journaled',
};
const levelTexts: Readonly<Record<ParsedMail['level'], string>> = {
  L0: 'a journal report, read in full',
  L1: 'a journal report of which some lines are missing or cannot be read',
  L2: 'a journal report whose text cannot be read: the mail attached to it counts, by its own headers',
  L3: 'a journal report without the mail that it is about',
  L4: 'ordinary mail, by its own headers',
  L5: 'nothing that can be read as a message',
};
const familyTexts = {
  ms2007: ', of Exchange 2007 and later',
  ms2003: ', of Exchange 2000 or 2003',
  workmail: ', of Amazon WorkMail',
  heuristic: ', known by its structure alone: its marker is missing',
} as const;

/** What the message was taken for, in a sentence. */
export function takenFor(parsed: ParsedMail | null, { options }: Pick<TrialRules, 'options'>): string {
  if (parsed === null) return 'nothing: the parser does not get through it';
  const plain = options.journalType === 'standard' && parsed.level === 'L4';
  const why = plain ? '; a definition of the type standard opens no reports' : '';
  return `${levelTexts[parsed.level]}${parsed.family === null ? '' : familyTexts[parsed.family]}${why}`;
}

const rule = (name: Rule['rule'], verdict: Rule['verdict'], of: Partial<Rule> & Pick<Rule, 'detail'>): Rule => ({
  rule: name,
  verdict,
  option: null,
  value: null,
  ...of,
});

function detect(parsed: ParsedMail, rules: TrialRules): Rule {
  const flags = parsed.flags.length === 0 ? '' : ` (${parsed.flags.join(', ')})`;
  const detail = `${parsed.level}: ${takenFor(parsed, rules)}${flags}`;
  return rule('detect', 'applied', { option: 'journalType', value: rules.options.journalType, detail });
}

function original({ originals, primary }: ParsedMail, { options }: TrialRules): Rule {
  const { preferClearTextVersion: value } = options;
  const which = `${(primary ?? 0) + 1} of ${originals.length}`;
  const pair = originals.length === 2 && originals.filter((each) => each.protected).length === 1;
  if (pair) {
    const detail = `a rights-protected pair: ${which} is shown, both are stored`;
    return rule('original', 'applied', { option: 'preferClearTextVersion', value, detail });
  }
  if (originals.length === 0) return rule('original', 'missed', { detail: 'there is no mail in it' });
  return rule('original', 'applied', { detail: `message ${which} stands for the mail` });
}

function readable({ verdict, item }: Tried, parsed: ParsedMail | null): Rule {
  if (verdict.kind === 'end' && verdict.outcome === 'quarantined') {
    const last = item.steps.findLast(({ step }) => step === 'failed')?.detail;
    const why = parsed === null && last != null ? `: ${last}` : '';
    return rule('readable', 'stopped', { detail: `quarantined, ${verdict.reason}${why}` });
  }
  const off = parsed?.class === 'quarantine';
  if (off) return rule('readable', 'off', { detail: 'it cannot be read, and an operator wants it archived as it is' });
  return rule('readable', 'passed', { detail: 'it can be read' });
}

function age({ item, verdict }: Tried, { times }: ParsedMail, matching: MatchingOptions): Rule {
  const { expired, messageTime, suspectedClockSkew } = judgeAge(times, item.receivedAt, matching);
  const days = Math.round(((item.receivedAt - messageTime) / 86_400_000) * 10) / 10;
  const skew = suspectedClockSkew ? '; the clock of the sending device is likely wrong' : '';
  const compared = `${days} days old by ${isoTime(messageTime)} (matching.expiryClock: ${matching.expiryClock})${skew}`;
  const named = { option: 'matching.maxAge', value: durationText(matching.maxAgeMs) };
  if (verdict.kind === 'end' && verdict.outcome === 'held')
    return rule('age', 'stopped', { ...named, detail: compared });
  if (expired) return rule('age', 'off', { ...named, detail: `${compared}; it was released, or was not asked` });
  return rule('age', 'passed', { ...named, detail: compared });
}

function scope({ item, verdict }: Tried, parsed: ParsedMail, { options }: TrialRules, directory: Directory): Rule {
  const out = screen(parsed, options, directory);
  const addresses = [...parsed.observed];
  const known = addresses.filter((each) => each.known).length;
  const internal = addresses.filter((each) => each.internal && !each.known).length;
  const counted = `${addresses.length} recipients: ${known} known internal, ${internal} unknown internal`;
  const skipped = verdict.kind === 'end' && verdict.outcome === 'skipped' ? verdict.reason : null;
  const strict = screen(
    parsed,
    { ...options, journalNonInternalAddresses: false, journalUnknownInternalAddresses: false },
    directory,
  );
  const option = strict === 'non-internal' ? 'journalNonInternalAddresses' : 'journalUnknownInternalAddresses';
  const named = strict === null ? {} : { option, value: options[option] };
  if (skipped !== null) return rule('scope', 'stopped', { ...named, detail: `skipped, ${skipped}; ${counted}` });
  const off = out !== null || item.overrides.includes('scope');
  if (off) return rule('scope', 'off', { ...named, detail: `an operator released it; ${counted}` });
  const why = strict === null ? 'somebody in it is known and internal' : `${strict}, which is wanted`;
  return rule('scope', 'passed', { ...named, detail: `${why}; ${counted}` });
}

function delay({ schedule }: Tried, { options }: TrialRules): Rule {
  const value = durationText(options.initialProcessDelayMs);
  const [first] = schedule?.attempts ?? [];
  const detail = first === undefined ? value : `first look-up at ${isoTime(first)}`;
  const verdict = options.initialProcessDelayMs === 0 ? 'off' : 'applied';
  return rule('delay', verdict, { option: 'initialProcessDelay', value, detail });
}

function wait({ schedule }: Tried, { internal }: ParsedMail, { options, matching }: TrialRules): Rule {
  const { deliveryWaitAttempts: attempts, deliveryWaitIntervalMs, extendedDeduplication } = options;
  const times = `${attempts} look-ups, ${durationText(deliveryWaitIntervalMs)} apart`;
  if (extendedDeduplication) {
    const why = !internal ? 'not internal mail' : matching.continuityEvent ? 'a continuity event is on' : 'it is over';
    const extended = schedule?.extendedAt ?? null;
    const more = extended === null ? `no extended wait: ${why}` : `and one more at ${isoTime(extended)}`;
    const verdict = extended === null ? 'off' : 'applied';
    return rule('wait', verdict, { option: 'extendedDeduplication', value: true, detail: `${times}; ${more}` });
  }
  return rule('wait', 'applied', { option: 'deliveryWaitAttempts', value: attempts, detail: times });
}

function look({ verdict, entries }: Tried, { matching }: TrialRules): Rule {
  const named = { option: 'matching.matchOnContent', value: matching.matchOnContent };
  if (verdict.kind === 'merge') {
    const said = { M1: 'the same message', M2: 'a variant of it', M4: 'the same message, without Message-ID' } as const;
    const more = { M5: 'the same content under another Message-ID', M6: 'the report or the mail of it' } as const;
    const text = { ...said, ...more }[verdict.case];
    const why = verdict.case === 'M5' ? named : {};
    return rule('match', 'found', { ...why, detail: `${verdict.case}: ${text} is in the archive` });
  }
  const none =
    entries.length === 0
      ? 'nothing is under its keys'
      : `${entries.length} under its keys, none of them the same message`;
  return rule('match', 'missed', { ...named, detail: `${none}; it becomes an entry of its own` });
}
