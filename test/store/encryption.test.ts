import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { verifyData } from '../../src/engine/verification.ts';
import type { MasterKey } from '../../src/master-key.ts';
import { openReading } from '../../src/store/encryption.ts';
import { createIndexSeal } from '../../src/store/index-seal.ts';
import { keysFolder, openRecordKeys } from '../../src/store/record-keys.ts';
import { keyBytesOf, masterKey } from '../support/master-keys.ts';
import { openStoreFixture, parsedItem, type StoreFixture, sha256, value } from '../support/store-fixture.ts';
import { observationOf } from '../support/stream-shapes.ts';

describe('values of the index', () => {
  const seal = () => createIndexSeal(keyBytesOf('index'));

  test('open in their own room, in this run and in the next, and not with a bit flipped', () => {
    const stored = seal().encode('entry', { subject: 'Lunch' });
    expect(stored.includes('Lunch')).toBe(false);
    expect(seal().decode('entry', stored)).toEqual({ subject: 'Lunch' });
    expect(() => seal().decode('intake', stored)).toThrow();
    expect(() => createIndexSeal(keyBytesOf('other')).decode('entry', stored)).toThrow();
    for (let bit = 0; bit < stored.length * 8; bit += 1) {
      const flipped = Buffer.from(stored);
      flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
      expect(() => seal().decode('entry', flipped), `bit ${bit}`).toThrow();
    }
  });

  test('never share a nonce: sessions differ, and count', () => {
    const [one, two] = [seal(), seal()];
    const starts = [one, one, two, two].map((each) => each.encode('meta', 1).subarray(1, 25).toString('hex'));
    expect(new Set(starts).size).toBe(4);
    expect(new Set(starts.map((start) => start.slice(0, 24))).size).toBe(2);
  });

  test('names are blinded alike in each run, and differently under another key', () => {
    expect(seal().blind('a:ada@north.example')).toBe(seal().blind('a:ada@north.example'));
    expect(seal().blind('a:ada@north.example')).not.toBe(seal().blind('a:bo@north.example'));
    expect(createIndexSeal(keyBytesOf('other')).blind('a:x')).not.toBe(seal().blind('a:x'));
  });
});

const canaries = ['xylophone-body', 'xylophone-subject', 'xylophone@north.example'] as const;

