import { describe, expect, test } from 'vitest';
import { EngineFailure } from '../../streams/failure.ts';
import { multiLine, openPop3Server, type Pop3Script } from '../support/pop3-server.ts';
import { extractOnce, MailboxFixture, mail, sha256 } from './mailbox-fixture.ts';

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
      ...['USER box', 'PASS', 'CAPA', 'STAT', 'UIDL', 'LIST'],
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
    expect((await extractOnce(mailbox)).end).toMatchObject({ type: 'failed', detail: 'stopped' });
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

describe('the ledger', () => {
  /** Cuts the connection in place of the answer to `command`. */
  const cutAt =
    (command: string): Pop3Script =>
    (line, { socket }) => {
      if (line !== command) return false;
      socket.destroy();
      return true;
    };
  const cuts = ['STAT', 'UIDL', 'LIST', 'RETR 1', 'DELE 1', 'RETR 2', 'DELE 2', 'RETR 3', 'DELE 3', 'QUIT'];

  test.each(cuts)('loses nothing and takes nothing twice when the connection is cut at %s', async (command) => {
    const items = three();
    await using server = await openPop3Server({ items, script: cutAt(command) });
    const fixture = new MailboxFixture();
    expect((await fixture.run(server)).end).toMatchObject({ type: 'failed', kind: 'protocol' });
    expect(server.items).toHaveLength(3);
    server.script = undefined;
    expect((await fixture.run(server)).end).toMatchObject({ type: 'extracted' });
    expect(committed(fixture).toSorted()).toEqual(bytesOf(items).toSorted());
    expect(server.items).toEqual([]);
  });

  test('deletes what it surely has without fetching it again', async () => {
    await using server = await openPop3Server({ items: three(), script: cutAt('QUIT') });
    const fixture = new MailboxFixture();
    await fixture.run(server);
    server.script = undefined;
    server.commands.length = 0;
    await fixture.run(server);
    expect(server.commands.filter((command) => command.startsWith('RETR'))).toEqual([]);
    expect(server.commands.filter((command) => command.startsWith('TOP'))).toEqual(['TOP 1 0', 'TOP 2 0', 'TOP 3 0']);
  });

  test('loses nothing when the engine dies between custody and ledger: the message comes twice, its bytes once', async () => {
    const items = three();
    await using server = await openPop3Server({ items });
    const fixture = new MailboxFixture();
    fixture.ledger.refuse = true;
    expect((await fixture.run(server)).end).toMatchObject({ type: 'failed', kind: 'storage' });
    fixture.ledger.refuse = false;
    await fixture.run(server);
    expect(new Set(committed(fixture))).toEqual(new Set(bytesOf(items)));
    expect(committed(fixture)).toHaveLength(4);
    expect(server.items).toEqual([]);
  });

  test('does not take a QUIT that was refused for a deletion', async () => {
    await using server = await openPop3Server({ items: three() });
    server.script = (command, { write, socket }) => {
      if (command !== 'QUIT') return false;
      write('-ERR some deleted messages not removed\r\n');
      socket.end();
      return true;
    };
    const fixture = new MailboxFixture();
    expect((await fixture.run(server)).end).toMatchObject({ type: 'failed', kind: 'protocol' });
    expect(Object.values(fixture.ledger.states())).toEqual(['fetched', 'fetched', 'fetched']);
  });

  test('takes another message under a UIDL that it knows', async () => {
    await using server = await openPop3Server({ items: [mail('one')], script: cutAt('QUIT') });
    const fixture = new MailboxFixture();
    await fixture.run(server);
    server.script = undefined;
    const reused = { uidl: 'uidl-one', bytes: mail('two').bytes };
    server.items.splice(0, 1, reused);
    await fixture.run(server);
    expect(committed(fixture)).toEqual(bytesOf([mail('one'), mail('two')]));
    expect(server.items).toEqual([]);
  });

  test('takes both messages that were given one UIDL, and each once', async () => {
    const items = [mail('one'), { ...mail('two'), uidl: 'uidl-one' }];
    await using server = await openPop3Server({ items, script: cutAt('QUIT') });
    const fixture = new MailboxFixture();
    await fixture.run(server);
    server.script = undefined;
    await fixture.run(server);
    expect(committed(fixture)).toEqual(bytesOf(items));
    expect(server.items).toEqual([]);
  });

  test('tells messages apart by their bytes where the server has no UIDL', async () => {
    const items = three();
    await using server = await openPop3Server({ items, unknown: ['UIDL'], script: cutAt('QUIT') });
    const fixture = new MailboxFixture();
    await fixture.run(server);
    server.script = undefined;
    expect((await fixture.run(server)).end).toEqual({ type: 'extracted', count: 0, more: false });
    expect(committed(fixture)).toEqual(bytesOf(items));
    expect(server.items).toEqual([]);
    expect(fixture.ledger.states()).toEqual({});
  });

  test('fetches again what it cannot be sure of, and keeps it once', async () => {
    const items = three();
    await using server = await openPop3Server({ items, unknown: ['TOP'], script: cutAt('QUIT') });
    const fixture = new MailboxFixture();
    await fixture.run(server);
    server.script = undefined;
    await fixture.run(server);
    expect(server.commands.filter((command) => command.startsWith('RETR'))).toHaveLength(6);
    expect(committed(fixture)).toEqual(bytesOf(items));
  });

  test('keeps the hash of what came, not of what was said', async () => {
    await using server = await openPop3Server({ items: [mail('one')], script: cutAt('QUIT') });
    const fixture = new MailboxFixture();
    await fixture.run(server);
    expect(fixture.ledger.entries.get('uid:uidl-one')).toMatchObject({
      state: 'fetched',
      listSize: mail('one').bytes.length,
      rawSha256: sha256(mail('one').bytes),
    });
  });

  test('takes a UIDL that is a word of the language for what it is', async () => {
    const items = [
      { ...mail('one'), uidl: '__proto__' },
      { ...mail('two'), uidl: 'constructor' },
    ];
    await using server = await openPop3Server({ items });
    const fixture = new MailboxFixture();
    await fixture.run(server);
    expect(fixture.ledger.states()).toEqual(
      Object.fromEntries([
        ['uid:__proto__', 'deleted'],
        ['uid:constructor', 'deleted'],
      ]),
    );
  });
});

