import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type Daybook, startDaybook } from '../../bench/peers/daybook.ts';
import { eventually } from '../support/eventually.ts';
import { hostileMail } from '../support/hostile-mail.ts';
import { difference, type IntakeItem, statusOf } from '../support/journal-api.ts';
import { deliver, lunchReport, received, sha256 } from '../support/journey-mail.ts';
import { heldByHostileMail, loopProbe } from '../support/loop-held.ts';

const recipient = 'journal@journal.north.example';
const config = `
logLevel: error
store: { minimumFree: 1MB }
directory: { internalDomains: [north.example] }
definitions:
  - { id: exchange, description: Exchange, transport: smtp, serviceEmailAddress: ${recipient}, deliveryWaitAttempts: 1 }
`;

test('whatever is in a message, the event loop is never held over 200 ms, and each is kept as it came', async () => {
  const file = join(tmpdir(), `daybook-loop-${process.pid}`);
  try {
    await using daybook = await startDaybook({ config, nodeArguments: loopProbe(file) });
    await deliver(daybook.smtpPort, [recipient], lunchReport('warm'));
    let sent = 1;
    await settled(daybook, sent);
    const slow = await heldByHostileMail(daybook, file, async (message, name) => {
      const { id, sha256: promised } = await deliver(daybook.smtpPort, [recipient], message);
      sent += 1;
      expect(promised, name).toBe(sha256(received(message)));
      await settled(daybook, sent);
      const raw = await daybook.fetch(`/v1/intake/${id}/raw`);
      expect(sha256(Buffer.from(await raw.arrayBuffer())), name).toBe(promised);
      const { entryId } = await daybook.get<IntakeItem>(`/v1/intake/${id}`);
      if (entryId !== null) await (await daybook.fetch(`/v1/messages/${entryId}/raw`)).arrayBuffer();
    });
    expect(slow).toEqual([]);
    expect(await daybook.end('SIGTERM')).toBe(0);
  } finally {
    await rm(file, { force: true });
  }
}, 300_000);

test('reports that name 19,000 people each, many at once, hold up no line', async () => {
  const delayed = config.replace('deliveryWaitAttempts: 1', 'initialProcessDelay: 2s, deliveryWaitAttempts: 1');
  await using daybook = await startDaybook({ config: delayed });
  const { make } = hostileMail(0).find(({ name }) => name === 'recipients')!;
  const report = make().toString('latin1');
  // All of one window: what is recorded of them together is more than one record may hold.
  const count = 30;
  await Promise.all(
    Array.from({ length: count }, (_, at) =>
      deliver(daybook.smtpPort, [recipient], Buffer.from(report.replaceAll('<recipients@', `<r${at}@`), 'latin1')),
    ),
  );
  // Ten times as long as they take on a machine by themselves.
  await settled(daybook, count, 100_000);
  expect((await statusOf(daybook, 'exchange')).counts).toMatchObject({ archived: count, matched: 0 });
}, 150_000);

async function settled(daybook: Daybook, sent: number, withinMs = 60_000): Promise<void> {
  const done = async (): Promise<boolean> => {
    const status = await statusOf(daybook, 'exchange');
    expect(difference(status)).toBe(0);
    return status.counts.received === sent && status.processingQueue.messages === 0;
  };
  await eventually(done, { withinMs, what: `the end of ${sent} messages` });
}
