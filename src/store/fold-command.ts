import type { CommandFacts } from './commit-log.types.ts';
import type { FoldContext } from './fold.ts';
import { versionKey } from './keys.ts';
import type { DefinitionRow, IntakeRow } from './rows.ts';

type SuspensionFacts = Extract<CommandFacts, { definitionId: string; provisioned: boolean }>;
type DefineFacts = Extract<CommandFacts, { command: 'define' }>;

/** One command of an operator: the row it changes, and its line in the event log. */
export async function foldCommand(context: FoldContext, at: number, facts: CommandFacts): Promise<void> {
  if (facts.command === 'define') await define(context, at, facts);
  else if (facts.command === 'remove') await remove(context, at, facts.definitionId);
  else if (facts.command === 'release' || facts.command === 'retry') await reopen(context, at, facts);
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

/** A document whose `suspended` is another one than before outranks what an operator said. */
function suspensionAfter(
  before: DefinitionRow | undefined,
  { suspended }: Pick<DefineFacts, 'suspended'>,
  at: number,
): DefinitionRow['suspension'] {
  const stands = before !== undefined && before.removedAt == null && before.suspended === suspended;
  return stands ? before.suspension : { suspended, provisioned: suspended, at };
}

async function remove({ change, definitions }: FoldContext, at: number, definitionId: string): Promise<void> {
  const before = await change.definition(definitionId);
  if (before === undefined) return;
  change.putDefinition({ ...before, suspension: null, removedAt: at });
  definitions.add(definitionId);
}

async function suspend({ change, definitions }: FoldContext, at: number, facts: SuspensionFacts): Promise<void> {
  const before = await change.definition(facts.definitionId);
  if (before === undefined) return;
  const suspension = { suspended: facts.command === 'suspend', provisioned: facts.provisioned, at };
  change.putDefinition({ ...before, suspension });
  definitions.add(facts.definitionId);
}

/** An ended item goes through again, with the rule that stopped it off. */
async function reopen(
  { change, due, definitions }: FoldContext,
  at: number,
  facts: Extract<CommandFacts, { command: 'release' | 'retry' }>,
): Promise<void> {
  const before = await change.row(facts.intakeId);
  const wanted = facts.command === 'release' ? ['held', 'skipped'] : ['quarantined'];
  if (before === undefined || !wanted.includes(before.state)) return;
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
  change.putRow(row, before);
  due.add(row.definitionId);
  definitions.add(row.definitionId);
}
