import { Subject } from 'rxjs';
import type { JournalOptions, SpoolItem } from '../../streams/message.ts';
import type { EventDraft } from '../../streams/ports.ts';
import type { DefinitionConfig } from '../config/definition.schema.ts';
import { definitionDigest, definitionDocument } from '../config/document.ts';
import { toJournalOptions } from '../config/to-options.ts';
import type { CommandFacts } from '../store/commit-log.types.ts';
import type { DefinitionStore } from '../store/level-definitions.ts';
import type { DefinitionRow } from '../store/rows.ts';
import type { ChangeActor, Defined, Definition, DefinitionBook, DefinitionOrigin } from './definition-book.types.ts';
import { conflictsOf, DefinitionConflict } from './definition-conflicts.ts';
import { definingEvent, definitionEvent, deletedEvent } from './definition-events.ts';
import { createSecretBox, definitionKey, type SecretBox, secretsDiffer } from './definition-secrets.ts';
import { Overtaken, onStanding, SeenRows } from './overtaken.ts';
import {
  isProvisioned,
  restoredDefinition,
  type StoredDocument,
  storedDocument,
  suspensionOf,
} from './stored-definition.ts';

/**
 * Brings the store's definitions up to the file's: new and changed ones get a version and an event, removed ones an
 * event. Those made over the API stand as they were.
 * @throws DefinitionConflict when the two do not go together; Error when one of the store cannot be read
 */
export async function openDefinitionBook(
  configs: readonly DefinitionConfig[],
  store: DefinitionStore,
  dataDir: string,
): Promise<DefinitionBook> {
  const key = await definitionKey(dataDir);
  const book = new Book(store, createSecretBox(key), key);
  // Workers of a cluster that start together have the same definitions to write.
  await onStanding(() => book.open(configs));
  return book;
}

class Book implements DefinitionBook {
  revision = 0;
  readonly changed$ = new Subject<void>();
  readonly #store: DefinitionStore;
  readonly #box: SecretBox;
  readonly #key: Uint8Array;
  readonly #definitions = new Map<string, Definition>();
  /** By id and version. */
  readonly #versions = new Map<string, JournalOptions>();
  readonly #known = new Set<string>();
  readonly #seen = new SeenRows();

  constructor(store: DefinitionStore, box: SecretBox, key: Uint8Array) {
    this.#store = store;
    this.#box = box;
    this.#key = key;
  }

