import type { ArchiveEntry, JournalOptions, SpoolItem, Verdict } from '../../streams/message.ts';
import type { Archive, SettleRequest } from '../../streams/ports.ts';
import type { Exclusive } from '../exclusive.ts';
import { applyVerdict, matchKeysOf } from './apply-verdict.ts';
import { Change } from './change.ts';
import type { Append, CommitLog, OutcomeFact } from './commit-log.types.ts';
import type { IndexDb } from './index-db.ts';
import type { IndexMemory } from './index-memory.ts';
import { lastPart, matchKeyDigest, within } from './keys.ts';
import { deferItems } from './level-spool.ts';
import { outcomeDraft } from './outcome-record.ts';
import { isInProcess } from './rows.ts';
import type { ShareWaits } from './waits.ts';

export interface ArchiveOptions {
  readonly log: CommitLog;
  readonly index: IndexDb;
  readonly memory: IndexMemory;
  /** The one writer of the index. */
  readonly write: Exclusive;
  readonly shareWaits: ShareWaits;
  /** Others settle items of this log too: what was read as waiting may have ended since. */
  readonly isShared: boolean;
  /** The journal type an item was received under; null for the gateway's. */
  readonly journalTypeOf: (item: SpoolItem) => JournalOptions['journalType'] | null;
}

/** The archive on the index; its writes go through the commit log and come back by the fold. */
export function createArchive(options: ArchiveOptions): Archive {
  return {
    lookup: (keys) => Promise.all(keys.map((key) => entriesUnder(options.index, key))),
    // One window at a time decides: match-or-insert is atomic for every key (D-017).
    settle: async (requests) => {
      const verdicts = await options.log.deciding((append) => settle(options, requests, append));
      const deferred = verdicts.flatMap((verdict) => (verdict.kind === 'defer' ? [verdict.item] : []));
      if (deferred.length > 0) await options.shareWaits(deferred);
      return verdicts;
    },
  };
}

async function settle(
  options: ArchiveOptions,
  requests: readonly SettleRequest[],
  append: Append,
): Promise<readonly Verdict[]> {
  const { index, memory, write } = options;
  const candidates = await candidatesOf(index, requests);
  const over = options.isShared ? await endedAmong(index, requests) : new Set<string>();
  const verdicts: Verdict[] = [];
  const facts: OutcomeFact[] = [];
  const deferred: SpoolItem[] = [];
  for (const request of requests) {
    const isOver = over.has(request.item.intakeId);
    const verdict: Verdict = isOver ? { kind: 'over' } : request.decide(candidates.under(request.keys));
    verdicts.push(verdict);
    if (verdict.kind === 'unsure' || verdict.kind === 'over') continue;
    if (verdict.kind === 'defer') {
      deferred.push(verdict.item);
      continue;
    }
    facts.push(factOf(options, request.item, verdict));
    candidates.note(request.item, verdict);
  }
  if (deferred.length > 0) {
    await write(async () => {
      const change = new Change(index, memory);
      await deferItems(change, deferred);
      await change.commit();
      // How far an item has waited is in no record of the log: a kill must not forget it (journaling d.4).
      await index.behind.flush({ sync: false });
    });
  }
  // From here on a change of the archive wakes them, this window's own included.
  for (const { intakeId } of deferred) memory.inFlight.delete(intakeId);
  if (facts.length > 0) await append(outcomeDraft(facts));
  for (const { item } of requests) memory.inFlight.delete(item.intakeId);
  return verdicts;
}

async function endedAmong(index: IndexDb, requests: readonly SettleRequest[]): Promise<ReadonlySet<string>> {
  const rows = await index.intake.getMany(requests.map(({ item }) => item.intakeId));
  return new Set(rows.flatMap((row) => (row === undefined || isInProcess(row) ? [] : [row.intakeId])));
}

function factOf({ journalTypeOf }: ArchiveOptions, item: SpoolItem, verdict: OutcomeFact['verdict']): OutcomeFact {
  const level = item.parsed?.level;
  const flags = verdict.kind === 'end' ? (item.parsed?.flags ?? []) : verdict.observation.flags;
  return {
    intakeId: item.intakeId,
    matchKey: item.parsed?.matchKey ?? null,
    verdict,
    attempt: item.attempt,
    deadline: item.deadline,
    flags,
    absorbed: (level === 'L2' || level === 'L4') && journalTypeOf(item) === 'eej',
    steps: item.steps,
  };
}

/** Entries under a match key, oldest first. */
export async function entriesUnder(index: IndexDb, matchKey: string): Promise<readonly ArchiveEntry[]> {
  const keys = await index.match.keysNow(within(matchKeyDigest(matchKey)));
  if (keys.length === 0) return [];
  const entries = await index.entry.getMany(keys.map(lastPart));
  return entries.filter((entry) => entry !== undefined);
}

/** Most mail has no copy yet: one read for a whole window tells which keys are there at all. */
async function existingKeys(index: IndexDb, keys: readonly string[]): Promise<readonly string[]> {
  if (keys.length === 0) return keys;
  const marks = await index.match.getMany(keys.map(matchKeyDigest));
  return keys.filter((_, at) => marks[at] !== undefined);
}

interface Candidates {
  under(keys: readonly string[]): readonly ArchiveEntry[];
  /** What this window has decided already: the next request must see it. */
  note(item: SpoolItem, verdict: OutcomeFact['verdict']): void;
}

async function candidatesOf(index: IndexDb, requests: readonly SettleRequest[]): Promise<Candidates> {
  const keys = await existingKeys(index, [...new Set(requests.flatMap((request) => request.keys))]);
  const found = await Promise.all(keys.map((key) => entriesUnder(index, key)));
  const byKey = new Map<string, readonly string[]>();
  const entries = new Map<string, ArchiveEntry>();
  found.forEach((list, at) => {
    byKey.set(
      keys[at] ?? '',
      list.map(({ id }) => id),
    );
    for (const entry of list) entries.set(entry.id, entry);
  });
  const add = (key: string, id: string): void => {
    const ids = byKey.get(key) ?? [];
    if (!ids.includes(id)) byKey.set(key, [...ids, id]);
  };
  return {
    under: (wanted) => {
      const ids = [...new Set(wanted.flatMap((key) => byKey.get(key) ?? []))].sort();
      return ids.map((id) => entries.get(id)).filter((entry) => entry !== undefined);
    },
    note: (item, verdict) => {
      if (verdict.kind === 'end') return;
      const { intakeId, origin, parsed, dueAt } = item;
      const decided = { intakeId, origin, matchKey: parsed?.matchKey ?? '', at: dueAt };
      for (const entry of applyVerdict(decided, verdict, (entryId) => entries.get(entryId))) {
        entries.set(entry.id, entry);
        for (const key of matchKeysOf(entry)) add(key, entry.id);
      }
    },
  };
}
