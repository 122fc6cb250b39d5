/** Which part of a run was full, and what would be reached if no core were missing: by rule, from what was measured. */

/**
 * The parts that may be full, in the order in which one that is full makes those after it look full: a worker that stands
 * still until its next period has the row of the log meanwhile, and so has one that waits for a core.
 */
const limits = [
  // CPU of the busiest worker by the part of a core that it may use; null: it may use all.
  'share of a worker',
  // Busy cores of the machine by those that it has, whoever kept them busy.
  'cores of the machine',
  // Main thread of the busiest worker, by one core.
  'thread of a worker',
  // Time in which a transaction had the row of the log, and no other could append.
  'row of the log',
  // The busiest program that sends, by one core.
  'sender',
] as const;
export type Limit = (typeof limits)[number];
/** How much of what it can each part did, 0 to 1. */
export type Used = Readonly<Record<Limit, number | null>>;

/** Figures come from ticks of 10 ms and samples of 50 ms; what is used for this much of the time has no room to speak of. */
const fullFrom = 0.9;

/** The first part that is full, which need not be the fullest. Null: none is, and senders wait for answers. */
export const bottleneckOf = (used: Used): Limit | null =>
  limits.find((limit) => (used[limit] ?? 0) >= fullFrom) ?? null;

/** CPU of workers, ms, by messages of the whole cluster: all workers together. */
export interface WorkerCost {
  readonly alone: number;
  readonly both: number;
}

/**
 * How many times the messages of one worker two would accept if each had its thread busy all the time and nothing else were
 * ever full: one takes `1 / alone` messages a ms, each of two spends `both / 2` on a message of the cluster.
 */
export const ratioOfWorkers = ({ alone, both }: WorkerCost): number => (2 * alone) / both;

/**
 * What two workers spend on a message beyond what one does: the other one folds it, groups are smaller, and whoever archives
 * what another has taken reads it back.
 */
export const otherMs = ({ alone, both }: WorkerCost): number => both - alone;

/** Messages a second that the row of the log lets through at most: each has it for as long as it had it in this run. */
export const mostThroughRow = (heldShare: number, perSecond: number): number =>
  heldShare === 0 ? Number.POSITIVE_INFINITY : perSecond / heldShare;
