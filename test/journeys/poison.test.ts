import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { type Daybook, startDaybook } from '../../bench/peers/daybook.ts';
import { eventually } from '../support/eventually.ts';
import { difference, type IntakeItem, statusOf } from '../support/journal-api.ts';
import { command } from '../support/journey-cli.ts';
import { deliver, idOf, lunchReport, received, sha256 } from '../support/journey-mail.ts';
import { buildMessage, buildReport } from '../support/mail.ts';

const recipient = 'journal@journal.north.example';
const preload = pathToFileURL(join(import.meta.dirname, '../support/killed-by-mail.mjs'));

test('a message that the process dies of is quarantined after three attempts; all others are archived', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'daybook-poison-'));
  // The others are still in process when it comes.
  const config = `
logLevel: warn
store: { minimumFree: 1MB }
directory: { internalDomains: [north.example] }
definitions:
  - { id: exchange, description: Exchange, transport: smtp, serviceEmailAddress: ${recipient}, deliveryWaitAttempts: 1, initialProcessDelay: 1s }
`;
  let daybook = await startDaybook({ config, directory, nodeArguments: ['--import', preload.href] });
  try {
    const original = Buffer.concat([Buffer.from('X-Kill: parse\r\n'), buildMessage({ messageId: idOf('poison') })]);
    const report = buildReport({ messageId: idOf('poison'), originals: [original] });
    const good: string[] = [];
    for (const name of ['a', 'b']) good.push((await deliver(daybook.smtpPort, [recipient], lunchReport(name))).id);
    const poison = await deliver(daybook.smtpPort, [recipient], report);
    let deaths = 0;
    // Null: it died before it was ready.
    for (let next: Daybook | null = daybook; next === null || !(await outlives(next, poison.id)); ) {
      deaths += 1;
      expect(deaths).toBeLessThan(10);
      next = await daybook.restart().catch(() => null);
      if (next !== null) daybook = next;
    }
    expect(deaths).toBe(3);
    expect(await daybook.get<IntakeItem>(`/v1/intake/${poison.id}`)).toMatchObject({
      state: 'quarantined',
      reason: 'poison',
    });
    const raw = await daybook.fetch(`/v1/intake/${poison.id}/raw`);
    expect(sha256(Buffer.from(await raw.arrayBuffer()))).toBe(sha256(received(report)));
    good.push((await deliver(daybook.smtpPort, [recipient], lunchReport('later'))).id);
    await eventually(async () => (await statusOf(daybook, 'exchange')).processingQueue.messages === 0);
    for (const id of good) expect((await daybook.get<IntakeItem>(`/v1/intake/${id}`)).state).toBe('archived');
    const status = await statusOf(daybook, 'exchange');
    expect([status.counts.archived, status.counts.quarantined, difference(status)]).toEqual([3, 1, 0]);
    expect(await daybook.end('SIGTERM')).toBe(0);
    expect((await command(['verify', '--config', daybook.configFile])).code).toBe(0);
  } finally {
    await daybook[Symbol.asyncDispose]();
    await rm(directory, { recursive: true, force: true, maxRetries: 3 });
  }
}, 120_000);

/** True once the item has ended; false where the process has. */
const outlives = (daybook: Daybook, id: string): Promise<boolean> =>
  eventually(
    async () => {
      if (!daybook.isRunning()) return { alive: false };
      const item = await daybook.get<IntakeItem>(`/v1/intake/${id}`).catch(() => undefined);
      return item?.state === 'quarantined' && { alive: true };
    },
    { what: 'the end of the item, or of the process' },
  ).then(({ alive }) => alive);
