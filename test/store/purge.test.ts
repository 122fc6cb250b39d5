import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { verifyData } from '../../src/engine/verification.ts';
import { openReading } from '../../src/store/encryption.ts';
import type { Verdict } from '../../streams/message.ts';
import { masterKey } from '../support/master-keys.ts';
import {
  isEncrypted,
  openStoreFixture,
  parsedItem,
  type StoreFixture,
  storeKinds,
  value,
} from '../support/store-fixture.ts';
import { day, observationOf, second } from '../support/stream-shapes.ts';

const month = 30 * day;
const skipped = { kind: 'end', outcome: 'skipped', reason: 'non-internal' } as const;
const held = { kind: 'end', outcome: 'held', reason: 'expired' } as const;
const quarantined = { kind: 'end', outcome: 'quarantined', reason: 'decode' } as const;

/** Ends the one item that is due for the definition. */
async function end(fixture: StoreFixture, verdict: Verdict, definitionId = 'exchange'): Promise<void> {
  const [item] = await fixture.due(definitionId);
  await value(fixture.store.archive.settle([{ item: item!, keys: [], decide: () => verdict }]));
}
/** Archives it with the whole of its bytes. */
async function archive(fixture: StoreFixture, definitionId: string): Promise<void> {
  const [item] = await fixture.due(definitionId);
  const parsed = parsedItem(item!, { messageId: '<kept@x>' });
  const { representations } = parsed.parsed;
  const observation = observationOf(item!.intakeId, { definitionId, representations });
  const insert = { kind: 'insert', observation, collidesWith: [] } as const;
  await value(fixture.store.archive.settle([{ item: parsed, keys: [], decide: () => insert }]));
}
const purgeAt = (fixture: StoreFixture, at: number): Promise<number> => {
  fixture.clock.at = at;
  return fixture.store.housekeeping.purgeSkipped(at, 100);
};
const readOf = async ({ store }: StoreFixture, id: string): Promise<string> => {
  const record = await store.intake.get(id);
  const bytes = await value(store.bodies.read(record!.body, 'identity', record!.sha256));
  return Buffer.from(bytes).toString('latin1');
};
const release = ({ store }: StoreFixture, intakeId: string): Promise<boolean> => {
  const common = { severity: 'info', actor: 'op', definitionId: 'exchange', entryId: null, data: {} } as const;
  const event = { type: 'item.released', intakeId, ...common };
  return store.definitions.command({ command: 'release', intakeId, overrides: ['scope'], event });
};
const eventTypes = async ({ store }: StoreFixture): Promise<readonly string[]> =>
  (await store.events.find({ limit: 500, cursor: undefined })).items.map(({ type }) => type);
