import { VirtualTimeScheduler } from 'rxjs';
import { expect, test } from 'vitest';
import { acceptedNews } from '../../src/engine/listener-slot.ts';
import type { Ingested } from '../../streams/ingest.ts';

const accepted = (...definitionIds: (string | null)[]): Ingested => ({
  kind: 'acknowledged',
  own: false,
  destinations: definitionIds.map((definitionId) => ({ definitionId, definitionVersion: 1 })),
  custodied: { intakeIds: definitionIds.map(() => 'i'), receivedAt: 0, size: 1, sha256: '' },
});
const set = () => {
  const clock = new VirtualTimeScheduler();
  const news = acceptedNews(clock);
  const told: string[] = [];
  for (const id of ['a', 'b']) {
    news.of(id).subscribe((event) => {
      if (event.type === 'source.extracted') told.push(`${id} ${event.count} at ${event.at}`);
    });
  }
  return { clock, news, told };
};

test('the first accepted message is told at once, those of the next quarter second together', () => {
  const { clock, news, told } = set();
  for (const [at, message] of [
    [0, accepted('a')],
    [100, accepted('a', 'b')],
    [200, accepted('a')],
    [2_000, accepted('b')],
  ] as const) {
    clock.schedule(() => news.note(message), at);
  }
  clock.flush();
  expect(told).toEqual(['a 1 at 0', 'a 2 at 250', 'b 1 at 250', 'b 1 at 2000']);
});

test('under load each definition is told four times a second, and every message is counted', () => {
  const { clock, news, told } = set();
  for (let at = 0; at < 10_000; at += 2) clock.schedule(() => news.note(accepted('a')), at);
  clock.flush();
  expect(told.length).toBe(41);
  expect(told.reduce((sum, line) => sum + Number(line.split(' ')[1]), 0)).toBe(5_000);
});

test('whoever looks is told first', () => {
  const { clock, news, told } = set();
  clock.schedule(() => news.note(accepted('a')), 0);
  clock.schedule(() => {
    news.note(accepted('a'));
    news.tell();
    expect(told).toEqual(['a 1 at 0', 'a 1 at 50']);
  }, 50);
  clock.flush();
  expect(told).toHaveLength(2);
});

test('a refused message, one of the gateway, and an alert of ours that comes back, is no news of a definition', () => {
  const { clock, news, told } = set();
  news.note({ ...accepted('a'), own: true } as Ingested);
  news.note(accepted(null));
  news.note({ kind: 'refused', destinations: [], failure: new Error() as never });
  clock.flush();
  expect(told).toEqual([]);
});
