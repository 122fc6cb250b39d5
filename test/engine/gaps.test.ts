import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { lookAtDay, reportedLast, stillLapsed } from '../../src/engine/gap-day.ts';
import { daysDue, openGaps } from '../../src/engine/gaps.ts';
import { matches } from '../../src/store/message-filter.ts';
import type { ArchiveEntry } from '../../streams/message.ts';
import type { MessageReader } from '../../streams/ports.ts';
import { eventually } from '../support/eventually.ts';
import { VirtualClock } from '../support/virtual-time.ts';

const [hourMs, dayMs] = [3_600_000, 86_400_000];
const day = '2026-11-27';
const start = Date.parse(day);
const [bo, cy] = ['bo@north.example', 'cy@north.example'] as const;

/** A message of that hour of the day: its headers name Bo and Cy, its one report the recipients. */
function entry(id: string, hour: number, ...recipients: readonly string[]): ArchiveEntry {
  const at = start + hour * hourMs;
  const observed = recipients.map((address) => ({
    address,
    type: 'to',
    via: [],
    source: 'envelope',
    internal: true,
    known: true,
  }));
  const all = recipients.includes(bo) && recipients.includes(cy);
  const observation = {
    intakeId: id,
    definitionId: 'exchange',
    receivedAt: at,
    flags: [],
    recipients: observed,
    representations: [{ facts: { dateAt: at } }],
    ...(all ? {} : { named: [bo, cy] }),
  };
  return {
    id,
    matchKey: `mid:${id}`,
    archivedAt: at,
    flags: [],
    observations: [observation],
  } as unknown as ArchiveEntry;
}
function archive(...entries: readonly ArchiveEntry[]): Pick<MessageReader, 'find' | 'get'> {
  const isShort = ({ observations }: ArchiveEntry): boolean => observations.some(({ named }) => named !== undefined);
  return {
    get: async (id) => entries.find((each) => each.id === id),
    find: async ({ unreported, limit, ...query }) => {
      const fitting = entries.filter((each) => matches(each, query) && (unreported !== true || isShort(each)));
      return { items: fitting.slice(0, limit), next: fitting.length > limit ? 'more' : null };
    },
  };
}
const three = [1, 2, 3].map((n) => entry(`e${n}`, n, cy));
const never = (): boolean => false;

test('somebody who was reported before and is named three times in no report has lapsed', async () => {
  const found = await lookAtDay(day, archive(...three, entry('old', -30, bo, cy)), never);
  expect(found).toEqual({
    day,
    looked: 3,
    complete: true,
    definitions: [{ definition: 'exchange', incomplete: 3, lapsed: 1, never: 0, examples: ['e1', 'e2', 'e3'] }],
  });
});

test('named twice says nothing; never reported, or reported that day, is no lapse', async () => {
  const lapsed = async (...entries: readonly ArchiveEntry[]) => {
    const [found] = (await lookAtDay(day, archive(...entries), never)).definitions;
    return [found?.lapsed, found?.never, found?.incomplete];
  };
  expect(await lapsed(...three.slice(1), entry('old', -30, bo, cy))).toEqual([0, 0, 2]);
  expect(await lapsed(...three)).toEqual([0, 1, 3]);
  expect(await lapsed(...three, entry('old', -31 * 24, bo, cy))).toEqual([0, 1, 3]);
  expect(await lapsed(...three, entry('today', 20, bo, cy), entry('old', -30, bo, cy))).toEqual([0, 0, 3]);
});

test('what cannot be looked through is no proof of a lapse', async () => {
  const many = Array.from({ length: 51 }, (_, n) => entry(`m${n}`, -n - 1, cy));
  const hidden = many.map((each) => ({
    ...each,
    observations: each.observations.map((one) => ({
      ...one,
      recipients: [...one.recipients, { address: bo, source: 'header', via: [] }],
    })),
  })) as unknown as readonly ArchiveEntry[];
  const found = await reportedLast(bo, { definition: 'exchange', since: start }, archive(...three, ...hidden));
  expect(found).toEqual({ standing: 'partly', at: null });
});

test('a day is looked at once, a day after its end, and no more than three days back', () => {
  const at = Date.UTC(2026, 10, 30, 12);
  expect(daysDue([], at)).toEqual(['2026-11-26', '2026-11-27', '2026-11-28']);
  expect(daysDue([{ day: '2026-11-27' }], at)).toEqual(['2026-11-26', '2026-11-28']);
  expect(
    daysDue([{ day: '2026-11-26' }, { day: '2026-11-27' }, { day: '2026-11-28' }], Date.UTC(2026, 10, 30, 23, 59)),
  ).toEqual([]);
});

test('what was found outlives a restart without an address in it, and who was completed since is left out', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'daybook-gaps-'));
  const clock = new VirtualClock(start + 2 * dayMs + hourMs);
  const log = (): void => undefined;
  const messages = archive(...three, entry('old', -30, bo, cy));
  const first = await openGaps({ dataDir, messages, clock, log, warnAlso: () => undefined });
  expect(await first.tell(undefined, undefined)).toMatchObject({ day: null });
  clock.runUntil(clock.now() + 60_000);
  await eventually(async () => first.lapsed('exchange') !== null);
  expect(first.lapsed('exchange')).toEqual({ people: 1, day, at: start + dayMs });
  await first[Symbol.asyncDispose]();
  const { readFile } = await import('node:fs/promises');
  expect(await readFile(join(dataDir, 'gaps.state'), 'utf8')).not.toContain('@');
  const again = await openGaps({ dataDir, messages, clock, log, warnAlso: () => undefined });
  const [told] = (await again.tell(day, 'exchange'))?.definitions ?? [];
  expect(told?.people).toMatchObject([{ address: bo, standing: 'lapsed', entries: ['e1', 'e2', 'e3'] }]);
  expect(await again.tell('2026-11-01', undefined)).toBeUndefined();
  await again[Symbol.asyncDispose]();
  const completed = archive(...[1, 2, 3].map((n) => entry(`e${n}`, n, bo, cy)));
  const later = await openGaps({ dataDir, messages: completed, clock, log, warnAlso: () => undefined });
  expect((await later.tell(day, 'exchange'))?.definitions[0]?.people).toEqual([]);
  await later[Symbol.asyncDispose]();
  await rm(dataDir, { recursive: true });
});

test('a lapse is over once a report names them again', async () => {
  const old = entry('old', -30, bo, cy);
  const lapse = { definition: 'exchange', examples: ['e1', 'e2', 'e3'] };
  const count = (now: number, ...more: readonly ArchiveEntry[]) =>
    stillLapsed(day, lapse, { messages: archive(...three, old, ...more), now });
  expect(await count(start + 3 * dayMs)).toBe(1);
  expect(await count(start + 3 * dayMs, entry('again', 50, bo, cy))).toBe(0);
});

test('where somebody may be there under another name nobody is said to have lapsed, and the messages are told apart', async () => {
  const unsure = [1, 2, 3].map((n) => entry(`u${n}`, n, 'alias@north.example'));
  const messages = archive(...unsure, entry('old', -30, bo, cy));
  const found = await lookAtDay(day, messages, never);
  expect(found.definitions).toMatchObject([{ incomplete: 3, lapsed: 0, never: 0, examples: ['u1', 'u2', 'u3'] }]);
  expect(await stillLapsed(day, found.definitions[0]!, { messages, now: start + 3 * dayMs })).toBe(0);
});
