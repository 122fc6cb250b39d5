import { describe, expect, test } from 'vitest';
import { wordsIn } from '../../src/content/message-words.ts';
import { EngineFailure } from '../../streams/failure.ts';
import type { EventDraft } from '../../streams/ports.ts';
import { archiveMail, deleteDue, filesWith } from '../support/kept-mail.ts';
import { openStoreFixture, type StoreFixture } from '../support/store-fixture.ts';
import { day } from '../support/stream-shapes.ts';
import { openText } from '../support/text-fixture.ts';

const erased = (entryId: string): EventDraft => {
  const nobody = { actor: 'op', definitionId: null, intakeId: null };
  return { type: 'item.erased', severity: 'info', ...nobody, entryId, data: {} };
};
const archive = async (fixture: StoreFixture, words: readonly string[]): Promise<readonly string[]> =>
  archiveMail(
    fixture,
    words.map((word) => ({ word })),
  );

test('messages are found by words of their text together with all else, newest first and page by page', async () => {
  await using fixture = await openStoreFixture();
  const [zebra, quagga, okapi] = await archive(fixture, ['zebra', 'quagga', 'okapi']);
  await using text = await openText(fixture);
  expect(text.pass.behind).toBe(3);
  expect(await text.find('body')).toEqual([]);
  await text.readAll();
  expect(text.pass.behind).toBe(0);
  expect(await text.find('body')).toEqual([okapi, quagga, zebra]);
  expect(await text.find('Body, SAYS!', {}, 1)).toEqual([okapi, quagga, zebra]);
  expect(await text.find('zebra')).toEqual([zebra]);
  expect(await text.find('zebra quagga')).toEqual([]);
  // Of a subject alone: it is no text.
  expect(await text.find('about')).toEqual([]);
  expect(await text.find('body', { mailbox: 'quagga.reader@north.example' })).toEqual([quagga]);
  expect(await text.find('body', { subject: 'okapi' })).toEqual([okapi]);
  expect(await text.find('body', { messageId: '<zebra@id.example>' })).toEqual([zebra]);
  expect(await text.find('quagga', { messageId: '<zebra@id.example>' })).toEqual([]);
  expect(await text.find('body', { since: Date.parse('2030-01-01') })).toEqual([]);
  // Of an entry that stands elsewhere by now, and of none.
  const stale = { below: async () => [`000000000000009\u0000${zebra}`, '000000000000008\u0000nobody'] };
  expect((await fixture.store.messages.find({ limit: 9, cursor: undefined }, [stale])).items).toEqual([]);
});

test('what is joined to an entry is found too, and what is new while pages are read shifts none of them', async () => {
  await using fixture = await openStoreFixture();
  const [first, second] = await archive(fixture, ['first', 'second']);
  await using text = await openText(fixture);
  await text.readAll();
  const lists = [text.index.listOf('body')];
  const page = await fixture.store.messages.find({ limit: 1, cursor: undefined }, lists);
  const [third] = await archive(fixture, ['third']);
  await archiveMail(fixture, [{ word: 'variant', into: first! }]);
  expect(text.pass.behind).toBe(2);
  await text.readAll();
  const rest = await fixture.store.messages.find({ limit: 9, cursor: page.next! }, lists);
  expect([...page.items, ...rest.items].map(({ id }) => id)).toEqual([second, first]);
  expect(await text.find('body')).toEqual([third, second, first]);
  expect(await text.find('variant')).toEqual([first]);
  expect(await text.find('variant first')).toEqual([first]);
  expect([text.pass.behind, text.index.state.messages]).toEqual([0, 3]);
});

describe.each([false, true])('where the archive is encrypted: %s', (isEncrypted) => {
  const kind = isEncrypted ? 'encrypted segments' : 'segments';

  test('what was erased or past its time is in no file of the index any more the day after', async () => {
    await using fixture = await openStoreFixture(kind);
    await using text = await openText(fixture, { isEncrypted });
    const { retention } = fixture.store;
    await retention.keep('short', 10 * day);
    const [aardvark, kept] = await archive(fixture, ['aardvark', 'kept']);
    const [pangolin] = await archiveMail(fixture, [{ word: 'pangolin', definitionId: 'short' }]);
    await text.readAll();
    expect(await text.find('body')).toEqual([pangolin, kept, aardvark]);
    expect((await filesWith(fixture, 'aardvark')).some((name) => /^\d+\.(log|ldb)$/.test(name))).toBe(!isEncrypted);
    await retention.erase(aardvark!, erased(aardvark!));
    // It is gone before the index has heard of it.
    expect(await text.find('body')).toEqual([pangolin, kept]);
    for (let days = 0; days < 11; days += 1) {
      fixture.clock.at += day;
      await retention.look(fixture.clock.at);
    }
    expect(await deleteDue(fixture)).toBe(1);
    await text.readAll();
    expect(text.index.state.messages).toBe(1);
    expect(await text.find('body')).toEqual([kept]);
    expect(await text.find('pangolin')).toEqual([]);
    await text.index.compactIfDue(fixture.clock.at + day);
    // The log and the index of the archive have nights of their own.
    const { dataDir } = fixture;
    for (const word of ['aardvark', 'pangolin']) {
      expect(await filesWith({ dataDir: `${dataDir}/text-index` }, word)).toEqual([]);
      expect(await text.index.listOf(word).below({ from: '', bound: '~', limit: 9 })).toEqual([]);
    }
    expect(await filesWith({ dataDir: `${dataDir}/text-index` }, 'kept')).toHaveLength(isEncrypted ? 0 : 1);
  });
});

