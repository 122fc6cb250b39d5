import { Option } from 'commander';
import type { Fault } from '../config/fault.ts';
import type { FirstAnswers } from '../config/first-config.ts';
import type { Endpoint } from './client.ts';
import type { MigrateActions } from './migrate-options.ts';
import type { Screen } from './render.ts';
import type { Terminal } from './terminal.ts';

/** What main.ts hands in: the work that needs the engine itself, and the rim of the process. */
export interface Actions extends MigrateActions {
  run(config: string | undefined): Promise<void>;
  /** Validates the configuration and the files it names; touches nothing. */
  check(config: string | undefined): Promise<CheckAnswer>;
  /** Shows the main job, with `print` for people; whether all ended as expected. */
  demo(options: DemoOptions): Promise<DemoAnswer>;
  schema(): Promise<string>;
  rebuildIndex(config: string | undefined, progress: (records: number) => void): Promise<number>;
  /** Makes the index of the text of messages anew, the engine stopped. Answers the number of entries in it. */
  rebuildText(config: string | undefined, progress: (messages: number) => void): Promise<number>;
  /** Verifies the data directory itself; null where an engine runs on it, which is then asked. */
  verify(options: VerifyOptions, progress: (bytes: number) => void): Promise<VerifyAnswer | null>;
  /** Copies the commit log elsewhere; of a running engine up to a head that it signs. */
  backup(options: BackupOptions, progress: (bytes: number) => void): Promise<BackupAnswer>;
  /** Puts a backup in the place of the data directory, which must be empty. Answers the number of records. */
  restore(options: FromOptions, progress: (bytes: number) => void): Promise<number>;
  /** What is damaged and what is done about it; with `apply` it is done. */
  repair(options: RepairOptions, progress: (bytes: number) => void): Promise<readonly RepairStep[]>;
  /** Puts another master key in the place of the one in force. Answers the number of files of keys and the new key's id. */
  rekey(options: RekeyOptions, progress: (files: number) => void): Promise<RekeyAnswer>;
  /** Writes a first configuration, checked, for the owner alone. Answers warnings. @throws CommandFailure where one stands */
  writeFirstConfig(options: FirstConfigOptions): Promise<readonly string[]>;
  /** A new random secret. */
  newToken(): string;
  /** Writes a new file for the owner alone. @throws CommandFailure where it stands already */
  writeFile(path: string, text: string): Promise<void>;
  /** Finds the running engine by the configuration, or by `--url` and `--token`. */
  locate(options: LocateOptions): Promise<Endpoint>;
  readFile(path: string): Promise<Uint8Array>;
  writeBytes(bytes: Uint8Array): Promise<void>;
}
export interface FirstConfigOptions {
  readonly file: string;
  /** Also over one that stands there. */
  readonly force: boolean;
  readonly answers: FirstAnswers;
}
export interface CheckAnswer {
  readonly file: string;
  readonly definitions: number;
  readonly faults: readonly Fault[];
  readonly warnings: readonly Fault[];
}
export interface DemoOptions {
  readonly once: boolean;
  readonly dataDir: string | undefined;
  readonly print: (text: string) => void;
}
export interface DemoAnswer {
  readonly asExpected: boolean;
  readonly samples: readonly {
    readonly title: string;
    readonly via: string;
    readonly level: string | null;
    readonly outcome: string;
    readonly asExpected: boolean;
  }[];
}
export interface LocateOptions {
  readonly config: string | undefined;
  readonly url: string | undefined;
  readonly token: string | undefined;
}
export interface BackupOptions extends LocateOptions {
  readonly to: string;
  readonly withKeys: boolean;
}
export interface BackupAnswer {
  /** Records in it. */
  readonly size: number;
  readonly files: number;
  readonly copiedBytes: number;
  readonly totalBytes: number;
  readonly damaged: readonly { readonly file: string; readonly text: string }[];
}
export interface FromOptions {
  readonly config: string | undefined;
  readonly from: string;
}
export interface RepairOptions {
  readonly config: string | undefined;
  readonly from: string | undefined;
  readonly apply: boolean;
}
export interface RekeyOptions {
  readonly config: string | undefined;
  /** File of the new master key. */
  readonly to: string;
}
export interface RekeyAnswer {
  readonly files: number;
  readonly keyId: string;
}
export interface RepairStep {
  readonly kind: 'take-from-backup' | 'leave' | 'rebuild-index';
  readonly file: string;
  readonly why: string;
}
export interface VerifyOptions {
  readonly config: string | undefined;
  readonly quick: boolean;
  /** Files with signed heads that were kept elsewhere. */
  readonly heads: readonly string[];
}
/** What a verification found, of a stopped engine's folder or over the API. */
export interface VerifyAnswer {
  readonly records: number;
  readonly bytes: number;
  readonly heads: number;
  readonly anchored: number;
  readonly deleted: number;
  readonly unread: number;
  readonly keyIds: readonly string[];
  readonly size: number;
  readonly root: string;
  readonly faults: readonly { readonly file: string; readonly text: string }[];
  /** What nobody could look at, and why; a running engine has nothing to leave out. */
  readonly unchecked?: readonly { readonly file: string; readonly text: string }[];
}
export interface ProgramOptions {
  readonly actions: Actions;
  readonly out: Screen;
  readonly err: Screen;
  readonly terminal: Terminal;
  readonly version: string;
  readonly now: () => number;
  /** Resolves after a wait; `--watch` and `--follow` look again then. */
  readonly pause: (ms: number) => Promise<void>;
}

export const jsonOption = (): Option => new Option('--json', 'print the result as JSON').default(false);

export const configOption = (): Option =>
  new Option('--config <file>', 'configuration file (default: daybook.yaml, then /etc/daybook/daybook.yaml)');
