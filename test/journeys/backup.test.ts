import { cp, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Daybook, startDaybook } from '../../bench/peers/daybook.ts';
import { eventually } from '../support/eventually.ts';
import { digestOf, filesOf, flipBit } from '../support/folders.ts';
import { all, type Entry, statusOf } from '../support/journal-api.ts';
import { command, type Ended } from '../support/journey-cli.ts';
import { deliver, lunchReport } from '../support/journey-mail.ts';
import { below, prng } from '../support/prng.ts';

const recipient = 'journal@journal.north.example';
const config = `
logLevel: error
store: { minimumFree: 1MB, segmentSize: 1MB }
directory: { internalDomains: [north.example] }
definitions:
  - { id: exchange, description: Exchange, transport: smtp, serviceEmailAddress: ${recipient}, deliveryWaitAttempts: 1 }
`;
const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
let daybook: Daybook;
let backup = '';
let sent = 0;

const data = (): string => join(daybook.directory, 'data');
const run = (name: string, ...args: readonly string[]): Promise<Ended> =>
  command([name, '--config', daybook.configFile, ...args]);

async function send(count: number): Promise<void> {
  for (let n = 0; n < count; n += 1) {
    sent += 1;
    const report = lunchReport(`n${sent}`);
    await deliver(daybook.smtpPort, [recipient], Buffer.concat([report, Buffer.alloc(100_000, 'epilogue\r\n')]));
  }
  await eventually(async () => (await statusOf(daybook, 'exchange')).processingQueue.messages === 0);
}

/** All that the archive shows: entries with the hashes of their bytes, and the account. */
async function shown(engine: Daybook) {
  const entries = await all<Entry>(engine, '/v1/messages');
  const { ledger, counts } = {
    ledger: await engine.get('/v1/ledger'),
    counts: (await statusOf(engine, 'exchange')).counts,
  };
  for (const { id } of entries) expect((await engine.fetch(`/v1/messages/${id}/raw`)).status).toBe(200);
  return { entries, ledger, counts };
}

beforeAll(async () => {
  daybook = await startDaybook({ config });
  backup = await mkdtemp(join(tmpdir(), 'daybook-backup-'));
});
afterAll(async () => {
  await daybook[Symbol.asyncDispose]();
  await rm(backup, { recursive: true, force: true });
});

test('a running engine is backed up, and again without what stands there; keys stay where they are', async () => {
  await send(30);
  const first = await run('backup', '--to', backup);
  expect(first).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+ records in \d+ files/) });
  const stood = await filesOf(backup);
  expect(stood).not.toContain('definitions.key');
  expect(stood).not.toContain('evidence.key');
  const before = new Map(
    await Promise.all(stood.map(async (file) => [file, (await stat(join(backup, file))).ino] as const)),
  );
  await send(5);
  const second = await run('backup', '--to', backup);
  const [, copied = 0, total = 0] = (/([\d.]+) of ([\d.]+) MB copied/.exec(second.stdout) ?? []).map(Number);
  expect(second.code).toBe(0);
  expect(copied).toBeLessThan(total / 2);
  const sealed = stood.filter((file) => file.endsWith('.seg')).slice(0, -1);
  for (const file of sealed) expect((await stat(join(backup, file))).ino, 'not copied again').toBe(before.get(file));
  expect((await run('backup', '--to', join(data(), 'inside'))).code).toBe(1);
  const nowhere = await run('backup', '--to', '/proc/none');
  expect([nowhere.code, nowhere.stderr]).toEqual([1, expect.stringContaining('/proc/none')]);
  for (const file of await filesOf(backup)) expect((await stat(join(backup, file))).mode & 0o077).toBe(0);
});

test('damaged bytes are no backup: it is told at once, and copied again when they are mended', async () => {
  const other = await mkdtemp(join(tmpdir(), 'daybook-damaged-backup-'));
  const [first = ''] = (await filesOf(data())).filter((file) => file.endsWith('.seg'));
  const undo = await flipBit(join(data(), first), 60_000, 3);
  const told = await run('backup', '--to', other);
  expect([told.code, told.stdout]).toEqual([1, expect.stringContaining(`DAMAGED ${first}: the payload of record `)]);
  await undo();
  expect((await run('backup', '--to', other)).code).toBe(0);
  expect((await digestOf(other))[first]).toBe((await digestOf(data()))[first]);
  await rm(other, { recursive: true });
});

