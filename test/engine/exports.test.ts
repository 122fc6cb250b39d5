import { expect, test } from 'vitest';
import { createArchiveApi } from '../../src/engine/archive-api.ts';
import { createExportApi } from '../../src/engine/exports.ts';
import { openSigner } from '../../src/evidence/signing-key.ts';
import type { ArchiveEntry, Verdict } from '../../streams/message.ts';
import { openStoreFixture, parsedItem, type StoreFixture, sha256, value } from '../support/store-fixture.ts';
import { noon, observationOf } from '../support/stream-shapes.ts';
import { VirtualClock } from '../support/virtual-time.ts';

/** Settles what is due: it joins what stands, or makes an entry. */
async function settleDue(fixture: StoreFixture): Promise<void> {
  const requests = (await fixture.due()).map((item) => {
    const parsed = parsedItem(item, { messageId: '<same@x>' });
    const { representations } = parsed.parsed;
    const observation = observationOf(item.intakeId, { receivedAt: item.receivedAt, representations });
    const decide = ([stands]: readonly ArchiveEntry[]): Verdict =>
      stands === undefined
        ? { kind: 'insert', observation, collidesWith: [] }
        : { kind: 'merge', entryId: stands.id, case: 'M2', observation, noop: false, learnt: {} };
    return { item: parsed, keys: ['mid:<same@x>'], decide };
  });
  await value(fixture.store.archive.settle(requests));
}

test('a line of an export and its bytes are of one version, though another is shown before they are read', async () => {
  await using fixture = await openStoreFixture();
  const { store, clock } = fixture;
  await fixture.take('the later copy');
  await settleDue(fixture);
  const listed = {
    ...store,
    messages: {
      ...store.messages,
      find: async (query: Parameters<typeof store.messages.find>[0]) => {
        const page = await store.messages.find(query);
        // A copy that was received earlier, and is the one that is shown.
        await fixture.take('the earlier copy', { at: clock.at - 1_000 });
        await settleDue(fixture);
        return page;
      },
    },
  };
  const notes: object[] = [];
  const api = createExportApi({
    store: listed as never,
    clock: new VirtualClock(noon),
    note: ({ data }) => void notes.push(data),
    archive: createArchiveApi(store),
    signer: await openSigner(fixture.dataDir),
  });
  const who = { actor: 'ada', peer: '127.0.0.1', query: {} };
  const exported: unknown[] = [];
  for await (const { line, bytes } of api.read({
    filter: {},
    cursor: undefined,
    limit: undefined,
    asOf: undefined,
    ...who,
  }))
    exported.push([line.sha256, bytes === null ? null : Buffer.from(bytes).toString()]);
  expect(exported).toEqual([[sha256('the later copy'), 'the later copy']]);
  expect(notes).toMatchObject([{ count: 1, damaged: 0, complete: true }]);
  const [now] = (await store.messages.find({ limit: 5, cursor: undefined })).items;
  expect(createArchiveApi(store).viewOf(now!, []).sha256).toBe(sha256('the earlier copy'));
});
