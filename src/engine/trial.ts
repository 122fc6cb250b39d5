import { lastValueFrom, type SchedulerLike } from 'rxjs';
import { afterFailure, detailOf, isTrouble, maxFailures, stepped } from '../../streams/failed-step.ts';
import { EngineFailure } from '../../streams/failure.ts';
import type {
  ArchiveEntry,
  EndingVerdict,
  JournalOptions,
  MatchingOptions,
  ParsedMail,
  SpoolItem,
} from '../../streams/message.ts';
import type { OpenLarge } from '../../streams/open-mail.ts';
import type { Bodies } from '../../streams/ports.ts';
import { withParsedStep } from '../../streams/processing.ts';
import type { ParsedItem } from '../../streams/ruling.ts';
import { type Schedule, scheduleOf } from '../../streams/schedule.ts';
import { settleWindow } from '../../streams/settle.ts';
import { turns } from '../../streams/turns.ts';
import { largeBytes, marked, unwrapWindow } from '../../streams/unwrap.ts';
import type { Store } from '../store/open-store.ts';
import type { LargeMail } from './large-mail.ts';
import type { ProcessingSetup } from './pipelines.ts';
import { type AsOf, trialArchive } from './trial-archive.ts';

/** A message that is tried: an intake record or one that is to be, and where its bytes are. */
export interface TrialSubject {
  readonly item: SpoolItem;
  readonly bodies: Bodies;
  /** Brings the whole message into the place it is given. */
  readonly load: (into: Uint8Array) => Promise<unknown>;
  readonly asOf: AsOf | null;
}
export interface TrialParts {
  readonly store: Pick<Store, 'archive' | 'messages' | 'waiting'>;
  readonly setup: ProcessingSetup;
  /** Opens every message of a trial, small ones too: nobody has taken them into custody and counts their attempts. */
  readonly examiner: Pick<LargeMail, 'open'>;
  readonly clock: SchedulerLike;
}
/** By what a message is ruled on: the definition's options, and those that all definitions share. */
export interface TrialRules {
  readonly options: JournalOptions;
  readonly matching: MatchingOptions;
}

/** How a message would end. */
export interface Tried {
  /** What the parser made of it, before any rule; null where it failed. */
  readonly opened: ParsedMail | null;
  /** As it was ruled on, with its steps. */
  readonly item: SpoolItem;
  readonly verdict: EndingVerdict;
  /** What stands, or will by then, under the keys it was looked up by. */
  readonly entries: readonly ArchiveEntry[];
  /** Null where it cannot be parsed. */
  readonly schedule: Schedule | null;
}

/** Copies that wait for the same message and are decided before it; more under one key are no accident. */
const maxWaiting = 32;

/**
 * Runs one message through the stages and rules of the line, on an archive that only looks: opened as there, then ruled
 * on as at its last look-up, after the copies in process whose last look-up comes sooner. Writes nothing.
 * @throws EngineFailure where the store or the engine, not the message, is in the way
 */
export async function tryMessage(subject: TrialSubject, rules: TrialRules, parts: TrialParts): Promise<Tried> {
  const { item: given } = subject;
  const opened = await openSubject(subject, rules, parts);
  if (opened.kind === 'failed') return failedTrial({ ...given, failures: maxFailures }, opened.error, parts);
  const own = lastLookUp(opened.item, rules);
  const archive = trialArchive(parts.store, subject.asOf);
  for (const waiting of await before(own, subject, parts)) await settle(waiting, archive, subject, parts, null);
  await settle(own, archive, subject, parts, rules);
  const ruled = archive.ruledOn(given.intakeId);
  const { verdict } = ruled ?? {};
  if (ruled === undefined || verdict === undefined || verdict.kind === 'unsure' || verdict.kind === 'over')
    throw new Error('nothing was ruled');
  // An item that has failed as often as it may is put back by trouble of the machine alone.
  if (verdict.kind === 'defer') throw new EngineFailure('store-failed', ruled.item.steps.at(-1)?.detail ?? undefined);
  const schedule = scheduleFor(own, rules);
  return { opened: opened.item.parsed, item: ruled.item, verdict, entries: ruled.entries, schedule };
}

