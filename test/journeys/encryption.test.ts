import { chmod, cp, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Daybook, startDaybook } from '../../bench/peers/daybook.ts';
import { verifyData } from '../../src/engine/verification.ts';
import { openReading } from '../../src/store/encryption.ts';
import { eventually } from '../support/eventually.ts';
import { digestOf, filesOf, flipBit } from '../support/folders.ts';
import { all, type Entry, statusOf } from '../support/journal-api.ts';
import { command, type Ended } from '../support/journey-cli.ts';
import { dateOf, deliver, idOf } from '../support/journey-mail.ts';
import { partner } from '../support/journey-partners.ts';
import { buildMessage, buildReport } from '../support/mail.ts';
import { keyBytesOf, masterKey } from '../support/master-keys.ts';
import { below, prng } from '../support/prng.ts';

const recipient = 'journal@journal.north.example';
/** Words of the mail, of its subject and of an address in it, which no file may hold. */
const canaries = ['xylophone-body', 'xylophone-subject', 'xylophone@north.example'] as const;
const plain = (store: string) => `
logLevel: error
store: { minimumFree: 1MB, segmentSize: 1MB${store} }
directory: { internalDomains: [north.example] }
definitions:
  - { id: exchange, description: Exchange, transport: smtp, serviceEmailAddress: ${recipient}, deliveryWaitAttempts: 1 }
`;
const config = plain(', encryption: { keyFile: master.key }');
const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000);

let folder = '';
let daybook: Daybook;
const sent: { readonly id: string; readonly sha256: string }[] = [];
const data = (): string => join(folder, 'engine', 'data');
const run = (name: string, ...args: readonly string[]): Promise<Ended> =>
  command([name, '--config', daybook.configFile, ...args]);
