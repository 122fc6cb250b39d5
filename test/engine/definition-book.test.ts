import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { checkDocument } from '../../src/config/check-document.ts';
import { type DefinitionConfig, definitionSchema } from '../../src/config/definition.schema.ts';
import { openDefinitionBook } from '../../src/engine/definition-book.ts';
import { passwordOf } from '../../src/engine/definition-secrets.ts';
import { openStoreFixture, type StoreFixture } from '../support/store-fixture.ts';

const configOf = (id: string, more: Readonly<Record<string, unknown>> = {}): DefinitionConfig => {
  const document = {
    id,
    description: `Definition ${id}`,
    transport: 'pop3',
    serviceEmailAddress: `${id}@journal.north.example`,
    pop3: { host: 'mail.north.example', mailboxName: id, password: `${id}-password` },
    ...more,
  };
  const checked = checkDocument(definitionSchema, document);
  if (!checked.ok) throw new Error(JSON.stringify(checked.issues));
  return checked.value;
};
const open = ({ store, dataDir }: StoreFixture, configs: readonly DefinitionConfig[] = []) =>
  openDefinitionBook(configs, store.definitions, dataDir);
const made = { provisioned: false, actor: 'ada' } as const;
const by = { actor: 'ada', reason: null };
const typesOf = async ({ store }: StoreFixture): Promise<readonly string[]> =>
  (await store.events.find({ limit: 500, cursor: undefined })).items.map(({ type }) => type).toReversed();

test('a definition made over the API stands after a restart and after a rebuilt index, its password with it', async () => {
  await using fixture = await openStoreFixture();
  const book = await open(fixture);
  await book.define(configOf('alpha'), made);
  await book.define(configOf('alpha', { deliveryWaitAttempts: 5 }), made);
  await book.setSuspended('alpha', true, by);
  const before = book.get('alpha');
  for (const rebuild of [false, true]) {
    await fixture.reopen({ rebuild });
    const again = await open(fixture);
    expect(again.get('alpha')).toEqual(before);
    expect(passwordOf(again.get('alpha')!.config)?.reveal()).toBe('alpha-password');
    const options = [1, 2, 3].map((definitionVersion) =>
      again.optionsFor({ definitionId: 'alpha', definitionVersion }),
    );
    expect(options.map((each) => each?.deliveryWaitAttempts)).toEqual([3, 5, 5]);
  }
});

test('a removed definition is gone after a rebuilt index too; its options stay for its mail, and its versions go on', async () => {
  await using fixture = await openStoreFixture();
  const book = await open(fixture);
  await book.define(configOf('alpha', { deliveryWaitAttempts: 7 }), made);
  await fixture.store.uidl('alpha').write(new Map([['uid:1', { state: 'fetched' }]]));
  await fixture.store.definitions.saveRuntime('alpha', { firstRunDone: true });
  await book.remove('alpha', by);
  expect([...(await fixture.store.uidl('alpha').read())]).toEqual([]);
  expect(await fixture.store.definitions.loadRuntime('alpha')).toBeUndefined();
  await fixture.reopen({ rebuild: true });
  const again = await open(fixture);
  expect([again.get('alpha'), again.orphans()]).toEqual([undefined, ['alpha']]);
  expect(again.optionsFor({ definitionId: 'alpha', definitionVersion: 1 })?.deliveryWaitAttempts).toBe(7);
  const { definition, before } = await again.define(configOf('alpha'), made);
  expect([definition.version, before, again.orphans()]).toEqual([2, undefined, []]);
  expect(await typesOf(fixture)).toEqual(['definition.created', 'definition.deleted', 'definition.created']);
});

test('the event of a deletion tells what it was that went, no secret in it', async () => {
  await using fixture = await openStoreFixture();
  const book = await open(fixture);
  await book.define(configOf('alpha', { description: 'Ours' }), made);
  await book.remove('alpha', by);
  const { items } = await fixture.store.events.find({ limit: 1, cursor: undefined, type: 'definition.deleted' });
  const { old, ...others } = items[0]!.data as { old: Record<string, unknown> };
  expect(others).toEqual({ new: null, provisioned: false, reason: null });
  expect(old).toMatchObject({ description: 'Ours', serviceEmailAddress: 'alpha@journal.north.example' });
  expect(JSON.stringify(old)).not.toContain('alpha-password');
});

