import { timer } from 'rxjs';
import type { MemoryDisk } from './memory-bytes.ts';
import { below } from './prng.ts';
import type { SimClock } from './sim-clock.ts';

export type DiskStep = 'write' | 'sync' | 'batch' | 'read' | 'statement';
export type Ending = 'kill' | 'power-cut' | 'stop';

/** What the disks of one life do. Everything is drawn from the seed. */
export interface PowerPlan {
  /** Longest wait of a disk step; 0: the disk answers at once. */
  readonly slowMs: number;
  /** The crash comes in the middle of the disk step with this number, counted over all kinds; null: it does not. */
  readonly crashAtStep: number | null;
  /** The index batch, or read, with this number fails. */
  readonly failBatchAt: number | null;
  readonly failReadAt: number | null;
}
export const calm: PowerPlan = { slowMs: 0, crashAtStep: null, failBatchAt: null, failReadAt: null };

/** Every disk step of one life passes here: it takes its time, fails, or is the last thing that life does. */
export class SimPower {
  plan: PowerPlan;
  /** The crash is due: the step that met it never returns. */
  crashed = false;
  batches = 0;
  reads = 0;
  steps = 0;
  readonly #clock: SimClock;
  readonly #random: () => number;

  constructor(clock: SimClock, random: () => number, plan: PowerPlan) {
    this.#clock = clock;
    this.#random = random;
    this.plan = plan;
  }

  async point(step: DiskStep): Promise<'works' | 'fails'> {
    const { slowMs, crashAtStep, failBatchAt, failReadAt } = this.plan;
    this.steps += 1;
    if (step === 'batch') this.batches += 1;
    if (step === 'read') this.reads += 1;
    const fails = (step === 'batch' && this.batches === failBatchAt) || (step === 'read' && this.reads === failReadAt);
    if (this.steps === crashAtStep) this.crashed = true;
    // One of its own: what waits for a promise that all lives share is never let go of.
    if (this.crashed) await new Promise<never>(() => undefined);
    // A statement takes its time on the line.
    const waitMs = slowMs === 0 || step === 'statement' ? 0 : below(this.#random, slowMs + 1);
    if (waitMs > 0) await new Promise<void>((resolve) => timer(waitMs, this.#clock).subscribe(() => resolve()));
    return fails ? 'fails' : 'works';
  }
}

/** Which disk step is the last of a life, which write, sync, batch or read fails, and how slow the disks are. */
export function drawPower(random: () => number, disk: MemoryDisk): PowerPlan {
  const rarely = (bound: number): number | null => (random() < 0.15 ? 1 + below(random, bound) : null);
  const fault = random();
  const soon = 1 + below(random, 20);
  disk.failWriteAt = fault < 0.1 ? disk.writes + soon : 0;
  disk.failSyncAt = fault >= 0.1 && fault < 0.2 ? disk.syncs + soon : 0;
  disk.fullAt = fault >= 0.2 && fault < 0.35 ? disk.writes + soon : 0;
  return {
    slowMs: [0, 3, 20, 200][below(random, 4)] ?? 0,
    crashAtStep: random() < 0.6 ? 1 + below(random, 120) : null,
    failBatchAt: rarely(40),
    failReadAt: rarely(20),
  };
}
