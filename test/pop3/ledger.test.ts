import { describe, expect, test } from 'vitest';
import { openPop3Server, type Pop3Script } from '../support/pop3-server.ts';
import { MailboxFixture, mail, sha256 } from './mailbox-fixture.ts';

const three = () => [mail('one'), mail('two'), mail('three')];
const bytesOf = (items: readonly { readonly bytes: Buffer }[]) => items.map(({ bytes }) => bytes.toString('latin1'));
const committed = (fixture: MailboxFixture) => fixture.committed().map((bytes) => bytes.toString('latin1'));

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
    const { end } = await fixture.run(server);
    expect(end).toMatchObject({ type: 'failed', kind: 'protocol' });
    expect('inMessage' in end, 'a message is to blame in its retrieval alone').toBe(command.startsWith('RETR'));
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

  test.each(['DELE 1', 'DELE 3', 'QUIT'])('takes nothing twice when the power fails at %s', async (command) => {
    const items = three();
    await using server = await openPop3Server({ items, script: cutAt(command) });
    const fixture = new MailboxFixture();
    await fixture.run(server);
    fixture.ledger.cutPower();
    server.script = undefined;
    await fixture.run(server);
    expect(committed(fixture)).toEqual(bytesOf(items));
    expect(server.items).toEqual([]);
  });

  test('knows after a power cut what QUIT had confirmed, if the mailbox should list it again', async () => {
    await using server = await openPop3Server({ items: three() });
    const fixture = new MailboxFixture();
    await fixture.run(server);
    fixture.ledger.cutPower();
    await using restored = await openPop3Server({ items: three() });
    await fixture.run(restored);
    expect(restored.commands.filter((command) => command.startsWith('RETR'))).toEqual([]);
    expect(restored.items).toEqual([]);
    expect(committed(fixture)).toEqual(bytesOf(three()));
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

  test('knows what it has of a UIDL that was given to one message first and to two later', async () => {
    await using server = await openPop3Server({ items: [mail('one')], script: cutAt('QUIT') });
    const fixture = new MailboxFixture();
    await fixture.run(server);
    server.script = undefined;
    server.items.push({ ...mail('two'), uidl: 'uidl-one' });
    await fixture.run(server);
    expect(committed(fixture)).toEqual(bytesOf([mail('one'), mail('two')]));
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

  test.each(['DELE 2', 'RETR 2'])(
    'keeps once, without a UIDL, what the server refuses to delete or to give again (%s)',
    async (refused) => {
      const items = three();
      await using server = await openPop3Server({ items, unknown: ['UIDL'] });
      const fixture = new MailboxFixture();
      // Nothing is deleted in the first session, and all but the second message in the second one.
      server.script = cutAt('QUIT');
      if (refused.startsWith('RETR')) await fixture.run(server);
      server.script = (command, { write }) => {
        if (command !== refused) return false;
        write('-ERR not now\r\n');
        return true;
      };
      expect((await fixture.run(server)).end).toMatchObject({ type: 'extracted' });
      expect(server.items).toHaveLength(1);
      server.script = undefined;
      await fixture.run(server);
      expect(committed(fixture)).toEqual(bytesOf(three()));
      expect(server.items).toEqual([]);
    },
  );

  test('keeps once what it had under its UIDL, though RETR fails when it is asked for again', async () => {
    await using server = await openPop3Server({ items: three(), unknown: ['TOP'], script: cutAt('QUIT') });
    const fixture = new MailboxFixture();
    await fixture.run(server);
    server.script = (command, { write }) => {
      if (command !== 'RETR 2') return false;
      write('-ERR not now\r\n');
      return true;
    };
    await fixture.run(server);
    server.script = undefined;
    await fixture.run(server);
    expect(committed(fixture)).toEqual(bytesOf(three()));
    expect(server.items).toEqual([]);
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
