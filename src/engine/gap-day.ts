import { addressKey } from '../../streams/address-key.ts';
import { type Gap, gapOf } from '../../streams/gap.ts';
import type { ArchiveEntry } from '../../streams/message.ts';
import type { MessageReader } from '../../streams/ports.ts';

const dayMs = 86_400_000;
/** Candidates of one day that are looked at: a house with more has its gaps among these too. */
export const maxLooked = 50_000;
const page = 500;
/** So many messages must name somebody before that says anything of him. */
const messagesToTell = 3;
/** People of a definition who are looked up, those named most first. */
const maxPeople = 200;
/** Messages that are kept as examples, of each definition and day. */
const maxExamples = 50;
/** Before so long nobody was reported who was, by the last month. */
const memoryMs = 30 * dayMs;
/** Messages to somebody that are looked through for a report that names him. */
const looksForOne = 50;

/** What one day shows of a definition; counts alone, and ids of entries: no address rests here. */
export interface DefinitionGaps {
  readonly definition: string;
  /** Messages whose reports together name fewer people than their headers. */
  readonly incomplete: number;
  /** People named three times that day, whom no report named that day, and one did in the month before. */
  readonly lapsed: number;
  /** The same, whom none has named for a month. */
  readonly never: number;
  readonly examples: readonly string[];
}
export interface DayGaps {
  /** UTC, by the date of the messages. */
  readonly day: string;
  readonly looked: number;
  /** False where there were more candidates than are looked at. */
  readonly complete: boolean;
  readonly definitions: readonly DefinitionGaps[];
}

/** How somebody who is missing fares: `partly`: other reports of the day name him. */
export type PersonStanding = 'lapsed' | 'never' | 'partly';

export const dayStart = (day: string): number => Date.parse(day);

/** Looks at the messages of one day of which some report names fewer people than the headers. Writes nothing. */
export async function lookAtDay(day: string, messages: Pick<MessageReader, 'find'>, closing: () => boolean) {
  const since = dayStart(day);
  const bounds = { unreported: true, since, until: since + dayMs - 1, limit: page } as const;
  const found = new Map<string, Found[]>();
  let looked = 0;
  let cursor: string | undefined;
  do {
    const { items, next } = await messages.find({ ...bounds, cursor });
    for (const entry of items) note(found, entry);
    looked += items.length;
    cursor = next ?? undefined;
  } while (cursor !== undefined && looked < maxLooked && !closing());
  const definitions: DefinitionGaps[] = [];
  for (const [definition, gaps] of found) definitions.push(await judge({ definition, gaps, since }, messages));
  return { day, looked, complete: cursor === undefined, definitions } satisfies DayGaps;
}

interface Found {
  readonly entryId: string;
  readonly gap: Gap;
}

function note(found: Map<string, Found[]>, entry: ArchiveEntry): void {
  const gap = gapOf(entry);
  if (gap === null || gap.definitionId === null) return;
  const gaps = found.get(gap.definitionId) ?? [];
  gaps.push({ entryId: entry.id, gap });
  found.set(gap.definitionId, gaps);
}

async function judge(
  { definition, gaps, since }: { readonly definition: string; readonly gaps: readonly Found[]; readonly since: number },
  messages: Pick<MessageReader, 'find'>,
): Promise<DefinitionGaps> {
  const people = peopleOf(gaps).filter(([, ids]) => ids.length >= messagesToTell);
  const standings: (readonly [ids: readonly string[], standing: PersonStanding])[] = [];
  for (const [address, ids] of people.slice(0, maxPeople)) {
    standings.push([ids, (await reportedLast(address, { definition, since }, messages)).standing]);
  }
  const count = (wanted: PersonStanding): number => standings.filter(([, standing]) => standing === wanted).length;
  const telling = standings.filter(([, standing]) => standing !== 'partly').flatMap(([ids]) => ids.slice(0, 3));
  const examples = [...new Set([...telling, ...gaps.map(({ entryId }) => entryId)])].slice(0, maxExamples);
  return { definition, incomplete: gaps.length, lapsed: count('lapsed'), never: count('never'), examples };
}

