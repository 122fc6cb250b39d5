import { describe, expect, test } from 'vitest';
import { EngineFailure } from '../../streams/failure.ts';
import { Line } from '../support/line.ts';
import { atOnce, other, reportOf, reportTo } from '../support/line-mail.ts';
import { noon, second } from '../support/stream-shapes.ts';

/** What a line tells beside what it settles, with the seconds since noon. */
const toldBy = ({ news }: Line): readonly string[] =>
  news.flatMap(({ type, at }) => (type === 'processing.settled' ? [] : [`${type} ${(at - noon) / second}`]));

describe('the end of trouble on the line', () => {
  test('a store that failed while no mail was there is told to work again by the first look that finds nothing', () => {
    let broken = true;
    using line = new Line({
      fault: (asked) => (broken && asked === 'due' ? new EngineFailure('store-failed') : undefined),
    });
    line.until(5);
    expect(toldBy(line)).toEqual(['processing.failed 0', 'processing.failed 1']);
    broken = false;
    line.until(600);
    expect(toldBy(line).slice(2), 'once, and by nothing that came').toEqual(['processing.resumed 11']);
    broken = true;
    line.until(601.5);
    expect(toldBy(line).slice(3), 'and the next one is waited for a second again').toEqual(['processing.failed 601']);
    expect(line.news.at(-1)).toMatchObject({ retryAt: noon + 602 * second });
  });

  test('a line that was never in trouble tells of none', () => {
    using line = new Line({ options: atOnce });
    line.take(reportTo('bo@north.example'));
    line.until(60);
    expect(toldBy(line)).toEqual([]);
  });

  test('an item that was put back is trouble until it has settled', () => {
    let broken = true;
    using line = new Line({
      options: atOnce,
      fault: (asked) => (broken && asked === 'read' ? new EngineFailure('store-failed') : undefined),
    });
    line.take(reportTo('bo@north.example'));
    line.until(60);
    expect(toldBy(line)).toEqual(['processing.failed 0', 'processing.failed 1', 'processing.failed 11']);
    broken = false;
    line.until(70.9);
    expect(toldBy(line), 'no look between its tries ends it').toHaveLength(3);
    line.until(80);
    expect(line.news.filter(({ type }) => type === 'processing.settled')).toHaveLength(1);
    expect(toldBy(line), 'what settles says it').toHaveLength(3);
  });

  test('an item that was put back is trouble no more where another has settled it and nothing waits', () => {
    using line = new Line({
      options: atOnce,
      fault: (asked) => (asked === 'read' ? new EngineFailure('store-failed') : undefined),
    });
    const [ours, theirs] = [line.take(reportTo('bo@north.example')), line.take(reportOf(other(2), 'bo@north.example'))];
    line.until(15);
    line.store.items.delete(ours);
    line.until(20);
    expect(toldBy(line).filter((told) => told.startsWith('processing.resumed'))).toEqual([]);
    line.store.items.delete(theirs);
    line.until(25);
    expect(toldBy(line).filter((told) => told.startsWith('processing.resumed'))).toEqual(['processing.resumed 21']);
  });
});
