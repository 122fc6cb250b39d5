import { describe, expect, test } from 'vitest';
import { EngineFailure } from '../../streams/failure.ts';
import { openPop3Server, type Pop3Script } from '../support/pop3-server.ts';
import { MailboxFixture, mail } from './mailbox-fixture.ts';

const three = () => [mail('one'), mail('two'), mail('three')];
const bytesOf = (items: readonly { readonly bytes: Buffer }[]) => items.map(({ bytes }) => bytes.toString('latin1'));
const committed = (fixture: MailboxFixture) => fixture.committed().map((bytes) => bytes.toString('latin1'));
const headersOf = (name: string) => `Subject: ${name}\r\nMessage-ID: <${name}@example.com>\r\n\r\n`;

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
        headers: headersOf('two'),
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
    const inMessage = { type: 'failed', kind: 'protocol', inMessage: 'retrieval' };
    expect((await fixture.run(server)).end).toMatchObject(inMessage);
    expect((await fixture.run(server)).end).toMatchObject(inMessage);
    expect(committed(fixture)).toEqual(bytesOf([mail('two'), mail('three')]));
    expect((await fixture.run(server)).end).toMatchObject(inMessage);
    server.commands.length = 0;
    expect((await fixture.run(server)).end).toMatchObject({ type: 'extracted' });
    expect(server.commands, 'its headers are asked for, and nothing else').not.toContain('RETR 1');
    expect(fixture.ledger.states()).toMatchObject({ 'uid:uidl-one': 'blocked' });
    expect(fixture.reports).toMatchObject([
      { reason: 'RETR: connection closed by the server', headers: headersOf('one') },
    ]);
    expect((await fixture.run(server)).end).toEqual({ type: 'extracted', count: 0, more: false });
    expect(server.items.map(({ uidl }) => uidl)).toEqual(['uidl-one']);
  });

  test.each([
    ['as far as they came, where there is no TOP', 'Subject: half of i', ['UIDL'], 3, 'Subject: half of i'],
    ['as they came', 'Subject: whole\r\n\r\nbody', ['UIDL', 'TOP'], 3, 'Subject: whole\r\n\r\n'],
    ['from TOP in the next session, where they came in part', 'Subject: half of i', null, 4, headersOf('one')],
  ])('shows its headers %s', async (_, bytes, capabilities, sessions, headers) => {
    await using server = await openPop3Server({ items: [mail('one')], capabilities });
    server.script = (command, { write, socket }) => {
      if (command !== 'RETR 1') return false;
      write(`+OK\r\n${bytes}`);
      socket.end();
      return true;
    };
    const fixture = new MailboxFixture();
    for (let session = 1; session < sessions; session += 1) await fixture.run(server);
    expect(fixture.reports).toEqual([]);
    await fixture.run(server);
    const sizeBytes = mail('one').bytes.length;
    const reason = 'RETR: connection closed by the server';
    expect(fixture.reports).toEqual([{ type: 'blocked', key: 'uid:uidl-one', sizeBytes, reason, headers }]);
    const tries = server.commands.filter((command) => command === 'RETR 1');
    expect(tries, 'it has had its three').toHaveLength(3);
  });

  test('nor its headers either is blocked all the same', async () => {
    await using server = await openPop3Server({ items: [mail('one')] });
    server.script = (command, { socket }) => {
      if (!/^(?:RETR|TOP) /.test(command)) return false;
      socket.destroy();
      return true;
    };
    const fixture = new MailboxFixture();
    const inMessage = { type: 'failed', inMessage: 'retrieval' };
    for (let session = 1; session <= 3; session += 1) expect((await fixture.run(server)).end).toMatchObject(inMessage);
    expect(fixture.reports).toEqual([]);
    expect((await fixture.run(server)).end).toMatchObject({ type: 'failed', inMessage: 'headers' });
    expect(fixture.reports).toMatchObject([{ reason: 'RETR: connection closed by the server', headers: '' }]);
    expect((await fixture.run(server)).end).toMatchObject({ type: 'extracted' });
    server.items.splice(0, 1, { ...mail('two'), listSize: 2_000_000 });
    expect((await fixture.run(server)).end, 'one that is too large').toMatchObject(inMessage);
    expect(fixture.reports.at(-1)).toMatchObject({ key: 'uid:uidl-two', reason: 'too-large', headers: '' });
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
    const header = 'Subject: larger\r\n\r\n';
    const liar = { uidl: 'liar', bytes: Buffer.from(`${header}${'x'.repeat(500_000)}\r\n`), listSize: 100 };
    await using server = await openPop3Server({ items: [liar, mail('one')] });
    const fixture = new MailboxFixture();
    expect((await fixture.run(server, { maxMessageBytes: 100_000 })).end).toMatchObject({
      type: 'failed',
      kind: 'protocol',
      inMessage: 'retrieval',
    });
    expect(fixture.custody.receipts[0]).toMatchObject({ aborted: true });
    expect((await fixture.run(server, { maxMessageBytes: 100_000 })).end).toMatchObject({
      type: 'extracted',
      count: 1,
    });
    expect(server.items.map(({ uidl }) => uidl)).toEqual(['liar']);
    const [report] = fixture.reports;
    expect(report).toMatchObject({ type: 'blocked', reason: 'larger-than-listed', headers: header });
    expect(report?.sizeBytes, 'what has come, not what LIST said').toBeGreaterThan(100_000);
    // It is tried anew where the limit has room for more than had come.
    const came = report?.sizeBytes ?? 0;
    await fixture.run(server, { maxMessageBytes: came - 1 });
    expect(fixture.reports).toHaveLength(1);
    await fixture.run(server, { maxMessageBytes: came });
    expect(fixture.reports).toHaveLength(2);
    expect((await fixture.run(server)).end).toMatchObject({ type: 'extracted', count: 1 });
    expect(fixture.committed().at(-1)).toHaveLength(liar.bytes.length);
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
    fixture.leaves = undefined;
    expect((await fixture.run(server)).end, 'left no longer: it is taken').toMatchObject({ count: 1 });
    expect(server.items).toEqual([]);
  });

  test('is not left where it has no UIDL of its own: a younger one of its size would be taken for it', async () => {
    await using server = await openPop3Server({ items: three().map((item) => ({ ...item, uidl: 'same' })) });
    const fixture = new MailboxFixture();
    fixture.leaves = async () => true;
    expect((await fixture.run(server)).end).toMatchObject({ count: 3 });
    expect(fixture.reports).toEqual([]);
    expect(server.items).toEqual([]);
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
  });
});
