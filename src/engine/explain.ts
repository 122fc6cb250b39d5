import type { IntakeRecord } from '../../streams/ports.ts';
import { waits } from '../../streams/ruling.ts';
import type { Explanation } from '../http/explain.schema.ts';
import type { ExplainOptions, PostedMessage } from '../http/explain.types.ts';
import { isoTime } from '../time-words.ts';
import type { Definition } from './definition-book.types.ts';
import { refusesForAge } from './expiry-check.ts';
import { changesBetween, endingOf } from './explain-changes.ts';
import { matchesOf } from './explain-matches.ts';
import { rulesOf, takenFor } from './explain-rules.ts';
import { recordedOf } from './recorded.ts';
import { type TrialParts, type TrialRules, type TrialSubject, type Tried, tryMessage } from './trial.ts';
import { postedSubject, storedSubject } from './trial-subject.ts';
import { decidedAt, whatIf } from './what-if.ts';
import type { Workshop } from './workshop.ts';

/** What explaining needs of the engine. */
export type Explaining = Pick<Workshop, 'options' | 'store' | 'book' | 'setup' | 'clock' | 'note' | 'examiners'>;

interface ExplainParts {
  readonly workshop: Explaining;
  readonly wanted: ExplainOptions;
}

export const trialParts = ({ store, setup, clock, examiners }: Explaining): TrialParts => ({
  store,
  setup,
  clock,
  examiner: examiners.asked,
});

/**
 * A dry run of one message (interface section 6): the stages and rules of the line itself, on an archive that only looks.
 * It says how the message would end if nothing came meanwhile but what is in process already.
 */
export async function explainPosted(
  definition: Definition,
  message: PostedMessage,
  { workshop, wanted }: ExplainParts,
): Promise<Explanation> {
  const { store, setup, clock, examiners } = workshop;
  const surroundings = { bodies: store.bodies, examiner: examiners.asked, now: clock.now() };
  const subject = postedSubject(definition, message, surroundings);
  const rules = { options: definition.options, matching: { ...setup.matching } };
  const { explanation } = await explanationOf(subject, rules, { workshop, wanted });
  const isHeld = explanation.outcome === 'held' && explanation.reason === 'expired';
  const refused = isHeld ? await refusesForAge(workshop, definition, message) : null;
  return refused === null ? explanation : { ...explanation, outcome: refused, stores: nothingStored };
}

/** The same of a message that was accepted: as of its receipt, with what is recorded of it beside it. */
export async function explainStored(record: IntakeRecord, { workshop, wanted }: ExplainParts): Promise<Explanation> {
  const { setup, store } = workshop;
  const subject = storedSubject(record, store);
  const rules = { options: setup.optionsFor(subject.item), matching: { ...setup.matching } };
  const { explanation, tried } = await explanationOf(subject, rules, { workshop, wanted });
  const recorded = await recordedOf(record, store);
  const { state, reason, entryId } = record;
  const changes = recorded === null ? [] : changesBetween(recorded.ending, endingOf(tried));
  return { ...explanation, recorded: { state, reason, entryId, changes } };
}

async function explanationOf(
  subject: TrialSubject,
  rules: TrialRules,
  { workshop, wanted }: ExplainParts,
): Promise<{ readonly explanation: Explanation; readonly tried: Tried }> {
  const parts = trialParts(workshop);
  const tried = await tryMessage(subject, rules, parts);
  const { definitionId, definitionVersion } = subject.item;
  const tryOthers = wanted.whatIf && waits(subject.item) && tried.opened !== null;
  const others = tryOthers ? await whatIf(subject, { tried, rules }, parts) : { whatIf: [], untried: [] };
  const { parsed, steps } = tried.item;
  const { outcome, reason, entryId, level, family, flags, recipients, mailboxes } = endingOf(tried);
  const lines = steps.map(({ at, step, detail }) => ({ at: isoTime(at), step, detail }));
  const explanation: Explanation = {
    definition: definitionId === null ? null : { id: definitionId, version: definitionVersion ?? 0 },
    ...{ outcome, reason, entryId, level, family, flags },
    recipients: recipients.map(({ address, type }) => ({ address, type })),
    takenFor: takenFor(parsed, rules),
    rules: rulesOf(tried, rules, parts.setup.ports.directory),
    matches: matchesOf(tried, rules),
    stores: { ...storedOf(tried), mailboxes },
    lookUps: tried.verdict.kind === 'end' ? [] : lookUpsOf(tried).map(isoTime),
    decidedAt: decidedAt(tried),
    ...others,
    recorded: null,
    steps: [...lines, { step: outcome, detail: reason }],
  };
  return { explanation, tried };
}

const lookUpsOf = ({ schedule }: Tried): readonly number[] =>
  schedule === null ? [] : [...schedule.attempts, ...(schedule.extendedAt === null ? [] : [schedule.extendedAt])];

const nothingStored = {
  as: 'nothing',
  detail: 'it would not be accepted',
  representations: [],
  mailboxes: [],
} as const;

function storedOf({ verdict }: Tried): Omit<Explanation['stores'], 'mailboxes'> {
  if (verdict.kind === 'end') {
    const kept = verdict.outcome === 'skipped' ? 'for 30 days' : 'until somebody acts';
    return { as: 'bytes', detail: `the bytes as received, ${kept}; nothing in the archive`, representations: [] };
  }
  const representations = verdict.observation.representations.map(
    ({ sha256, size, clearText, primary, stub, ...of }) => ({
      ...{ sha256, size, clearText, primary, stub },
      protected: of.protected,
    }),
  );
  if (verdict.kind === 'insert') {
    const others = verdict.collidesWith.length;
    const collides = others === 0 ? '' : `; it and ${others} others are flagged mid-collision`;
    return { as: 'entry', detail: `an entry of its own${collides}`, representations };
  }
  const news = verdict.noop ? 'which tells nothing new' : 'which brings what the entry does not have yet';
  return { as: 'copy', detail: `one more observation of the entry, ${news}`, representations };
}
