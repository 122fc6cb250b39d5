import type { Ending } from './sim-power.ts';
import type { Kept } from './sim-verdict.ts';

export interface SimOptions {
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
  readonly crashes: Readonly<Record<Ending, number>>;
  readonly steps: number;
  readonly looks: number;
  readonly virtualMs: number;
}
