import { describe, expect, it } from 'vitest';
import { smtpLimits } from '../../src/smtp/limits.ts';
import { type Seated, Seats } from '../../src/smtp/seats.ts';
import { SmtpClient } from '../support/smtp-client.ts';
import { eventually, type ListenerFixture, openListener } from '../support/smtp-listener.ts';

interface One extends Seated {
  readonly name: string;
}
const one = (name: string, parts: Partial<Seated> = {}): One => ({
  name,
  peer: name.replace(/#.*/, ''),
  maySend: true,
  lastMailAt: 0,
  incoming: undefined,
  ...parts,
});
const inData = { incoming: { ended: false } };
/** Long after everybody has settled. */
const later = 1_000_000;

/** Ten seats, and who gets in with `newcomer` after these have come; `known` have delivered before. */
function seat(newcomer: One, others: readonly One[], known: readonly string[] = [], now = later): string {
  const seats = new Seats(10, smtpLimits);
  for (const peer of known) seats.delivered(peer);
  const found = seats.for(newcomer, [...others, newcomer], { now, isFull: false });
  return typeof found === 'string' ? found : found.of.name;
}
const many = (count: number, from: (n: number) => string, parts: Partial<Seated> = {}): readonly One[] =>
  Array.from({ length: count }, (_, n) => one(from(n), { lastMailAt: n, ...parts }));

describe('the last seats', () => {
  it('are for whoever comes first, one address for all of them too, and then there are none', () => {
    const crowd = many(9, (n) => `10.0.0.1#${n}`);
    expect(seat(one('10.0.0.1#10'), crowd)).toBe('free');
    expect(seat(one('10.0.0.1#11'), [...crowd, one('10.0.0.1#10')])).toBe('none');
    expect(
      seat(
        one('10.0.0.11'),
        many(10, (n) => `10.0.0.${n}`),
      ),
    ).toBe('none');
  });

  it('are given up for a sender that has delivered, by the stranger that has been there longest', () => {
    const strangers = many(10, (n) => `10.0.0.${n}`);
    expect(seat(one('10.0.1.1'), strangers, ['10.0.1.1'])).toBe('10.0.0.0');
    expect(seat(one('10.0.1.1'), strangers.toReversed(), ['10.0.1.1'])).toBe('10.0.0.0');
  });

  it('are kept by strangers once senders that have delivered have their fifth', () => {
    const known = ['10.0.1.1', '10.0.1.2'];
    const strangers = (count: number) => many(count, (n) => `10.0.0.${n}`);
    expect(seat(one('10.0.1.1#2'), [...strangers(9), one('10.0.1.1')], known)).toBe('10.0.0.0');
    expect(seat(one('10.0.1.1#3'), [...strangers(8), one('10.0.1.1'), one('10.0.1.2')], known)).toBe('none');
  });

  it('are never taken from a message that waits for our answer, and from one that comes in only where all are such', () => {
    const known = ['10.0.1.1'];
    const busy = many(9, (n) => `10.0.0.${n}`, inData);
    expect(seat(one('10.0.1.1'), [...busy, one('10.0.0.9', { lastMailAt: 99 })], known)).toBe('10.0.0.9');
    expect(seat(one('10.0.1.1'), [...busy, one('10.0.0.9', inData)], known)).toBe('10.0.0.0');
    expect(
      seat(
        one('10.0.1.1'),
        many(10, (n) => `10.0.0.${n}`, { incoming: { ended: true } }),
        known,
      ),
    ).toBe('none');
  });

  it('are not kept by who may not send, against anybody who may', () => {
    const foreign = one('10.9.9.9', { maySend: false, lastMailAt: 5000 });
    const crowd = many(9, (n) => `10.0.0.${n}`);
    expect(seat(one('10.0.2.1'), [...crowd, foreign])).toBe('10.9.9.9');
    expect(seat(one('10.9.9.8', { maySend: false }), [...crowd, foreign])).toBe('none');
  });

  it('are shared between strangers: who has more than half gives one to who has none, once it has settled', () => {
    const crowd = many(7, (n) => `10.0.0.1#${n}`);
    const others = [...crowd, ...many(3, (n) => `10.0.1.${n}`)];
    expect(seat(one('10.0.2.1'), others)).toBe('10.0.0.1#0');
    expect(seat(one('10.0.1.1#2'), others)).toBe('none');
    expect(seat(one('10.0.2.1'), others, [], smtpLimits.settlingMs)).toBe('none');
    expect(seat(one('10.0.2.1'), [...many(5, (n) => `10.0.0.1#${n}`), ...many(5, (n) => `10.0.1.${n}`)])).toBe('none');
  });

  it('are remembered of so many addresses, the one that delivered longest ago forgotten first', () => {
    const seats = new Seats(10, { ...smtpLimits, knownSenders: 2 });
    for (const peer of ['a', 'b', 'a', 'c']) seats.delivered(peer);
    expect(['a', 'b', 'c'].filter((peer) => seats.hasDelivered(peer))).toEqual(['a', 'c']);
  });
});

describe('a listener that is full of strangers', () => {
  const from = (fixture: ListenerFixture, n: number) =>
    SmtpClient.ready(fixture.port, { localAddress: `127.0.0.${n}` });

  it('serves who has delivered, tells the one that goes 421, and has no more connections than it may', async () => {
    await using fixture = await openListener({ maxConnections: 10 });
    const sender = await from(fixture, 1);
    expect((await sender.mail(['journal@example.com'], 'x')).code).toBe(250);
    sender.destroy();
    await sender.closed;
    const crowd: SmtpClient[] = [];
    for (let n = 0; n < 10; n += 1) crowd.push(await from(fixture, 2));
    const [first, ...rest] = crowd;
    await using again = await from(fixture, 1);
    expect(await first?.reply()).toMatchObject({ code: 421, text: expect.stringMatching(/^4\.3\.2 /) });
    expect((await again.mail(['journal@example.com'], 'x')).code).toBe(250);
    await first?.closed;
    expect(fixture.listener.connections()).toBe(10);
    await using stranger = await SmtpClient.connect(fixture.port, { localAddress: '127.0.0.3' });
    expect((await stranger.reply()).code).toBe(421);
    expect(fixture.rejections.map(({ peer, reason }) => `${peer} ${reason}`)).toEqual([
      '127.0.0.2 too-many-connections',
      '127.0.0.3 too-many-connections',
    ]);
    for (const client of rest) client.destroy();
  });

  it('closes without a word what is beyond those that it can still refuse, but never who has delivered', async () => {
    await using fixture = await openListener({ maxConnections: 1 });
    const sender = await from(fixture, 1);
    expect((await sender.mail(['journal@example.com'], 'x')).code).toBe(250);
    const crowd: SmtpClient[] = [];
    // Refused clients that do not go, until their sockets are destroyed two seconds later.
    for (let n = 0; n < 101; n += 1) {
      const client = await SmtpClient.connect(fixture.port, { localAddress: '127.0.0.2', allowHalfOpen: true });
      expect((await client.reply()).code).toBe(421);
      crowd.push(client);
    }
    await using beyond = await SmtpClient.connect(fixture.port, { localAddress: '127.0.0.2' });
    expect(await beyond.replyOrEnd()).toBe(undefined);
    await using again = await SmtpClient.connect(fixture.port, { localAddress: '127.0.0.1' });
    expect((await again.reply()).code).toBe(421);
    for (const client of [sender, ...crowd]) client.destroy();
  });

  it('refuses connections while sockets are few, makes room for who has delivered, and closes them when none is left', async () => {
    await using fixture = await openListener();
    const { sockets } = fixture;
    const sender = await from(fixture, 1);
    expect((await sender.mail(['journal@example.com'], 'x')).code).toBe(250);
    sender.destroy();
    // The listener hears of it in its own time.
    await eventually(() => sockets.open === 0);
    await using idle = await from(fixture, 2);
    await using another = await from(fixture, 3);
    expect(sockets.open).toBe(2);
    sockets.left = 'few';
    await using refused = await SmtpClient.connect(fixture.port, { localAddress: '127.0.0.4' });
    expect(await refused.reply()).toMatchObject({ code: 421, text: expect.stringMatching(/^4\.3\.2 too busy/) });
    await using again = await from(fixture, 1);
    expect((await idle.reply()).code).toBe(421);
    expect((await again.mail(['journal@example.com'], 'x')).code).toBe(250);
    expect((await another.command('NOOP')).code, 'who is there stays').toBe(250);
    sockets.left = 'none';
    await using beyond = await SmtpClient.connect(fixture.port, { localAddress: '127.0.0.1' });
    expect(await beyond.replyOrEnd()).toBe(undefined);
    expect(sockets.refused).toBe(3);
    for (const client of [refused, again, idle, another]) client.destroy();
    await Promise.all([refused, again, idle, another].map(({ closed }) => closed));
    await eventually(() => sockets.open === 0);
  });
});
