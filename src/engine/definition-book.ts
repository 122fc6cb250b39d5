import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { JournalOptions, SpoolItem } from '../../streams/message.ts';
import type { EventDraft } from '../../streams/ports.ts';
import type { DefinitionConfig } from '../config/definition.schema.ts';
import { type DefinitionDocument, definitionDigest, definitionDocument } from '../config/document.ts';
import { toJournalOptions } from '../config/to-options.ts';
import type { DefinitionStore } from '../store/level-definitions.ts';
import type { DefinitionRow } from '../store/rows.ts';

/** One journal definition in force: what the file says, at which version, and what operators said since. */
export interface Definition {
  readonly id: string;
  readonly version: number;
  readonly config: DefinitionConfig;
  readonly document: DefinitionDocument;
  readonly options: JournalOptions;
  readonly createdAt: number;
  /** Suspended by the file, or by an operator where that was said later. */
  readonly suspended: boolean;
  readonly suspendedSince: number | null;
}

/** The definitions of the running engine, in the order of the file, and the options of every version mail was taken under. */
export interface DefinitionBook {
  all(): readonly Definition[];
  get(id: string): Definition | undefined;
  /** The options an item was received under; those of its latest version where the store has lost that one. */
  optionsFor(item: Pick<SpoolItem, 'definitionId' | 'definitionVersion'>): JournalOptions | undefined;
  /** Durable, and in the event log, when it resolves. */
  setSuspended(
    id: string,
    suspended: boolean,
    by: { readonly actor: string; readonly reason: string | null },
  ): Promise<void>;
  /** Ids the store knows and the file does not: their mail in process is still finished. */
  readonly orphans: readonly string[];
}

/** Brings the store's definitions up to the file's: new and changed ones get a version and an event. */
export async function openDefinitionBook(
  configs: readonly DefinitionConfig[],
  store: DefinitionStore,
  dataDir: string,
): Promise<DefinitionBook> {
  const key = await digestKey(dataDir);
  const definitions = new Map<string, Definition>();
  for (const config of configs) definitions.set(config.id, await provision(config, store, key));
  const rows = await store.all();
  const versions = await optionsOfVersions(rows, store);
  for (const { id, version, options } of definitions.values()) versions.set(`${id} ${version}`, options);
  return {
    all: () => [...definitions.values()],
    get: (id) => definitions.get(id),
    optionsFor: ({ definitionId, definitionVersion }) =>
      versions.get(`${definitionId} ${definitionVersion}`) ?? definitions.get(definitionId ?? '')?.options,
    setSuspended: async (id, suspended, by) => {
      const definition = definitions.get(id);
      if (definition === undefined || definition.suspended === suspended) return;
      const type = suspended ? 'definition.suspended' : 'definition.enabled';
      const event = eventOf(type, id, by.actor, {
        reason: by.reason,
        old: { suspended: !suspended },
        new: { suspended },
      });
      const provisioned = definition.config.suspended;
      await store.command({ command: suspended ? 'suspend' : 'activate', definitionId: id, provisioned, event });
      const row = await store.get(id);
      definitions.set(id, {
        ...definition,
        suspended,
        suspendedSince: suspended ? (row?.suspension?.at ?? null) : null,
      });
    },
    orphans: rows.map(({ definitionId }) => definitionId).filter((id) => !definitions.has(id)),
  };
}

async function provision(config: DefinitionConfig, store: DefinitionStore, key: Uint8Array): Promise<Definition> {
  const digest = definitionDigest(config, key);
  const view = definitionDocument(config);
  const before = await store.get(config.id);
  const changed = before === undefined || before.digest !== digest;
  const version = changed ? (before?.version ?? 0) + 1 : before.version;
  const options = toJournalOptions(config, version);
  if (changed) {
    const old = (before?.document['view'] ?? null) as DefinitionDocument | null;
    const type = before === undefined ? 'definition.created' : 'definition.changed';
    const event = eventOf(type, config.id, 'engine', { version, old, new: view, provisioned: true });
    await store.command({
      command: 'define',
      definitionId: config.id,
      version,
      document: { view, options },
      digest,
      event,
    });
  }
  const row = changed ? await store.get(config.id) : before;
  return {
    id: config.id,
    version,
    config,
    document: view,
    options,
    createdAt: row?.createdAt ?? 0,
    ...suspensionOf(config, row),
  };
}

/** What an operator said holds until `suspended` is changed in the file (interface section 2, `definitions`). */
function suspensionOf({ suspended }: DefinitionConfig, row: DefinitionRow | undefined) {
  const said = row?.suspension;
  const inForce = said !== undefined && said !== null && said.provisioned === suspended ? said.suspended : suspended;
  return { suspended: inForce, suspendedSince: inForce ? (said?.at ?? row?.changedAt ?? null) : null };
}

async function optionsOfVersions(
  rows: readonly DefinitionRow[],
  store: DefinitionStore,
): Promise<Map<string, JournalOptions>> {
  const versions = new Map<string, JournalOptions>();
  for (const { definitionId, version: latest } of rows) {
    for (let version = 1; version <= latest; version += 1) {
      const document = await store.version(definitionId, version);
      const options = document?.['options'] as JournalOptions | undefined;
      if (options !== undefined) versions.set(`${definitionId} ${version}`, options);
    }
  }
  return versions;
}

/** The key of the definitions' digests: made at the first start, readable by the owner alone. */
async function digestKey(dataDir: string): Promise<Uint8Array> {
  const file = join(dataDir, 'definitions.key');
  try {
    return await readFile(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    const key = randomBytes(32);
    await writeFile(file, key, { mode: 0o600, flag: 'wx' });
    return key;
  }
}

const eventOf = (
  type: string,
  definitionId: string,
  actor: string,
  data: Readonly<Record<string, unknown>>,
): EventDraft => ({ type, severity: 'info', actor, definitionId, intakeId: null, entryId: null, data });
