import type { ArchiveEntry, SpoolItem, Verdict } from '../../streams/message.ts';
import type { Archive, SettleRequest } from '../../streams/ports.ts';
import { applyVerdict, matchKeysOf } from '../store/apply-verdict.ts';
import type { Store } from '../store/open-store.ts';
import { firstValue } from './first-value.ts';

/** The archive as an intake record found it: without its own copy, and without what came after its end. */
export interface AsOf {
  readonly intakeId: string;
  /** When it ended, epoch ms; null while it is in process: then all that stands is seen. */
  readonly endedAt: number | null;
}

/** What one request was decided with. */
export interface Ruled {
  readonly item: SpoolItem;
  readonly verdict: Verdict;
  readonly entries: readonly ArchiveEntry[];
}

/** An archive that looks and never writes; what is decided on it is seen by whoever comes next, and by nobody else. */
export interface TrialArchive extends Archive {
  get(id: string): Promise<ArchiveEntry | undefined>;
  /** What became of that item; undefined before it was settled. */
  ruledOn(intakeId: string): Ruled | undefined;
}

export function trialArchive({ archive, messages }: Pick<Store, 'archive' | 'messages'>, asOf: AsOf | null) {
  const made = new Map<string, ArchiveEntry>();
  const ruled = new Map<string, Ruled>();
  const seen = (entry: ArchiveEntry): ArchiveEntry | undefined => made.get(entry.id) ?? asItWas(entry, asOf);
  const under = async (keys: readonly string[]): Promise<readonly ArchiveEntry[]> => {
    const stored = (await firstValue(archive.lookup(keys))).flat().map(seen);
    const also = [...made.values()].filter((entry) => matchKeysOf(entry).some((key) => keys.includes(key)));
    const once = new Map([...stored, ...also].filter((entry) => entry !== undefined).map((entry) => [entry.id, entry]));
    return [...once.values()].toSorted((a, b) => (a.id < b.id ? -1 : 1));
  };
  const settle = async (requests: readonly SettleRequest[]): Promise<readonly Verdict[]> => {
    const verdicts: Verdict[] = [];
    for (const { item, keys, decide } of requests) {
      const entries = await under(keys);
      const verdict = decide(entries);
      verdicts.push(verdict);
      ruled.set(item.intakeId, { item, verdict, entries });
      if (verdict.kind !== 'insert' && verdict.kind !== 'merge') continue;
      const decided = {
        intakeId: item.intakeId,
        origin: item.origin,
        matchKey: item.parsed?.matchKey ?? '',
        at: item.dueAt,
      };
      const entryOf = (id: string): ArchiveEntry | undefined => entries.find((entry) => entry.id === id);
      for (const entry of applyVerdict(decided, verdict, entryOf)) made.set(entry.id, entry);
    }
    return verdicts;
  };
  return {
    lookup: (keys) => Promise.all(keys.map((key) => under([key]))),
    settle,
    get: async (id) => {
      const stored = made.has(id) ? undefined : await messages.get(id);
      return made.get(id) ?? (stored === undefined ? undefined : asItWas(stored, asOf));
    },
    ruledOn: (intakeId) => ruled.get(intakeId),
  } satisfies TrialArchive;
}

/** The entry as it stood then; undefined where it did not. */
function asItWas(entry: ArchiveEntry, asOf: AsOf | null): ArchiveEntry | undefined {
  if (asOf === null) return entry;
  const { intakeId, endedAt } = asOf;
  const until = endedAt ?? Number.POSITIVE_INFINITY;
  if (entry.id === intakeId || entry.archivedAt > until) return undefined;
  const observations = entry.observations.filter((each) => each.intakeId !== intakeId && each.receivedAt <= until);
  return observations.length === 0 ? undefined : { ...entry, observations };
}
