import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { startDaybook } from '../../bench/peers/daybook.ts';
import { leftOut } from '../support/journey-partners.ts';
import { hasLoopDevices, openDisk } from './disk.ts';
import { configOf, openMailbox } from './load.ts';
import { nothingFound, Outside } from './outside.ts';
import { powerCuts } from './power.ts';

const isLeftOut = leftOut({ programs: ['mkfs.ext4', 'mount', 'cc'], asRoot: true }) || !(await hasLoopDevices());

describe.skipIf(isLeftOut)('the power cut under SMTP and POP3 load, on a disk of its own', () => {
  for (const [bytes, cuts] of [['segments', 4] as const, ['leveldb', 2] as const]) {
    test(`${cuts} times: nothing promised is lost, doubled or changed (${bytes})`, async () => {
      const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
      console.log(`seed ${seed}`);
      const { findings, refused, acknowledged, deleted } = await powerCuts({ cuts, bytes, seed });
      console.log(`${acknowledged} acknowledged and ${deleted} deleted`);
      expect(refused).toBe(null);
      expect(findings).toEqual(nothingFound);
      expect(acknowledged, 'messages by SMTP').toBeGreaterThan(5 * cuts);
      expect(deleted, 'messages by POP3').toBeGreaterThan(5 * cuts);
    }, 120_000);
  }

  test('finds the losses of an engine whose syncs do nothing', async () => {
    const { findings, refused } = await powerCuts({ cuts: 1, bytes: 'segments', seed: 1, isUnsynced: true });
    console.log(refused ?? `${findings.lost.length} lost`);
    expect(refused !== null || findings.lost.length > 0).toBe(true);
  });

  test('leaves the key of the definitions as it was from the first start on', async () => {
    await using disk = await openDisk();
    await using mailbox = await openMailbox({ outside: new Outside(), name: 'key', random: () => 0 });
    await using daybook = await startDaybook({ config: configOf('segments', mailbox), directory: disk.folder });
    const key = (): Promise<string> => readFile(join(disk.folder, 'data/definitions.key'), 'hex');
    const before = await key();
    await disk.cut();
    await daybook.end('SIGKILL');
    await disk.switchOn();
    expect(await key()).toBe(before);
  });
});