/** Takes and archives one message with a canary in body, subject and recipient, another that stays in process. */
async function fill(fixture: StoreFixture): Promise<string> {
  const { store } = fixture;
  const id = await fixture.take(`Subject: ${canaries[1]}\r\n\r\n${canaries[0]}\r\n`);
  const [item] = await fixture.due();
  const parsed = parsedItem(item!, { messageId: `<${id}@x>`, subject: canaries[1], sender: canaries[2] });
  const observation = observationOf(id, {
    definitionId: 'exchange',
    representations: parsed.parsed.representations.map((each) => ({
      ...each,
      facts: { ...each.facts, subject: canaries[1], from: canaries[2] },
    })),
    recipients: [{ ...parsed.parsed.observed[0]!, address: canaries[2] }],
  });
  const insert = { kind: 'insert', observation, collidesWith: [] } as const;
  await value(store.archive.settle([{ item: parsed, keys: [], decide: () => insert }]));
  await fixture.take(`Subject: ${canaries[1]}\r\n\r\n${canaries[0]} again\r\n`);
  await store.uidl('exchange').write(new Map([['1', { note: canaries[2] }]]));
  await store.definitions.saveRuntime('exchange', { note: canaries[1] });
  const event = { type: 'item.released', severity: 'info', actor: canaries[2], intakeId: id } as const;
  await value(
    store.events.append({ ...event, definitionId: 'exchange', entryId: null, data: { subject: canaries[1] } }),
  );
  return id;
}
async function filesWith({ dataDir }: StoreFixture, text: string): Promise<readonly string[]> {
  const entries = await readdir(dataDir, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
  const found: string[] = [];
  for (const file of files) if ((await readFile(file)).includes(text)) found.push(file);
  return found;
}
const find = async ({ store }: StoreFixture, query: object) =>
  (await store.messages.find({ limit: 10, ...query } as never)).items.map(({ id }) => id);
const textOf = async ({ store }: StoreFixture, id: string): Promise<string> => {
  const row = (await store.intake.get(id))!;
  return Buffer.from(await value(store.bodies.read(row.body, 'identity', row.sha256))).toString('latin1');
};

describe.each(['segments', 'leveldb'] as const)('an encrypted archive in %s', (bytes) => {
  test('has no word of mail, subject or address in any file, and finds and reads it all', async () => {
    await using plain = await openStoreFixture(bytes);
    await using fixture = await openStoreFixture(`encrypted ${bytes}`);
    for (const each of [plain, fixture]) {
      await fill(each);
      await each.reopen();
      await each.reopen();
    }
    for (const text of canaries) {
      expect(await filesWith(plain, text)).not.toEqual([]);
      expect(await filesWith(fixture, text)).toEqual([]);
    }
    for (const query of [{ mailbox: canaries[2] }, { subject: canaries[1] }, { definition: 'exchange' }]) {
      expect(await find(fixture, query)).toEqual(await find(plain, query));
      expect(await find(fixture, query)).toHaveLength(1);
    }
    expect(await find(fixture, { mailbox: 'nobody@north.example' })).toEqual([]);
    expect(await textOf(fixture, 'intake-0001')).toBe(await textOf(plain, 'intake-0001'));
    expect(await fixture.store.uidl('exchange').read()).toEqual(await plain.store.uidl('exchange').read());
    expect(await fixture.store.definitions.loadRuntime('exchange')).toEqual({ note: canaries[1] });
  });

  test('has the tree, the chain and the account of one in clear, also with an index made anew', async () => {
    await using fixture = await openStoreFixture(`encrypted ${bytes}`);
    const id = await fill(fixture);
    const pictureOf = async () => ({
      tree: fixture.store.evidence.tree,
      head: fixture.store.log.head,
      ledger: await fixture.store.ledger(),
      entry: await fixture.store.messages.get(id),
      found: await find(fixture, { mailbox: canaries[2] }),
    });
    const before = await pictureOf();
    await fixture.reopen({ rebuild: true });
    expect(await pictureOf()).toEqual(before);
    await rm(join(fixture.dataDir, 'keys', 'index.keys'));
    await fixture.reopenWith(masterKey(), { rebuild: true });
    expect(await pictureOf()).toEqual(before);
  });

  test('opens under its own master key alone, and the refusal names the keys', async () => {
    await using fixture = await openStoreFixture(`encrypted ${bytes}`);
    const id = await fill(fixture);
    for (const [master, said] of [
      [null, masterKey().id],
      [masterKey('two'), `${masterKey().id}, and store.encryption gives ${masterKey('two').id}`],
    ] as const) {
      const refusal = await fixture.reopenWith(master).catch((error: unknown) => error);
      expect(refusal).toMatchObject({ code: 'key-unusable' });
      expect(String(refusal)).toContain(said);
    }
    await fixture.reopenWith(masterKey());
    expect(await textOf(fixture, id)).toContain(canaries[0]);
  });

  test('may begin in clear: what is new is encrypted, what is old is read, once the index is made anew', async () => {
    await using fixture = await openStoreFixture(bytes);
    const old = await fixture.take('the old words');
    await expect(fixture.reopenWith(masterKey())).rejects.toMatchObject({ code: 'index-unknown' });
    await fixture.reopenWith(masterKey(), { rebuild: true });
    const fresh = await fixture.take('the fresh words');
    await fixture.reopenWith(masterKey());
    expect(await textOf(fixture, old)).toBe('the old words');
    expect(await textOf(fixture, fresh)).toBe('the fresh words');
    expect(await filesWith(fixture, 'the old words')).not.toEqual([]);
    expect(await filesWith(fixture, 'the fresh words')).toEqual([]);
    await expect(fixture.reopenWith(null)).rejects.toMatchObject({ code: 'key-unusable' });
    await fixture.reopenWith(masterKey());
  });

  test('is verified in whole with its key, and in its chain without', async () => {
    await using fixture = await openStoreFixture(`encrypted ${bytes}`);
    await fill(fixture);
    const { seq } = fixture.store.log.head;
    await fixture.store[Symbol.asyncDispose]();
    const { dataDir } = fixture;
    const verify = async (master: MasterKey | null) =>
      verifyData({ dataDir, bytes, upTo: null, reading: await openReading(dataDir, master) });
    const whole = await verify(masterKey());
    expect(whole).toMatchObject({ records: seq, unread: 0, keyIds: [masterKey().id], faults: [] });
    expect(await verify(null)).toMatchObject({ records: seq, unread: seq, root: whole.root, faults: [] });
    await using keys = await openRecordKeys(keysFolder(dataDir), masterKey());
    await keys.destroy([1]);
    const { faults } = await verify(masterKey());
    expect(faults.map(({ text }) => text)).toEqual([expect.stringContaining('record 1 is gone, and no tombstone')]);
  });

  test('a large message goes through it in pieces', async () => {
    await using fixture = await openStoreFixture(`encrypted ${bytes}`);
    const text = 'x'.repeat(700_001);
    const id = await fixture.take(text);
    await fixture.reopen();
    expect(sha256(await textOf(fixture, id))).toBe(sha256(text));
    expect(await filesWith(fixture, 'x'.repeat(64))).toEqual([]);
  });
});