  async open(configs: readonly DefinitionConfig[]): Promise<void> {
    this.#definitions.clear();
    for (const row of await this.#store.all()) await this.#remember(row);
    const given = new Set(configs.map(({ id }) => id));
    for (const row of await this.#store.all()) {
      if (given.has(row.definitionId) || row.removedAt != null) continue;
      if (isProvisioned(row)) await this.#removeRow(row.definitionId, { actor: 'engine', reason: null }, true);
      else this.#keep(this.#restored(row));
    }
    const conflicts = conflictsOf(configs, this.all());
    if (conflicts.length > 0) throw new DefinitionConflict(conflicts);
    for (const config of configs) await this.define(config, { provisioned: true, actor: 'engine' });
  }

  all(): readonly Definition[] {
    const all = [...this.#definitions.values()];
    return [...all.filter(({ provisioned }) => provisioned), ...all.filter(({ provisioned }) => !provisioned)];
  }

  get(id: string): Definition | undefined {
    return this.#definitions.get(id);
  }

  optionsFor({ definitionId, definitionVersion }: Pick<SpoolItem, 'definitionId' | 'definitionVersion'>) {
    const id = definitionId ?? '';
    return this.#versions.get(`${id} ${definitionVersion}`) ?? this.#versions.get(id);
  }

  orphans(): readonly string[] {
    return [...this.#known].filter((id) => !this.#definitions.has(id));
  }

  async setSuspended(id: string, suspended: boolean, { actor, reason }: ChangeActor): Promise<void> {
    const definition = this.#definitions.get(id);
    if (definition === undefined || definition.suspended === suspended) return;
    const { config, provisioned } = definition;
    const data = { reason, old: { suspended: !suspended }, new: { suspended } };
    const event = definitionEvent(suspended ? 'definition.suspended' : 'definition.enabled', id, actor, data);
    if (provisioned) {
      const command = suspended ? 'suspend' : 'activate';
      await this.#command({ command, definitionId: id, provisioned: config.suspended, event });
      this.#keep({ ...definition, ...suspensionOf(config.suspended, await this.#store.get(id)) });
    } else await this.#write({ ...config, suspended }, { provisioned, event: () => event });
  }

  async refresh(): Promise<readonly Defined[]> {
    const changes: Defined[] = [];
    for (const row of await this.#store.all()) {
      await this.#remember(row);
      const before = this.#definitions.get(row.definitionId);
      if (row.removedAt != null) {
        if (before === undefined) continue;
        this.#definitions.delete(row.definitionId);
        this.#tell();
        changes.push({ definition: before, before, differing: 0 });
        continue;
      }
      const definition = this.#asElsewhere(row, before);
      if (definition === null) continue;
      this.#keep(definition);
      changes.push({ definition, before, differing: 1 });
    }
    return changes;
  }

  /** Null where it is as it is here. The document of a provisioned one is that of this engine's own file. */
  #asElsewhere(row: DefinitionRow, before: Definition | undefined): Definition | null {
    if (isProvisioned(row)) {
      if (before === undefined) return null;
      const suspension = suspensionOf(before.config.suspended, row);
      return suspension.suspended === before.suspended ? null : { ...before, ...suspension };
    }
    const restored = this.#restored(row);
    const stands = before?.version === row.version && before.suspended === restored.suspended;
    return stands ? null : restored;
  }

  async define(config: DefinitionConfig, origin: DefinitionOrigin): Promise<Defined> {
    const { provisioned } = origin;
    const before = this.#definitions.get(config.id);
    const row = await this.#store.get(config.id);
    const stands = row !== undefined && row.removedAt == null;
    const same = stands && row.digest === this.#digest(config) && isProvisioned(row) === provisioned;
    if (same && before !== undefined) return { definition: before, before, differing: 0 };
    if (same) {
      const definition = this.#definition(config, row, { provisioned, secretLost: false });
      this.#keep(definition);
      return { definition, before, differing: 0 };
    }
    // A removal that was cut short may have left what it should have forgotten.
    if (row?.removedAt != null) await this.#store.forget(config.id);
    const secretChanged = before !== undefined && secretsDiffer(before.config, config);
    const defining = { config, row: stands ? row : null, ...origin, secretChanged };
    const { differing, event } = definingEvent(defining);
    return { definition: await this.#write(config, { provisioned, event }), before, differing };
  }

  async remove(id: string, by: ChangeActor): Promise<void> {
    const definition = this.#definitions.get(id);
    if (definition === undefined) return;
    await this.#removeRow(id, by, definition.provisioned);
    this.#definitions.delete(id);
    this.#tell();
  }

  async #removeRow(id: string, by: ChangeActor, provisioned: boolean): Promise<void> {
    const event = deletedEvent(id, await this.#store.get(id), { ...by, provisioned });
    await this.#command({ command: 'remove', definitionId: id, event });
    await this.#store.forget(id);
  }

  /** @throws Overtaken where another engine has changed one since this book was told */
  async #command(facts: CommandFacts & { readonly definitionId: string }): Promise<void> {
    if (!(await this.#store.command(facts, (rows) => this.#seen.are(rows)))) throw new Overtaken();
    const row = await this.#store.get(facts.definitionId);
    if (row !== undefined) this.#seen.see(row);
  }

  async #write(
    config: DefinitionConfig,
    { provisioned, event }: { readonly provisioned: boolean; readonly event: (version: number) => EventDraft },
  ): Promise<Definition> {
    const row = await this.#store.get(config.id);
    const version = (row?.version ?? 0) + 1;
    const options = toJournalOptions(config, version);
    const document = storedDocument(config, { options, provisioned, box: this.#box });
    await this.#command({
      command: 'define',
      definitionId: config.id,
      version,
      document: { ...document },
      suspended: config.suspended,
      digest: this.#digest(config),
      event: event(version),
    });
    const definition = this.#definition(config, await this.#store.get(config.id), { provisioned, secretLost: false });
    this.#keep(definition);
    return definition;
  }

  #keep(definition: Definition): void {
    const { id, version, options } = definition;
    this.#definitions.set(id, definition);
    this.#known.add(id);
    this.#versions.set(id, options);
    this.#versions.set(`${id} ${version}`, options);
    this.#tell();
  }

  #tell(): void {
    this.revision += 1;
    this.changed$.next();
  }

  #restored(row: DefinitionRow): Definition {
    const { config, secretLost } = restoredDefinition(row, this.#box);
    return this.#definition(config, row, { provisioned: false, secretLost });
  }

  #definition(
    config: DefinitionConfig,
    row: DefinitionRow | undefined,
    more: Pick<Definition, 'provisioned' | 'secretLost'>,
  ): Definition {
    const version = row?.version ?? 1;
    return {
      id: config.id,
      version,
      config,
      document: definitionDocument(config),
      options: toJournalOptions(config, version),
      createdAt: row?.createdAt ?? 0,
      ...suspensionOf(config.suspended, row),
      ...more,
    };
  }

  /** The options of every version, for mail that was taken under them. */
  async #remember(row: DefinitionRow): Promise<void> {
    const { definitionId, version: latest } = row;
    this.#seen.see(row);
    this.#known.add(definitionId);
    for (let version = 1; version <= latest; version += 1) {
      const document = (await this.#store.version(definitionId, version)) as StoredDocument | undefined;
      if (document === undefined) continue;
      this.#versions.set(`${definitionId} ${version}`, document.options);
      this.#versions.set(definitionId, document.options);
    }
  }

  #digest = (config: DefinitionConfig): string => definitionDigest(config, this.#key);
}