/** True when some file of the data directory holds the text. */
async function isOnDisk({ dataDir }: StoreFixture, text: string): Promise<boolean> {
  const entries = await readdir(dataDir, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const contents = await Promise.all(files.map(({ parentPath, name }) => readFile(join(parentPath, name))));
  return contents.some((content) => content.includes(text));
}

describe.each(storeKinds)('S17 bytes of skipped items in %s', (bytes) => {
  test('are kept for 30 days from the outcome, to the second, and then leave every file; the record stays', async () => {
    await using fixture = await openStoreFixture(bytes);
    const receivedAt = fixture.clock.at;
    const [id, other] = [await fixture.take('the secret words'), await fixture.take('other words')];
    const skippedAt = receivedAt + day;
    fixture.clock.at = skippedAt;
    await end(fixture, skipped);
    await archive(fixture, 'exchange');
    expect(await fixture.store.intake.get(id)).toMatchObject({ state: 'skipped', purgeRawAt: skippedAt + month });
    expect(await purgeAt(fixture, skippedAt + month - second)).toBe(0);
    expect(await readOf(fixture, id)).toBe('the secret words');
    expect(await purgeAt(fixture, skippedAt + month)).toBe(1);
    const purgedAt = fixture.clock.at;
    const record = await fixture.store.intake.get(id);
    expect(record).toMatchObject({ state: 'skipped', reason: 'non-internal', size: 16, rawPurgedAt: purgedAt });
    expect(record?.steps.map(({ step }) => step)).toEqual(['received', 'skipped', 'purged']);
    expect(await isOnDisk(fixture, 'the secret words')).toBe(!isEncrypted(bytes));
    expect(await fixture.store.housekeeping.dropPurged(purgedAt, 100)).toBe(0);
    expect(await fixture.store.housekeeping.dropPurged(purgedAt + 1, 100)).toBe(1);
    await expect(readOf(fixture, id)).rejects.toMatchObject({ code: 'missing' });
    expect(await isOnDisk(fixture, 'the secret words')).toBe(false);
    expect(await readOf(fixture, other)).toBe('other words');
    expect(await purgeAt(fixture, purgedAt + month)).toBe(0);
    expect(await fixture.store.housekeeping.dropPurged(fixture.clock.at + 1, 100)).toBe(0);
  });

  test('an index made anew knows what is purged, and what is still to be dropped after a crash', async () => {
    await using fixture = await openStoreFixture(bytes);
    const start = fixture.clock.at;
    await fixture.take('first');
    await end(fixture, skipped);
    await purgeAt(fixture, start + month);
    const second = await fixture.take('second');
    await end(fixture, skipped);
    await fixture.store.housekeeping.dropPurged(fixture.clock.at + 1, 100);
    await purgeAt(fixture, start + 2 * month);
    const before = await pictureOf(fixture);
    for (const rebuild of [false, true]) {
      await fixture.reopen({ rebuild });
      expect(await pictureOf(fixture)).toEqual(before);
    }
    expect(await fixture.store.housekeeping.dropPurged(fixture.clock.at + 1, 100)).toBe(1);
    await expect(readOf(fixture, second)).rejects.toMatchObject({ code: 'missing' });
    await fixture.reopen({ rebuild: true });
    expect(await fixture.store.housekeeping.dropPurged(fixture.clock.at + 1, 100)).toBe(0);
  });

  test('a large message gives back every piece it came in', async () => {
    await using fixture = await openStoreFixture(bytes);
    const id = await fixture.take('0123456789'.repeat(120_000));
    const { body } = (await fixture.store.intake.get(id))!;
    expect(body.length).toBeGreaterThan(3);
    await end(fixture, skipped);
    await purgeAt(fixture, fixture.clock.at + month);
    while ((await fixture.store.housekeeping.dropPurged(fixture.clock.at + 1, 2)) > 0);
    for (const { seq } of body) {
      await expect(fixture.store.log.slice(seq, 0, 1)).rejects.toMatchObject({ code: 'missing' });
    }
    expect(await isOnDisk(fixture, '0123456789')).toBe(false);
  });

  test('are kept where another intake of the transaction is archived, held or still in process', async () => {
    await using fixture = await openStoreFixture(bytes);
    const text = 'shared by two definitions';
    const id = await fixture.take(text, { alsoFor: ['archiving', 'holding', 'waiting'] });
    await end(fixture, skipped);
    await archive(fixture, 'archiving');
    await end(fixture, held, 'holding');
    await purgeAt(fixture, fixture.clock.at + month);
    expect((await fixture.store.intake.get(id))?.rawPurgedAt).toBe(fixture.clock.at);
    expect(await fixture.store.housekeeping.dropPurged(fixture.clock.at + 1, 100)).toBe(0);
    for (const other of ['archiving', 'holding', 'waiting']) expect(await readOf(fixture, `${id}-${other}`)).toBe(text);
  });
});

describe('S17 bytes', () => {
  test('that two skipped items share go when the later one is past its time', async () => {
    await using fixture = await openStoreFixture();
    const start = fixture.clock.at;
    const id = await fixture.take('shared', { alsoFor: ['late'] });
    await end(fixture, skipped);
    fixture.clock.at = start + day;
    await end(fixture, skipped, 'late');
    await purgeAt(fixture, start + month + day - 1);
    expect(await fixture.store.housekeeping.dropPurged(fixture.clock.at + 1, 100)).toBe(0);
    expect(await readOf(fixture, `${id}-late`)).toBe('shared');
    await purgeAt(fixture, start + month + day);
    expect(await fixture.store.housekeeping.dropPurged(fixture.clock.at + 1, 100)).toBe(1);
    await expect(readOf(fixture, `${id}-late`)).rejects.toMatchObject({ code: 'missing' });
  });

  test('of held and quarantined items are never purged', async () => {
    await using fixture = await openStoreFixture();
    for (const verdict of [held, quarantined]) {
      await fixture.take(verdict.outcome);
      await end(fixture, verdict);
    }
    expect(await purgeAt(fixture, fixture.clock.at + 1_000 * day)).toBe(0);
    const { items } = await fixture.store.intake.find({ limit: 10, cursor: undefined });
    expect(items.map(({ purgeRawAt }) => purgeRawAt)).toEqual([undefined, undefined]);
  });

  test('of a skipped item that was released in time stay, also where the purge was already on its way', async () => {
    await using fixture = await openStoreFixture();
    const id = await fixture.take('released');
    await end(fixture, skipped);
    fixture.clock.at += month;
    await release(fixture, id);
    const facts = { command: 'purge', definitionId: 'exchange', intakeIds: [id] } as const;
    await fixture.store.log.append({ kind: 'command', facts, payload: [] });
    expect(await fixture.store.housekeeping.dropPurged(fixture.clock.at + 1, 100)).toBe(0);
    const record = await fixture.store.intake.get(id);
    expect(record).toMatchObject({ state: 'received' });
    expect([record?.purgeRawAt, record?.rawPurgedAt]).toEqual([undefined, undefined]);
    expect(await readOf(fixture, id)).toBe('released');
    expect(await eventTypes(fixture)).not.toContain('item.purged');
  });

  test('are not taken before their time, whatever a purge says', async () => {
    await using fixture = await openStoreFixture();
    const id = await fixture.take('early');
    await end(fixture, skipped);
    fixture.clock.at += month - 1;
    const facts = { command: 'purge', definitionId: 'exchange', intakeIds: [id] } as const;
    await fixture.store.log.append({ kind: 'command', facts, payload: [] });
    expect((await fixture.store.intake.get(id))?.rawPurgedAt).toBeUndefined();
  });

  test('that are gone cannot be released: the item stays skipped, and no event says otherwise', async () => {
    await using fixture = await openStoreFixture();
    const id = await fixture.take('gone');
    await end(fixture, skipped);
    await purgeAt(fixture, fixture.clock.at + month);
    await release(fixture, id);
    expect(await fixture.store.intake.get(id)).toMatchObject({ state: 'skipped' });
    expect(await eventTypes(fixture)).toEqual(['item.purged', 'item.skipped']);
    expect(fixture.store.figuresOf('exchange')).toMatchObject({ received: 1, skipped: 1, queueMessages: 0 });
  });

  test('a pass takes as many as it may, the longest due first', async () => {
    await using fixture = await openStoreFixture();
    const ids: string[] = [];
    for (const n of [1, 2, 3]) {
      ids.push(await fixture.take(`message ${n}`));
      await end(fixture, skipped);
      fixture.clock.at += second;
    }
    fixture.clock.at += month;
    expect(await fixture.store.housekeeping.purgeSkipped(fixture.clock.at, 2)).toBe(2);
    const purged = await Promise.all(ids.map(async (id) => (await fixture.store.intake.get(id))?.rawPurgedAt));
    expect(purged.map((at) => at !== undefined)).toEqual([true, true, false]);
  });
});

/** All that readers can see of it. */
async function pictureOf({ store }: StoreFixture) {
  const all = { limit: 500, cursor: undefined };
  return {
    figures: store.figuresOf('exchange'),
    intake: await store.intake.find(all),
    skipped: await store.intake.find({ ...all, state: 'skipped' }),
    events: await store.events.find(all),
    ledger: await store.ledger(),
  };
}

test.each(['segments', 'leveldb'] as const)(
  'S17 encrypted bytes in %s cannot be read from the tombstone on, and a verification finds it',
  async (kind) => {
    await using fixture = await openStoreFixture(`encrypted ${kind}`);
    const id = await fixture.take('the secret words');
    await end(fixture, skipped);
    const { body } = (await fixture.store.intake.get(id))!;
    await purgeAt(fixture, fixture.clock.at + month);
    await expect(fixture.store.log.slice(body[0]!.seq, 0, 3)).rejects.toMatchObject({ code: 'missing' });
    await fixture.reopen();
    await expect(fixture.store.log.slice(body[0]!.seq, 0, 3)).rejects.toMatchObject({ code: 'missing' });
    expect((await fixture.store.log.record(body[0]!.seq)).record).toMatchObject({ facts: { size: 16 } });
    await fixture.store[Symbol.asyncDispose]();
    const reading = await openReading(fixture.dataDir, masterKey());
    const report = await verifyData({ dataDir: fixture.dataDir, bytes: kind, upTo: null, reading });
    expect(report).toMatchObject({ deleted: 1, unread: 0, faults: [] });
  },
);
