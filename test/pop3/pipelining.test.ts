import { asyncScheduler } from 'rxjs';
import { describe, expect, test } from 'vitest';
import { Flight } from '../../src/pop3/flight.ts';
import { LedgerWriter } from '../../src/pop3/ledger-writer.ts';
import type { Pop3Failure } from '../../src/pop3/pop3-failure.ts';
import { inFlight } from '../../src/pop3/run.ts';
import type { LedgerEntry } from '../../src/pop3/types.ts';
import { EngineFailure } from '../../streams/failure.ts';
import { eventually } from '../support/eventually.ts';
import {
  openPop3Server,
  type Pop3Connection,
  type Pop3Script,
  type Pop3ServerOptions,
} from '../support/pop3-server.ts';
import { VirtualClock } from '../support/virtual-time.ts';
import { extractOnce, MailboxFixture, mail, sha256 } from './mailbox-fixture.ts';

const most = inFlight.items;
const capabilities = ['TOP', 'UIDL', 'PIPELINING'];
const items = (count: number) => Array.from({ length: count }, (_, at) => mail(`m${String(at + 1).padStart(3, '0')}`));
const open = (options: Pop3ServerOptions) => openPop3Server({ capabilities, ...options });
const verbs = (commands: readonly string[], verb: string): readonly string[] =>
  commands.filter((command) => command.startsWith(verb));

/** From a RETR on answers nothing until `count` of them are there, then all at once, in their order. */
function holdingBack(count: number): { readonly script: Pop3Script; readonly atOnce: () => number } {
  const held: Pop3Connection['honestly'][] = [];
  let asked = 0;
  let atOnce = 0;
  const script: Pop3Script = (command, connection) => {
    const isRetrieval = command.startsWith('RETR');
    if (!isRetrieval && held.length === 0) return false;
    held.push(connection.honestly);
    if (isRetrieval) asked += 1;
    atOnce = Math.max(atOnce, asked);
    if (asked < count) return true;
    asked = 0;
    for (const answer of held.splice(0)) answer();
    return true;
  };
  return { script, atOnce: () => atOnce };
}