function openSubject({ item, bodies, load }: TrialSubject, rules: TrialRules, { setup, examiner, clock }: TrialParts) {
  // Only small mail is looked at for a notice of our own, as on the line.
  const openLarge: OpenLarge = async (large, opening) => {
    const opened = await examiner.open(load, large, opening);
    if (large.size > largeBytes) return opened;
    const bytes = new Uint8Array(large.size);
    await load(bytes);
    return { ...opened, parsed: marked(opened.parsed, bytes, setup.ports) };
  };
  const ports = { ...setup.ports, bodies, openLarge, largeAbove: 0 };
  return lastValueFrom(unwrapWindow([item], ports, () => rules.options, rules.matching, turns(clock)));
}

function failedTrial(item: SpoolItem, error: unknown, { clock }: TrialParts): Tried {
  if (isTrouble(error)) throw error;
  const at = clock.now();
  const verdict = afterFailure(item, error, at);
  if (verdict.kind !== 'end') throw new Error('a message that has failed often enough was put back');
  const told = stepped(item, { at, step: 'failed', detail: detailOf(error) });
  return { opened: null, item: told, verdict, entries: [], schedule: null };
}

const scheduleFor = ({ receivedAt, parsed }: ParsedItem, { options, matching }: TrialRules): Schedule =>
  scheduleOf({ receivedAt, internal: parsed.internal }, options, matching);

/** The item as it comes to its last look-up: a miss archives it. */
function lastLookUp(item: SpoolItem, rules: TrialRules): ParsedItem {
  const { parsed } = item;
  if (parsed === null) throw new Error(`intake ${item.intakeId} is not parsed`);
  const schedule = scheduleFor({ ...item, parsed }, rules);
  // What waits already may be tried under rules by which it would wait for longer than its deadline.
  const dueAt = schedule.extendedAt ?? item.deadline ?? schedule.deadline;
  const stepAt = item.state === 'parsed' ? withParsedStep({ ...item, parsed }, item.receivedAt) : item;
  const attempt = Math.max(item.attempt, schedule.attempts.length - 1);
  return { ...stepAt, parsed, attempt, dueAt, deadline: dueAt, woken: false, failures: maxFailures };
}

/** The copies of the same message in process that will be decided before it, in that order. */
async function before(own: ParsedItem, { asOf }: TrialSubject, { store, setup }: TrialParts) {
  const { matchKey } = own.parsed;
  if (matchKey === null || (asOf !== null && asOf.endedAt !== null)) return [];
  const waiting = await store.waiting(matchKey, maxWaiting);
  return waiting
    .filter(({ intakeId, parsed }) => intakeId !== own.intakeId && parsed !== null)
    .map((item) => lastLookUp(item, { options: setup.optionsFor(item), matching: setup.matching }))
    .filter(({ dueAt }) => dueAt <= own.dueAt)
    .toSorted((a, b) => a.dueAt - b.dueAt || (a.intakeId < b.intakeId ? -1 : 1));
}

/** `rules` null: those the item was received under. */
async function settle(
  item: ParsedItem,
  archive: ReturnType<typeof trialArchive>,
  { bodies }: Pick<TrialSubject, 'bodies'>,
  { setup, clock }: Pick<TrialParts, 'setup' | 'clock'>,
  rules: TrialRules | null,
): Promise<void> {
  const ports = { ...setup.ports, bodies, archive, messages: { get: archive.get } };
  const options = {
    optionsFor: (each: SpoolItem) => rules?.options ?? setup.optionsFor(each),
    matching: rules?.matching ?? setup.matching,
  };
  // At its own time: what is ruled on reads the clock, and nothing of it waits.
  const at = { now: () => item.dueAt, schedule: clock.schedule.bind(clock) } as SchedulerLike;
  await lastValueFrom(settleWindow([item], ports, options, at));
}
