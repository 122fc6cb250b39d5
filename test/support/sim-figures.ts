import type { Ending } from './sim-power.ts';
import type { Kept } from './sim-verdict.ts';

/** A fault of the protocol, planted to see that the simulation finds it. */
export type Plant =
  /** Records count as durable, and are acknowledged, once they are written and before they are synced. */
  | 'answer-before-sync'
  /** A message is deleted from its mailbox while it is on its way to the disk. */
  | 'delete-before-commit'
  /** Half of an index batch is on disk before the other half: keys without what they are keys of. */
  | 'key-before-record';

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
  readonly mails: number;
  readonly sent: number;
  /** Of these, taken out of the mailbox. */
  readonly pulled: number;
  readonly crashes: Readonly<Record<Ending, number>>;
  readonly steps: number;
  readonly looks: number;
  readonly virtualMs: number;
}