describe('an item that cannot be had', () => {
  const refuseRetr: Pop3Script = (command, { write }) => {
    if (command !== 'RETR 2') return false;
    write('-ERR unreadable\r\n');
    return true;
  };

  test('does not stop the others, and is blocked after three sessions', async () => {
    await using server = await openPop3Server({ items: three(), script: refuseRetr });
    const fixture = new MailboxFixture();
    expect((await fixture.run(server)).end).toEqual({ type: 'extracted', count: 2, more: false });
    server.script = (command, connection) => refuseRetr(command.replace('RETR 1', 'RETR 2'), connection);
    await fixture.run(server);
    expect(fixture.reports).toEqual([]);
    await fixture.run(server);
    expect(fixture.reports).toEqual([
      {
        type: 'blocked',
        key: 'uid:uidl-two',
        sizeBytes: mail('two').bytes.length,
        reason: 'RETR: unreadable',
        headers: 'Subject: two\r\nMessage-ID: <two@example.com>\r\n\r\n',
      },
    ]);
    server.commands.length = 0;
    expect((await fixture.run(server)).end).toEqual({ type: 'extracted', count: 0, more: false });
    expect(server.commands).not.toContain('RETR 1');
    expect(server.items.map(({ uidl }) => uidl)).toEqual(['uidl-two']);
  });

  test('that breaks the connection is tried after all others from then on', async () => {
    await using server = await openPop3Server({ items: three() });
    server.script = (command, { socket }) => {
      if (command !== 'RETR 1') return false;
      socket.destroy();
      return true;
    };
    const fixture = new MailboxFixture();
    await fixture.run(server);
    await fixture.run(server);
    expect(committed(fixture)).toEqual(bytesOf([mail('two'), mail('three')]));
    await fixture.run(server);
    expect(fixture.ledger.states()).toMatchObject({ 'uid:uidl-one': 'blocked' });
    expect((await fixture.run(server)).end).toEqual({ type: 'extracted', count: 0, more: false });
    expect(server.items.map(({ uidl }) => uidl)).toEqual(['uidl-one']);
  });

  test('that is too large is blocked at once, and taken when the limit allows it', async () => {
    await using server = await openPop3Server({ items: three() });
    const fixture = new MailboxFixture();
    expect((await fixture.run(server, { maxMessageBytes: 20 })).end).toMatchObject({ type: 'extracted', count: 0 });
    expect(server.commands.some((command) => command.startsWith('RETR'))).toBe(false);
    expect(fixture.reports.map(({ type }) => type)).toEqual(['blocked', 'blocked', 'blocked']);
    await fixture.run(server, { maxMessageBytes: 20 });
    expect(fixture.reports).toHaveLength(3);
    expect((await fixture.run(server)).end).toMatchObject({ type: 'extracted', count: 3 });
  });

  test('that is larger than its listing said is cut off and blocked, and the others come in the next session', async () => {
    const liar = { uidl: 'liar', bytes: Buffer.alloc(500_000, 'x'), listSize: 100 };
    await using server = await openPop3Server({ items: [liar, mail('one')] });
    const fixture = new MailboxFixture();
    expect((await fixture.run(server, { maxMessageBytes: 100_000 })).end).toMatchObject({
      type: 'failed',
      kind: 'protocol',
    });
    expect(fixture.custody.receipts[0]).toMatchObject({ aborted: true });
    expect((await fixture.run(server, { maxMessageBytes: 100_000 })).end).toMatchObject({
      type: 'extracted',
      count: 1,
    });
    expect(server.items.map(({ uidl }) => uidl)).toEqual(['liar']);
  });

  test('that is left on the server is fetched once', async () => {
    await using server = await openPop3Server({ items: three() });
    const fixture = new MailboxFixture();
    fixture.leaves = async (receipt) => Buffer.from(await receipt.preview()).includes('Subject: two');
    expect((await fixture.run(server)).end).toMatchObject({ count: 2 });
    expect(fixture.reports).toEqual([{ type: 'left', key: 'uid:uidl-two', sizeBytes: mail('two').bytes.length }]);
    server.commands.length = 0;
    await fixture.run(server);
    expect(server.commands).not.toContain('RETR 1');
    expect(server.items.map(({ uidl }) => uidl)).toEqual(['uidl-two']);
  });
});

describe('a store that fails', () => {
  test('at a write or at the commit leaves the message where it is, and what was deleted before is confirmed', async () => {
    await using server = await openPop3Server({ items: three() });
    const fixture = new MailboxFixture();
    fixture.custody.onWrite = (receipt) =>
      receipt.bytes.includes('Subject: two') ? Promise.reject(new EngineFailure('store-full')) : undefined;
    expect((await fixture.run(server)).end).toMatchObject({ type: 'failed', kind: 'storage' });
    expect(server.items.map(({ uidl }) => uidl)).toEqual(['uidl-two', 'uidl-three']);
    expect(fixture.ledger.states()).toEqual({ 'uid:uidl-one': 'deleted' });
    fixture.custody.onWrite = undefined;
    expect((await fixture.run(server)).end).toMatchObject({ type: 'extracted', count: 2 });
    expect(multiLine('.').toString()).toBe('+OK 1 octets\r\n..\r\n.\r\n');
  });
});
