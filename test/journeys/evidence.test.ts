import { chmod, cp, mkdtemp, readFile, rename, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Daybook, startDaybook } from '../../bench/peers/daybook.ts';
import { verifyData } from '../../src/engine/verification.ts';
import { eventually } from '../support/eventually.ts';
import { digestOf, filesOf, flipBit, replaceFile } from '../support/folders.ts';
import { statusOf } from '../support/journal-api.ts';
import { command } from '../support/journey-cli.ts';
import { deliver, lunchReport } from '../support/journey-mail.ts';
import { partner } from '../support/journey-partners.ts';
import { leftOutOfCluster } from '../support/other-backend.ts';
import { below, prng } from '../support/prng.ts';

const recipient = 'journal@journal.north.example';
const config = `
logLevel: error
store: { minimumFree: 1MB, segmentSize: 1MB }
directory: { internalDomains: [north.example] }
definitions:
  - { id: exchange, description: Exchange, transport: smtp, serviceEmailAddress: ${recipient}, deliveryWaitAttempts: 1 }
`;
const count = 40;
const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
const flips = Number(process.env['FLIPS'] ?? 300);
/** Files that say nothing of mail: names of the last process, LevelDB's own notes, and the links made before each opening. */
const mute = /^(?:lock|lock\.socket|index\.before-open|logs)|\/LOG(?:\.old)?$|\/LOCK$/;

let daybook: Daybook;
let head: string;
const sent: { readonly id: string; readonly sha256: string }[] = [];
const sizeOf = (at: number): number => (at % 10 === 0 ? 600_000 : 2_000);
const reportOf = (at: number): Buffer =>
  Buffer.concat([lunchReport(`n${at}`), Buffer.alloc(sizeOf(at), `epilogue ${at}\r\n`)]);
const data = (): string => join(daybook.directory, 'data');
const verify = (...args: readonly string[]) => command(['verify', '--config', daybook.configFile, ...args]);

beforeAll(async () => {
  daybook = await startDaybook({ config });
  for (let at = 0; at < count; at += 1) sent.push(await deliver(daybook.smtpPort, [recipient], reportOf(at)));
  await eventually(async () => (await statusOf(daybook, 'exchange')).processingQueue.messages === 0);
});
afterAll(async () => {
  await daybook[Symbol.asyncDispose]();
});

describe('a running engine', () => {
  test('is verified without a pause, and says how much it has read', async () => {
    const { code, stdout } = await verify();
    expect([code, stdout]).toEqual([0, expect.stringMatching(/no fault/)]);
    expect(Number(/(\d+) bytes read/.exec(stdout)?.[1])).toBeGreaterThan(count * 2_000);
  });

  test('proves a message to who has no Daybook, and no other', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'daybook-proof-'));
    const checker = join(import.meta.dirname, '../../packaging/check-proof.mjs');
    const check = async (file: string) => partner(process.execPath, [checker, file, join(data(), 'evidence.pub')]);
    for (const { id, sha256 } of [0, 7, count - 1].map((at) => sent[at]!)) {
      const file = join(folder, `${id}.json`);
      expect((await command(['prove', id, '--to', file, '--config', daybook.configFile])).code).toBe(0);
      expect(await check(file)).toMatchObject({ code: 0, stdout: expect.stringContaining(sha256) });
      expect((await stat(file)).mode & 0o777).toBe(0o600);
      const proof = JSON.parse(await readFile(file, 'utf8'));
      const other = (hex: string): string => (hex.startsWith('0') ? '1' : '0') + hex.slice(1);
      const lies = [
        { ...proof, bytes: Buffer.from('another message\r\n').toString('base64') },
        { ...proof, record: { ...proof.record, hash: other(proof.record.hash) } },
        { ...proof, inclusion: { ...proof.inclusion, path: proof.inclusion.path.map(other) } },
        { ...proof, inclusion: { ...proof.inclusion, index: proof.inclusion.index ^ 1 } },
        { ...proof, head: { ...proof.head, size: proof.head.size + 1 } },
        { ...proof, head: { ...proof.head, at: proof.head.at + 1 } },
      ];
      for (const lie of lies) {
        await writeFile(file, JSON.stringify(lie));
        expect((await check(file)).code).toBe(1);
      }
    }
    expect((await command(['prove', 'unknown', '--to', join(folder, 'x'), '--config', daybook.configFile])).code).toBe(
      1,
    );
    await rm(folder, { recursive: true });
  });

  test('signs a head on demand', async () => {
    const { code, stdout } = await command(['head', '--config', daybook.configFile]);
    expect(code).toBe(0);
    head = join(daybook.directory, 'head.json');
    await writeFile(head, stdout);
    for (let more = 0; more < 3; more += 1) await deliver(daybook.smtpPort, [recipient], lunchReport(`later${more}`));
    await eventually(async () => (await statusOf(daybook, 'exchange')).processingQueue.messages === 0);
    expect(await daybook.end('SIGTERM')).toBe(0);
  });
});

