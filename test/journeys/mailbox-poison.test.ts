import { expect, test } from 'vitest';
import { startDaybook } from '../../bench/peers/daybook.ts';
import { eventually } from '../support/eventually.ts';
import { all, statusOf } from '../support/journal-api.ts';
import { lunchReport } from '../support/journey-mail.ts';
import { pop3Definition } from '../support/pop3-definition.ts';
import { openPop3Server, type Pop3Item, type Pop3Script } from '../support/pop3-server.ts';

const item = (name: string): Pop3Item => ({ uidl: name, bytes: lunchReport(name) });

test('one message that cannot be had is blocked and is no error; where none can be had, it is one (d.5)', async () => {
  const hangUp: Pop3Script = (command, { socket, write }) => {
    if (!command.startsWith('RETR')) return false;
    write('+OK\r\nSubject: half\r\n');
    socket.end();
    return true;
  };
  await using one = await openPop3Server({ items: [item('poison'), item('good')] });
  one.script = (command, connection) => {
    const n = one.items.findIndex(({ uidl }) => uidl === 'poison') + 1;
    return command === `RETR ${n}` && hangUp(command, connection);
  };
  const many = Array.from({ length: 9 }, (_, n) => item(`lost-${n}`));
  await using none = await openPop3Server({ items: many, script: hangUp });
  const config = `
logLevel: error
store: { minimumFree: 1MB }
pop3: { pollInterval: 100ms }
directory: { internalDomains: [north.example] }
definitions:${pop3Definition('one', one.port)}${pop3Definition('none', none.port)}
`;
  await using daybook = await startDaybook({ config });
  const eventsOf = async (id: string): Promise<readonly string[]> =>
    (await all<{ readonly type: string }>(daybook, `/v1/events?definition=${id}`)).map(({ type }) => type);
  await eventually(async () => (await eventsOf('one')).includes('pop3.blocked'), { what: 'the blocked message' });
  const status = await eventually(
    async () => {
      const now = await statusOf(daybook, 'one');
      return now.lastSuccessfulExtract !== null && now;
    },
    { what: 'the run without it' },
  );
  expect(status).toMatchObject({ serviceStatus: 'active', failures: 0, counts: { received: 1 } });
  expect((await eventsOf('one')).filter((type) => type.startsWith('connector.'))).toEqual([]);
  expect(one.items.map(({ uidl }) => uidl)).toEqual(['poison']);
  await eventually(async () => (await statusOf(daybook, 'none')).serviceStatus === 'error', { what: 'the error' });
  expect(await statusOf(daybook, 'none')).toMatchObject({ reason: 'protocol', lastSuccessfulExtract: null });
  expect(await eventsOf('none')).toContain('connector.error');
  expect(none.items).toHaveLength(many.length);
});
