import { execFileSync } from 'node:child_process';
import { mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { type Daybook, startDaybook } from '../../bench/peers/daybook.ts';
import { eventually } from '../support/eventually.ts';
import { digestOf } from '../support/folders.ts';
import { statusOf } from '../support/journal-api.ts';
import { command } from '../support/journey-cli.ts';
import { deliver, lunchReport } from '../support/journey-mail.ts';
import { canMount, leftOut } from '../support/journey-partners.ts';
import { leftOutOfCluster } from '../support/other-backend.ts';

const recipient = 'journal@journal.north.example';
const configOf = (bytes: string): string => `
logLevel: error
store: { minimumFree: 1MB, segmentSize: 1MB, bytes: ${bytes} }
directory: { internalDomains: [north.example] }
definitions:
  - { id: exchange, description: Exchange, transport: smtp, serviceEmailAddress: ${recipient}, deliveryWaitAttempts: 1 }
`;
const isLeftOut =
  leftOut({ programs: ['mount'], asRoot: true }) ||
  !canMount() ||
  leftOutOfCluster('a data directory that is read-only');

describe.skipIf(isLeftOut).each(['segments', 'leveldb'])('a folder at rest, its bytes in %s', (bytes) => {
  let disk: string;
  let daybook: Daybook;
  let free: string;
  const verify = (...args: readonly string[]) => command(['verify', '--config', daybook.configFile, ...args]);
  const repair = () => command(['repair', '--plan', '--config', daybook.configFile]);
  const remount = (mode: 'ro' | 'rw') => execFileSync('mount', ['-o', `remount,${mode}`, disk]);
  const fill = () => writeFile(join(disk, 'filler'), Buffer.alloc(64 * 1_048_576)).catch(() => undefined);

  beforeAll(async () => {
    [disk, free] = [await mkdtemp(join(tmpdir(), 'daybook-verify-')), await mkdtemp(join(tmpdir(), 'daybook-free-'))];
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=48m', 'tmpfs', disk]);
    daybook = await startDaybook({ config: configOf(bytes), directory: disk });
    for (let at = 0; at < 5; at += 1) {
      const report = Buffer.concat([lunchReport(`n${at}`), Buffer.alloc(400_000, `epilogue ${at}\r\n`)]);
      await deliver(daybook.smtpPort, [recipient], report);
    }
    await eventually(async () => (await statusOf(daybook, 'exchange')).processingQueue.messages === 0);
    expect(await daybook.end('SIGTERM')).toBe(0);
    vi.stubEnv('TMPDIR', free);
  });
  afterEach(async () => {
    vi.stubEnv('TMPDIR', free);
    remount('rw');
    await rm(join(disk, 'filler'), { force: true });
  });
  afterAll(async () => {
    vi.unstubAllEnvs();
    await daybook[Symbol.asyncDispose]();
    execFileSync('umount', ['-l', disk]);
    for (const folder of [disk, free]) await rm(folder, { recursive: true });
  });

  const isWhole = async (): Promise<void> => {
    for (const how of [[], ['--quick']]) {
      expect(await verify(...how)).toMatchObject({ code: 0, stdout: expect.stringMatching(/^no fault$/m), stderr: '' });
    }
    expect(await repair()).toMatchObject({ code: 0, stdout: 'nothing is damaged\n' });
  };

  test('is verified where it is read-only, and nothing is left behind', async () => {
    remount('ro');
    await isWhole();
    expect(await readdir(free)).toEqual([]);
  });

  test('is verified where its disk is full', async () => {
    await fill();
    await isWhole();
  });

  test('is verified in its own place where there is no other, and is left as it was', async () => {
    const before = [await digestOf(join(disk, 'data')), await readdir(join(disk, 'data'))];
    vi.stubEnv('TMPDIR', '/proc/none');
    await isWhole();
    expect([await digestOf(join(disk, 'data')), await readdir(join(disk, 'data'))]).toEqual(before);
  });

  test.each(['read-only', 'full'])(
    'is not called damaged where every place is %s: what was not checked is told',
    async (kind) => {
      if (kind === 'full') await fill();
      else remount('ro');
      vi.stubEnv('TMPDIR', disk);
      const reason = kind === 'full' ? 'ENOSPC' : 'EROFS';
      for (const how of [[], ['--quick']]) {
        const { code, stdout, stderr } = await verify(...how);
        expect([code, stdout]).toEqual([75, expect.not.stringContaining('DAMAGED')]);
        expect(stdout + stderr).toMatch(/no place for a copy/);
        expect(stdout + stderr).toContain(reason);
        expect(stdout).not.toMatch(/^no fault$/m);
        if (bytes === 'segments') expect(stdout).toMatch(/^NOT CHECKED index: /m);
      }
      const { code, stdout } = await repair();
      expect([code, stdout]).toEqual([75, expect.not.stringContaining('would be')]);
    },
  );

  test('that lacks its last records is found out by a quick look too', async () => {
    if (bytes !== 'segments') return;
    const folder = join(disk, 'data/commitlog');
    const last = join(
      folder,
      (await readdir(folder))
        .filter((name) => name.endsWith('.seg'))
        .toSorted()
        .at(-1)!,
    );
    await rename(last, `${last}.aside`);
    const { code, stdout } = await verify('--quick');
    await rename(`${last}.aside`, last);
    expect([code, stdout]).toEqual([
      1,
      expect.stringContaining(`DAMAGED commitlog/${basename(last)}: the index knows record `),
    ]);
    const { size } = JSON.parse((await verify('--json')).stdout) as { readonly size: number };
    const begun = join(folder, `${String(size + 1).padStart(20, '0')}.seg`);
    await writeFile(begun, '');
    const quick = await verify('--quick');
    await rm(begun);
    expect(quick, 'a segment that was only begun').toMatchObject({ code: 0 });
  });
});
