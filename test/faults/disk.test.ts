import { open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { leftOut } from '../support/journey-partners.ts';
import { hasLoopDevices, openDisk } from './disk.ts';

const isLeftOut = leftOut({ programs: ['mkfs.ext4', 'mount'], asRoot: true }) || !(await hasLoopDevices());

describe.skipIf(isLeftOut)('a disk whose power is cut', () => {
  test('has what was synced, and not what was only written', async () => {
    await using disk = await openDisk({ size: '64M' });
    const [synced, written] = [join(disk.folder, 'synced'), join(disk.folder, 'written')];
    for (const path of [synced, disk.folder]) {
      if (path === synced) await writeFile(path, 'kept');
      const handle = await open(path);
      await handle.sync();
      await handle.close();
    }
    await writeFile(written, 'lost');
    await disk.cut();
    expect(await readFile(written, 'utf8'), 'before the power is back').toBe('lost');
    await disk.switchOn();
    expect(await readFile(synced, 'utf8')).toBe('kept');
    expect(await readFile(written, 'utf8').catch(() => 'gone')).toBe('gone');
  });

  test('can be cut again, and can be written to after', async () => {
    await using disk = await openDisk({ size: '64M' });
    for (const text of ['once', 'twice']) {
      await writeFile(join(disk.folder, text), text, { flush: true });
      await disk.cut();
      await disk.switchOn();
    }
    expect(await readFile(join(disk.folder, 'once'), 'utf8')).toBe('once');
    expect(await readFile(join(disk.folder, 'twice'), 'utf8')).toBe('twice');
  });
});
