import { describe, expect, test } from 'vitest';
import { unwrap } from '../../src/report/unwrap.ts';
import { entryView } from '../../streams/entry-view.ts';
import { Line } from '../support/line.ts';
import { addressesOf, atOnce, other, reportOf, reportTo } from '../support/line-mail.ts';
import { buildMessage, buildReport } from '../support/mail.ts';
import { directoryOf, minute, noon, second } from '../support/stream-shapes.ts';

describe('a report on the line of its definition', () => {
  test('is looked up three times in two minutes and then archived', () => {
    using line = new Line();
    const id = line.take(reportTo('bo@north.example'));
    line.until(119);
    expect(line.store.items.get(id)).toMatchObject({ state: 'matching', attempt: 2, dueAt: noon + 2 * minute });
    expect(line.settled).toEqual([]);
    line.until(120);
    const at = noon + 2 * minute;
    const common = { intakeId: id, definitionId: 'exchange', entryId: id, level: 'L0' };
    expect(line.settled).toEqual([{ ...common, outcome: 'archived', reason: null, at }]);
    expect(line.store.items.size).toBe(0);
    expect(addressesOf(line)).toEqual(['bo@north.example']);
  });

  test('is delayed, then matching, then archived, with every step at its time', () => {
    using line = new Line({ options: { initialProcessDelayMs: 30 * second, deliveryWaitAttempts: 2 } });
    const id = line.take(reportTo('bo@north.example'));
    line.until(29);
    expect(line.store.items.get(id)).toMatchObject({ state: 'delayed', attempt: 0, dueAt: noon + 30 * second });
    line.until(31);
    expect(line.store.items.get(id)).toMatchObject({ state: 'matching', attempt: 1, dueAt: noon + 90 * second });
    line.until(90);
    expect(line.ends).toEqual({ [id]: 'archived' });
    const { steps } = line.store.ended.get(id)!.item;
    expect(steps.map(({ step, at }) => [step, (at - noon) / second])).toEqual([
      ['received', 0],
      ['parsed', 0],
      ['delayed', 0],
      ['attempt', 30],
      ['attempt', 90],
    ]);
  });

  test('is parsed once, however often it is looked up', () => {
    let parses = 0;
    const counting: typeof unwrap = (bytes, options) => {
      parses += 1;
      return unwrap(bytes, options);
    };
    using line = new Line({ ports: { unwrap: counting } });
    line.take(reportTo('bo@north.example'));
    line.runOut();
    expect(line.settled).toHaveLength(1);
    expect(parses).toBe(1);
  });

  test('waits ten minutes for the gateway when it is internal mail of an extended definition', () => {
    using line = new Line({ options: { extendedDeduplication: true } });
    const inside = line.take(reportTo('bo@north.example'));
    const outside = line.take(reportOf(other(2), 'cy@south.example'));
    line.until(599);
    expect(line.ends).toEqual({ [outside]: 'archived' });
    line.until(600);
    expect(line.store.ended.get(inside)?.at).toBe(noon + 10 * minute);
  });

  test('that waits is woken by the copy another definition archives, and matches at that instant', () => {
    using line = new Line({
      definitionIds: ['exchange', 'fast'],
      options: ({ definitionId }) => (definitionId === 'fast' ? atOnce : { extendedDeduplication: true }),
    });
    const waiting = line.take(reportTo('bo@north.example'));
    line.until(380);
    const copy = line.take(reportTo('cy@north.example'), 'fast');
    line.until(381);
    expect(line.ends).toEqual({ [copy]: 'archived', [waiting]: 'matched M1' });
    expect(line.store.ended.get(waiting)).toMatchObject({ at: noon + 380 * second, item: { attempt: 3 } });
    expect(addressesOf(line)).toEqual(['bo@north.example', 'cy@north.example']);
  });

  test('that found nothing when woken still has all its attempts', () => {
    using line = new Line({
      definitionIds: ['exchange', 'fast'],
      options: ({ definitionId }) => (definitionId === 'fast' ? atOnce : {}),
    });
    const waiting = line.take(reportTo('bo@north.example'));
    line.until(20);
    const stranger = line.take(reportOf(buildMessage({ from: 'mallory@evil.example' }), 'bo@north.example'), 'fast');
    line.until(119);
    expect(line.ends).toEqual({ [stranger]: 'archived' });
    line.until(120);
    expect(line.ends).toEqual({ [stranger]: 'archived', [waiting]: 'archived' });
    expect(line.store.ended.get(waiting)?.item.attempt).toBe(3);
    expect(line.entries.map(({ flags }) => flags)).toEqual([['mid-collision'], ['mid-collision']]);
  });
});

describe('an item that does not go into the archive', () => {
  test('is quarantined where it is no message, and kept', () => {
    using line = new Line();
    const id = line.take(Buffer.from([1, 2, 3, 10]));
    line.until(0);
    expect(line.ends).toEqual({ [id]: 'quarantined no-headers' });
    expect(line.settled).toMatchObject([{ level: 'L5', entryId: null }]);
  });

  test('is held where it is over age, and skipped where nobody of it is known', () => {
    using line = new Line({ ports: { directory: directoryOf('ada@north.example') } });
    const old = line.take(reportOf(buildMessage({ date: 'Fri, 30 Jan 2026 11:59:59 +0000' }), 'bo@north.example'));
    const edge = line.take(reportOf(other(2, { date: 'Sat, 31 Jan 2026 12:00:00 +0000' }), 'bo@north.example'));
    const unknown = line.take(
      buildReport({ sender: 'x@south.example', recipients: [{ address: 'bo@north.example' }] }),
    );
    const foreign = line.take(buildReport({ sender: 'x@south.example', recipients: [{ address: 'y@south.example' }] }));
    line.until(0);
    expect(line.ends).toEqual({
      [old]: 'held expired',
      [unknown]: 'skipped unknown-internal',
      [foreign]: 'skipped non-internal',
    });
    line.runOut();
    expect(line.ends[edge]).toBe('archived');
  });

  test('does not expire, nor fall out of scope, once it has begun to wait', () => {
    const known = new Set(['bo@north.example', 'ada@north.example']);
    const maxAge = { maxAgeMs: 3 * 60 * minute };
    const directory = {
      classify: (address: string) => ({ internal: true, known: known.has(address) }),
    };
    using line = new Line({ matching: maxAge, ports: { directory } });
    const id = line.take(reportTo('bo@north.example'));
    line.until(61);
    known.clear();
    line.runOut();
    expect(line.ends).toEqual({ [id]: 'archived' });
  });

  test.each([
    ['age', 'held expired', reportOf(buildMessage({ date: 'Fri, 2 Jan 2026 09:00:00 +0000' }), 'bo@north.example')],
    [
      'scope',
      'skipped non-internal',
      buildReport({ sender: 'x@south.example', recipients: [{ address: 'y@south.example' }] }),
    ],
    ['quarantine', 'quarantined no-headers', Buffer.from([1, 2, 3, 10])],
  ] as const)('goes through with the rule of %s switched off', (rule, stopped, bytes) => {
    using line = new Line({ options: atOnce, ports: { directory: directoryOf('bo@north.example') } });
    const id = line.take(bytes);
    line.runOut();
    expect(line.ends).toEqual({ [id]: stopped });
    line.reopen(id, [rule]);
    line.runOut();
    expect(line.ends).toEqual({ [id]: 'archived' });
    expect(entryView(line.entries[0]!).size).toBeGreaterThan(0);
  });
});