test('restored into an empty folder it is the same archive, and goes on', async () => {
  const original = await shown(daybook);
  expect(await daybook.end('SIGKILL')).toBeNull();
  const folder = await mkdtemp(join(tmpdir(), 'daybook-restored-'));
  try {
    const other = join(folder, 'daybook.yaml');
    await writeFile(other, config);
    const restored = await command(['restore', '--config', other, '--from', backup]);
    expect(restored).toMatchObject({ code: 0, stdout: expect.stringContaining('restored and verified') });
    expect((await command(['restore', '--config', other, '--from', backup])).code, 'not into a full folder').toBe(1);
    await using again = await startDaybook({ config, directory: folder });
    expect(await shown(again)).toEqual(original);
    await deliver(again.smtpPort, [recipient], lunchReport('goes on'));
    expect(await again.end('SIGTERM')).toBe(0);
    const { code, stdout } = await command(['verify', '--config', again.configFile]);
    expect([code, stdout]).toEqual([0, expect.stringContaining('no fault')]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test('a damaged or incomplete backup is refused by name, and nothing is left behind', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'daybook-refused-'));
  const copy = join(folder, 'backup');
  const other = join(folder, 'daybook.yaml');
  await writeFile(other, config);
  await cp(backup, copy, { recursive: true });
  const segments = (await filesOf(copy)).filter((file) => file.endsWith('.seg'));
  const [one = ''] = segments;
  const undo = await flipBit(join(copy, one), 5_000, 3);
  const flipped = await command(['restore', '--config', other, '--from', copy]);
  expect([flipped.code, flipped.stderr]).toEqual([1, expect.stringContaining(one)]);
  await undo();
  await rm(join(copy, one));
  const missing = await command(['restore', '--config', other, '--from', copy]);
  expect([missing.code, missing.stderr]).toEqual([1, expect.stringContaining(`${one} is missing`)]);
  expect((await command(['restore', '--config', other, '--from', folder])).code).toBe(1);
  expect((await readdir(folder)).toSorted()).toEqual(['backup', 'daybook.yaml']);
  await rm(folder, { recursive: true, force: true });
});

test('what is damaged is named, and mended from the backup only when that is asked for', async () => {
  console.log(`seed ${seed}`);
  const random = prng(seed);
  await run('rebuild-index');
  expect(await run('repair', '--plan')).toMatchObject({ code: 0, stdout: 'nothing is damaged\n' });
  const sealed = (await filesOf(data())).filter((file) => file.endsWith('.seg')).slice(0, -1);
  const chosen = [sealed[0]!, sealed.at(-1)!];
  for (const file of chosen) {
    const { size } = await stat(join(data(), file));
    await flipBit(join(data(), file), below(random, size), below(random, 8));
  }
  await rm(join(data(), sealed[1]!));
  const before = await digestOf(data());
  const plan = await run('repair', '--plan', '--from', backup);
  expect(plan.code).toBe(0);
  for (const file of [...chosen, sealed[1]!]) expect(plan.stdout).toContain(`${file} (`);
  expect(await digestOf(data()), 'a plan changes nothing').toEqual(before);
  expect((await run('repair', '--plan')).stdout).toContain('cannot be mended from here');
  const left = await run('repair', '--apply');
  expect([left.code, left.stdout]).toEqual([1, expect.stringContaining('left as it is')]);
  for (const file of chosen) expect(left.stderr).toMatch(new RegExp(`still damaged: .*${file}`));
  const asJson = await run('repair', '--apply', '--json');
  expect([asJson.code, JSON.parse(asJson.stdout)]).toMatchObject([1, { applied: true }]);
  const applied = await run('repair', '--apply', '--from', backup);
  expect(applied).toMatchObject({ code: 0, stdout: expect.stringContaining('put aside and taken from the backup') });
  const names = await filesOf(data());
  for (const file of chosen) expect(names.some((name) => name.startsWith(`${file}.damaged-`))).toBe(true);
  expect((await run('verify')).code).toBe(0);
  daybook = await daybook.restart();
  const { entries } = await shown(daybook);
  expect(entries).toHaveLength(sent);
  expect(await run('repair', '--plan')).toMatchObject({ code: 75 });
});
