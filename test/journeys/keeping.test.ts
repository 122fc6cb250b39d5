import { expect, test } from 'vitest';
import { type Daybook, startDaybook } from '../../bench/peers/daybook.ts';
import { eventually } from '../support/eventually.ts';
import { type Entry, entryOf, intakeOf, putDefinition, statusOf } from '../support/journal-api.ts';
import { command } from '../support/journey-cli.ts';
import { deliver, lunchReport } from '../support/journey-mail.ts';

const config = `
logLevel: error
store: { minimumFree: 1MB }
directory: { internalDomains: [north.example] }
definitions:
  - id: exchange
    description: Exchange
    transport: smtp
    serviceEmailAddress: journal@journal.north.example
    deliveryWaitAttempts: 1
    retention: 2555d
`;
const roles = ['operator', 'auditor', 'admin'] as const;
const http = `tokens: [${roles.map((role) => `{ name: ${role}, role: ${role}, token: ${role}-token }`).join(', ')}]`;
const as = (role: (typeof roles)[number]) => ({ authorization: `Bearer ${role}-token` });

/** The engine as somebody with this role sees it. */
const seenBy = (daybook: Daybook, role: (typeof roles)[number]): Daybook => {
  const ask: Daybook['fetch'] = (path, init) =>
    daybook.fetch(path, { ...init, headers: { ...as(role), ...(init?.headers as Record<string, string>) } });
  return {
    ...daybook,
    fetch: ask,
    get: async <T>(path: string) => {
      const answer = await ask(path);
      if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
      return (await answer.json()) as T;
    },
  };
};
const problemOf = async (answer: Response) => [answer.status, ((await answer.json()) as { type: string }).type];

test('a hold keeps a message from an admin, an erasure takes it for good, and the account still adds up', async () => {
  await using daybook = await startDaybook({ config, http });
  const [operator, auditor, admin] = roles.map((role) => seenBy(daybook, role));
  const archived = async (name: string): Promise<Entry & { readonly holds: readonly string[] }> => {
    const { id } = await deliver(daybook.smtpPort, ['journal@journal.north.example'], lunchReport(name));
    await eventually(async () => (await intakeOf(admin!, id)).state === 'archived', { what: 'the archived message' });
    return (await entryOf(admin!, (await intakeOf(admin!, id)).entryId ?? '')) as never;
  };
  const entry = await archived('kept');
  const before = await archived('other');
  const cli = (...args: readonly string[]) =>
    command([...args, '--config', daybook.configFile, '--token', 'admin-token']);
  expect((await cli('holds', 'place', 'case-7', '--reason', 'North against South')).code).toBe(2);
  const placed = await cli('holds', 'place', 'case-7', '--reason', 'North against South', '--entry', entry.id);
  expect([placed.code, placed.stdout]).toEqual([
    0,
    expect.stringMatching(/case-7 .*admin .*1 entries .*North against/),
  ]);
  expect((await auditor!.get<{ holds: string[] }>(`/v1/messages/${entry.id}`)).holds).toEqual(['case-7']);
  const erase = (who: Daybook, id: string) => who.fetch(`/v1/messages/${id}?reason=asked`, { method: 'DELETE' });
  expect(await problemOf(await erase(auditor!, entry.id))).toEqual([403, '/docs#forbidden']);
  expect(await problemOf(await erase(admin!, entry.id))).toEqual([409, '/docs#on-hold']);
  expect((await cli('holds', 'lift', 'case-7')).stdout).toBe('case-7: lifted\n');
  expect((await cli('messages', 'delete', entry.id, '--reason', 'asked for')).stdout).toBe(`${entry.id}: deleted\n`);
  expect(await problemOf(await auditor!.fetch(`/v1/messages/${entry.id}`))).toEqual([410, '/docs#deleted']);
  expect((await auditor!.get<{ items: Entry[] }>('/v1/messages')).items.map(({ id }) => id)).toEqual([before.id]);
  const intakeId = entry.observations[0]!.intakeId;
  expect(await problemOf(await auditor!.fetch(`/v1/intake/${intakeId}/raw`))).toEqual([404, '/docs#raw-purged']);
  expect(await intakeOf(auditor!, intakeId)).toMatchObject({ state: 'archived', entryId: entry.id });
  expect((await statusOf(admin!, 'exchange')).counts).toMatchObject({ received: 2, archived: 2 });
  expect(await auditor!.get('/v1/ledger')).toMatchObject({ received: 2, archived: 2, difference: 0 });
  const types = (await admin!.get<{ items: { type: string; actor: string }[] }>('/v1/events')).items;
  expect(types.filter(({ type }) => /hold|erased/.test(type)).map(({ type, actor }) => `${type} ${actor}`)).toEqual([
    'message.erased admin',
    'hold.lifted admin',
    'hold.placed admin',
  ]);
  expect((await cli('retention', 'show')).stdout).toMatch(/exchange +2555 d +for ever/);
  expect(await problemOf(await operator!.fetch('/v1/retention'))).toEqual([403, '/docs#forbidden']);
  // Killed at once: the deletion was durable when it was answered.
  await daybook.end('SIGKILL');
  await using again = await daybook.restart();
  expect((await seenBy(again, 'admin').fetch(`/v1/messages/${entry.id}`)).status).toBe(410);
  expect((await seenBy(again, 'admin').fetch(`/v1/messages/${before.id}/raw`)).status).toBe(200);
  await again.end('SIGTERM');
  const verified = await command(['verify', '--config', daybook.configFile]);
  expect([verified.code, verified.stdout]).toEqual([0, expect.stringContaining('no fault')]);
});

test('an operator may lengthen a retention and not shorten it', async () => {
  await using daybook = await startDaybook({ config: config.slice(0, config.indexOf('definitions:')), http });
  const document = {
    description: 'Exchange',
    transport: 'smtp',
    serviceEmailAddress: 'journal@journal.north.example',
  };
  const put = (role: 'operator' | 'admin', retention: string | undefined, version?: number) =>
    putDefinition(
      seenBy(daybook, role),
      'exchange',
      { ...document, ...(retention === undefined ? {} : { retention }) },
      { version },
    );
  expect((await put('operator', '365d')).status).toBe(403);
  expect((await put('admin', '365d')).status).toBe(201);
  expect((await put('operator', '364d', 1)).status).toBe(403);
  expect((await put('operator', '366d', 1)).status).toBe(200);
  expect((await put('operator', undefined, 2)).status).toBe(200);
  expect((await put('operator', '36500d', 3)).status).toBe(403);
  expect((await put('admin', '23h', 3)).status).toBe(400);
});
