import type { ClusterStatus } from '../http/status.schema.ts';
import { isoOrNull } from '../time-words.ts';
import type { ClusterWatchParts, Seen } from './cluster-watch.ts';
import { archiveDuty, gatewayDuty } from './duties.ts';

/** Who has just come has said a word before others see its place; as long as a place is kept. */
const aliveByWordMs = 15_000;

const kinds = ['definition', 'gateway', 'archive'] as const;
const kindOf = (name: string): (typeof kinds)[number] =>
  name === archiveDuty ? 'archive' : name === gatewayDuty ? 'gateway' : 'definition';

/** Rule: what a worker says of its cluster, from what was seen of it last. */
export function clusterStatus(seen: Seen, parts: ClusterWatchParts): ClusterStatus {
  const { sight, duties, duty, foldedSeq, worker, version, clock } = parts;
  const heard = seen.words.filter(({ at }) => clock.now() - at < aliveByWordMs);
  const alive = new Set([worker, ...sight.workers(), ...heard.map((word) => word.worker)]);
  const names = duty();
  const folded = foldedSeq();
  const logSeq = Math.max(seen.logSeq, folded);
  const own = { version, behindRecords: logSeq - folded, behindMs: logSeq === folded ? 0 : seen.behindMs };
  const words = new Map(seen.words.map((word) => [word.worker, word.said]));
  words.set(worker, own);
  return {
    workers: [...new Set([...words.keys(), ...alive])].sort().map((name) => {
      const { version: its = null, behindRecords = null, behindMs = null } = words.get(name) ?? {};
      const behindSeconds = behindMs === null ? null : Math.round(behindMs / 1_000);
      return { name, alive: alive.has(name), version: its, behindRecords, behindSeconds };
    }),
    duties: kinds.map((kind) => {
      const of = names.filter((name) => kindOf(name) === kind);
      const [mine, unheld] = [of.filter(duties.isMine), of.filter((name) => seen.unheld.has(name))];
      return { kind, mine: mine.length, unheld: unheld.length };
    }),
    logSeq,
    database: {
      failingSince: isoOrNull(seen.trouble?.since ?? null),
      isAwaited: seen.durability?.isAwaited ?? null,
      standbys: seen.durability?.standbys ?? null,
      clockAheadSeconds: Math.round(sight.clockAheadMs() / 1_000),
    },
    packs: parts.packs(),
  };
}
