import type { ArchiveEntry, Outcome } from '../../streams/message.ts';
import type { EventDraft, LoggedEvent } from '../../streams/ports.ts';
import type { IndexDb } from './index-db.ts';
import type { IndexMemory } from './index-memory.ts';
import { dueKey, eventByKey, eventKey, keyAlone, ledgerKey, openKey, rangeOf } from './keys.ts';
import type { KeyRoom, Room } from './room.ts';
import { rowKeys } from './row-keys.ts';
import {
  type DefinitionRow,
  emptyLedger,
  type FiguresRow,
  type IntakeRow,
  isInProcess,
  type LedgerRow,
} from './rows.ts';
import type { KeyChange } from './write-behind.ts';

/** Item events of one type and reason are let through once in ten minutes (journaling b.7). */
const sampleEveryMs = 600_000;
/** Ledger rows kept in memory; a definition has one a day. */
const maxAccounts = 4_096;

/**
 * One atomic change of the index in the making. Its reads see what it has already put. Nothing of it is visible to
 * others, in the index or in the figures, before `commit`.
 */
export class Change {
  /** Events that this change writes, oldest first. */
  readonly logged: LoggedEvent[] = [];
  readonly #index: IndexDb;
  readonly #memory: IndexMemory;
  readonly #changes: KeyChange[] = [];
  readonly #rows = new Map<string, IntakeRow>();
  /** Null: taken away. */
  readonly #entries = new Map<string, ArchiveEntry | null>();
  readonly #definitions = new Map<string, DefinitionRow>();
  /** Copies of this change's own. */
  readonly #figures = new Map<string | null, Draft<FiguresRow>>();
  readonly #ledger = new Map<string, Draft<LedgerRow>>();
  /** The UTC day that was last counted for: most messages of a group came on one. */
  #day = { from: Number.NaN, name: '' };
  #events: number;

  constructor(index: IndexDb, memory: IndexMemory) {
    this.#index = index;
    this.#memory = memory;
    this.#events = memory.events;
  }

  async row(intakeId: string): Promise<IntakeRow | undefined> {
    return this.#rows.get(intakeId) ?? this.#memory.cachedRow(intakeId) ?? (await this.#index.intake.get(intakeId));
  }

