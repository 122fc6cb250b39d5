import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { startDaybook } from '../../bench/peers/daybook.ts';
import { eventually } from '../support/eventually.ts';
import { all, statusOf } from '../support/journal-api.ts';
import { lunchReport } from '../support/journey-mail.ts';
import { leftOut } from '../support/journey-partners.ts';
import { SmtpClient } from '../support/smtp-client.ts';
import { openShim } from './shim.ts';

const recipient = 'journal@journal.north.example';
const config = `
logLevel: error
store: { minimumFree: 1MB }
directory: { internalDomains: [north.example] }
definitions:
  - { id: exchange, description: Exchange, transport: smtp, serviceEmailAddress: ${recipient}, deliveryWaitAttempts: 1 }
`;

describe.skipIf(leftOut({ programs: ['cc'] }))('a store that failed and comes back', () => {
  test('is told of while it lasts and after it, over connections that stay open', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'daybook-again-'));
    await using shim = await openShim(join(directory, 'data'));
    try {
      await using daybook = await startDaybook({ config, directory, environment: shim.environment });
      await using client = await SmtpClient.ready(daybook.smtpPort);
      const send = async (name: string): Promise<number> => (await client.mail([recipient], lunchReport(name))).code;
      expect(await send('before')).toBe(250);
      await shim.arm({ kinds: ['sync'], outcome: 'EIO', first: 1, forever: true });
      expect(await send('failing')).toBe(451);
      expect(await send('refused')).toBe(451);
      expect(await statusOf(daybook, 'exchange')).toMatchObject({ serviceStatus: 'error', reason: 'storage' });
      const notReady = await daybook.fetch('/readyz');
      expect([notReady.status, await notReady.text()]).toEqual([503, expect.stringContaining('the store has failed')]);
      const { engine } = await daybook.get<{ readonly engine: { readonly warnings: readonly unknown[] } }>(
        '/v1/status',
      );
      expect(engine.warnings).toContainEqual(expect.objectContaining({ code: 'storage' }));
      await shim.disarm();
      await eventually(async () => (await send('after')) === 250, { withinMs: 30_000, what: 'a 250 after the fault' });
      await eventually(async () => (await statusOf(daybook, 'exchange')).serviceStatus === 'active');
      expect((await daybook.fetch('/readyz')).status).toBe(200);
      const told = await all<{ readonly data: object }>(daybook, '/v1/events?type=store.reopened');
      expect(told).toMatchObject([{ data: { detail: expect.stringContaining('EIO'), failedAt: expect.any(String) } }]);
      expect(await daybook.end('SIGTERM')).toBe(0);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });
});
