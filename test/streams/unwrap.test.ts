import fc from 'fast-check';
import { lastValueFrom, map, of, throwError, timer, toArray } from 'rxjs';
import { describe, expect, test } from 'vitest';
import { unwrap } from '../../src/report/unwrap.ts';
import { decode } from '../../src/store/bodies.ts';
import { EngineFailure } from '../../streams/failure.ts';
import type { Body, SpoolItem } from '../../streams/message.ts';
import { digestOriginals } from '../../streams/open-mail.ts';
import { sliceBody } from '../../streams/parsed-mail.ts';
import { turns } from '../../streams/turns.ts';
import { type UnwrapPorts, type Unwrapped, unwrapWindow } from '../../streams/unwrap.ts';
import { buildMessage, buildReport } from '../support/mail.ts';
import { MemoryStore, sha256Of } from '../support/memory-spool.ts';
import { VirtualClock } from '../support/virtual-time.ts';
import { directory, journalOptions, mail, noon, recipient, spoolItem } from './fixtures.ts';

/** A store with these messages in its spool, and the ports of the stage over it. */
function setup(messages: readonly Uint8Array[], more: Partial<UnwrapPorts> = {}) {
  const clock = new VirtualClock(noon);
  const store = new MemoryStore({ clock });
  const { transport } = spoolItem('x');
  messages.forEach((bytes, at) => {
    const targets = [{ intakeId: `i${at}`, definitionId: 'exchange', definitionVersion: 1 }];
    store.take({ targets, origin: 'journal', receivedAt: noon, transport }, bytes);
  });
  const hashed: string[] = [];
  const ports: UnwrapPorts = {
    bodies: store.bodies,
    unwrap,
    decode,
    hashBytes: sha256Of,
    hashContent: (bytes) => {
      hashed.push(Buffer.from(bytes).toString());
      return of(`content of ${bytes.length}`);
    },
    directory,
    trustedRecipientHeaders: [],
    ...more,
  };
  return { clock, store, ports, hashed };
}
async function parse(
  { store, ports, clock }: Pick<ReturnType<typeof setup>, 'store' | 'ports' | 'clock'>,
  { matchOnContent = false, items = [...store.items.values()] }: { matchOnContent?: boolean; items?: SpoolItem[] } = {},
): Promise<readonly Unwrapped[]> {
  return lastValueFrom(
    unwrapWindow(items, ports, () => journalOptions, { matchOnContent }, turns(clock)).pipe(toArray()),
  );
}
async function parseOne(bytes: Uint8Array, options: { matchOnContent?: boolean; item?: Partial<SpoolItem> } = {}) {
  const given = setup([bytes]);
  const item = { ...given.store.items.get('i0')!, ...options.item };
  const [unwrapped] = await parse(given, { ...options, items: [item] });
  if (unwrapped?.kind !== 'parsed' || unwrapped.item.parsed === null) throw new Error('not parsed');
  const { representations } = unwrapped.item.parsed;
  const read = (at: number): Promise<string> =>
    lastValueFrom(
      of(representations[at]!).pipe(
        map(({ body, decoding }) =>
          decode(
            Buffer.concat(
              body.map((slice) =>
                given.store.bytes[slice.seq - 1]!.subarray(slice.offset, slice.offset + slice.length),
              ),
            ),
            decoding,
          ),
        ),
        map((found) => Buffer.from(found).toString()),
      ),
    );
  return { ...given, item: unwrapped.item, parsed: unwrapped.item.parsed, read };
}

