import { of, throwError } from 'rxjs';
import { describe, expect, test } from 'vitest';
import { hashContent } from '../../src/content/content-hash.ts';
import { unwrap } from '../../src/report/unwrap.ts';
import { entryView } from '../../streams/entry-view.ts';
import { EngineFailure } from '../../streams/failure.ts';
import { Line, sha256 } from '../support/line.ts';
import { buildMessage, buildReport, encode } from '../support/mail.ts';
import { directoryOf, minute, noon, second } from '../support/stream-shapes.ts';

const reportOf = (original: Uint8Array, ...recipients: readonly string[]): Buffer =>
  buildReport({ recipients: recipients.map((address) => ({ address })), originals: [original] });
const reportTo = (...recipients: readonly string[]): Buffer => reportOf(buildMessage(), ...recipients);
const other = (id: number, parts: Parameters<typeof buildMessage>[0] = {}): Buffer =>
  buildMessage({ messageId: `<m${id}@north.example>`, ...parts });
const addressesOf = (line: Line, at = 0) => entryView(line.entries[at]!).recipients.map(({ address }) => address);
const atOnce = { deliveryWaitAttempts: 1 };

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

describe('copies of one message', () => {
  test('two reports with other recipients become one entry with all of them (E23), and a third adds nothing', () => {
    using line = new Line({ options: atOnce });
    const first = line.take(reportTo('bo@north.example'));
    const second = line.take(
      buildReport({ recipients: [{ address: 'legal@north.example', type: 'bcc' }, { address: 'ext@south.example' }] }),
    );
    line.runOut();
    const again = line.take(reportTo('bo@north.example'));
    line.runOut();
    expect(line.ends).toEqual({ [first]: 'archived', [second]: 'matched M1', [again]: 'matched M1' });
    expect(line.store.ended.get(second)?.verdict).toMatchObject({ noop: false });
    expect(line.store.ended.get(again)?.verdict).toMatchObject({ noop: true });
    const view = entryView(line.entries[0]!);
    expect(view.recipients.map(({ type, address }) => `${type}:${address}`)).toEqual([
      'to:bo@north.example',
      'bcc:legal@north.example',
      'to:ext@south.example',
    ]);
    expect(view.representations).toHaveLength(1);
  });

  test('the same Message-ID on another message makes two entries, both flagged (E24)', () => {
    using line = new Line({ options: atOnce });
    line.take(reportTo('bo@north.example'));
    const forged = { from: 'mallory@evil.example', date: 'Mon, 02 Mar 2026 10:00:00 +0000' };
    line.take(reportOf(buildMessage(forged), 'cy@north.example'));
    line.runOut();
    expect(line.entries.map(({ flags }) => flags)).toEqual([['mid-collision'], ['mid-collision']]);
    expect([addressesOf(line, 0), addressesOf(line, 1)]).toEqual([['bo@north.example'], ['cy@north.example']]);
  });

  test('a copy changed in transit joins: a disclaimer is a variant, another encoding is none (E25)', async () => {
    const text = buildMessage({ headers: ['MIME-Version: 1.0', 'Content-Type: text/plain; charset=us-ascii'] });
    const encoded = buildMessage({
      headers: [
        'Received: from a by b; Mon, 02 Mar 2026 09:00:01 +0000',
        'MIME-Version: 1.0',
        'Content-Type: text/plain; charset=us-ascii',
        'Content-Transfer-Encoding: base64',
      ],
      body: encode('Soup today.', 'base64'),
    });
    const disclaimed = buildMessage({
      headers: ['MIME-Version: 1.0', 'Content-Type: text/plain; charset=us-ascii'],
      body: 'Soup today.\r\n\r\nThis mail is confidential.',
    });
    const hashes = new Map<string, string>();
    for (const each of [text, encoded, disclaimed]) hashes.set(sha256(each), await hashContent(each));
    let computed = 0;
    const known = (message: Uint8Array) => {
      computed += 1;
      return of(hashes.get(sha256(message)) ?? '?');
    };
    using line = new Line({ options: atOnce, ports: { hashContent: known } });
    const first = line.take(reportOf(text, 'bo@north.example'));
    const second = line.take(reportOf(encoded, 'bo@north.example'));
    line.runOut();
    expect(line.ends).toEqual({ [first]: 'archived', [second]: 'matched M1' });
    expect(entryView(line.entries[0]!)).toMatchObject({ flags: [], representations: [{ sha256: sha256(text) }] });
    expect(computed).toBe(2);
    const third = line.take(reportOf(disclaimed, 'bo@north.example'));
    line.runOut();
    expect(line.ends[third]).toBe('matched M2');
    expect(computed).toBe(3);
    const view = entryView(line.entries[0]!);
    expect(view.flags).toEqual(['variant']);
    expect(view.sha256).toBe(sha256(text));
    expect(view.representations.map((each) => each.sha256)).toEqual([sha256(text), sha256(disclaimed)]);
  });

  test('however many changed copies come in one window, each one is hashed once', () => {
    let computed = 0;
    using line = new Line({
      options: atOnce,
      window: 64,
      ports: {
        hashContent: () => {
          computed += 1;
          return of('same');
        },
      },
    });
    const copies = 40;
    const hops = Array.from({ length: copies }, (_, hop) =>
      reportOf(buildMessage({ headers: [`X-Hop: ${hop}`] }), `bo${hop}@north.example`),
    );
    line.takeAtOnce(hops);
    line.runOut();
    expect(line.entries).toHaveLength(1);
    expect(addressesOf(line)).toHaveLength(copies);
    expect(entryView(line.entries[0]!).representations).toHaveLength(1);
    expect(computed).toBe(copies);
  });

  test('the copy that comes after a report without its original fills the stub, and later ones find it', () => {
    using line = new Line({ options: atOnce });
    const stub = line.take(buildReport({ recipients: [{ address: 'bo@north.example' }], originals: [] }));
    line.runOut();
    expect(entryView(line.entries[0]!).flags).toEqual(['original-missing']);
    const whole = line.take(reportTo('cy@north.example'));
    const again = line.take(reportTo('di@north.example'));
    line.runOut();
    expect(line.ends).toEqual({ [stub]: 'archived', [whole]: 'matched M6', [again]: 'matched M1' });
    const view = entryView(line.entries[0]!);
    expect(view.representations).toEqual([
      { sha256: sha256(buildMessage()), size: buildMessage().length, clearText: false, protected: false },
    ]);
    expect(addressesOf(line)).toEqual(['bo@north.example', 'cy@north.example', 'di@north.example']);
  });

  test('a stub among colliding entries does not draw a copy away from the entry it is equal to', () => {
    using line = new Line({ options: atOnce });
    line.take(reportTo('bo@north.example'));
    line.take(reportOf(buildMessage({ from: 'mallory@evil.example' }), 'bo@north.example'));
    const missing = buildReport({ recipients: [{ address: 'cy@north.example' }], originals: [] });
    line.take(missing);
    line.runOut();
    expect(line.entries).toHaveLength(3);
    const copy = line.take(reportTo('di@north.example'));
    const stubAgain = line.take(missing);
    line.runOut();
    expect(line.ends[copy]).toBe('matched M1');
    expect(line.ends[stubAgain]).toMatch(/^matched/);
    expect(line.entries).toHaveLength(3);
    expect(line.store.ended.get(copy)?.verdict).toMatchObject({ entryId: 'intake-001' });
  });

  test('messages without Message-ID match by their content', () => {
    using line = new Line({ options: atOnce });
    const parts = { messageId: null, recipients: [{ address: 'bo@north.example' }] };
    const first = line.take(buildReport({ ...parts, originals: [buildMessage({ messageId: null })] }));
    const again = line.take(buildReport({ ...parts, originals: [buildMessage({ messageId: null })] }));
    const differs = line.take(buildReport({ ...parts, originals: [buildMessage({ messageId: null, body: 'Stew.' })] }));
    line.runOut();
    expect(line.ends).toEqual({ [first]: 'archived', [again]: 'matched M4', [differs]: 'archived' });
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
