import { expect, test } from 'vitest';
import { openStoreFixture, parsedItem, type StoreFixture, value } from '../support/store-fixture.ts';

type Verdict = { readonly kind: 'end'; readonly outcome: 'held' | 'quarantined' | 'skipped'; readonly reason: string };

async function end(fixture: StoreFixture, outcome: Verdict['outcome'], definitionId = 'exchange'): Promise<string> {
  const id = await fixture.take(`${outcome} of ${definitionId}`, { definitionId });
  const items = await fixture.due(definitionId);
  const item = items.find(({ intakeId }) => intakeId === id);
  const parsed = parsedItem(item!, { messageId: `<${id}@x>`, flags: ['known'] });
  const verdict: Verdict = { kind: 'end', outcome, reason: 'a reason' };
  await value(fixture.store.archive.settle([{ item: parsed, keys: [], decide: () => verdict }]));
  return id;
}

test('T13 what is held or quarantined of a removed definition is an orphan, until there is one of that id again', async () => {
  await using fixture = await openStoreFixture();
  const event = { type: 't', severity: 'info', actor: 'op', definitionId: 'exchange', intakeId: null, entryId: null };
  const common = { definitionId: 'exchange', event: { ...event, data: {} } as never };
  const command = (name: 'define' | 'remove') => {
    const define = { version: 1, document: {}, suspended: true, digest: 'd' };
    return fixture.store.definitions.command({
      command: name,
      ...(name === 'define' ? define : {}),
      ...common,
    } as never);
  };
  const orphans = async (): Promise<readonly string[]> => {
    const { items } = await fixture.store.intake.find({ limit: 50, cursor: undefined, flag: 'orphan' });
    for (const { flags } of items) expect(flags).toEqual(['known', 'orphan']);
    return items.map(({ intakeId }) => intakeId).toSorted();
  };
  await command('define');
  const kept = [await end(fixture, 'held'), await end(fixture, 'quarantined')].toSorted();
  const skipped = await end(fixture, 'skipped');
  await end(fixture, 'held', 'other');
  expect(await orphans()).toEqual([]);
  await command('remove');
  for (const again of [{}, { rebuild: true }]) {
    expect(await orphans()).toEqual(kept);
    expect((await fixture.store.intake.get(skipped))?.flags).toEqual(['known']);
    await fixture.reopen(again);
  }
  expect(await orphans()).toEqual(kept);
  await command('define');
  expect(await orphans()).toEqual([]);
});