/** The configuration without its key, or with another one, beside the real one. */
const runWith = async (store: string, name: string, ...args: readonly string[]): Promise<Ended> => {
  const file = join(folder, 'engine', 'other.yaml');
  await writeFile(file, `dataDir: ./data\n${plain(store)}`);
  return command([name, '--config', file, ...args]);
};
async function writeKey(path: string, name = 'one'): Promise<void> {
  await writeFile(path, `${keyBytesOf(name).toString('hex')}\n`);
  await chmod(path, 0o600);
}
async function send(count: number): Promise<void> {
  for (let n = 0; n < count; n += 1) {
    const messageId = idOf(`sealed${sent.length}`);
    const body = `${canaries[0]} ${'soup '.repeat(sent.length % 7 === 0 ? 90_000 : 900)}`;
    const original = buildMessage({ messageId, date: dateOf(), body, subject: canaries[1], to: canaries[2] });
    sent.push(
      await deliver(
        daybook.smtpPort,
        [recipient],
        buildReport({ messageId, originals: [original], recipients: [{ address: canaries[2], type: 'to' }] }),
      ),
    );
  }
  await eventually(async () => (await statusOf(daybook, 'exchange')).processingQueue.messages === 0);
}
const filesWith = async (where: string, text: string): Promise<readonly string[]> => {
  const files = await filesOf(where);
  const held = await Promise.all(files.map(async (file) => (await readFile(join(where, file))).includes(text)));
  return files.filter((_, at) => held[at]);
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'daybook-encrypted-'));
  await mkdir(join(folder, 'engine'));
  await writeKey(join(folder, 'engine', 'master.key'));
  daybook = await startDaybook({ config, directory: join(folder, 'engine') });
  await send(25);
});
afterAll(async () => {
  await daybook[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

test('no file of a running engine holds a word of mail, and it shows and finds it all', async () => {
  for (const text of canaries) expect(await filesWith(data(), text)).toEqual([]);
  const entries = await all<Entry>(daybook, `/v1/messages?subject=${canaries[1]}`);
  expect(entries).toHaveLength(sent.length);
  for (const { id } of entries) {
    const raw = await daybook.fetch(`/v1/messages/${id}/raw`);
    expect(Buffer.from(await raw.arrayBuffer()).includes(canaries[0])).toBe(true);
  }
  expect((await run('verify')).stdout).toMatch(
    new RegExp(`encrypted under the master key ${masterKey().id}\\n.*no fault`, 's'),
  );
});

test('a message is proved from its bytes, by who has neither Daybook nor a key', async () => {
  const checker = join(import.meta.dirname, '../../packaging/check-proof.mjs');
  for (const { id, sha256 } of [sent[0]!, sent[8]!]) {
    const file = join(folder, `${id}.json`);
    expect((await run('prove', id, '--to', file)).code).toBe(0);
    const checked = await partner(process.execPath, [checker, file, join(data(), 'evidence.pub')]);
    expect(checked).toMatchObject({ code: 0, stdout: expect.stringContaining(sha256) });
  }
});

test('a backup holds what is encrypted and the wrapped keys, and not the master key', async () => {
  expect((await run('backup', '--to', join(folder, 'backup'))).code).toBe(0);
  const names = await filesOf(join(folder, 'backup'));
  expect(names).toContain('keys/index.keys');
  expect(names).toContain(`keys/${'1'.padStart(20, '0')}.keys`);
  const master = keyBytesOf();
  for (const text of [...canaries, master.toString('hex'), master.toString('latin1')])
    expect(await filesWith(join(folder, 'backup'), text)).toEqual([]);
  const before = await stat(join(folder, 'backup/keys/index.keys'));
  await send(1);
  expect((await run('backup', '--to', join(folder, 'backup'))).code).toBe(0);
  expect((await stat(join(folder, 'backup/keys/index.keys'))).ino, 'not copied again').toBe(before.ino);
  expect(await daybook.end('SIGTERM')).toBe(0);
});

test('without the key, and with another, it is refused with what is wrong and code 78', async () => {
  await writeKey(join(folder, 'engine', 'other.key'), 'two');
  for (const store of ['', ', encryption: { keyFile: other.key }']) {
    const { code, stderr } = await runWith(store, 'run');
    expect([code, stderr]).toEqual([78, expect.stringContaining(masterKey().id)]);
  }
  const before = await digestOf(data());
  const keyless = await runWith('', 'verify');
  expect(keyless).toMatchObject({ code: 0, stdout: expect.stringMatching(/could not be looked into[\s\S]*no fault/) });
  expect((await runWith('', 'backup', '--to', join(folder, 'none'))).code).toBe(78);
  expect(await digestOf(data()), 'nothing is changed').toEqual(before);
});

test('one flipped bit anywhere is found, in the keys too, and its file is named', async () => {
  console.log(`seed ${seed}`);
  const random = prng(seed);
  const reading = await openReading(data(), masterKey());
  const files = (await filesOf(data())).filter((file) => /^(?:commitlog|keys)\//.test(file));
  for (let flip = 0; flip < 40; flip += 1) {
    const file = files[flip % files.length]!;
    const { size } = await stat(join(data(), file));
    const at = below(random, size);
    const undo = await flipBit(join(data(), file), at, below(random, 8));
    const { faults } = await verifyData({ dataDir: data(), bytes: 'segments', upTo: null, reading });
    expect(
      faults.map((fault) => fault.file),
      `${file} at ${at}`,
    ).toContain(file);
    await undo();
  }
  expect(await run('verify')).toMatchObject({ code: 0, stdout: expect.stringContaining('no fault') });
});

test('a backup is restored with its key alone, and is the same archive', async () => {
  const other = join(folder, 'restored');
  await mkdir(other);
  await writeFile(join(other, 'daybook.yaml'), `dataDir: ./data\n${plain('')}`);
  const restore = () => command(['restore', '--config', join(other, 'daybook.yaml'), '--from', join(folder, 'backup')]);
  expect(await restore()).toMatchObject({ code: 1, stderr: expect.stringContaining('encrypted') });
  await writeFile(join(other, 'daybook.yaml'), `dataDir: ./data\n${config}`);
  await writeKey(join(other, 'master.key'), 'two');
  expect(await restore()).toMatchObject({ code: 78, stderr: expect.stringContaining(masterKey().id) });
  await writeKey(join(other, 'master.key'));
  expect(await restore()).toMatchObject({ code: 0, stdout: expect.stringContaining('restored and verified') });
  await using again = await startDaybook({ config, directory: other });
  expect(await all<Entry>(again, '/v1/messages')).toHaveLength(sent.length);
  for (const text of canaries) expect(await filesWith(join(other, 'data'), text)).toEqual([]);
});

test('keys that are damaged or lost are taken from the backup', async () => {
  const block = `keys/${'1'.padStart(20, '0')}.keys`;
  await flipBit(join(data(), block), 50, 1);
  const plan = await run('repair', '--plan', '--from', join(folder, 'backup'));
  expect(plan.stdout).toContain(`${block} (`);
  expect(plan.stdout).toContain('would be put aside and taken from the backup');
  expect((await run('repair', '--apply', '--from', join(folder, 'backup'))).code).toBe(0);
  await rm(join(data(), block));
  expect((await run('rebuild-index')).code).toBe(78);
  expect((await run('verify')).stdout).toContain(`DAMAGED ${block}: is missing`);
  expect((await run('repair', '--apply', '--from', join(folder, 'backup'))).code).toBe(0);
  expect((await run('verify')).code).toBe(0);
});

test('another master key takes its place without a byte of mail written, and the old one opens nothing', async () => {
  const next = join(folder, 'engine', 'next.key');
  await writeKey(next, 'two');
  daybook = await daybook.restart();
  expect((await run('rekey', '--to', next)).code).toBe(75);
  expect(await daybook.end('SIGTERM')).toBe(0);
  const segments = async () => Object.entries(await digestOf(join(data(), 'commitlog')));
  const before = await segments();
  const { code, stdout } = await run('rekey', '--to', next);
  expect([code, stdout]).toEqual([0, expect.stringContaining(masterKey('two').id)]);
  expect(await segments()).toEqual(before);
  expect(await run('run')).toMatchObject({ code: 78, stderr: expect.stringContaining(masterKey('two').id) });
  await rm(join(folder, 'engine', 'master.key'));
  await cp(next, join(folder, 'engine', 'master.key'));
  daybook = await daybook.restart();
  await send(2);
  expect(await all<Entry>(daybook, '/v1/messages')).toHaveLength(sent.length);
  expect(await daybook.end('SIGTERM')).toBe(0);
  expect((await run('verify')).stdout).toContain(`encrypted under the master key ${masterKey('two').id}\n`);
});
