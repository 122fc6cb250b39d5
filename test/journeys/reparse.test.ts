import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Daybook, startDaybook } from '../../bench/peers/daybook.ts';
import type { Observation } from '../../streams/message.ts';
import { parserVersion } from '../../streams/parser-version.ts';
import { all, difference, type Entry, type IntakeItem, statusOf } from '../support/journal-api.ts';
import { command, type Ended } from '../support/journey-cli.ts';
import { lunchReport, sha256 } from '../support/journey-mail.ts';
import { archiveAsOlder, type OlderMail } from '../support/older-parser.ts';
import { leftOutOfCluster } from '../support/other-backend.ts';
import { storeAtRest } from '../support/store-at-rest.ts';
import { everybodyKnown, recipientOf } from '../support/stream-shapes.ts';

/** An archive whose envelopes an older parser got wrong: it is shown, repaired, killed in between, verified, rebuilt. */
const config = `
logLevel: error
store: { minimumFree: 1MB }
directory: { internalDomains: [north.example] }
definitions:
  - { id: exchange, description: Exchange, transport: smtp, serviceEmailAddress: journal@journal.north.example, deliveryWaitAttempts: 1 }
`;
/** Enough that a kill comes in between. */
const count = 120;
let daybook: Daybook;

const wrong = (observation: Observation): Observation => ({
  ...observation,
  recipients: [recipientOf('wrong@north.example', { type: 'bcc' })],
  flags: ['report-partial'],
});
/** Every third was read right. */
const isWrong = (at: number): boolean => at % 3 !== 0;
const mails: readonly OlderMail[] = Array.from({ length: count }, (_, at) => ({
  id: String(at).padStart(26, '0'),
  bytes: lunchReport(`mail-${at}`),
  ...(isWrong(at) ? { older: wrong } : {}),
}));
const wrongs = mails.filter((_, at) => isWrong(at)).length;

const run = (...args: readonly string[]): Promise<Ended> => command([...args, '--config', daybook.configFile]);
const reparse = (...args: readonly string[]) => run('intake', 'reparse', ...args);
const found = async (to: string): Promise<number> =>
  (await all<Entry>(daybook, `/v1/messages?to=${encodeURIComponent(to)}`)).length;
async function shown(engine = daybook) {
  const entries = await all<Entry>(engine, '/v1/messages');
  const intake = await all<IntakeItem>(engine, '/v1/intake');
  const status = await statusOf(engine, 'exchange');
  expect(difference(status)).toBe(0);
  return { entries, intake, counts: status.counts, ledger: await engine.get('/v1/ledger') };
}

beforeAll(async () => {
  daybook = await startDaybook({ config });
  await daybook.end('SIGTERM');
  await using store = await storeAtRest(daybook);
  await archiveAsOlder(store, mails, { directory: everybodyKnown, now: () => Date.now() });
});
afterAll(async () => {
  await daybook[Symbol.asyncDispose]();
  await rm(daybook.directory, { recursive: true, force: true, maxRetries: 3 });
});

test('N9 what a newer parser says otherwise is shown, and nothing is changed by that', async () => {
  daybook = await daybook.restart();
  const before = await shown();
  expect(before.counts).toMatchObject({ received: count, archived: count });
  expect([await found('wrong@north.example'), await found('bo@north.example')]).toEqual([wrongs, count - wrongs]);
  const { stdout, code } = await reparse('--dry-run', '--limit', '500');
  expect(code).toBe(0);
  expect(stdout).toContain(
    `today's parser says otherwise of ${wrongs} of ${count} messages; ${wrongs} can be repaired with --apply`,
  );
  expect(stdout).toMatch(
    /^0{25}1 .* archived +flags: -report-partial; recipients: -bcc:wrong@north\.example \+to:bo@north\.example.* possible$/m,
  );
  expect(await shown()).toEqual(before);
  expect((await reparse('--dry-run', '--apply')).code).toBe(2);
});

test('N9 it is applied, over a kill in the middle, and every byte and the account are as they were', async () => {
  const before = await shown();
  const raw = async (): Promise<readonly string[]> => {
    const answers = mails.map(({ id }) => daybook.fetch(`/v1/messages/${id}/raw`));
    return Promise.all(answers.map(async (answer) => sha256(Buffer.from(await (await answer).arrayBuffer()))));
  };
  const bytes = await raw();
  // Small steps, and the engine dies as soon as some of them are done.
  const applying = reparse('--apply', '--limit', '5');
  const repaired = async (): Promise<number> => (await all(daybook, '/v1/events?type=item.reparsed')).length;
  await expect.poll(repaired, { interval: 5, timeout: 30_000 }).toBeGreaterThan(3);
  await daybook.end('SIGKILL');
  expect((await applying).code).not.toBe(0);
  daybook = await daybook.restart();
  const done = await repaired();
  expect(done).toBeGreaterThan(3);
  expect(done, 'the kill came in between').toBeLessThan(wrongs);
  const rest = JSON.parse((await reparse('--apply', '--json')).stdout);
  expect(rest).toMatchObject({
    looked: count,
    changed: wrongs - done,
    repaired: wrongs - done,
    complete: true,
    next: null,
  });
  expect(await repaired()).toBe(wrongs);
  expect([await found('wrong@north.example'), await found('bo@north.example')]).toEqual([0, count]);
  const after = await shown();
  expect([after.counts, after.ledger]).toEqual([before.counts, before.ledger]);
  expect(after.entries.every(({ flags }) => flags.length === 0)).toBe(true);
  expect(await raw()).toEqual(bytes);
  expect((await reparse('--apply')).stdout).toContain(`0 of ${count} messages are as parser ${parserVersion} says`);
  expect(await repaired()).toBe(wrongs);
});

test('N9 the log is whole, and an index made anew from it shows the same', async () => {
  const before = await shown();
  const checked = await run('verify');
  expect([checked.code, checked.stdout], checked.stdout + checked.stderr).toEqual([0, expect.any(String)]);
  await daybook.end('SIGTERM');
  expect((await run('rebuild-index')).code).toBe(0);
  daybook = await daybook.restart();
  expect(await shown()).toEqual(before);
  expect(await found('wrong@north.example')).toBe(0);
  expect((await run('verify')).code).toBe(0);
});

test.skipIf(leftOutOfCluster('backups of the folder'))(
  'N9 a backup has it, and so has what is restored from it',
  async () => {
    const original = await shown();
    const folder = await mkdtemp(join(tmpdir(), 'daybook-restored-'));
    try {
      const backup = join(folder, 'backup');
      expect((await run('backup', '--to', backup)).code).toBe(0);
      const restored = join(folder, 'restored');
      await mkdir(restored);
      const configFile = join(restored, 'daybook.yaml');
      await writeFile(configFile, config);
      expect(await command(['restore', '--config', configFile, '--from', backup])).toMatchObject({ code: 0 });
      await using again = await startDaybook({ config, directory: restored });
      expect(await shown(again)).toEqual(original);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
);