/** Who is certainly missing, and in which messages, the most often first. */
export function peopleOf(gaps: readonly Found[]): readonly (readonly [address: string, entryIds: readonly string[]])[] {
  const people = new Map<string, { readonly address: string; readonly ids: string[] }>();
  for (const { entryId, gap } of gaps) {
    if (!gap.certain) continue;
    for (const address of gap.missing) {
      const person = people.get(addressKey(address)) ?? { address, ids: [] };
      person.ids.push(entryId);
      people.set(addressKey(address), person);
    }
  }
  return [...people.values()]
    .map(({ address, ids }) => [address, ids] as const)
    .toSorted(([, one], [, other]) => other.length - one.length);
}

/** When a report of the definition last named somebody, that day or in the month before it. */
export async function reportedLast(
  address: string,
  { definition, since }: { readonly definition: string; readonly since: number },
  messages: Pick<MessageReader, 'find'>,
): Promise<{ readonly standing: PersonStanding; readonly at: number | null }> {
  const at = (from: number, until: number): Promise<number | null | 'unknown'> =>
    reportBetween(address, { definition, since: from, until }, messages);
  const today = await at(since, since + dayMs - 1);
  if (today !== null) return { standing: 'partly', at: today === 'unknown' ? null : today };
  const before = await at(since - memoryMs, since - 1);
  // What was not found within the bounds is no proof that there is none.
  if (before === 'unknown') return { standing: 'partly', at: null };
  return before === null ? { standing: 'never', at: null } : { standing: 'lapsed', at: before };
}

/** When a report last named somebody in that time; `unknown`: what could be looked through does not say. */
async function reportBetween(
  address: string,
  { definition, since, until }: { readonly definition: string; readonly since: number; readonly until: number },
  messages: Pick<MessageReader, 'find'>,
): Promise<number | null | 'unknown'> {
  const bounds = { definition, since, until, cursor: undefined, limit: looksForOne };
  const timesIn = (entries: readonly ArchiveEntry[]): readonly number[] =>
    entries.flatMap((entry) => reportedIn(entry, address, definition));
  const { items, next } = await messages.find({ ...bounds, to: address });
  const delivered = timesIn(items);
  if (delivered.length > 0) return Math.max(...delivered);
  // A list is no recipient, but stands on the way to some.
  const listed = timesIn((await messages.find({ ...bounds, mailbox: address })).items);
  if (listed.length > 0) return Math.max(...listed);
  return next === null ? null : 'unknown';
}

/** Of those who had lapsed on a day, how many no report has named since, by the examples that are kept. */
export async function stillLapsed(
  day: string,
  { definition, examples }: Pick<DefinitionGaps, 'definition' | 'examples'>,
  { messages, now }: { readonly messages: Pick<MessageReader, 'find' | 'get'>; readonly now: number },
): Promise<number> {
  const since = dayStart(day);
  let count = 0;
  for (const [address] of peopleOf(await openAmong(examples, messages))) {
    const { standing } = await reportedLast(address, { definition, since }, messages);
    if (standing !== 'lapsed') continue;
    if ((await reportBetween(address, { definition, since, until: now }, messages)) === null) count += 1;
  }
  return count;
}

/** Those of the examples that lack somebody still: a report may have come since. */
export async function openAmong(
  examples: readonly string[],
  messages: Pick<MessageReader, 'get'>,
): Promise<readonly Found[]> {
  const entries = await Promise.all(examples.map((id) => messages.get(id)));
  return entries.flatMap((entry) => {
    const gap = entry === undefined ? null : gapOf(entry);
    return entry === undefined || gap === null ? [] : [{ entryId: entry.id, gap }];
  });
}

function reportedIn({ observations }: ArchiveEntry, address: string, definition: string): readonly number[] {
  const key = addressKey(address);
  return observations
    .filter(({ definitionId }) => definitionId === definition)
    .filter(({ recipients }) =>
      recipients.some(
        ({ source, address: delivered, via }) =>
          source === 'envelope' &&
          [delivered, ...via.map((step) => step.address)].some((one) => addressKey(one) === key),
      ),
    )
    .map(({ receivedAt }) => receivedAt);
}
