import { describe, expect, test } from 'vitest';
import { startDaybook } from '../../bench/peers/daybook.ts';
import { eventually } from '../support/eventually.ts';
import { type DiskFault, openFaultyDisk } from '../support/faulty-disk.ts';
import { all, difference, type Entry, statusOf } from '../support/journal-api.ts';
import { idOf, lunchReport, received, sha256 } from '../support/journey-mail.ts';
import { leftOut } from '../support/journey-partners.ts';
import { SmtpClient } from '../support/smtp-client.ts';

const recipient = 'journal@journal.north.example';
const config = `
logLevel: error
store: { minimumFree: 1MB }
directory: { internalDomains: [north.example] }
definitions:
  - { id: exchange, description: Exchange, transport: smtp, serviceEmailAddress: ${recipient}, deliveryWaitAttempts: 1 }
`;
const faults: readonly DiskFault[] = [
  { call: 'sync', error: 'EIO' },
  { call: 'write', error: 'EIO' },
  { call: 'write', error: 'ENOSPC' },
  { call: 'write', error: 'EROFS' },
];

describe.skipIf(leftOut({ programs: ['cc'] }))('a disk that fails', () => {
  test.each(faults)(
    '$call fails with $error: no false 250, nothing lost, and service is back by itself',
    async (fault) => {
      await using disk = await openFaultyDisk();
      const { directory, env } = disk;
      await using daybook = await startDaybook({ config, directory, environment: env });
      await using client = await SmtpClient.ready(daybook.smtpPort);
      const acknowledged: string[] = [];
      let n = 0;
      const send = async (): Promise<number> => {
        n += 1;
        const report = lunchReport(`n${n}`);
        const { code, text } = await client.mail([recipient], report, '');
        if (code === 250) {
          expect(text).toContain(sha256(received(report)));
          acknowledged.push(idOf(`n${n}`));
        }
        return code;
      };
      expect(await send()).toBe(250);
      await disk.fail(fault);
      // What was not written yet may still pass; from the first failure on nothing does.
      const refused = await eventually(async () => {
        const code = await send();
        return code !== 250 && code;
      });
      expect([451, 452]).toContain(refused);
      for (let more = 0; more < 5; more += 1) expect(await send()).not.toBe(250);
      expect((await statusOf(daybook, 'exchange')).counts.received).toBeGreaterThanOrEqual(acknowledged.length);
      await disk.heal();
      await eventually(async () => (await send()) === 250, { withinMs: 30_000, what: 'a 250 after the fault' });
      const settled = async () => {
        const status = await statusOf(daybook, 'exchange');
        expect(difference(status)).toBe(0);
        return status.serviceStatus === 'active' && status.processingQueue.messages === 0;
      };
      await eventually(settled, { withinMs: 30_000, what: 'the end of processing' });
      const entries = await all<Entry>(daybook, '/v1/messages');
      const ids = entries.map(({ messageId }) => messageId);
      for (const id of acknowledged) expect(ids).toContain(id);
      expect(new Set(ids).size, 'none twice').toBe(ids.length);
      expect((await daybook.fetch('/readyz')).status).toBe(200);
      expect(await daybook.end('SIGTERM')).toBe(0);
    },
    120_000,
  );
});
