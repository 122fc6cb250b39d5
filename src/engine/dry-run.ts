import type { JournalOptions } from '../../streams/message.ts';
import type { IntakeRecord } from '../../streams/ports.ts';
import { toJournalOptions } from '../config/to-options.ts';
import { durationText } from '../config/units.ts';
import type { DryRun } from '../http/explain.schema.ts';
import type { DryRunAnswer } from '../http/explain.types.ts';
import { isoTime } from '../time-words.ts';
import { parseChange } from './administration.ts';
import { type Explaining, trialParts } from './explain.ts';
import { changesBetween, endingOf } from './explain-changes.ts';
import { overRecords } from './over-records.ts';
import { type TrialParts, type TrialRules, type TrialSubject, tryMessage } from './trial.ts';
import { storedSubject } from './trial-subject.ts';
import { reopens, reused, timeChange } from './what-if.ts';

type Differing = DryRun['options'][number] & { readonly change: Partial<JournalOptions> };

/** Messages told of one by one; all are counted. */
const maxTold = 100;

/**
 * What a changed definition would have made of the last messages it received, each as of its receipt and against the
 * archive as it stood then. One message at a time, opened in a thread of its own; changes nothing.
 */
export async function dryRun(
  id: string,
  document: Readonly<Record<string, unknown>>,
  { workshop, last }: { readonly workshop: Explaining; readonly last: number },
): Promise<DryRunAnswer> {
  const before = workshop.book.get(id);
  if (before === undefined) return { kind: 'unknown' };
  const parsed = parseChange(workshop, id, document);
  if (!parsed.ok) return { kind: 'invalid', faults: parsed.faults };
  const changed = toJournalOptions(parsed.definition, before.version);
  const options = differingOptions(before.options, changed);
  const matching = { ...workshop.setup.matching };
  const rules = { before: { options: before.options, matching }, after: { options: changed, matching } };
  const parts = trialParts(workshop);
  const items: DryRun['items'][number][] = [];
  const counts = { changed: 0, waits: 0 };
  const look = async (record: IntakeRecord): Promise<void> => {
    if (options.length === 0) return;
    const subject = storedSubject(record, workshop.store);
    const { changes, waits } = await compared(subject, rules, parts);
    if (waits) counts.waits += 1;
    if (changes.length === 0) return;
    counts.changed += 1;
    if (items.length === maxTold) return;
    const alone = options.length === 1 ? options : await eachAlone(subject, options, rules.before, parts);
    const told = { id: record.intakeId, receivedAt: isoTime(record.receivedAt), state: record.state, changes };
    items.push({ ...told, options: alone.map(({ option }) => option) });
  };
  const { looked, skipped, complete } = await overRecords({ definition: id }, { workshop, last }, look);
  const told = options.map(({ change: _change, ...option }) => option);
  return { kind: 'done', result: { definition: id, options: told, looked, skipped, complete, ...counts, items } };
}

/** What ends otherwise by one set of rules than by another, and whether it would be waited for otherwise. */
async function compared(
  subject: TrialSubject,
  { before, after }: { readonly before: TrialRules; readonly after: TrialRules },
  parts: TrialParts,
) {
  const now = await tryMessage(subject, before, parts);
  const then = await tryMessage(reopens(before, after) ? subject : reused(subject, now), after, parts);
  return { changes: changesBetween(endingOf(now), endingOf(then)), waits: timeChange(now, then).length > 0 };
}

/** Those of the options that would change something without the others. */
async function eachAlone(
  subject: TrialSubject,
  options: readonly Differing[],
  before: TrialRules,
  parts: TrialParts,
): Promise<readonly Differing[]> {
  const alone: Differing[] = [];
  for (const option of options) {
    const after = { ...before, options: { ...before.options, ...option.change } };
    if ((await compared(subject, { before, after }, parts)).changes.length > 0) alone.push(option);
  }
  return alone;
}

/** What decides about mail; the rest of a definition is its connection. */
const ruling = [
  'journalType',
  'initialProcessDelayMs',
  'deliveryWaitAttempts',
  'deliveryWaitIntervalMs',
  'extendedDeduplication',
  'journalNonInternalAddresses',
  'journalUnknownInternalAddresses',
  'removeJournalHeaders',
  'preferClearTextVersion',
  'serviceEmailAddress',
] as const satisfies readonly (keyof JournalOptions)[];

function differingOptions(before: JournalOptions, after: JournalOptions): readonly Differing[] {
  const settingOf = (options: JournalOptions, name: (typeof ruling)[number]) => {
    const value = options[name];
    return name.endsWith('Ms') ? durationText(Number(value)) : value;
  };
  return ruling
    .filter((name) => before[name] !== after[name])
    .map((name) => ({
      option: name.replace(/Ms$/, ''),
      from: settingOf(before, name),
      to: settingOf(after, name),
      change: { [name]: after[name] },
    }));
}
