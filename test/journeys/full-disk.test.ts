import { execFileSync } from 'node:child_process';
import { appendFile, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
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
    /** Another program takes all that is left, to the last byte. */
    fillUp: async () => {
      for (const bytes of [1_048_576, 4_096, 1]) {
        for (let took = true; took; ) {
          took = await appendFile(filler, Buffer.alloc(bytes, 'x')).then(
            () => true,
            () => false,
          );
        }
      }
    },
    free: () => rm(filler),
    [Symbol.asyncDispose]: async () => {
      execFileSync('umount', ['-l', directory]);
      await rm(directory, { recursive: true, force: true });
    },
  };
}

const reserveIn = async (directory: string): Promise<number> =>
  (await stat(join(directory, 'data/reserve')).catch(() => ({ size: 0 }))).size;
/** The reserve as it is under a floor of 8 MB, on a disk with room. */
const madeIn = (directory: string) =>
  eventually(async () => (await reserveIn(directory)) === 8_388_608, { what: 'the reserve' });

describe.skipIf(leftOut({ programs: ['mount'], asRoot: true }) || !canMount())(
  'a disk that is full in the middle of a run',
  () => {
    test('its reserve lets the engine go on, stop and start on a full disk, and is made again', async () => {
      await using disk = await openSmallDisk();
      const reserveBytes = () => reserveIn(disk.directory);
      const hasReserve = () => madeIn(disk.directory);
      let daybook = await startDaybook({ config: config('8MB'), directory: disk.directory });
      try {
        const acknowledged: string[] = [];
        const send = async (): Promise<number> => {
          const name = `r${acknowledged.length}`;
          await using client = await SmtpClient.ready(daybook.smtpPort);
          const { code } = await client.mail([recipient], lunchReport(name), '');
          if (code === 250) acknowledged.push(idOf(name));
          return code;
        };
        const answers = async (code: number, what: string): Promise<void> => {
          await eventually(async () => (await send()) === code, { withinMs: 10_000, what });
        };
        const servesReaders = async (): Promise<void> => {
          const ids = (await all<Entry>(daybook, '/v1/messages')).map(({ messageId }) => messageId);
          for (const id of acknowledged) expect(ids).toContain(id);
        };
        await hasReserve();
        await answers(250, 'a 250');

        // While it runs: given up, and what it held is for the engine, not for mail.
        await disk.fillUp();
        await eventually(async () => (await reserveBytes()) === 0, { what: 'the reserve to be given up' });
        await answers(452, 'a 452 on a full disk');
        await eventually(async () => (await statusOf(daybook, 'exchange')).processingQueue.messages === 0);
        await servesReaders();
        expect(await daybook.end('SIGTERM'), 'it stops').toBe(0);
        await disk.free();
        daybook = await daybook.restart();
        await answers(250, 'a 250 after there is space');
        await hasReserve();

        // While it is away: the start gives it up.
        await eventually(async () => (await statusOf(daybook, 'exchange')).processingQueue.messages === 0);
        expect(await daybook.end('SIGTERM')).toBe(0);
        expect(await reserveBytes()).toBe(8_388_608);
        await disk.fillUp();
        daybook = await daybook.restart();
        expect(await reserveBytes(), 'given up').toBe(0);
        await answers(452, 'a 452 after a start on a full disk');
        expect((await daybook.fetch('/v1/health?strict')).status, 'no green light while nothing flows').toBe(503);
        await servesReaders();
        await disk.free();
        await answers(250, 'a 250 after there is space again');
        expect((await daybook.fetch('/v1/health?strict')).status).toBe(200);
        await hasReserve();
        expect(await daybook.end('SIGTERM')).toBe(0);
      } finally {
        await daybook[Symbol.asyncDispose]();
      }
    });

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
          // Made while the other program looks what is left, it would take some of that.
          if (floor === '8MB') await madeIn(disk.directory);
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
