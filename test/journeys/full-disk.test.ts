import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { startDaybook } from '../../bench/peers/daybook.ts';
import { eventually } from '../support/eventually.ts';
import { all, difference, type Entry, statusOf } from '../support/journal-api.ts';
import { idOf, lunchReport } from '../support/journey-mail.ts';
import { canMount, leftOut } from '../support/journey-partners.ts';
import { SmtpClient } from '../support/smtp-client.ts';

const recipient = 'journal@journal.north.example';
const config = (minimumFree: string): string => `
logLevel: error
store: { minimumFree: ${minimumFree}, segmentSize: 1MB }
directory: { internalDomains: [north.example] }
definitions:
  - { id: exchange, description: Exchange, transport: smtp, serviceEmailAddress: ${recipient}, deliveryWaitAttempts: 1 }
`;

/** A disk of 48 MB of its own. */
async function openSmallDisk() {
  const directory = await mkdtemp(join(tmpdir(), 'daybook-small-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=48m', 'tmpfs', directory]);
  const filler = join(directory, 'filler');
  return {
    directory,
    /** Another program takes all that is left, but for so many bytes. */
    fill: async (leftBytes: number) => {
      const free = Number(execFileSync('df', ['--output=avail', '-B1', directory]).toString().split('\n')[1]);
      await writeFile(filler, Buffer.alloc(Math.max(0, free - leftBytes), 'x'));
    },
    free: () => rm(filler),
    [Symbol.asyncDispose]: async () => {
      execFileSync('umount', ['-l', directory]);
      await rm(directory, { recursive: true, force: true });
    },
  };
}

describe.skipIf(leftOut({ programs: ['mount'], asRoot: true }) || !canMount())(
  'a disk that is full in the middle of a run',
  () => {
    // With a floor mail is refused before the disk is full; with next to none the writes themselves meet it.
    test.each(['8MB', '4KB'])(
      '452, nothing lost, and taking mail again within 10 s of space (floor %s)',
      async (floor) => {
        await using disk = await openSmallDisk();
        await using daybook = await startDaybook({ config: config(floor), directory: disk.directory });
        const acknowledged: string[] = [];
        let n = 0;
        const send = async (): Promise<number> => {
          n += 1;
          await using client = await SmtpClient.ready(daybook.smtpPort);
          const report = Buffer.concat([lunchReport(`n${n}`), Buffer.alloc(60_000, 'epilogue\r\n')]);
          const { code } = await client.mail([recipient], report, '');
          if (code === 250) acknowledged.push(idOf(`n${n}`));
          return code;
        };
        for (let round = 0; round < 2; round += 1) {
          for (let more = 0; more < 20; more += 1) expect(await send()).toBe(250);
          await disk.fill(200_000);
          const refused = await eventually(async () => {
            const code = await send();
            return code !== 250 && code;
          });
          expect([451, 452]).toContain(refused);
          for (let more = 0; more < 20; more += 1) expect([451, 452]).toContain(await send());
          expect((await daybook.fetch('/v1/status')).status, 'readers are served').toBe(200);
          expect((await daybook.fetch('/v1/messages?limit=5')).status).toBe(200);
          await disk.free();
          await eventually(async () => (await send()) === 250, {
            withinMs: 10_000,
            what: 'a 250 after there is space',
          });
        }
        await eventually(async () => {
          const status = await statusOf(daybook, 'exchange');
          expect(difference(status)).toBe(0);
          return status.processingQueue.messages === 0 && status.serviceStatus === 'active';
        });
        const ids = (await all<Entry>(daybook, '/v1/messages')).map(({ messageId }) => messageId);
        for (const id of acknowledged) expect(ids).toContain(id);
        expect(new Set(ids).size).toBe(ids.length);
        expect(await daybook.end('SIGTERM')).toBe(0);
      },
      120_000,
    );
  },
);