  /** Writes a row with every key and figure that follows from it; `before` is the row as it stood. */
  putRow(row: IntakeRow, before: IntakeRow | undefined): void {
    this.#rows.set(row.intakeId, row);
    const after = rowKeys(this.#index, row);
    const stood = before === undefined ? [] : rowKeys(this.#index, before);
    for (const [room, key] of stood) if (!after.some(([, kept]) => kept === key)) this.del(room, key);
    for (const [room, key] of after) if (!stood.some(([, had]) => had === key)) this.putKey(room, key, true);
    if (before !== undefined) this.#weigh(before, -1);
    this.#weigh(row, 1);
  }

  async entry(entryId: string): Promise<ArchiveEntry | undefined> {
    const known = this.#entries.get(entryId);
    return known === undefined ? this.#index.entry.get(entryId) : (known ?? undefined);
  }

  putEntry(entry: ArchiveEntry): void {
    this.#entries.set(entry.id, entry);
  }

  removeEntry(entryId: string): void {
    this.#entries.set(entryId, null);
  }

  async definition(definitionId: string): Promise<DefinitionRow | undefined> {
    return this.#definitions.get(definitionId) ?? (await this.#index.definition.get(definitionId));
  }

  putDefinition(row: DefinitionRow): void {
    this.#definitions.set(row.definitionId, row);
    this.figuresDraftOf(row.definitionId);
  }

  figuresOf(definitionId: string | null): FiguresRow {
    return this.#figures.get(definitionId) ?? this.#memory.figuresOf(definitionId);
  }

  /** Messages that wait for another copy, of all definitions. */
  get matching(): number {
    let { matching } = this.#memory.queue;
    for (const [id, row] of this.#figures) matching += row.matching - this.#memory.figuresOf(id).matching;
    return matching;
  }

  /** Counts a new intake record. */
  received(row: IntakeRow): void {
    const figures = this.figuresDraftOf(row.definitionId);
    // An import tells nothing of the transport, whose silence is watched by this.
    if (row.origin !== 'import') figures.lastMessageAt = Math.max(figures.lastMessageAt ?? 0, row.receivedAt);
    figures.received += 1;
    this.#account(row, 'received', 1);
  }

  /** The figures of a definition, to be changed. */
  figuresDraftOf(definitionId: string | null): Draft<FiguresRow> {
    const known = this.#figures.get(definitionId);
    if (known !== undefined) return known;
    const draft = { ...this.#memory.figuresOf(definitionId) };
    this.#figures.set(definitionId, draft);
    return draft;
  }

  logEvent(at: number, draft: EventDraft): void {
    this.#events += 1;
    const event: LoggedEvent = { seq: this.#events, at, ...draft };
    this.logged.push(event);
    this.put(this.#index.event, eventKey(this.#events), event);
    if (draft.definitionId !== null) this.putKey(this.#index.eventBy, eventByKey(draft.definitionId, this.#events));
  }

  /** Logs at most one event in `everyMs`, ten minutes by default, for each definition and `sample`. */
  sampleEvent(at: number, sample: string, draft: EventDraft, everyMs = sampleEveryMs): void {
    const { sampledAt } = this.figuresOf(draft.definitionId);
    if (at - (sampledAt[sample] ?? Number.NEGATIVE_INFINITY) < everyMs) return;
    this.figuresDraftOf(draft.definitionId).sampledAt = { ...sampledAt, [sample]: at };
    this.logEvent(at, draft);
  }

  put<T>({ prefix }: Room<T>, key: string, value: NoInfer<T>): void {
    this.#changes.push({ prefix, key, value, gone: false, isNew: false });
  }

  /** Puts a key of a room of keys. `isNew`: it was not there. */
  putKey({ prefix }: KeyRoom, key: string, isNew = false): void {
    this.#changes.push({ prefix, key, value: keyAlone, gone: false, isNew });
  }

  del({ prefix }: Pick<Room<unknown>, 'prefix'>, key: string): void {
    this.#changes.push({ prefix, key, value: keyAlone, gone: true, isNew: false });
  }

  /** Brings all of it into force at once. It is written sooner or later, and never in part. */
  async commit(): Promise<void> {
    for (const [key, delta] of this.#ledger) {
      const known = this.#memory.ledger.get(key) ?? (await this.#index.ledger.get(key)) ?? emptyLedger;
      for (const name of ledgerNames) delta[name] += known[name];
      this.put(this.#index.ledger, key, delta);
    }
    for (const [id, row] of this.#rows) this.put(this.#index.intake, id, row);
    for (const [id, entry] of this.#entries) {
      if (entry === null) this.del(this.#index.entry, id);
      else this.put(this.#index.entry, id, entry);
    }
    for (const [id, row] of this.#definitions) this.put(this.#index.definition, id, row);
    for (const [id, row] of this.#figures) this.put(this.#index.figures, rangeOf(id), row);
    if (this.#events !== this.#memory.events) this.put(this.#index.meta, 'events', this.#events);
    this.#index.behind.apply(this.#changes);
    if (this.#memory.ledger.size > maxAccounts) this.#memory.ledger.clear();
    for (const [key, row] of this.#ledger) this.#memory.ledger.set(key, row);
    await this.#show();
    await this.#index.behind.flushIfFull();
  }

  async #show(): Promise<void> {
    this.#memory.events = this.#events;
    const came: IntakeRow[] = [];
    const left: IntakeRow[] = [];
    for (const row of this.#rows.values()) {
      if (!isInProcess(row)) {
        this.#memory.forgetRow(row.intakeId);
        left.push(row);
        continue;
      }
      this.#memory.cacheRow(row);
      came.push(row);
      this.#memory.open.added(row.definitionId, openKey(row.definitionId, row.intakeId));
      this.#memory.due.added(row.definitionId, dueKey(row.definitionId, row.dueAt, row.intakeId));
    }
    for (const [definitionId, row] of this.#figures) this.#memory.setFigures(definitionId, row);
    for (const [definitionId, { removedAt }] of this.#definitions) {
      if (removedAt == null) this.#memory.removed.delete(definitionId);
      else this.#memory.removed.add(definitionId);
    }
    await this.#memory.refreshOldest(came, left);
  }

  #weigh(row: IntakeRow, sign: 1 | -1): void {
    const { definitionId, state, size, absorbed } = row;
    const figures = this.figuresDraftOf(definitionId);
    if (isInProcess(row)) {
      figures.queueMessages += sign;
      figures.queueBytes += sign * size;
      if (state === 'delayed' || state === 'matching') figures[state] += sign;
      this.#account(row, 'inProcess', sign);
    } else {
      const outcome = state as Outcome;
      figures[outcome] += sign;
      if (absorbed) figures.absorbed += sign;
      this.#account(row, outcome, sign);
    }
  }

  #account({ definitionId, receivedAt }: IntakeRow, name: keyof LedgerRow, by: number): void {
    if (!(receivedAt >= this.#day.from && receivedAt < this.#day.from + dayMs)) {
      this.#day = { from: receivedAt - (receivedAt % dayMs), name: dayOf(receivedAt) };
    }
    const key = ledgerKey(definitionId, this.#day.name);
    const delta = this.#ledger.get(key) ?? { ...emptyLedger };
    delta[name] += by;
    this.#ledger.set(key, delta);
  }
}

export type Draft<T> = { -readonly [Key in keyof T]: T[Key] };
const ledgerNames = Object.keys(emptyLedger) as (keyof LedgerRow)[];
const dayMs = 86_400_000;

/** The UTC day of a time, `2026-11-23`. */
export const dayOf = (at: number): string => new Date(at).toISOString().slice(0, 10);
