import type { Observable } from 'rxjs';
import type { JournalOptions, SpoolItem } from '../../streams/message.ts';
import type { DefinitionConfig } from '../config/definition.schema.ts';
import type { DefinitionDocument } from '../config/document.ts';

/** One journal definition in force: its document at its version, and what operators said since. */
export interface Definition {
  readonly id: string;
  readonly version: number;
  readonly config: DefinitionConfig;
  readonly document: DefinitionDocument;
  readonly options: JournalOptions;
  /** Given in the configuration file, which is its truth; else made over the API. */
  readonly provisioned: boolean;
  readonly createdAt: number;
  /** Suspended by its document, or by an operator where that was said later. */
  readonly suspended: boolean;
  readonly suspendedSince: number | null;
  /** Its password has to be given anew (`definitions.key` was lost). */
  readonly secretLost: boolean;
}

export interface ChangeActor {
  readonly actor: string;
  readonly reason: string | null;
}

/** Where a document comes from, and why where that was said. */
export interface DefinitionOrigin {
  readonly provisioned: boolean;
  readonly actor: string;
  readonly reason?: string | null;
}

/** What `define` did. */
export interface Defined {
  readonly definition: Definition;
  readonly before: Definition | undefined;
  /** How many of its options are others than before, a secret not counted; 0 for a new one. */
  readonly differing: number;
}

/** The definitions of the running engine, and the options of every version that mail was taken under. */
export interface DefinitionBook {
  /** Those of the file in its order, then the others, oldest first. */
  all(): readonly Definition[];
  get(id: string): Definition | undefined;
  /** Grows with each change: for those who derive something from the definitions. */
  readonly revision: number;
  /** After each change. Hot, never ends. */
  readonly changed$: Observable<void>;
  /** The options an item was received under; those of its latest version where the store has lost that one. */
  optionsFor(item: Pick<SpoolItem, 'definitionId' | 'definitionVersion'>): JournalOptions | undefined;
  /** Durable, and in the event log, when it resolves. @throws Overtaken as all that changes one */
  setSuspended(id: string, suspended: boolean, by: ChangeActor): Promise<void>;
  /** Makes or changes one, where anything differs. Durable, and in the event log, when it resolves. */
  define(config: DefinitionConfig, origin: DefinitionOrigin): Promise<Defined>;
  /** Its mail stays, and is finished. Durable, and in the event log, when it resolves. */
  remove(id: string, by: ChangeActor): Promise<void>;
  /** Takes over what other engines of a cluster have changed; one for each that is another now, or is gone. */
  refresh(): Promise<readonly Defined[]>;
  /** Ids that the store knows and that stand no more: their mail in process is still finished. */
  orphans(): readonly string[];
}