describe('the slices of a body', () => {
  test('hold exactly the bytes of the ranges', () => {
    const lengths = fc.array(fc.nat(12), { minLength: 1, maxLength: 6 });
    const cuts = fc.uniqueArray(fc.nat(60), { maxLength: 8 });
    fc.assert(
      fc.property(lengths, cuts, (sizes, marks) => {
        // Payloads of distinct bytes; each slice begins somewhere inside its record.
        const records = sizes.map((length, at) =>
          Buffer.from(Array.from({ length: length + 3 }, (_, index) => at * 20 + index)),
        );
        const body: Body = sizes.map((length, at) => ({ seq: at, offset: 2, length }));
        const read = (slices: Body): Buffer =>
          Buffer.concat(slices.map(({ seq, offset, length }) => records[seq]!.subarray(offset, offset + length)));
        const whole = read(body);
        const sorted = marks.filter((mark) => mark <= whole.length).toSorted((a, b) => a - b);
        const ranges = sorted.flatMap((mark, at) =>
          at % 2 === 0 && sorted[at + 1] !== undefined ? [[mark, sorted[at + 1]!] as const] : [],
        );
        const sliced = sliceBody(body, ranges);
        expect(read(sliced)).toEqual(Buffer.concat(ranges.map(([start, end]) => whole.subarray(start, end))));
        expect(sliced.every(({ length }) => length > 0)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});

describe('a message that is unwrapped', () => {
  test('a report gives its original, sliced out of the received bytes, with its hash and its key', async () => {
    const original = buildMessage();
    const { parsed, item, read, hashed } = await parseOne(buildReport({ originals: [original] }));
    expect(item.state).toBe('parsed');
    expect(parsed).toMatchObject({ level: 'L0', matchKey: 'mid:<m1@north.example>', internal: true });
    expect(parsed.mailboxes).toEqual(['ada@north.example', 'bo@north.example']);
    expect(parsed.observed).toEqual([recipient('bo@north.example')]);
    expect(parsed.representations).toMatchObject([
      { sha256: sha256Of(original), size: original.length, contentHash: null, stub: false, primary: true },
    ]);
    expect(await read(0)).toBe(original.toString());
    expect(hashed).toEqual([]);
  });

  test('an encoded original keeps its slices, and its hash is that of the decoded bytes', async () => {
    const original = buildMessage({ body: 'Soup = soup, ä.' });
    for (const originalEncoding of ['base64', 'quoted-printable'] as const) {
      const { parsed, read } = await parseOne(buildReport({ originals: [original], originalEncoding }));
      expect(parsed.representations).toMatchObject([{ sha256: sha256Of(original), decoding: originalEncoding }]);
      expect(await read(0)).toBe(original.toString());
    }
  });

  test('plain mail is its own representation, and its hash is not computed twice', async () => {
    const message = buildMessage();
    const given = setup([message], {
      hashBytes: () => {
        throw new Error('hashed again');
      },
    });
    const [unwrapped] = await parse(given);
    const { sha256, body } = given.store.items.get('i0')!;
    expect(unwrapped).toMatchObject({
      kind: 'parsed',
      item: { parsed: { level: 'L4', representations: [{ sha256, body }] } },
    });
  });

  test('without Message-ID the content hash is its key; with one it is computed only if content may match', async () => {
    const nameless = buildMessage({ messageId: null });
    const { parsed, hashed } = await parseOne(nameless);
    expect(parsed.matchKey).toBe(`ch:content of ${nameless.length}`);
    expect(hashed).toEqual([nameless.toString()]);
    const named = await parseOne(buildMessage(), { matchOnContent: true });
    expect(named.parsed.matchKey).toBe('mid:<m1@north.example>');
    expect(named.parsed.representations[0]!.contentHash).toBe(`content of ${buildMessage().length}`);
  });

  test('a report without original stands in for it, whole', async () => {
    const report = buildReport({ originals: [] });
    const { parsed, item, read } = await parseOne(report);
    expect(parsed).toMatchObject({ level: 'L3', matchKey: 'mid:<m1@north.example>' });
    expect(parsed.representations).toMatchObject([
      { stub: true, primary: true, sha256: item.sha256, size: report.length },
    ]);
    expect(await read(0)).toBe(report.toString());
  });

  test('what cannot be read has no representation, and all of its bytes once an operator insists', async () => {
    const noHeaders = Buffer.from('\r\nnot a message');
    const { parsed } = await parseOne(noHeaders);
    expect(parsed).toMatchObject({ level: 'L5', representations: [], matchKey: null });
    const insisted = await parseOne(noHeaders, { item: { overrides: ['quarantine'] } });
    expect(insisted.parsed.representations).toMatchObject([{ stub: false, primary: true, size: noHeaders.length }]);
    expect(insisted.parsed.matchKey).toBe(`ch:content of ${noHeaders.length}`);
  });

  test('the copy of the gateway has MAIL FROM and RCPT TO as its envelope', async () => {
    const transport = {
      ...spoolItem('x').transport,
      mailFrom: 'Bounce@LIST.example',
      rcptTo: ['bo@north.example', 'cy@north.example'],
    };
    const { parsed } = await parseOne(buildMessage(), { item: { origin: 'gateway', transport } });
    expect(parsed.sender).toBe('Bounce@list.example');
    expect(parsed.observed.map(({ address, refined, source }) => [address, refined, source])).toEqual([
      ['bo@north.example', 'to', 'envelope'],
      ['cy@north.example', 'undisclosed', 'envelope'],
    ]);
  });
});

test('a large message is opened elsewhere, and comes to what a small one would', async () => {
  const message = buildReport({ originals: [buildMessage({ body: 'x\r\n'.repeat(400_000), messageId: null })] });
  const here = setup([message]);
  const asked: unknown[] = [];
  const there = setup([message], {
    openLarge: (item, { unwrapOptions, ...options }) => {
      asked.push({ sha256: item.sha256, ...options });
      const parsed = unwrap(message, unwrapOptions);
      const versions = digestOriginals(
        parsed,
        { bytes: message, sha256: item.sha256 },
        { decode, hashBytes: sha256Of },
      );
      return of({ parsed, versions, contentHash: `content of ${versions[0]!.bytes.length}` });
    },
  });
  const [small, large] = [await parse(here, { matchOnContent: true }), await parse(there, { matchOnContent: true })];
  expect(large).toEqual(small);
  expect(asked).toEqual([{ sha256: sha256Of(message), matchOnContent: true }]);
  expect(there.hashed).toEqual([]);
  const crash = { openLarge: () => throwError(() => new EngineFailure('parser-crash')) };
  expect(await parse(setup([message], crash))).toMatchObject([{ kind: 'failed', error: { code: 'parser-crash' } }]);
});

describe('a window that is unwrapped', () => {
  test('a failing item comes out as failed and stops no other', async () => {
    const given = setup([buildReport(), buildMessage(), buildReport()]);
    given.store.items.set('i1', { ...given.store.items.get('i1')!, sha256: 'something else' });
    const all = await parse(given);
    const kinds = Object.fromEntries(all.map(({ kind, item }) => [item.intakeId, kind]));
    expect(kinds).toEqual({ i0: 'parsed', i1: 'failed', i2: 'parsed' });
    expect(all.find(({ kind }) => kind === 'failed')).toMatchObject({
      error: { code: 'damaged' },
      item: { state: 'received' },
    });
  });

  test('a parser that throws, and a content hash that fails, are failures of their item', async () => {
    const thrown = new Error('a bug');
    const broken = {
      unwrap: () => {
        throw thrown;
      },
    };
    expect(await parse(setup([buildMessage()], broken))).toMatchObject([{ kind: 'failed', error: thrown }]);
    const crash = { hashContent: () => throwError(() => new EngineFailure('parser-crash')) };
    const nameless = buildMessage({ messageId: null });
    expect(await parse(setup([nameless], crash))).toMatchObject([{ kind: 'failed', error: { code: 'parser-crash' } }]);
  });

  test('what is parsed already is not read again', async () => {
    const given = setup([buildMessage()]);
    const item = { ...given.store.items.get('i0')!, parsed: mail() };
    expect(await parse(given, { items: [item] })).toEqual([{ kind: 'parsed', item }]);
    expect(given.store.operations).toEqual([]);
  });

  test('small messages are read eight at once, large ones one at a time', () => {
    const clock = new VirtualClock(noon);
    let open = 0;
    const opened: number[] = [];
    const bodies: UnwrapPorts['bodies'] = {
      read: (_, __, sha256) => {
        open += 1;
        opened.push(open);
        return timer(10, clock).pipe(
          map(() => {
            open -= 1;
            return Buffer.from(sha256);
          }),
        );
      },
    };
    const { ports } = setup([]);
    const items = Array.from({ length: 23 }, (_, at) => spoolItem(`i${at}`, { size: at % 8 === 3 ? 2_000_000 : 10 }));
    let done = 0;
    unwrapWindow(items, { ...ports, bodies }, () => journalOptions, { matchOnContent: false }, turns(clock)).subscribe(
      () => {
        done += 1;
      },
    );
    clock.runUntil(noon + 1_000);
    expect(done).toBe(23);
    expect(Math.max(...opened)).toBe(8);
    expect(opened.slice(-3)).toEqual([1, 1, 1]);
  });
});

test('lent messages that take long are parsed in turns, with others in between', () => {
  const clock = new VirtualClock(noon);
  let workedMs = 0;
  clock.now = () => noon + clock.frame + workedMs;
  const { ports } = setup([]);
  const slow: Partial<UnwrapPorts> = {
    bodies: { ...ports.bodies, lend: (_, use) => use(buildMessage()) },
    unwrap: (bytes, options) => {
      workedMs += 5;
      return unwrap(bytes, options);
    },
  };
  const order: string[] = [];
  const items = Array.from({ length: 4 }, (_, at) => spoolItem(`i${at}`, { size: 10 }));
  clock.schedule(() => order.push(`another after ${workedMs} ms`), 0);
  unwrapWindow(items, { ...ports, ...slow }, () => journalOptions, { matchOnContent: false }, turns(clock)).subscribe(
    ({ item }) => order.push(item.intakeId),
  );
  clock.flush();
  expect(order).toEqual(['i0', 'another after 10 ms', 'i1', 'i2', 'i3']);
});
