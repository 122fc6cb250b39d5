import { expect, test } from 'vitest';
import { startDaybook } from '../../bench/peers/daybook.ts';
import { eventually } from '../support/eventually.ts';
import { statusOf } from '../support/journal-api.ts';
import { lunchReport } from '../support/journey-mail.ts';
import { pop3Definition } from '../support/pop3-definition.ts';
import { openPop3Server } from '../support/pop3-server.ts';

test('a session that a suspension meets ends with its message and its QUIT, and counts as a run', async () => {
  await using server = await openPop3Server({ items: [{ uidl: 'lunch', bytes: lunchReport('lunch') }] });
  let answer: (() => void) | undefined;
  server.script = (command, connection) => {
    if (command === 'RETR 1') answer = connection.honestly;
    return command === 'RETR 1';
  };
  const config = `
logLevel: error
store: { minimumFree: 1MB }
directory: { internalDomains: [north.example] }
definitions:${pop3Definition('mailbox', server.port)}
`;
  await using daybook = await startDaybook({ config });
  const answerNow = await eventually(async () => answer, { what: 'RETR' });
  const suspended = await daybook.fetch('/v1/definitions/mailbox/suspend', { method: 'POST' });
  expect(await suspended.json()).toMatchObject({ serviceStatus: 'suspended', lastSuccessfulExtract: null });
  const quitAfter = Date.now();
  answerNow();
  const status = await eventually(
    async () => {
      const now = await statusOf(daybook, 'mailbox');
      return now.lastSuccessfulExtract !== null && now;
    },
    { what: 'the run that was under way' },
  );
  expect(server.items, 'its deletion is confirmed').toEqual([]);
  expect(status).toMatchObject({ serviceStatus: 'suspended', counts: { received: 1 } });
  expect(Date.parse(status.lastSuccessfulExtract ?? '')).toBeGreaterThanOrEqual(quitAfter);
  expect(await daybook.end('SIGTERM')).toBe(0);
  await using again = await daybook.restart();
  expect(await statusOf(again, 'mailbox'), 'a restart keeps it').toMatchObject({
    serviceStatus: 'suspended',
    lastSuccessfulExtract: status.lastSuccessfulExtract,
  });
});
