import { describe, expect, test } from 'vitest';
import { openPop3Server } from '../support/pop3-server.ts';
import { extractOnce, MailboxFixture, mail } from './mailbox-fixture.ts';

const three = () => [mail('one'), mail('two'), mail('three')];
const bytesOf = (items: readonly { readonly bytes: Buffer }[]) => items.map(({ bytes }) => bytes.toString('latin1'));
const committed = (fixture: MailboxFixture) => fixture.committed().map((bytes) => bytes.toString('latin1'));

describe('a run over a mailbox', () => {
  test('takes every message byte for byte, oldest first, deletes it and quits', async () => {
    const items = three();
    await using server = await openPop3Server({ items });
    const fixture = new MailboxFixture();
    const { said, end } = await fixture.run(server);
    expect(said[0]).toEqual({ type: 'counted', count: 3 });
    expect(end).toEqual({ type: 'extracted', count: 3, more: false });
    expect(committed(fixture)).toEqual(bytesOf(items));
    expect(server.items).toEqual([]);
    expect(server.commands).toEqual([
      ...['CAPA', 'USER box', 'PASS', 'CAPA', 'STAT', 'UIDL', 'LIST'],
      ...['RETR 1', 'DELE 1', 'RETR 2', 'DELE 2', 'RETR 3', 'DELE 3', 'QUIT'],
    ]);
    expect(fixture.custody.receipts[1]?.received).toMatchObject({
      origin: 'journal',
      targets: [{ definitionId: 'box', definitionVersion: 3, intakeId: 'id-2' }],
      transport: { kind: 'pop3', peer: '127.0.0.1', mailFrom: null, rcptTo: [], tls: null, uidl: 'uidl-two' },
    });
    expect(fixture.taken).toBe(3);
    expect(fixture.trace.join()).not.toContain('secret');
  });

  test('of an empty mailbox is a successful extract', async () => {
    await using server = await openPop3Server();
    const { said } = await new MailboxFixture().run(server);
    expect(said).toEqual([
      { type: 'counted', count: 0 },
      { type: 'extracted', count: 0, more: false },
    ]);
  });

  test('deletes nothing before it is in custody and in the ledger', async () => {
    await using server = await openPop3Server({ items: three() });
    const fixture = new MailboxFixture();
    server.script = (command) => {
      if (!command.startsWith('DELE ')) return false;
      const n = Number(command.slice(5));
      expect(fixture.committed()).toHaveLength(n);
      expect(Object.values(fixture.ledger.states())).toEqual(Array(n).fill('fetched'));
      return false;
    };
    expect((await fixture.run(server)).end).toMatchObject({ type: 'extracted', count: 3 });
  });

  test('counts deletions only once QUIT is confirmed, and forgets them when the listing comes without them', async () => {
    await using server = await openPop3Server({ items: three() });
    const fixture = new MailboxFixture();
    await fixture.run(server);
    expect(Object.values(fixture.ledger.states())).toEqual(['deleted', 'deleted', 'deleted']);
    await fixture.run(server);
    expect(fixture.ledger.states()).toEqual({});
  });

  test('ends at a batch limit with QUIT and asks for the next', async () => {
    await using server = await openPop3Server({ items: three() });
    const fixture = new MailboxFixture();
    expect((await fixture.run(server, {}, { items: 2 })).end).toEqual({ type: 'extracted', count: 2, more: true });
    expect(server.items).toHaveLength(1);
    expect((await fixture.run(server, {}, { items: 2 })).end).toEqual({ type: 'extracted', count: 1, more: false });
    server.items.push(...three());
    expect((await fixture.run(server, {}, { bytes: 10 })).end).toEqual({ type: 'extracted', count: 1, more: true });
  });

  test('pauses while there is no room, and quits', async () => {
    await using server = await openPop3Server({ items: three() });
    const fixture = new MailboxFixture();
    fixture.admission = 'full';
    expect((await fixture.run(server)).end).toEqual({ type: 'extracted', count: 0, more: false });
    expect(server.commands.at(-1)).toBe('QUIT');
    expect(server.items).toHaveLength(3);
  });

  test('ends with QUIT after the message in hand when nobody listens any more', async () => {
    await using server = await openPop3Server({ items: three() });
    const fixture = new MailboxFixture();
    await using mailbox = fixture.open(server);
    await new Promise<void>((resolve) => {
      const subscription = mailbox.extract().subscribe();
      server.script = (command) => {
        if (command === 'RETR 2') {
          subscription.unsubscribe();
          resolve();
        }
        return false;
      };
    });
    await mailbox[Symbol.asyncDispose]();
    expect(server.commands.slice(-3)).toEqual(['RETR 2', 'DELE 2', 'QUIT']);
    expect(server.items).toHaveLength(1);
    expect(fixture.late, 'it was a run all the same').toEqual([{ type: 'extracted', count: 2, more: false }]);
    expect((await extractOnce(mailbox)).end).toMatchObject({ type: 'failed', detail: 'stopped' });
  });

  test('takes its options anew for each session, as a new password needs', async () => {
    await using server = await openPop3Server({ items: three(), password: 'new' });
    const fixture = new MailboxFixture();
    let password = 'old';
    await using mailbox = fixture.open(server, () => ({ password }));
    expect((await extractOnce(mailbox)).end).toMatchObject({ type: 'failed', kind: 'auth' });
    password = 'new';
    expect((await extractOnce(mailbox)).end).toMatchObject({ type: 'extracted', count: 3 });
  });

  test('never has two sessions at a time', async () => {
    await using server = await openPop3Server({ items: three() });
    await using mailbox = new MailboxFixture().open(server);
    await Promise.all([extractOnce(mailbox), extractOnce(mailbox)]);
    const starts = server.commands.flatMap((command, at) => (command === 'USER box' ? [at] : []));
    expect(server.commands.indexOf('QUIT')).toBeLessThan(starts[1] ?? 0);
  });

  test('stops reading while custody asks it to wait', async () => {
    const large = { uidl: 'large', bytes: Buffer.from(`A: b\r\n\r\n${'x'.repeat(70)}\r\n`.repeat(10_000)) };
    await using server = await openPop3Server({ items: [large] });
    const fixture = new MailboxFixture();
    let open = 0;
    let most = 0;
    fixture.custody.onWrite = async () => {
      most = Math.max(most, ++open);
      await new Promise((resolve) => setImmediate(resolve));
      open--;
    };
    await fixture.run(server);
    expect(most).toBe(1);
    expect(fixture.committed()[0]?.equals(large.bytes)).toBe(true);
  });
});
