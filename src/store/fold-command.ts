import type { CommandFacts, LogRecord } from './commit-log.types.ts';
import { takeBackEnd } from './digests.ts';
import type { FoldContext } from './fold.ts';
import { foldDropped, foldHeldSummary, foldPurge } from './fold-housekeeping.ts';
import { foldMailbox, forgetMailbox } from './fold-mailbox.ts';
import { foldReparse } from './fold-reparse.ts';
import { foldRetention, isRetention } from './fold-retention.ts';
import { versionKey } from './keys.ts';
import type { DefinitionRow, IntakeRow } from './rows.ts';
import { foldWaits } from './waits.ts';

type SuspensionFacts = Extract<CommandFacts, { definitionId: string; provisioned: boolean }>;
type DefineFacts = Extract<CommandFacts, { command: 'define' }>;

/** One command of an operator: the row it changes, and its line in the event log. */
export async function foldCommand(context: FoldContext, record: LogRecord): Promise<void> {
  const { at } = record;
  const facts = record.facts as CommandFacts;
  if (facts.command === 'purge') return foldPurge(context, at, facts);
  if (facts.command === 'dropped') return foldDropped(context, facts);
  if (facts.command === 'summarise-held') return foldHeldSummary(context, at, facts);
  if (facts.command === 'mailbox') return foldMailbox(context, facts);
  if (facts.command === 'wait') return foldWaits(context, facts.items);
  if (facts.command === 'reparse') return foldReparse(context, record, facts);
  if (isRetention(facts)) return foldRetention(context, record, facts);
  if (facts.command === 'release' || facts.command === 'retry') {
    if (!(await reopen(context, at, facts))) return;
  } else if (facts.command === 'define') await define(context, at, facts);
  else if (facts.command === 'remove') await remove(context, at, facts.definitionId);
  else await suspend(context, at, facts as SuspensionFacts);
  context.change.logEvent(at, facts.event);
}

async function define({ index, change, definitions }: FoldContext, at: number, facts: DefineFacts): Promise<void> {
  const { definitionId, version, document, digest } = facts;
  const before = await change.definition(definitionId);
  const row: DefinitionRow = {
    definitionId,
    version,
    createdAt: before?.createdAt ?? at,
    changedAt: at,
    document,
    digest,
    suspended: facts.suspended,
    suspension: suspensionAfter(before, facts, at),
    removedAt: null,
  };
  change.putDefinition(row);
  change.put(index.version, versionKey(definitionId, version), document);
  definitions.add(definitionId);
}

/** A document whose `suspended` is another one than before outranks what an operator said; where he said the same, since then. */
function suspensionAfter(
  before: DefinitionRow | undefined,
  { suspended }: Pick<DefineFacts, 'suspended'>,
  at: number,
): DefinitionRow['suspension'] {
  const known = before !== undefined && before.removedAt == null ? before : null;
  if (known?.suspended === suspended) return known.suspension;
  const since = known?.suspension?.suspended === suspended ? known.suspension.at : at;
  return { suspended, provisioned: suspended, at: since };
}

async function remove(context: FoldContext, at: number, definitionId: string): Promise<void> {
  const { change, definitions } = context;
  const before = await change.definition(definitionId);
  if (before === undefined) return;
  change.putDefinition({ ...before, suspension: null, removedAt: at });
  await forgetMailbox(context, definitionId);
  definitions.add(definitionId);
}

async function suspend({ change, definitions }: FoldContext, at: number, facts: SuspensionFacts): Promise<void> {
  const before = await change.definition(facts.definitionId);
  if (before === undefined) return;
  const suspension = { suspended: facts.command === 'suspend', provisioned: facts.provisioned, at };
  change.putDefinition({ ...before, suspension });
  definitions.add(facts.definitionId);
}

/** An ended item goes through again, with the rule that stopped it off. False: it is not there to go. */
async function reopen(
  { change, due, definitions }: FoldContext,
  at: number,
  facts: Extract<CommandFacts, { command: 'release' | 'retry' }>,
): Promise<boolean> {
  const stood = await change.row(facts.intakeId);
  const wanted = facts.command === 'release' ? ['held', 'skipped'] : ['quarantined'];
  if (stood === undefined || !wanted.includes(stood.state) || stood.rawPurgedAt !== undefined) return false;
  const { purgeRawAt: _purgeRawAt, clock: _clock, endNumber, ...before } = stood;
  const step = { at, step: facts.command === 'release' ? 'released' : 'retried', detail: `by ${facts.event.actor}` };
  const row: IntakeRow = {
    ...before,
    state: 'received',
    reason: null,
    flags: [],
    attempt: 0,
    dueAt: at,
    deadline: null,
    parsed: null,
    overrides: [...new Set([...before.overrides, ...facts.overrides])],
    steps: [...before.steps, step],
  };
  change.putRow(row, stood);
  takeBackEnd(change, row.definitionId, endNumber);
  due.add(row.definitionId);
  definitions.add(row.definitionId);
  return true;
}
