import type { EventDraft } from '../../streams/ports.ts';
import type { Rejections } from '../http/api.types.ts';
import type { Rejection, RejectReason } from '../smtp/types.ts';
import type { RejectedCounts } from './rejected-counts.ts';

/** One event for each peer and reason in this time (journaling a.2, d.6). */
const sampleEveryMs = 60_000;
/** Messages too large that are told one by one in a minute: each is one that its sender gives up. */
const tooLargeEach = 60;
/** Peers remembered for sampling; beyond it the memory starts anew, which costs an event more. */
const maxRemembered = 10_000;
/** So long after the last of them mail counts as refused still: Exchange tries again every ten minutes, others each half hour. */
const standsMs = 3_600_000;

/** What no later try mends by itself: somebody has to change an option, or the sender. The rest passes, or is told otherwise. */
const lasting: readonly RejectReason[] = [
  'source',
  'tls-missing',
  'auth-missing',
  'auth-failed',
  'auth-locked',
  'other-identity',
  'too-many-recipients',
  'too-large',
];

/** Mail of a definition that is refused now, and will be. */
export interface Refusal extends Pick<Rejection, 'reason' | 'reply' | 'peer'> {
  /** Since it began, without an hour's pause. */
  readonly count: number;
  /** Epoch ms. */
  readonly since: number;
}
type Run = Refusal & { readonly lastAt: number };

/**
 * Counts refusals by definition and reason, and lets one event a minute through for each peer and reason; a message that is
 * too large is told for itself (journaling c.7).
 */
export interface RejectionBook {
  note(rejection: Rejection): void;
  /** The last refusal by which nobody's patience helps; null when none was within the hour. */
  standing(definitionId: string): Refusal | null;
  /** Since the start of the engine, by reason. */
  all(): readonly Rejections[];
}

export function createRejectionBook(
  now: () => number,
  log: (draft: EventDraft) => void,
  rejected: Pick<RejectedCounts, 'add'>,
): RejectionBook {
  const counts = new Map<string, Rejections>();
  const runs = new Map<string, Run>();
  let sampledAt = new Map<string, number>();
  const tooLarge = { since: Number.NEGATIVE_INFINITY, told: 0 };
  const common = { severity: 'warning', actor: 'engine', intakeId: null, entryId: null } as const;
  return {
    note: ({ definitionId, reason, reply, peer, mail }) => {
      const key = `${definitionId ?? ''} ${reason}`;
      counts.set(key, { definition: definitionId, reason, count: (counts.get(key)?.count ?? 0) + 1 });
      if (definitionId !== null) rejected.add(definitionId);
      const at = now();
      if (definitionId !== null && lasting.includes(reason))
        runs.set(definitionId, went(runs.get(definitionId), { reason, reply, peer }, at));
      if (mail !== undefined) {
        if (at - tooLarge.since >= sampleEveryMs) Object.assign(tooLarge, { since: at, told: 0 });
        tooLarge.told += 1;
        if (tooLarge.told <= tooLargeEach)
          log({ ...common, type: reason, definitionId, data: { peer, reply, ...mail } });
      }
      const sample = `${peer} ${key}`;
      if (at - (sampledAt.get(sample) ?? Number.NEGATIVE_INFINITY) < sampleEveryMs) return;
      if (sampledAt.size >= maxRemembered) sampledAt = new Map();
      sampledAt.set(sample, at);
      log({ ...common, type: 'smtp.rejected', definitionId, data: { peer, reason, reply } });
    },
    standing: (definitionId) => {
      const run = runs.get(definitionId);
      return run === undefined || now() - run.lastAt > standsMs ? null : run;
    },
    all: () => [...counts.values()],
  };
}

function went(run: Run | undefined, refused: Pick<Run, 'reason' | 'reply' | 'peer'>, at: number): Run {
  if (run === undefined || at - run.lastAt > standsMs) return { ...refused, count: 1, since: at, lastAt: at };
  return { ...refused, count: run.count + 1, since: run.since, lastAt: at };
}