test('a file that says what an operator had said before changes nothing of since when it is so', async () => {
  await using fixture = await openStoreFixture();
  const start = fixture.clock.at;
  const book = await open(fixture, [configOf('filed')]);
  const say = async (suspended: boolean) => {
    fixture.clock.at += 60_000;
    await book.define(configOf('filed', { suspended }), { provisioned: true, actor: 'file' });
    return book.get('filed');
  };
  fixture.clock.at += 60_000;
  await book.setSuspended('filed', true, by);
  expect(await say(true)).toMatchObject({ suspended: true, suspendedSince: start + 60_000 });
  expect(await say(false)).toMatchObject({ suspended: false });
  expect(await say(true)).toMatchObject({ suspended: true, suspendedSince: fixture.clock.at });
  await book.setSuspended('filed', false, by);
  expect(await say(false)).toMatchObject({ suspended: false });
  expect(await typesOf(fixture)).toEqual([
    ...['definition.created', 'definition.suspended', 'definition.changed', 'definition.enabled'],
    ...['definition.suspended', 'definition.enabled', 'definition.changed'],
  ]);
  await fixture.reopen({ rebuild: true });
  expect((await open(fixture, [configOf('filed', { suspended: false })])).get('filed')).toMatchObject({
    suspended: false,
  });
});

test('one that the file no longer has is deleted at the start, and one that it takes over is the file’s', async () => {
  await using fixture = await openStoreFixture();
  const book = await open(fixture, [configOf('filed')]);
  await book.define(configOf('made'), made);
  const again = await open(fixture, [configOf('made')]);
  expect(again.all().map(({ id, provisioned, version }) => [id, provisioned, version])).toEqual([['made', true, 2]]);
  expect(await typesOf(fixture)).toEqual([
    'definition.created',
    'definition.created',
    'definition.deleted',
    'definition.changed',
  ]);
});

test('a file that repeats what was made over the API is refused before anything is written', async () => {
  await using fixture = await openStoreFixture();
  await (await open(fixture)).define(configOf('made'), made);
  const repeated = [
    configOf('filed', { description: 'DEFINITION MADE', serviceEmailAddress: 'Made@journal.north.example' }),
  ];
  await expect(open(fixture, repeated)).rejects.toThrow(/description.*made.*serviceEmailAddress.*made/s);
  expect(await typesOf(fixture)).toEqual(['definition.created']);
});

test('with the key lost the definition stands, its password is one that nobody knows, and it says so', async () => {
  await using fixture = await openStoreFixture();
  await (await open(fixture)).define(configOf('alpha'), made);
  await rm(join(fixture.dataDir, 'definitions.key'));
  const lost = (await open(fixture)).get('alpha');
  expect([lost?.secretLost, lost?.version]).toEqual([true, 1]);
  expect(passwordOf(lost!.config)?.reveal()).toMatch(/^[0-9a-f]{64}$/);
});

test('the same document again is no change; a new password alone is one, and named as that', async () => {
  await using fixture = await openStoreFixture();
  const book = await open(fixture);
  const first = await book.define(configOf('alpha'), made);
  const same = await book.define(configOf('alpha'), made);
  expect([same.definition, same.before, book.revision]).toEqual([first.definition, first.definition, 1]);
  const pop3 = { host: 'mail.north.example', mailboxName: 'alpha', password: 'another' };
  await book.define(configOf('alpha', { pop3 }), made);
  expect((await typesOf(fixture)).at(-1)).toBe('secret.changed');
});

test('the password of a canary rests sealed, stands after a restart, and is told apart from that of the mailbox', async () => {
  await using fixture = await openStoreFixture();
  const book = await open(fixture);
  const canary = { host: 'mx.north.example', from: 'd@north.example', to: 'c@north.example', user: 'd' };
  await book.define(configOf('alpha', { canary: { ...canary, password: 'tweet' } }), made);
  await fixture.reopen({ rebuild: true });
  const again = await open(fixture);
  const config = again.get('alpha')?.config;
  expect([config?.canary?.password?.reveal(), passwordOf(config!)?.reveal()]).toEqual(['tweet', 'alpha-password']);
  const stored = await fixture.store.definitions.get('alpha');
  expect(JSON.stringify(stored)).not.toContain('tweet');
  await again.define(configOf('alpha', { canary: { ...canary, password: 'another' } }), made);
  expect((await typesOf(fixture)).at(-1)).toBe('secret.changed');
  await rm(join(fixture.dataDir, 'definitions.key'));
  expect((await open(fixture)).get('alpha')?.secretLost).toBe(true);
});
