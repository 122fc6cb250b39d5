import { of } from 'rxjs';
import { describe, expect, test } from 'vitest';
import { hashContent } from '../../src/content/content-hash.ts';
import { entryView } from '../../streams/entry-view.ts';
import { Line, sha256 } from '../support/line.ts';
import { addressesOf, atOnce, reportOf, reportTo } from '../support/line-mail.ts';
import { buildMessage, buildReport, encode } from '../support/mail.ts';

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
    expect(line.settled).toHaveLength(copies);
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
