import { access, chmod, open, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Daybook, startDaybook } from '../../bench/peers/daybook.ts';
import { eventually } from '../support/eventually.ts';
import { filesOf } from '../support/folders.ts';
import { all, type IntakeItem, statusOf } from '../support/journal-api.ts';
import { command } from '../support/journey-cli.ts';
import { dateOf, deliver, idOf, received, sha256 } from '../support/journey-mail.ts';
import { buildMessage, buildReport } from '../support/mail.ts';

const recipient = 'journal@journal.north.example';
const configOf = (bytes: string): string => `
logLevel: error
store: { minimumFree: 1MB, segmentSize: 1MB, bytes: ${bytes} }
directory: { internalDomains: [north.example] }
definitions:
  - { id: exchange, description: Exchange, transport: smtp, serviceEmailAddress: ${recipient}, deliveryWaitAttempts: 1 }
`;
/** One record, one that came in chunks, and one that is opened and read in a thread. */
const sizes = { small: 3_000, chunked: 700_000, large: 2_500_000, lost: 3_000, later: 700_000 } as const;
type Name = keyof typeof sizes;
interface Stored {
  readonly name: Name;
  readonly id: string;
  readonly entryId: string;
  readonly report: Buffer;
  readonly original: Buffer;
}
interface Health {
  readonly components: readonly { readonly name: string; readonly status: string }[];
}

