import type { Received } from '../../streams/message.ts';
import type { AppendingLog, CommandFacts, LogRecord, RecordDraft } from './commit-log.types.ts';
import type { Touched } from './fold.ts';
import type { LowMark } from './index-memory.ts';
import { readDueKey } from './keys.ts';
import type { OutcomeFacts } from './outcome-record.ts';
import { OwnItems } from './own-items.ts';

/**
 * Who has taken an item in works on it for so long from its due time on, and leaves it then: there is no end of what may
 * be in its way.
 */
const ownMs = 8_000;
/**
 * Whose the line of all items is takes it after so long, by its own clock: it waits no longer for a worker that was killed
 * than a definition does for another holder (15 s), and begins only once who has taken it has left it, or the two would
 * do the same work where both are slow.
 */
const theirsMs = 10_000;
/** Of the items of others, and of those of this engine: some 5 MB each. What is beyond it is taken by the line of all. */
const mostItems = 32_768;

/**
 * Who works on what, among the engines of one log: each on the items it has taken in itself, so that no bytes are read back
 * elsewhere (D-132). In memory alone: after a start every item is anybody's. No promise: what two of them settle ends
 * once (D-131).
 */
export class Taken {
  readonly #now: () => number;
  /** Of drafts that are on their way into the log from here. */
  readonly #takenHere = new Set<string>();
  readonly #putBackHere = new Set<string>();
  readonly #own = new Map<string | null, OwnItems>();
  readonly #ownerOf = new Map<string, OwnItems>();
  /** Items that another engine works on, and until when they are left to it. */
  readonly #theirs = new Map<string, number>();
  #isFollowing = false;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Whether another engine has it in work, as far as is known here. */
  isTheirs(intakeId: string, now: number): boolean {
    return now < (this.#theirs.get(intakeId) ?? 0);
  }

  /** Own items due by `now`, `limit` at most, and when the next one is. */
  due(definitionId: string | null, now: number, limit: number): ReturnType<OwnItems['due']> {
    return this.#own.get(definitionId)?.due(now, limit) ?? { items: [], nextDueAt: null };
  }

  /** Notes what goes into the log from here, once it is open: what is folded from then on has just been written. */
  noting(log: AppendingLog): AppendingLog {
    this.#isFollowing = true;
    return {
      append: async (draft) => {
        const [ids, noted] = this.#idsOf(draft);
        for (const id of ids) noted.add(id);
        try {
          return await log.append(draft);
        } finally {
          for (const id of ids) noted.delete(id);
        }
      },
      appendChunk: (payload) => log.appendChunk(payload),
      slice: (seq, offset, length) => log.slice(seq, offset, length),
    };
  }

  /** Notes what comes out of the log, whoever wrote it. */
  folding(fold: (group: readonly LogRecord[]) => Promise<Touched>): (group: readonly LogRecord[]) => Promise<Touched> {
    return async (group) => {
      if (this.#isFollowing) for (const record of group) this.#came(record);
      const touched = await fold(group);
      const ended = group.flatMap((record) => this.#left(record));
      return ended.length === 0 ? touched : { ...touched, ended };
    };
  }

  /** Notes when items are due. */
  dueIn(marks: LowMark): LowMark {
    return {
      ...marks,
      added: (definitionId, key) => {
        marks.added(definitionId, key);
        const { intakeId, dueAt } = readDueKey(key);
        const now = this.#now();
        const from = Math.max(now, dueAt);
        this.#ownerOf.get(intakeId)?.put(intakeId, { dueAt, until: from + ownMs }, now);
        if (this.#theirs.has(intakeId)) this.#theirs.set(intakeId, from + theirsMs);
      },
    };
  }

  #idsOf({ kind, facts }: RecordDraft): readonly [ids: readonly string[], noted: Set<string>] {
    if (kind === 'intake') return [(facts as Received).targets.map(({ intakeId }) => intakeId), this.#takenHere];
    return [waitsOf(kind, facts).map(({ intakeId }) => intakeId), this.#putBackHere];
  }

  #came({ kind, facts }: LogRecord): void {
    if (kind !== 'intake') return;
    for (const { intakeId, definitionId } of (facts as Received).targets) {
      if (this.#takenHere.has(intakeId)) this.#keep(intakeId, definitionId);
      else this.#leave(intakeId);
    }
  }

  /** Answers what ended without an entry. */
  #left({ kind, facts }: LogRecord): NonNullable<Touched['ended']> {
    for (const { intakeId } of waitsOf(kind, facts)) {
      // Who has put it back goes on with it, whoever has taken it in.
      if (this.#putBackHere.has(intakeId)) this.#theirs.delete(intakeId);
      else this.#forget(intakeId);
    }
    if (kind !== 'outcome') return [];
    return (facts as OutcomeFacts).outcomes.flatMap(({ intakeId, verdict }) => {
      this.#forget(intakeId);
      this.#theirs.delete(intakeId);
      return verdict.kind === 'end' ? [{ intakeId, reason: verdict.reason }] : [];
    });
  }

  #keep(intakeId: string, definitionId: string | null): void {
    if (this.#ownerOf.size >= mostItems) return;
    const own = this.#own.get(definitionId) ?? new OwnItems();
    this.#own.set(definitionId, own);
    this.#ownerOf.set(intakeId, own);
  }

  #forget(intakeId: string): void {
    this.#ownerOf.get(intakeId)?.delete(intakeId);
    this.#ownerOf.delete(intakeId);
  }

  #leave(intakeId: string): void {
    // The oldest has had its time.
    for (const oldest of this.#theirs.keys()) {
      if (this.#theirs.size < mostItems) break;
      this.#theirs.delete(oldest);
    }
    this.#theirs.set(intakeId, this.#now() + theirsMs);
  }
}

function waitsOf(kind: LogRecord['kind'], facts: unknown): Extract<CommandFacts, { command: 'wait' }>['items'] {
  if (kind !== 'command') return [];
  const said = facts as CommandFacts;
  return said.command === 'wait' ? said.items : [];
}
