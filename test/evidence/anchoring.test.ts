import { expect, test } from 'vitest';
import { anchoring } from '../../src/evidence/anchoring.ts';
import { day, minute, noon, second } from '../support/stream-shapes.ts';
import { VirtualClock } from '../support/virtual-time.ts';

const hour = 60 * minute;

/** An anchor whose attempts end as the test says, on a clock that stands still. */
function set({ intervalMs = hour, lastAt = null as number | null } = {}) {
  const clock = new VirtualClock(noon);
  const tried: number[] = [];
  const heard: string[] = [];
  let ends: () => Promise<number | null> = async () => 7;
  const attempt = (): Promise<number | null> => {
    tried.push(clock.now() - noon);
    return ends();
  };
  const line = anchoring({ intervalMs }, attempt, { clock, lastAt }).subscribe((news) => {
    const what = news.kind === 'made' ? `${news.size}` : `since ${news.since - noon}: ${news.detail}`;
    heard.push(`${news.kind} at ${news.at - noon}: ${what}`);
  });
  const until = async (ms: number): Promise<void> => {
    for (let step = clock.now() - noon; step <= ms; step += Math.max(1, Math.min(second, ms - step))) {
      clock.runUntil(noon + step);
      for (let turn = 0; turn < 8; turn += 1) await Promise.resolve();
    }
  };
  const end = (how: () => Promise<number | null>): void => {
    ends = how;
  };
  return { tried, heard, until, line, end };
}

test('a head at once, then one at each interval', async () => {
  const { tried, heard, until } = set();
  await until(2 * hour + second);
  expect(tried).toEqual([0, hour, 2 * hour]);
  expect(heard[0]).toBe('made at 0: 7');
});

test('a restart neither repeats a head nor forgets that it is due', async () => {
  const early = set({ lastAt: noon - 20 * minute });
  await early.until(40 * minute - second);
  expect(early.tried).toEqual([]);
  await early.until(40 * minute);
  expect(early.tried).toEqual([40 * minute]);
  const late = set({ lastAt: noon - day });
  await late.until(0);
  expect(late.tried).toEqual([0]);
  const ahead = set({ lastAt: noon + 365 * day });
  await ahead.until(hour);
  expect(ahead.tried).toEqual([hour]);
});

test('failures are tried again after growing waits, none longer than the interval, and told since when', async () => {
  const { tried, heard, until, end } = set();
  end(() => Promise.reject(new Error('nobody there')));
  await until(45 * minute);
  expect(tried).toEqual([0, 10, 70, 370, 1_270, 2_170].map((s) => s * second));
  expect(heard.at(-1)).toBe('failed at 2170000: since 0: nobody there');
  end(async () => 99);
  await until(53 * minute);
  expect(heard.at(-1)).toBe('made at 3070000: 99');
  expect(heard).toHaveLength(7);
  const often = set({ intervalMs: minute });
  often.end(() => Promise.reject(new Error('nobody there')));
  await often.until(5 * minute);
  expect(often.tried).toEqual([0, 10, 70, 130, 190, 250].map((s) => s * second));
});

test('one attempt at a time: what takes longer than the interval holds up the next alone', async () => {
  const { tried, until, end } = set({ intervalMs: minute });
  let done = (): void => undefined;
  end(() => new Promise((resolve) => (done = () => resolve(1))));
  await until(10 * minute);
  expect(tried).toEqual([0]);
  done();
  await until(11 * minute);
  expect(tried).toEqual([0, 11 * minute]);
});

test('a log without a record is looked at again, and nothing is told', async () => {
  const { tried, heard, until, end } = set();
  end(async () => null);
  await until(2 * minute);
  expect([tried, heard]).toEqual([[0, minute, 2 * minute], []]);
});

test('nothing is tried once it was given up', async () => {
  const { tried, until, line } = set();
  await until(0);
  line.unsubscribe();
  await until(3 * hour);
  expect(tried).toEqual([0]);
});