const isNotOfCluster = leftOutOfCluster('damage in the files of a log, and a folder put back');

describe('a folder at rest', () => {
  test('has no fault, also against a head that was kept, and is left as it was', async () => {
    const before = await digestOf(data());
    expect(await verify('--against', head)).toMatchObject({ code: 0, stdout: expect.stringContaining('no fault') });
    const quick = await verify('--quick');
    expect(quick).toMatchObject({ code: 0, stdout: expect.stringContaining('no fault') });
    expect(quick.stdout, 'those of the last segment').toMatch(/^[1-9]\d* records, /);
    expect(quick.stdout, 'a tree is of all records, or not made').not.toContain('tree');
    expect(await digestOf(data())).toEqual(before);
  });

  test.skipIf(isNotOfCluster)(
    'one bit flipped anywhere is found, and its file named',
    async () => {
      console.log(`seed ${seed}`);
      const random = prng(seed);
      // What was left for LevelDB to delete is gone after an opening.
      daybook = await daybook.restart();
      expect(await daybook.end('SIGTERM')).toBe(0);
      const files = (await filesOf(data())).filter((file) => !mute.test(file));
      for (let flip = 0; flip < flips; flip += 1) {
        const file = files[flip % files.length]!;
        const path = join(data(), file);
        const { size } = await stat(path);
        if (size === 0) continue;
        const at = below(random, size);
        const undo = await flipBit(path, at, below(random, 8));
        const { faults } = await verifyData({ dataDir: data(), bytes: 'segments', upTo: null });
        expect(faults, `${file} at ${at}`).not.toEqual([]);
        if (file.startsWith('commitlog/')) expect(faults.map((fault) => fault.file)).toContain(file);
        await undo();
      }
      expect((await verify()).code).toBe(0);
    },
    300_000,
  );

  test('that lacks a small file which no record tells of is found out, and the engine says so when it starts', async () => {
    const files = ['definitions.key', 'evidence.key', 'silences.state'];
    const aside = (file: string): string => join(daybook.directory, `${file}.aside`);
    for (const file of files) {
      await rename(join(data(), file), aside(file));
      for (const how of [[], ['--quick']]) {
        const { code, stdout } = await verify(...how);
        expect([code, stdout]).toEqual([1, expect.stringContaining(`DAMAGED ${file}: is missing`)]);
      }
      if (file !== 'silences.state') await rename(aside(file), join(data(), file));
    }
    daybook = await daybook.restart();
    expect(daybook.log()).toContain('a file is gone that was there when the engine stopped');
    expect(await daybook.end('SIGTERM')).toBe(0);
    expect((await verify()).code).toBe(0);
  });

  test.skipIf(isNotOfCluster)('records deleted, swapped and cut off, and a folder put back, are found', async () => {
    const segments = (await filesOf(data())).filter((file) => file.endsWith('.seg')).toSorted();
    const [first, second, last] = [
      join(data(), segments[0]!),
      join(data(), segments[1]!),
      join(data(), segments.at(-1)!),
    ];
    const tried = async (what: string, harm: () => Promise<void>, undo: () => Promise<void>): Promise<void> => {
      await harm();
      const { code, stdout } = await verify('--against', head);
      expect([what, code, /DAMAGED/.test(stdout)]).toEqual([what, 1, true]);
      await undo();
    };
    const aside = `${first}.aside`;
    await tried(
      'deleted',
      () => rename(second, aside),
      () => rename(aside, second),
    );
    await tried(
      'the last deleted',
      () => rename(last, aside),
      () => rename(aside, last),
    );
    const swap = async (): Promise<void> => {
      await rename(first, aside);
      await rename(second, first);
      await rename(aside, second);
    };
    await tried('swapped', swap, swap);
    const whole = await readFile(last);
    const { mode } = await stat(last);
    const cut = async (): Promise<void> => {
      await chmod(last, 0o600);
      await truncate(last, whole.length - 50);
      await chmod(last, mode);
    };
    await tried('cut off', cut, () => replaceFile(last, whole));
    expect((await verify('--against', head)).code).toBe(0);
  });

  test.skipIf(isNotOfCluster)(
    'a folder put back as it was before is found by a head kept elsewhere, and by nothing else',
    async () => {
      const old = `${data()}.old`;
      await cp(data(), old, { recursive: true });
      daybook = await daybook.restart();
      await deliver(daybook.smtpPort, [recipient], lunchReport('after the copy'));
      const kept = join(daybook.directory, 'kept.json');
      await writeFile(kept, (await command(['head', '--config', daybook.configFile])).stdout);
      expect(await daybook.end('SIGTERM')).toBe(0);
      await rm(data(), { recursive: true });
      await rename(old, data());
      expect((await verify()).code).toBe(0);
      const { code, stdout } = await verify('--against', kept);
      expect([code, stdout]).toEqual([1, expect.stringContaining('it was put back')]);
    },
  );
});
