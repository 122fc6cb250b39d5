import { NEVER, of, throwError } from 'rxjs';
import { describe, expect, test } from 'vitest';
import { unwrap } from '../../src/report/unwrap.ts';
import { EngineFailure } from '../../streams/failure.ts';
import type { Representation } from '../../streams/message.ts';
import type { Archive, Bodies, SettleRequest } from '../../streams/ports.ts';
import { Line, sha256 } from '../support/line.ts';
import { atOnce, other, reportOf, reportTo } from '../support/line-mail.ts';
import { buildMessage } from '../support/mail.ts';
import { entryOf, minute, noon, observationOf, representationOf, second } from '../support/stream-shapes.ts';

describe('trouble on the line', () => {
  const crashing: typeof unwrap = (bytes, options) => {
    if (Buffer.from(bytes).includes('poison')) throw new TypeError('cannot read this');
    return unwrap(bytes, options);
  };

  test('a message that the parser dies of is tried after 1 s, 10 s and 60 s, then quarantined, and stops nobody', () => {
    using line = new Line({ options: atOnce, ports: { unwrap: crashing } });
    const bad = line.take(reportOf(buildMessage({ body: 'poison' }), 'bo@north.example'));
    const good = line.take(reportOf(other(2), 'bo@north.example'));
    line.until(0);
    expect(line.ends).toEqual({ [good]: 'archived' });
    const due: number[] = [];
    for (const at of [0, 2, 12]) {
      line.until(at);
      due.push((line.store.items.get(bad)!.dueAt - noon) / second);
    }
    expect(due).toEqual([1, 11, 71]);
    line.until(70);
    expect(line.ends).toEqual({ [good]: 'archived' });
    line.until(71);
    expect(line.ends).toEqual({ [good]: 'archived', [bad]: 'quarantined parser-crash' });
    const { steps } = line.store.ended.get(bad)!.item;
    expect(steps.at(-1)).toMatchObject({ step: 'failed', detail: 'cannot read this' });
    expect(line.news.every(({ type }) => type === 'processing.settled')).toBe(true);
  });

  test('an item whose options cannot be found stops nobody', () => {
    const options = ({ intakeId }: { readonly intakeId: string }) => {
      if (intakeId === 'intake-001') throw new Error('no such version');
      return atOnce;
    };
    using line = new Line({ options });
    const orphan = line.take(reportTo('bo@north.example'));
    const good = line.take(reportOf(other(2), 'bo@north.example'));
    line.until(0);
    expect(line.ends).toEqual({ [good]: 'archived' });
    expect(line.store.items.get(orphan)).toMatchObject({ failures: 1, dueAt: noon + second });
  });

  test('an item whose options are gone by its second look-up stops nobody', () => {
    let asked = 0;
    const options = ({ intakeId }: { readonly intakeId: string }) => {
      if (intakeId !== 'intake-001') return atOnce;
      asked += 1;
      if (asked > 2) throw new Error('no such version');
      return {};
    };
    using line = new Line({ options });
    const orphan = line.take(reportTo('bo@north.example'));
    line.until(59);
    line.takeAtOnce([reportOf(other(2), 'bo@north.example')]);
    line.until(60.5);
    expect(line.ends).toEqual({ 'intake-002': 'archived' });
    expect(line.store.items.get(orphan)).toMatchObject({ attempt: 1, failures: 1 });
  });

  test('a content hash that cannot be had quarantines the message that needs it, and nobody else', () => {
    const dying = (message: Uint8Array) =>
      Buffer.from(message).includes('poison')
        ? throwError(() => new EngineFailure('parser-crash'))
        : of(sha256(message));
    using line = new Line({ options: atOnce, ports: { hashContent: dying } });
    const first = line.take(reportTo('bo@north.example'));
    line.until(0);
    const bad = line.take(reportOf(buildMessage({ body: 'poison' }), 'bo@north.example'));
    const good = line.take(reportOf(buildMessage({ body: 'other' }), 'bo@north.example'));
    line.until(0.5);
    expect(line.ends).toEqual({ [first]: 'archived', [good]: 'matched M2' });
    line.runOut();
    expect(line.ends[bad]).toBe('quarantined parser-crash');
  });

  test('an entry whose bytes are damaged takes the copy as a variant instead of stopping the line', () => {
    using line = new Line({ options: atOnce });
    const first = line.take(reportTo('bo@north.example'));
    line.until(0);
    line.store.bytes[0] = new Uint8Array(line.store.bytes[0]!.length);
    const second = line.take(reportOf(buildMessage({ headers: ['X-Hop: 1'] }), 'cy@north.example'));
    const third = line.take(reportOf(other(3), 'bo@north.example'));
    line.runOut();
    expect(line.ends).toEqual({ [first]: 'archived', [second]: 'matched M2', [third]: 'archived' });
  });

  test('an entry whose bytes cannot be read for now makes no variant: the copy waits for the store', () => {
    let unreadable = true;
    using line = new Line({ options: atOnce, ports: { bodies: { read: (...asked) => read(...asked) } } });
    const read: Bodies['read'] = (body, decoding, hash) =>
      unreadable && hash === sha256(buildMessage())
        ? throwError(() => new EngineFailure('store-failed'))
        : line.store.bodies.read(body, decoding, hash);
    const first = line.take(reportTo('bo@north.example'));
    const copy = line.take(reportOf(buildMessage({ headers: ['X-Hop: 1'] }), 'cy@north.example'));
    line.until(3_600);
    expect(line.ends).toEqual({ [first]: 'archived' });
    unreadable = false;
    line.until(3_662);
    expect(line.ends).toEqual({ [first]: 'archived', [copy]: 'matched M1' });
  });

  test('an entry that the rules cannot read stops those who meet it, and nobody else', () => {
    using line = new Line({ options: atOnce });
    const { facts: _, ...broken } = representationOf();
    const observation = observationOf('old', { representations: [broken as Representation] });
    line.store.entries.set('old', entryOf('old', { observations: [observation] }));
    const bad = line.take(reportTo('bo@north.example'));
    const good = line.take(reportOf(other(2), 'bo@north.example'));
    line.until(1);
    expect(line.ends).toEqual({ [good]: 'archived' });
    line.runOut();
    expect(line.ends[bad]).toBe('quarantined parser-crash');
  });

  test('an item at which settling itself throws is tried alone, then quarantined, and stops nobody', () => {
    using line = new Line({ options: atOnce });
    const settled: string[] = [];
    const { settle } = line.store.archive;
    line.store.archive.settle = (requests: readonly SettleRequest[]) => {
      settled.push(requests.map(({ item }) => item.intakeId).join(' '));
      const isBad = requests.some(
        ({ item: { intakeId, failures }, keys }) => intakeId === bad && keys.length > 0 && failures < 9,
      );
      return isBad ? throwError(() => new TypeError('a bug')) : settle(requests);
    };
    const bad = 'intake-002';
    line.takeAtOnce([1, 2, 3].map((at) => reportOf(other(at), 'bo@north.example')));
    line.until(1);
    expect(line.ends).toEqual({ 'intake-001': 'archived', 'intake-003': 'archived' });
    expect(settled.slice(0, 4)).toEqual(['intake-001 intake-002 intake-003', 'intake-001', bad, bad]);
    line.until(73);
    expect(line.ends[bad]).toBe('quarantined parser-crash');
    expect(line.news.every(({ type }) => type === 'processing.settled')).toBe(true);
  });

  test('a store that throws what the system said quarantines nothing, however long it lasts', () => {
    using line = new Line({ options: atOnce });
    let broken = true;
    const { settle } = line.store.archive;
    line.store.archive.settle = (requests: readonly SettleRequest[]) =>
      broken ? throwError(() => Object.assign(new Error('i/o error'), { code: 'EIO' })) : settle(requests);
    line.takeAtOnce([1, 2].map((at) => reportOf(other(at), 'bo@north.example')));
    line.until(600);
    expect(line.ends).toEqual({});
    broken = false;
    line.until(700);
    expect(Object.values(line.ends)).toEqual(['archived', 'archived']);
  });

  test('bytes that are damaged in the spool are quarantined as storage-poison', () => {
    using line = new Line({ options: { ...atOnce } });
    const id = line.takeDamaged(reportTo('bo@north.example'));
    line.until(71);
    expect(line.ends).toEqual({});
    line.until(73);
    expect(line.ends).toEqual({ [id]: 'quarantined storage-poison' });
  });

  test.each(['due', 'settle', 'read'] as const)(
    'a store that fails to %s is tried for as long as it takes; no mail is lost, quarantined or moved on',
    (operation) => {
      let broken = true;
      const fault = (asked: string) => (broken && asked === operation ? new EngineFailure('store-failed') : undefined);
      using line = new Line({ fault });
      const id = line.take(reportTo('bo@north.example'));
      line.until(3_600);
      expect(line.ends).toEqual({});
      expect(line.store.items.get(id)).toMatchObject({ attempt: 0 });
      expect(line.store.items.get(id)!.steps.length).toBeLessThan(5);
      const waits = line.news.flatMap((news) => (news.type === 'processing.failed' ? [news.retryAt - news.at] : []));
      expect(waits.slice(0, 4)).toEqual([second, 10 * second, minute, minute]);
      expect(waits.length).toBeLessThan(70);
      broken = false;
      line.until(3_600 + 60 + 120 + 2);
      expect(line.ends).toEqual({ [id]: 'archived' });
      expect(line.store.ended.get(id)?.item.attempt).toBe(3);
    },
  );

  test('trouble that has passed is forgotten: the next one is waited for a second again', () => {
    let broken = true;
    const fault = (asked: string) => (broken && asked === 'settle' ? new EngineFailure('store-full') : undefined);
    using line = new Line({ options: atOnce, fault });
    line.take(reportTo('bo@north.example'));
    line.until(12);
    broken = false;
    line.until(100);
    broken = true;
    line.take(reportOf(other(2), 'bo@north.example'));
    line.until(100.5);
    const waits = line.news.flatMap((news) => (news.type === 'processing.failed' ? [news.retryAt - news.at] : []));
    expect(waits).toEqual([second, 10 * second, minute, second]);
  });

  test('the waits grow also while the store will not take back an item that failed', () => {
    const fault = (asked: string) => (asked === 'settle' ? new EngineFailure('store-full') : undefined);
    using line = new Line({ fault, ports: { unwrap: crashing } });
    line.take(reportOf(buildMessage({ body: 'poison' }), 'bo@north.example'));
    line.until(130);
    const waits = line.news.flatMap((news) => (news.type === 'processing.failed' ? [news.retryAt - news.at] : []));
    expect(waits).toEqual([second, 10 * second, minute, minute]);
  });

  test('what is settled apart is asked for in its turn: where the store fails before, nobody would hear of it', () => {
    const asked: (readonly string[])[] = [];
    const archive: Archive = {
      lookup: () => of([]),
      settle: (requests) => {
        asked.push(requests.map(({ item }) => item.intakeId));
        return NEVER;
      },
    };
    using line = new Line({ options: atOnce, ports: { archive, unwrap: crashing } });
    const bad = reportOf(buildMessage({ body: 'poison' }), 'bo@north.example');
    line.takeAtOnce([bad, reportOf(other(2), 'bo@north.example')]);
    line.until(1);
    expect(asked).toEqual([['intake-002']]);
  });

  test('thousands of failures in a row leave the line as deep as one', () => {
    let failures = 0;
    let broken = true;
    const fault = (asked: string) => {
      if (!broken || asked !== 'due') return undefined;
      failures += 1;
      return new EngineFailure('store-failed');
    };
    using line = new Line({ options: atOnce, fault });
    line.until(60 * 8_000);
    expect(failures).toBeGreaterThan(7_900);
    broken = false;
    const id = line.take(reportTo('bo@north.example'));
    line.until(60 * 8_002);
    expect(line.ends[id]).toBeDefined();
  });
});