test('deletions are obeyed before what is still to be read, however long the archive is', async () => {
  await using fixture = await openStoreFixture();
  await using text = await openText(fixture);
  const [first] = await archive(fixture, ['first']);
  for (let step = 0; step < 3 && text.index.state.messages === 0; step += 1) await text.pass.step();
  expect(await text.find('first')).toEqual([first]);
  for (let n = 0; n < 20; n += 1) await archive(fixture, [`later${n}`]);
  await fixture.store.retention.erase(first!, erased(first!));
  await text.pass.step();
  expect(await text.index.rowOf(first!)).toBeUndefined();
  expect(await text.index.listOf('first').below({ from: '', bound: '~', limit: 9 })).toEqual([]);
  expect(text.pass.behind).toBeGreaterThan(10);
});

test('it goes on where it was, and is made anew where the archive is another or encrypted otherwise', async () => {
  await using fixture = await openStoreFixture();
  for (let n = 0; n < 6; n += 1) await archive(fixture, [`word${n}`]);
  let read = 0;
  const counting = async (message: Uint8Array) => {
    read += 1;
    return wordsIn(message);
  };
  {
    await using text = await openText(fixture, { wordsOf: counting });
    while (text.index.state.messages < 3) await text.pass.step();
    expect(text.pass.behind).toBe(3);
  }
  {
    await using text = await openText(fixture, { wordsOf: counting });
    await text.readAll();
    expect([read, text.index.state.messages, text.pass.behind, text.discarded]).toEqual([6, 6, 0, []]);
  }
  await using other = await openStoreFixture('encrypted segments');
  const elsewhere = { store: other.store, dataDir: fixture.dataDir } as StoreFixture;
  await archive(other, ['elsewhere']);
  {
    await using text = await openText(elsewhere);
    await text.readAll();
    expect(text.discarded).toEqual(['it was made from another commit log']);
    expect([await text.find('word1'), text.index.state.messages]).toEqual([[], 1]);
  }
  await using text = await openText({ ...other, store: other.store, dataDir: other.dataDir } as StoreFixture);
  await text.readAll();
  await text[Symbol.asyncDispose]();
  await using sealed = await openText(other, { isEncrypted: true });
  expect(sealed.discarded).toEqual(['it is not encrypted as the archive is']);
});

test('a message that cannot be read is left out and counted, and so is one that ended the process twice', async () => {
  await using fixture = await openStoreFixture();
  const [good, crash, poison] = await archive(fixture, ['good', 'crash', 'poison']);
  let deaths = 0;
  let die: () => void = () => undefined;
  const wordsOf = async (message: Uint8Array) => {
    const text = Buffer.from(message).toString('latin1');
    if (text.includes('says crash')) throw new EngineFailure('parser-crash');
    if (!text.includes('says poison')) return wordsIn(message);
    deaths += 1;
    die();
    // Nothing is noted any more, as after a kill.
    return new Promise<never>(() => undefined);
  };
  for (let life = 0; life < 2; life += 1) {
    const dead = new Promise<void>((resolve) => {
      die = resolve;
    });
    const text = await openText(fixture, { wordsOf });
    void text.readAll();
    await dead;
    await text[Symbol.asyncDispose]();
  }
  await using text = await openText(fixture, { wordsOf });
  await text.readAll();
  expect(deaths).toBe(2);
  expect(text.index.state).toMatchObject({ messages: 3, unreadable: 2, settled: 3 });
  expect(await text.find('body')).toEqual([good]);
  expect(await text.index.rowOf(crash!)).toMatchObject({ unreadable: true, words: '' });
  expect(await text.index.rowOf(poison!)).toMatchObject({ unreadable: true, words: '' });
});

test('an attempt that was cut off by a stop is none', async () => {
  await using fixture = await openStoreFixture();
  const [id] = await archive(fixture, ['long']);
  const stopping = async (): Promise<never> => {
    throw new EngineFailure('stopping');
  };
  for (let life = 0; life < 4; life += 1) {
    await using text = await openText(fixture, { wordsOf: stopping });
    await expect(text.readAll()).rejects.toMatchObject({ code: 'stopping' });
  }
  await using text = await openText(fixture);
  await text.readAll();
  expect(await text.find('long')).toEqual([id]);
});