describe('a server that takes a pipeline', () => {
  test('hears commands before it has answered, no more at once than the bound, and gives every byte', async () => {
    const { script, atOnce } = holdingBack(most);
    await using server = await open({ items: items(most * 3), script });
    const fixture = new MailboxFixture();
    const { end } = await fixture.run(server, {}, { items: most * 3 });
    expect(end).toMatchObject({ type: 'extracted', count: most * 3 });
    expect(atOnce()).toBe(most);
    const sent = items(most * 3).map(({ bytes }) => bytes.toString('latin1'));
    expect(fixture.committed().map((bytes) => bytes.toString('latin1'))).toEqual(sent);
    expect(server.items).toEqual([]);
  });

  test('that is slow is asked in the next session for no more at once than comes in a part of its time', async () => {
    let now = 0;
    let itemMs = 25_000;
    await using server = await open({
      items: items(most),
      script: (command) => {
        if (command.startsWith('RETR')) now += itemMs;
        return false;
      },
    });
    const fixture = new MailboxFixture();
    fixture.clock = { now: () => now, schedule: asyncScheduler.schedule.bind(asyncScheduler) };
    await using mailbox = fixture.open(server);
    /** Minutes that a session has taken. */
    const session = async (): Promise<number> => {
      const startedAt = now;
      expect((await extractOnce(mailbox)).end).toMatchObject({ type: 'extracted' });
      return (now - startedAt) / 60_000;
    };
    expect(await session()).toBeGreaterThan(80);
    const refill = (name: string): void => {
      const more = Array.from({ length: most }, (_, at) => mail(`${name}-${at}`));
      server.items.splice(0, Number.POSITIVE_INFINITY, ...more);
    };
    refill('slow');
    // Five, and what was asked for by then.
    for (let n = 0; n < 3; n += 1) expect(await session()).toBeLessThanOrEqual(6);
    // Quick again: the session that shows it ends the rule.
    itemMs = 100;
    await session();
    refill('quick');
    expect(await session()).toBeCloseTo((most * itemMs) / 60_000);
    expect(verbs(server.commands, 'QUIT')).toHaveLength(6);
  });

  test('has what it sent freed once it is done with, and every byte was there until then', async () => {
    const sent = items(40).map(({ uidl, bytes }, at) => ({
      uidl,
      bytes: at % 8 === 3 ? Buffer.concat([bytes, Buffer.from(`${uidl}\r\n`.repeat(40_000))]) : bytes,
    }));
    await using server = await open({ items: sent });
    const fixture = new MailboxFixture();
    fixture.custody.copies = true;
    await fixture.run(server);
    expect(fixture.committed().map(sha256)).toEqual(sent.map(({ bytes }) => sha256(bytes)));
    const freed = fixture.custody.done.filter(({ length }) => length === 0);
    expect(freed.length).toBeGreaterThan(fixture.custody.done.length / 2);
  });

  test('is asked one by one where it does not say that it does', async () => {
    const { script } = holdingBack(2);
    await using server = await openPop3Server({ items: items(2), script, capabilities: ['TOP', 'UIDL'] });
    const { end } = await new MailboxFixture().run(server, { timeoutMs: 200 });
    expect(end).toMatchObject({ type: 'failed', kind: 'timeout' });
    expect(verbs(server.commands, 'RETR')).toEqual(['RETR 1']);
  });

  test('hears of a deletion only after the bytes are in custody and the ledger says so', async () => {
    await using server = await open({ items: items(20) });
    const fixture = new MailboxFixture();
    fixture.custody.onCommit = async (...committed) => {
      // As a disk does, which takes longer than a turn.
      await new Promise((resolve) => setImmediate(resolve));
      fixture.ledger.noteFetched(...committed);
    };
    const early: string[] = [];
    server.script = (command) => {
      const n = Number(/^DELE (\d+)/.exec(command)?.[1] ?? 0);
      const uidl = n === 0 ? undefined : items(20)[n - 1]?.uidl;
      if (uidl !== undefined && fixture.ledger.entries.get(`uid:${uidl}`)?.state !== 'fetched') early.push(command);
      return false;
    };
    await fixture.run(server);
    expect([early, verbs(server.commands, 'DELE').length, server.items.length]).toEqual([[], 20, 0]);
  });

  test('loses the connection in the middle of a window: only the message in hand counts as failing', async () => {
    await using server = await open({ items: items(10) });
    const broken = new Set<number>();
    server.script = (command, { number, socket, write }) => {
      if (command === 'RETR 4') {
        write('+OK\r\nSubject: half\r\n');
        socket.end();
        broken.add(number);
      }
      return broken.has(number);
    };
    const fixture = new MailboxFixture();
    for (let session = 1; session <= 3; session += 1) {
      const { end } = await fixture.run(server);
      const failing = [...fixture.ledger.entries].filter(([, { failures }]) => failures > 0).map(([key]) => key);
      expect(failing).toEqual(['uid:uidl-m004']);
      expect(end, 'though many more were on their way').toMatchObject({ type: 'failed', inMessage: 'retrieval' });
    }
    server.script = undefined;
    const { end } = await fixture.run(server);
    expect(end).toMatchObject({ type: 'extracted' });
    expect(
      server.items.map(({ uidl }) => uidl),
      'blocked after three',
    ).toEqual(['uidl-m004']);
    const kept = fixture.committed().map((bytes) => bytes.toString('latin1'));
    expect(new Set(kept).size).toBe(9);
    expect(kept.some((text) => text.includes('half'))).toBe(false);
  });

  test('refuses one message of a window: the others are taken', async () => {
    await using server = await open({ items: items(10) });
    server.script = (command, connection) => {
      if (command === 'RETR 5') connection.write('-ERR not this one\r\n');
      return command === 'RETR 5';
    };
    const fixture = new MailboxFixture();
    expect((await fixture.run(server)).end).toMatchObject({ type: 'extracted', count: 9 });
    expect(fixture.ledger.entries.get('uid:uidl-m005')).toMatchObject({ state: 'failing', failures: 1 });
    expect(server.items.map(({ uidl }) => uidl)).toEqual(['uidl-m005']);
  });

  test('has one message larger than it said: it alone is blocked, the rest comes in the next session', async () => {
    const large = { uidl: 'large', bytes: Buffer.alloc(2_000_000, 'x'), listSize: 10 };
    await using server = await open({ items: [...items(5), large, ...items(9).slice(5)] });
    const fixture = new MailboxFixture();
    expect((await fixture.run(server)).end).toMatchObject({ type: 'failed' });
    expect((await fixture.run(server)).end).toMatchObject({ type: 'extracted' });
    expect(fixture.reports).toMatchObject([{ type: 'blocked', key: 'uid:large', reason: 'larger-than-listed' }]);
    expect(server.items.map(({ uidl }) => uidl)).toEqual(['large']);
    expect(new Set(fixture.committed().map(String)).size).toBe(9);
  });

  test('a store that fails in the middle of a window ends it with QUIT: what was committed is deleted, nothing else', async () => {
    await using server = await open({ items: items(10) });
    const fixture = new MailboxFixture();
    let commits = 0;
    fixture.custody.onCommit = () => {
      commits += 1;
      if (commits > 3) throw new EngineFailure('store-failed');
    };
    const { end } = await fixture.run(server);
    expect(end).toMatchObject({ type: 'failed', kind: 'storage' });
    expect(server.commands.at(-1)).toBe('QUIT');
    expect(server.items).toHaveLength(7);
    expect(fixture.committed()).toHaveLength(3);
  });

  test('equal messages without a UIDL of their own are in custody once', async () => {
    const same = { uidl: 'twice', bytes: Buffer.from('Subject: same\r\n\r\nbody\r\n') };
    await using server = await open({ items: [same, { ...same }, { ...same }] });
    const fixture = new MailboxFixture();
    expect((await fixture.run(server)).end).toMatchObject({ type: 'extracted', count: 1 });
    expect([fixture.committed().length, server.items.length]).toEqual([1, 0]);
  });

  test('left in the middle of a window: what was asked for is finished, no more is asked for, and it quits', async () => {
    await using server = await open({ items: items(most * 2) });
    const fixture = new MailboxFixture();
    await using mailbox = fixture.open(server);
    await new Promise<void>((resolve) => {
      server.script = (command, connection) => {
        if (command !== 'RETR 3') return false;
        session.unsubscribe();
        connection.honestly();
        resolve();
        return true;
      };
      const session = mailbox.extract().subscribe();
    });
    server.script = undefined;
    await mailbox[Symbol.asyncDispose]();
    expect(server.commands.at(-1)).toBe('QUIT');
    expect(verbs(server.commands, 'RETR').length).toBeLessThanOrEqual(most);
    expect(server.items).toHaveLength(most * 2 - fixture.committed().length);
  });

  test('left while it answers nothing: gone after four seconds, and no message is blamed', async () => {
    await using server = await open({ items: items(2), script: (command) => command.startsWith('RETR') });
    const fixture = new MailboxFixture();
    const clock = new VirtualClock();
    fixture.clock = clock;
    const mailbox = fixture.open(server);
    const ended = extractOnce(mailbox);
    await eventually(async () => verbs(server.commands, 'RETR').length === 2, { what: 'the window' });
    const closed = mailbox[Symbol.asyncDispose]();
    clock.runUntil(4_000);
    await closed;
    expect((await ended).end).toMatchObject({ type: 'failed' });
    expect(fixture.ledger.states()).toEqual({});
  });
});

