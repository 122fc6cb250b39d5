import { join } from 'node:path';
import type { SchedulerLike } from 'rxjs';
import type { MessageReader } from '../../streams/ports.ts';
import type { GapsAnswer } from '../http/gaps.schema.ts';
import type { Log } from '../log.ts';
import { readNoted } from '../noted-file.ts';
import { isoOrNull } from '../time-words.ts';
import {
  type DayGaps,
  type DefinitionGaps,
  dayStart,
  lookAtDay,
  openAmong,
  peopleOf,
  reportedLast,
  stillLapsed,
} from './gap-day.ts';
import { openHourly, type WarnAlso } from './hourly.ts';
import { keepingNewest } from './keeping-newest.ts';

/** What the days showed, kept over restarts. */
export const gapsState = 'gaps.state';
const dayMs = 86_400_000;
/** After the end of a day its reports have so long to come: Exchange tries for two days, most of it in the first hours. */
const settleMs = dayMs;
/** Days that are looked at after a pause; what is older is past being helped. */
const daysBack = 3;
const daysKept = 31;
/** So long a lapse is a warning, should nobody write to them again. */
const warnedMs = 9 * dayMs;
const firstPassMs = 20_000;
/** People that are told of one definition and day. */
const maxTold = 50;

/** Finds people whom headers name and no report does (journaling N5). */
export interface GapBook {
  /** People who lapsed in the last week and whom no report has named since, as of the last pass; null: nobody. */
  lapsed(definitionId: string): Lapse | null;
  /** Of a day, or the newest; what has been completed since is left out. Undefined for a day that was not looked at. */
  tell(day: string | undefined, definitionId: string | undefined): Promise<GapsAnswer | undefined>;
}
export interface Lapse {
  readonly people: number;
  /** The first such day. */
  readonly day: string;
  /** Its end, epoch ms. */
  readonly at: number;
}
export interface GapParts {
  readonly dataDir: string;
  readonly messages: Pick<MessageReader, 'find' | 'get'>;
  readonly clock: SchedulerLike;
  readonly log: Log;
  readonly warnAlso: WarnAlso;
}

/** Looks once at each day, a day after its end; each hour whether one is due. */
export async function openGaps({
  dataDir,
  messages,
  clock,
  log,
  warnAlso,
}: GapParts): Promise<GapBook & AsyncDisposable> {
  const path = join(dataDir, gapsState);
  const keeper = keepingNewest<readonly DayGaps[]>(path, await keptIn(path, log), { what: 'the gaps', log });
  let lapses: ReadonlyMap<string, Lapse> = new Map();
  const pass = async (closing: () => boolean): Promise<void> => {
    for (const day of daysDue(keeper.kept, clock.now())) {
      const found = await lookAtDay(day, messages, closing);
      if (closing()) return;
      keeper.keep([found, ...keeper.kept].toSorted((a, b) => (a.day < b.day ? 1 : -1)).slice(0, daysKept));
    }
    keeper.again();
    lapses = await lapsesOf(keeper.kept, { messages, now: clock.now() });
  };
  const passes = openHourly({ name: 'gap', firstMs: firstPassMs, pass, clock, log, warnAlso });
  return {
    lapsed: (id) => lapses.get(id) ?? null,
    tell: async (day, definitionId) => {
      const known = keeper.kept.map((each) => each.day);
      const found = day === undefined ? keeper.kept[0] : keeper.kept.find((each) => each.day === day);
      if (found === undefined) return day === undefined ? nothing : undefined;
      const wanted = found.definitions.filter(({ definition }) => [undefined, definition].includes(definitionId));
      const definitions = await Promise.all(wanted.map((each) => told(each, dayStart(found.day), messages)));
      return { day: found.day, days: known, looked: found.looked, complete: found.complete, definitions };
    },
    [Symbol.asyncDispose]: async () => {
      await passes[Symbol.asyncDispose]();
      await keeper.settled();
    },
  };
}

const nothing: GapsAnswer = { day: null, days: [], looked: 0, complete: true, definitions: [] };

/** Rule: days that have settled and were not looked at, the oldest first. */
export function daysDue(known: readonly Pick<DayGaps, 'day'>[], now: number): readonly string[] {
  const seen = new Set(known.map(({ day }) => day));
  const last = Math.floor((now - settleMs) / dayMs) - 1;
  return Array.from({ length: daysBack }, (_, at) => dayOf((last - daysBack + 1 + at) * dayMs)).filter(
    (day) => !seen.has(day),
  );
}

/** Of each definition the oldest day of the last week on which somebody lapsed who has not been named since. */
async function lapsesOf(
  days: readonly DayGaps[],
  look: { readonly messages: GapParts['messages']; readonly now: number },
): Promise<ReadonlyMap<string, Lapse>> {
  const lapses = new Map<string, Lapse>();
  for (const { day, definitions } of days.filter((each) => look.now - dayStart(each.day) <= warnedMs)) {
    for (const gaps of definitions.filter(({ lapsed }) => lapsed > 0)) {
      const people = await stillLapsed(day, gaps, look);
      const before = lapses.get(gaps.definition)?.people ?? 0;
      if (people > 0) lapses.set(gaps.definition, { people: Math.max(people, before), day, at: dayStart(day) + dayMs });
    }
  }
  return lapses;
}

const dayOf = (at: number): string => new Date(at).toISOString().slice(0, 10);

/** Addresses are read from the archive when somebody asks, so that none rests outside it. */
async function told(
  { definition, incomplete, lapsed, never, examples }: DefinitionGaps,
  since: number,
  messages: GapParts['messages'],
): Promise<GapsAnswer['definitions'][number]> {
  const open = await openAmong(examples, messages);
  const people: GapsAnswer['definitions'][number]['people'][number][] = [];
  for (const [address, ids] of peopleOf(open).slice(0, maxTold)) {
    const { standing, at } = await reportedLast(address, { definition, since }, messages);
    people.push({ address, standing, lastReportedAt: isoOrNull(at), entries: [...ids] });
  }
  const unsure = open.filter(({ gap }) => !gap.certain).map(({ entryId }) => entryId);
  return { definition, incomplete, lapsed, never, people, unsure };
}

async function keptIn(path: string, log: Log): Promise<readonly DayGaps[]> {
  const noted = await readNoted(path);
  if (noted.kind === 'value') return noted.value as readonly DayGaps[];
  if (noted.kind === 'damaged')
    log('warn', 'what is known of gaps is damaged; the last days are looked at anew', { path });
  return [];
}
