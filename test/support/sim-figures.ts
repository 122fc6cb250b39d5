import type { Ending } from './sim-power.ts';
import type { Kept } from './sim-verdict.ts';

/** A fault of the protocol, planted to see that the simulation finds it. */
export type Plant =
  /** Records count as durable, and are acknowledged, once they are written and before they are synced. */
  | 'answer-before-sync'
  /** A message is deleted from its mailbox while it is on its way to the disk. */
  | 'delete-before-commit'
  /** Half of an index batch is on disk before the other half: keys without what they are keys of. */
  | 'key-before-record'
  | ClusterPlant;

/** The same of a cluster. */
export type ClusterPlant =
  /** A worker decides on its index as it stands, without the row of the log. */
  | 'decide-unlocked'
  /** A transaction counts as committed when its commit is on its way. */
  | 'answer-before-commit'
  /** Whether a worker still holds a definition is not looked at when it writes for it. */
  | 'write-unfenced'
  /** A group whose commit nobody heard of is tried again without looking whether it stands. */
  | 'retry-unlooked'
  /** A worker judges by the clock of its own machine. */
  | 'own-clock';

export interface SimOptions {
  readonly plant?: Plant;
  readonly seed: number;
  /** False: the same mail with disks, power and senders that never fail. */
  readonly faults: boolean;
  readonly log: (line: string) => void;
}
/** What a run did; the more of it, the more it proves. */
export interface SimFigures {
  readonly kept: readonly Kept[];
  /** Hash of the last record. */
  readonly head: string;
  readonly mails: number;
  readonly sent: number;
  /** Of these, taken out of the mailbox. */
  readonly pulled: number;
  readonly crashes: Readonly<Record<Ending, number>>;
  /** What else befell a cluster. */
  readonly cluster?: Readonly<Record<string, number>>;
  readonly steps: number;
  readonly looks: number;
  readonly virtualMs: number;
}

/** All that a run tells: its lines, its figures, and what it came to. */
export async function toldOf(run: (log: (line: string) => void) => Promise<SimFigures>): Promise<readonly string[]> {
  const lines: string[] = [];
  const { kept, ...figures } = await run((line) => lines.push(line));
  return [...lines, JSON.stringify(figures), JSON.stringify(kept)];
}
