import type { EventDraft } from '../../streams/ports.ts';
import type { Rejections } from '../http/api.types.ts';
import type { Rejection } from '../smtp/types.ts';
import type { RejectedCounts } from './rejected-counts.ts';

/** One event for each peer and reason in this time (journaling a.2, d.6). */
const sampleEveryMs = 60_000;
/** Peers remembered for sampling; beyond it the memory starts anew, which costs an event more. */
const maxRemembered = 10_000;

/** Counts refusals by definition and reason, and lets one event a minute through for each peer and reason. */
export interface RejectionBook {
  note(rejection: Rejection): void;
  /** Since the start of the engine, by reason. */
  all(): readonly Rejections[];
}

export function createRejectionBook(
  now: () => number,
  log: (draft: EventDraft) => void,
  rejected: Pick<RejectedCounts, 'add'>,
): RejectionBook {
  const counts = new Map<string, Rejections>();
  let sampledAt = new Map<string, number>();
  return {
    note: ({ definitionId, reason, reply, peer }) => {
      const key = `${definitionId ?? ''} ${reason}`;
      counts.set(key, { definition: definitionId, reason, count: (counts.get(key)?.count ?? 0) + 1 });
      if (definitionId !== null) rejected.add(definitionId);
      const sample = `${peer} ${key}`;
      const at = now();
      if (at - (sampledAt.get(sample) ?? Number.NEGATIVE_INFINITY) < sampleEveryMs) return;
      if (sampledAt.size >= maxRemembered) sampledAt = new Map();
      sampledAt.set(sample, at);
      const common = { severity: 'warning', actor: 'engine', intakeId: null, entryId: null } as const;
      log({ ...common, type: 'smtp.rejected', definitionId, data: { peer, reason, reply } });
    },
    all: () => [...counts.values()],
  };
}
