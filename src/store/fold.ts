import { EngineFailure } from '../../streams/failure.ts';
import type { Body, Slice } from '../../streams/message.ts';
import type { EventDraft, LoggedEvent } from '../../streams/ports.ts';
import { importName } from '../import-name.ts';
import { Change } from './change.ts';
import type { CommandFacts, EnvelopeTold, IntakeFacts, LogRecord } from './commit-log.types.ts';
import { foldCommand } from './fold-command.ts';
import { noteFetched } from './fold-mailbox.ts';
import { foldOutcome } from './fold-outcome.ts';
import { isRetention } from './fold-retention.ts';
import type { IndexDb } from './index-db.ts';
import type { IndexMemory } from './index-memory.ts';
import { importedKey } from './keys.ts';
import { type LogTime, timeAfter } from './log-time.ts';
import { growTree, type SignedRow } from './log-tree.ts';
import { outcomesOf } from './outcome-record.ts';
import { particularsBytes } from './particulars.ts';
import type { IntakeRow } from './rows.ts';

/** What a fold touched, for those who wait: definitions with new due items, and all that may look at their status again. */
export interface Touched {
  readonly due: ReadonlySet<string | null>;
  readonly definitions: ReadonlySet<string | null>;
  readonly events: readonly LoggedEvent[];
  /** Another engine has written it. */
  readonly elsewhere?: boolean;
  /** What ended without an entry, whoever has settled it; of a log that others write too, and absent where nothing did. */
  readonly ended?: readonly { readonly intakeId: string; readonly reason: string }[];
}
type FoldParts = Pick<FoldContext, 'index' | 'memory' | 'keepsMailboxes'>;
/** What the steps of a fold hand on to each other. */
export interface FoldContext {
  readonly index: IndexDb;
  readonly memory: IndexMemory;
  readonly change: Change;
  /** False where ledgers of mailboxes lie elsewhere: what the log says of them is not for this index. */
  readonly keepsMailboxes: boolean;
  /** After the record that is folded. */
  time: LogTime | null;
  readonly due: Set<string | null>;
  readonly definitions: Set<string | null>;
}

/**
 * Folds one group of records into the index: one atomic change, the new head in it, so that a record is never folded
 * twice. The live path, recovery and `rebuild-index` all come through here (D-014).
 */
export async function foldGroup(parts: FoldParts, group: readonly LogRecord[]): Promise<Touched> {
  const all = { due: new Set<string | null>(), definitions: new Set<string | null>(), events: [] as LoggedEvent[] };
  for (const run of runsOf(group)) {
    const { due, definitions, events } = await foldRun(parts, run);
    for (const each of due) all.due.add(each);
    for (const each of definitions) all.definitions.add(each);
    all.events.push(...events);
  }
  return all;
}

/**
 * What is done about retention looks into the index itself, for keys that other entries share and for what was said before,
 * and so does the end of a definition, for the ledger of its mailbox. All that came before has to stand there, also where a
 * replay folds many records at once.
 */
function runsOf(group: readonly LogRecord[]): readonly (readonly LogRecord[])[] {
  const starts = group.flatMap((record, at) => (at === 0 || looksBack(record) ? [at] : []));
  return starts.map((start, at) => group.slice(start, starts[at + 1]));
}

const looksBack = ({ kind, facts }: LogRecord): boolean =>
  kind === 'command' && (isRetention(facts as CommandFacts) || (facts as CommandFacts).command === 'remove');

async function foldRun(parts: FoldParts, run: readonly LogRecord[]): Promise<Touched> {
  const { index, memory } = parts;
  const change = new Change(index, memory);
  const context: FoldContext = { ...parts, change, time: memory.time, due: new Set(), definitions: new Set() };
  for (const record of run) {
    context.time = timeAfter(context.time, record.at);
    await foldRecord(context, record);
  }
  const tree = growTree(context, memory.tree, run);
  const last = run.at(-1);
  if (last !== undefined) change.put(index.meta, 'head', { seq: last.seq, hash: last.hash });
  change.put(index.meta, 'time', context.time);
  await change.commit();
  memory.tree = tree;
  memory.time = context.time;
  return { due: context.due, definitions: context.definitions, events: change.logged };
}

async function foldRecord(context: FoldContext, record: LogRecord): Promise<void> {
  switch (record.kind) {
    case 'intake':
      return foldIntake(context, record, record.facts as IntakeFacts);
    case 'outcome':
      for (const { outcome, told } of outcomesOf(record)) await foldOutcome(context, record, { outcome, told });
      return;
    case 'command':
      return foldCommand(context, record);
    case 'event':
      context.change.logEvent(record.at, record.facts as EventDraft);
      return;
    case 'chunk':
      return;
    case 'checkpoint':
      context.change.put(context.index.meta, 'signed', { seq: record.seq, facts: record.facts } satisfies SignedRow);
      return;
    default:
      throw new EngineFailure('index-unknown', `record ${record.seq} has the unknown kind ${String(record.kind)}`);
  }
}

function foldIntake(context: FoldContext, record: LogRecord, facts: IntakeFacts): void {
  const body = bodyOf(record, facts);
  const ids = facts.targets.map(({ intakeId }) => intakeId);
  const transport = { ...facts.transport, ...((record.particulars as EnvelopeTold | null | undefined) ?? {}) };
  for (const target of facts.targets) {
    // Named one by one: a literal that begins with a spread of what was read as JSON is built the slow way, twenty times as long.
    const { definitionId, definitionVersion, intakeId } = target;
    const row: IntakeRow = {
      definitionId,
      definitionVersion,
      intakeId,
      origin: facts.origin,
      receivedAt: facts.receivedAt,
      size: facts.size,
      sha256: facts.sha256,
      body,
      transport,
      state: 'received',
      reason: null,
      entryId: null,
      flags: [],
      waitsFor: null,
      absorbed: false,
      attempt: 0,
      dueAt: facts.receivedAt,
      deadline: null,
      woken: false,
      failures: 0,
      overrides: [],
      parsed: null,
      recordSeq: record.seq,
      sharedWith: ids.length === 1 ? [] : ids.filter((id) => id !== intakeId),
      steps: [{ at: facts.receivedAt, step: 'received', detail: null }],
    };
    context.change.putRow(row, undefined);
    context.change.received(row);
    noteImport(context, row);
    const { listed } = facts;
    if (listed !== undefined && definitionId !== null) noteFetched(context, definitionId, { ...facts, listed });
    context.due.add(target.definitionId);
    context.definitions.add(target.definitionId);
  }
}

/** So that the same message is known when it is imported again. */
function noteImport({ index, change }: FoldContext, { definitionId, intakeId, sha256, transport }: IntakeRow): void {
  const { importedAs } = transport;
  if (importedAs === undefined) return;
  const name = index.blind(importName(importedAs, sha256, transport));
  change.put(index.imported, importedKey(definitionId, name), { intakeId });
}

/** The received bytes: chunk payloads in order, then the record's own but for its particulars. */
export function bodyOf(record: LogRecord, facts: IntakeFacts): Body {
  const slices: Slice[] = facts.chunks.map(([seq, length]) => ({ seq, offset: 0, length }));
  const length = record.payloadLength - particularsBytes(record);
  if (length > 0) slices.push({ seq: record.seq, offset: 0, length });
  return slices;
}