describe('the work on several items', () => {
  test('is bounded by their listed bytes, and one larger than the bound goes alone', async () => {
    const flight = new Flight({ items: 10, bytes: 100 });
    const works: ((end: 'done') => void)[] = [];
    const begin = (size: number) => flight.begin(size, new Promise((resolve) => works.push(resolve)));
    const isRoom = async (size: number) => Promise.race([flight.room(size), Promise.resolve().then(() => 'waits')]);
    expect(await isRoom(500)).toBe(true);
    begin(500);
    expect(await isRoom(1)).toBe('waits');
    works[0]?.('done');
    expect(await flight.room(60)).toBe(true);
    begin(60);
    expect([await isRoom(41), await isRoom(40)]).toEqual(['waits', true]);
  });

  test('ends at what broke the session, once all that was begun has ended', async () => {
    const flight = new Flight({ items: 3, bytes: 100 });
    let end: ((end: 'done') => void) | undefined;
    flight.begin(1, Promise.reject(new Error('first')));
    flight.begin(1, Promise.reject(new Error('second')));
    flight.begin(
      1,
      new Promise((resolve) => {
        end = resolve;
      }),
    );
    expect(await flight.room(1)).toBe(false);
    const landed = flight.landed();
    const early = await Promise.race([landed.catch((error: Pop3Failure) => error.message), Promise.resolve('waits')]);
    end?.('done');
    expect(early).toBe('waits');
    await expect(landed).rejects.toThrow('first');
  });
});

test('ledger entries that wait for one write go out in the next one together, and fail together', async () => {
  const writes: (readonly string[])[] = [];
  const settle: { resolve: () => void; reject: (error: Error) => void }[] = [];
  const writer = new LedgerWriter({
    read: async () => new Map(),
    write: (changes) => {
      writes.push([...changes.keys()]);
      return new Promise((resolve, reject) => settle.push({ resolve, reject }));
    },
  });
  const entry = { state: 'fetched' } as LedgerEntry;
  const first = writer.put('a', entry);
  await Promise.resolve();
  const [second, third] = [writer.put('b', entry), writer.put('c', entry)];
  expect(writes).toEqual([['a']]);
  settle[0]?.resolve();
  await first;
  await Promise.resolve();
  expect(writes).toEqual([['a'], ['b', 'c']]);
  settle[1]?.reject(new Error('disk'));
  await expect(Promise.all([second, third])).rejects.toThrow('disk');
  await expect(third).rejects.toThrow('disk');
  const after = writer.put('d', entry);
  await Promise.resolve();
  await Promise.resolve();
  settle[2]?.resolve();
  await after;
});