describe.each(['segments', 'leveldb'] as const)('with store.bytes: %s', (bytes) => {
  test('no read of damaged bytes gives anything but a fault, and all others give what was stored', async () => {
    let daybook = await startDaybook({ config: configOf(bytes) });
    const first = daybook;
    try {
      const stored: Stored[] = [];
      for (const name of ['small', 'large', ...(bytes === 'segments' ? (['chunked'] as const) : [])] as const)
        stored.push(await store(daybook, name));
      await restWhole(daybook, stored);
      // LevelDB writes what stands in its log to a table when it is opened.
      expect(await daybook.end('SIGTERM')).toBe(0);
      daybook = await daybook.restart();
      const data = join(daybook.directory, 'data');
      for (const bad of stored) {
        // What is fresh is answered from memory, as it was received; LevelDB keeps what it has read.
        expect(await daybook.end('SIGTERM')).toBe(0);
        await flipMark(data, bad.name);
        daybook = await daybook.restart();
        expect((await daybook.fetch('/readyz')).status).toBe(200);
        for (const path of pathsOf(bad)) {
          const answer = await daybook.fetch(path);
          const text = await answer.text();
          expect([path, answer.status]).toEqual([path, 500]);
          expect(JSON.parse(text)).toMatchObject({ type: expect.stringMatching(/#damaged$/) });
          expect(text).not.toContain('filler');
        }
        await restWhole(
          daybook,
          stored.filter((each) => each !== bad),
        );
        const raw = await command(['messages', 'raw', bad.entryId, '--config', daybook.configFile]);
        expect([raw.code, raw.bytes.length]).toEqual([1, 0]);
        const proof = join(daybook.directory, `${bad.name}.json`);
        expect((await command(['prove', bad.id, '--to', proof, '--config', daybook.configFile])).code).toBe(1);
        await expect(access(proof)).rejects.toThrow('ENOENT');
        await found(daybook, data);
        expect(await daybook.end('SIGTERM')).toBe(0);
        await flipMark(data, bad.name);
        daybook = await daybook.restart();
      }
      await restWhole(daybook, stored);
      // Still a warning: only a verification, or a pass of the scrub, can tell that it is mended.
      expect(await warningsOf(daybook)).toContain('damage-found');
      await verified(daybook);
      expect(await warningsOf(daybook)).not.toContain('damage-found');
      if (bytes === 'segments') return;
      // LevelDB drops what is damaged in its log, and says nothing: the bytes are gone, and that is a fault too.
      const gone = await store(daybook, 'lost');
      await store(daybook, 'later');
      expect(await daybook.end('SIGTERM')).toBe(0);
      await flipMark(data, 'lost');
      daybook = await daybook.restart();
      for (const path of pathsOf(gone)) expect((await daybook.fetch(path)).status).toBe(500);
    } finally {
      await daybook[Symbol.asyncDispose]();
      await first[Symbol.asyncDispose]();
    }
  }, 120_000);
});

async function store(daybook: Daybook, name: Name): Promise<Stored> {
  const body = `mark of ${name}\r\n${'filler filler filler\r\n'.repeat(sizes[name] / 22)}`;
  const original = buildMessage({ messageId: idOf(name), date: dateOf(), body });
  const report = buildReport({ messageId: idOf(name), originals: [original] });
  const { id } = await deliver(daybook.smtpPort, [recipient], report);
  await eventually(async () => (await statusOf(daybook, 'exchange')).processingQueue.messages === 0);
  const { entryId } = await daybook.get<IntakeItem>(`/v1/intake/${id}`);
  return { name, id, entryId: entryId ?? '', report, original };
}

const pathsOf = ({ id, entryId }: Stored): readonly string[] => [
  `/v1/messages/${entryId}/raw`,
  `/v1/messages/${entryId}/raw?representation=0`,
  `/v1/intake/${id}/raw`,
];

async function restWhole(daybook: Daybook, stored: readonly Stored[]): Promise<void> {
  for (const each of stored) {
    const hashes = await Promise.all(
      pathsOf(each).map(async (path) => sha256(Buffer.from(await (await daybook.fetch(path)).arrayBuffer()))),
    );
    const original = sha256(each.original);
    expect(hashes).toEqual([original, original, sha256(received(each.report))]);
  }
}

/** Flips a bit of the body, wherever it lies; a second time puts it back. */
async function flipMark(data: string, name: Name): Promise<void> {
  for (const file of (await filesOf(data)).filter((each) => /^(?:commitlog|bodies)\//.test(each))) {
    const path = join(data, file);
    const content = await readFile(path);
    const at = [`mark of ${name}\r\n`, `mArk of ${name}\r\n`]
      .map((mark) => content.indexOf(mark))
      .find((each) => each >= 0);
    if (at === undefined) continue;
    const { mode } = await stat(path);
    await chmod(path, 0o600);
    const handle = await open(path, 'r+');
    await handle.write(Buffer.from([(content[at + 1] ?? 0) ^ 0x20]), 0, 1, at + 1);
    await handle.close();
    await chmod(path, mode);
    return;
  }
  throw new Error(`the mark of ${name} is in no file`);
}

const warningsOf = async (daybook: Daybook): Promise<readonly string[]> => {
  const { engine } = await daybook.get<{
    readonly engine: { readonly warnings: readonly { readonly code: string }[] };
  }>('/v1/status');
  return engine.warnings.map(({ code }) => code);
};

async function verified(daybook: Daybook): Promise<void> {
  await daybook.fetch('/v1/verify', { method: 'POST' });
  await eventually(async () => (await daybook.get<{ readonly state: string }>('/v1/verify')).state === 'done');
}

/** A verification makes it a warning and an event; the engine stays ready, its health does not. */
async function found(daybook: Daybook, data: string): Promise<void> {
  await verified(daybook);
  expect(await warningsOf(daybook)).toContain('damage-found');
  const events = await eventually(async () => {
    const told = await all<{ readonly data: { readonly file: string } }>(daybook, '/v1/events?type=store.damaged');
    return told.length > 0 && told;
  });
  for (const { data: event } of events) expect(event.file, data).toMatch(/^(?:commitlog|bodies)/);
  const { components } = await daybook.get<Health>('/v1/health');
  expect(components.find(({ name }) => name === 'store')).toMatchObject({ status: 'degraded' });
  expect((await daybook.fetch('/readyz')).status).toBe(200);
}
