import type { ArchiveEntry, Outcome } from '../../streams/message.ts';
import type { EventDraft, LoggedEvent } from '../../streams/ports.ts';
import type { IndexDb } from './index-db.ts';
import type { IndexMemory } from './index-memory.ts';
import { dueKey, eventByKey, eventKey, ledgerKey, matchIndexKey, openKey, rangeOf, stateKey } from './keys.ts';
import type { Room } from './room.ts';
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
  readonly #entries = new Map<string, ArchiveEntry>();
  readonly #definitions = new Map<string, DefinitionRow>();
  readonly #figures = new Map<string | null, FiguresRow>();
  readonly #ledger = new Map<string, Record<string, number>>();
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
    const after = this.#keysOf(row);
    const stood = before === undefined ? [] : this.#keysOf(before);
    for (const [room, key] of stood) if (!after.some(([, kept]) => kept === key)) this.del(room, key);
    for (const [room, key] of after) if (!stood.some(([, had]) => had === key)) this.#putNew(room, key);
    if (before !== undefined) this.#weigh(before, -1);
    this.#weigh(row, 1);
  }

  async entry(entryId: string): Promise<ArchiveEntry | undefined> {
    return this.#entries.get(entryId) ?? (await this.#index.entry.get(entryId));
  }

  putEntry(entry: ArchiveEntry): void {
    this.#entries.set(entry.id, entry);
  }

  async definition(definitionId: string): Promise<DefinitionRow | undefined> {
    return this.#definitions.get(definitionId) ?? (await this.#index.definition.get(definitionId));
  }

  putDefinition(row: DefinitionRow): void {
    this.#definitions.set(row.definitionId, row);
    if (!this.#figures.has(row.definitionId)) this.#figures.set(row.definitionId, this.figuresOf(row.definitionId));
  }

  figuresOf(definitionId: string | null): FiguresRow {
    return this.#figures.get(definitionId) ?? this.#memory.figuresOf(definitionId);
  }

  /** Counts a new intake record. */
  received(row: IntakeRow): void {
    const seen = this.figuresOf(row.definitionId);
    const lastMessageAt = Math.max(seen.lastMessageAt ?? 0, row.receivedAt);
    this.#figures.set(row.definitionId, { ...seen, received: seen.received + 1, lastMessageAt });
    this.#account(row, 'received', 1);
  }

  logEvent(at: number, draft: EventDraft): void {
    this.#events += 1;
    const event: LoggedEvent = { seq: this.#events, at, ...draft };
    this.logged.push(event);
    this.put(this.#index.event, eventKey(this.#events), event);
    if (draft.definitionId !== null) this.put(this.#index.eventBy, eventByKey(draft.definitionId, this.#events), '');
  }

  /** Logs at most one event in ten minutes for each definition and `sample`. */
  sampleEvent(at: number, sample: string, draft: EventDraft): void {
    const seen = this.figuresOf(draft.definitionId);
    if (at - (seen.sampledAt[sample] ?? Number.NEGATIVE_INFINITY) < sampleEveryMs) return;
    this.#figures.set(draft.definitionId, { ...seen, sampledAt: { ...seen.sampledAt, [sample]: at } });
    this.logEvent(at, draft);
  }

  put<T>({ prefix }: Room<T>, key: string, value: T): void {
    this.#changes.push({ prefix, key, value, gone: false, isNew: false });
  }

  del({ prefix }: Pick<Room<unknown>, 'prefix'>, key: string): void {
    this.#changes.push({ prefix, key, value: '', gone: true, isNew: false });
  }

  /** Puts a key that was not there. */
  #putNew({ prefix }: Room<string>, key: string): void {
    this.#changes.push({ prefix, key, value: '', gone: false, isNew: true });
  }

  /** Brings all of it into force at once. It is written sooner or later, and never in part. */
  async commit(): Promise<void> {
    const accounts = new Map<string, LedgerRow>();
    for (const [key, delta] of this.#ledger) {
      const known = this.#memory.ledger.get(key) ?? (await this.#index.ledger.get(key)) ?? emptyLedger;
      const row: Record<string, number> = { ...known };
      for (const [name, by] of Object.entries(delta)) row[name] = (row[name] ?? 0) + by;
      accounts.set(key, row as unknown as LedgerRow);
      this.put(this.#index.ledger, key, row as unknown as LedgerRow);
    }
    for (const [id, row] of this.#rows) this.put(this.#index.intake, id, row);
    for (const [id, entry] of this.#entries) this.put(this.#index.entry, id, entry);
    for (const [id, row] of this.#definitions) this.put(this.#index.definition, id, row);
    for (const [id, row] of this.#figures) this.put(this.#index.figures, rangeOf(id), row);
    if (this.#events !== this.#memory.events) this.put(this.#index.meta, 'events', this.#events);
    this.#index.behind.apply(this.#changes);
    if (this.#memory.ledger.size > maxAccounts) this.#memory.ledger.clear();
    for (const [key, row] of accounts) this.#memory.ledger.set(key, row);
    await this.#show();
    await this.#index.behind.flushIfFull();
  }

  async #show(): Promise<void> {
    this.#memory.events = this.#events;
    const came: IntakeRow[] = [];
    const left = new Set<string>();
    for (const row of this.#rows.values()) {
      if (!isInProcess(row)) {
        this.#memory.forgetRow(row.intakeId);
        left.add(row.intakeId);
        continue;
      }
      this.#memory.cacheRow(row);
      came.push(row);
      this.#memory.open.added(row.definitionId, openKey(row.definitionId, row.intakeId));
      this.#memory.due.added(row.definitionId, dueKey(row.definitionId, row.dueAt, row.intakeId));
    }
    for (const [definitionId, row] of this.#figures) this.#memory.setFigures(definitionId, row);
    await this.#memory.refreshOldest(came, left);
  }

  #keysOf(row: IntakeRow): readonly (readonly [Room<string>, string])[] {
    const { index, intakeId, definitionId } = { index: this.#index, ...row };
    if (!isInProcess(row)) {
      const listed = row.state === 'held' || row.state === 'skipped' || row.state === 'quarantined';
      return listed ? [[index.state, stateKey(row.state, intakeId)]] : [];
    }
    const keys: [Room<string>, string][] = [
      [index.open, openKey(definitionId, intakeId)],
      [index.due, dueKey(definitionId, row.dueAt, intakeId)],
    ];
    if (row.waitsFor !== null) keys.push([index.wait, matchIndexKey(row.waitsFor, intakeId)]);
    return keys;
  }

  #weigh(row: IntakeRow, sign: 1 | -1): void {
    const { definitionId, state, size, absorbed } = row;
    const figures: Record<string, unknown> = { ...this.figuresOf(definitionId) };
    const add = (name: keyof FiguresRow, by: number): void => {
      figures[name] = Number(figures[name] ?? 0) + by;
    };
    if (isInProcess(row)) {
      add('queueMessages', sign);
      add('queueBytes', sign * size);
      if (state === 'delayed' || state === 'matching') add(state, sign);
      this.#account(row, 'inProcess', sign);
    } else {
      const outcome = state as Outcome;
      add(outcome, sign);
      if (absorbed) add('absorbed', sign);
      this.#account(row, outcome, sign);
    }
    this.#figures.set(definitionId, figures as unknown as FiguresRow);
  }

  #account(row: IntakeRow, name: keyof LedgerRow, by: number): void {
    const key = ledgerKey(row.definitionId, dayOf(row.receivedAt));
    const delta = this.#ledger.get(key) ?? {};
    delta[name] = (delta[name] ?? 0) + by;
    this.#ledger.set(key, delta);
  }
}

/** The UTC day of a time, `2026-11-23`. */
export const dayOf = (at: number): string => new Date(at).toISOString().slice(0, 10);
