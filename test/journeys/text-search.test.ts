import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type Daybook, startDaybook } from '../../bench/peers/daybook.ts';
import { eventually } from '../support/eventually.ts';
import { intakeOf } from '../support/journal-api.ts';
import { command } from '../support/journey-cli.ts';
import { dateOf, deliver, idOf } from '../support/journey-mail.ts';
import { buildMessage, buildReport } from '../support/mail.ts';

const config = `
logLevel: error
store: { minimumFree: 1MB }
directory: { internalDomains: [north.example] }
search: { text: true }
definitions:
  - id: exchange
    description: Exchange
    transport: smtp
    serviceEmailAddress: journal@journal.north.example
    deliveryWaitAttempts: 1
`;
interface Found {
  readonly items: readonly { readonly id: string; readonly subject: string }[];
  readonly textIndex?: { readonly behind: number };
}
interface EngineState {
  readonly engine: { readonly textIndex: { readonly behind: number; readonly messages: number } | null };
}

async function archive(daybook: Daybook, name: string, body: string): Promise<string> {
  const original = buildMessage({ messageId: idOf(name), date: dateOf(), subject: name, body });
  const report = buildReport({ messageId: idOf(`${name}-report`), originals: [original] });
  const { id } = await deliver(daybook.smtpPort, ['journal@journal.north.example'], report);
  const look = async () => (await intakeOf(daybook, id)).entryId ?? false;
  return eventually(look, { what: `the entry of ${name}` });
}
const caughtUp = (daybook: Daybook, messages: number): Promise<unknown> =>
  eventually(
    async () => {
      const { engine } = await daybook.get<EngineState>('/v1/status');
      return engine.textIndex?.messages === messages && engine.textIndex.behind === 0;
    },
    { what: `an index of ${messages} messages` },
  );
const find = async (daybook: Daybook, query: string): Promise<readonly string[]> => {
  const { items, textIndex } = await daybook.get<Found>(`/v1/messages?${query}`);
  expect(textIndex).toEqual({ behind: 0 });
  return items.map(({ subject }) => subject);
};

test('mail is found by words of its text over the API and the command line, also after an index was made anew', async () => {
  await using first = await startDaybook({ config });
  const zebra = await archive(first, 'one', 'The zebra crosses the savannah.');
  await archive(first, 'two', 'The quagga does not.');
  await caughtUp(first, 2);
  expect(await find(first, 'text=the')).toEqual(['two', 'one']);
  expect(await find(first, 'text=ZEBRA%20savannah')).toEqual(['one']);
  expect(await find(first, 'text=the&subject=two')).toEqual(['two']);
  expect((await first.fetch('/v1/messages?text=...')).status).toBe(400);
  expect((await first.get<Found>('/v1/messages')).textIndex).toBeUndefined();
  const cli = (...args: readonly string[]) => command([...args, '--config', first.configFile]);
  const listed = await cli('messages', 'list', '--text', 'quagga', '--json');
  expect([listed.code, listed.stderr]).toEqual([0, '']);
  expect((JSON.parse(listed.stdout) as Found).items.map(({ subject }) => subject)).toEqual(['two']);
  expect(await (await first.fetch('/metrics')).text()).toContain('daybook_text_index_behind_messages 0\n');

  const busy = await cli('rebuild-index', '--text');
  expect([busy.code, busy.stderr]).toEqual([75, expect.stringContaining('another engine')]);
  expect((await first.fetch(`/v1/messages/${zebra}?reason=asked`, { method: 'DELETE' })).status).toBe(204);
  await eventually(async () => (await find(first, 'text=zebra')).length === 0, { what: 'no zebra' });
  await first.end('SIGTERM');
  expect((await cli('verify')).code).toBe(0);
  const made = await cli('rebuild-index', '--text', '--json');
  expect([made.code, made.stdout, made.stderr]).toEqual([
    0,
    '{"messages":1}\n',
    expect.stringContaining('text of 1 messages indexed'),
  ]);
  await using second = await first.restart();
  await caughtUp(second, 1);
  expect(await find(second, 'text=the')).toEqual(['two']);
  const third = await archive(second, 'three', 'And the okapi.');
  // Killed wherever it is with it.
  await second.end('SIGKILL');
  const killed = await second.restart();
  await caughtUp(killed, 2);
  expect((await killed.get<Found>('/v1/messages?text=okapi')).items.map(({ id }) => id)).toEqual([third]);
  expect(await find(killed, 'text=the')).toEqual(['three', 'two']);
  await killed.end('SIGTERM');

  // Switched off it leaves nothing behind, and on again it reads what stands.
  const on = await readFile(first.configFile, 'utf8');
  await writeFile(first.configFile, on.replace('text: true', 'text: false'));
  const refused = await cli('rebuild-index', '--text');
  expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('`search.text` is off')]);
  const folder = join(first.directory, 'data/text-index');
  expect(existsSync(folder)).toBe(true);
  {
    await using off = await startDaybook({
      config: config.replace('text: true', 'text: false'),
      directory: first.directory,
    });
    expect(existsSync(folder)).toBe(false);
    const answer = await off.fetch('/v1/messages?text=okapi');
    expect([answer.status, ((await answer.json()) as { type: string }).type]).toEqual([409, '/docs#text-search-off']);
    expect((await off.get<EngineState>('/v1/status')).engine.textIndex).toBeNull();
    await off.end('SIGTERM');
  }
  await using again = await startDaybook({ config, directory: first.directory });
  await caughtUp(again, 2);
  expect(await find(again, 'text=the')).toEqual(['three', 'two']);
}, 180_000);
