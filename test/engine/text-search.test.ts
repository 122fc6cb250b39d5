import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { wordsIn } from '../../src/content/message-words.ts';
import { openNoTextSearch, openTextSearch, type TextSearch } from '../../src/engine/text-search.ts';
import { archiveMail } from '../support/kept-mail.ts';
import { openStoreFixture, type StoreFixture } from '../support/store-fixture.ts';
import { noon, second } from '../support/stream-shapes.ts';
import { VirtualClock } from '../support/virtual-time.ts';

/** The text search of a real store, on a clock that is moved by hand. */
async function set() {
  const fixture = await openStoreFixture();
  const clock = new VirtualClock(noon);
  const logged: string[] = [];
  const state = { isPaused: false, isBroken: false };
  const open = (): TextSearch =>
    openTextSearch({
      ...{ dataDir: fixture.dataDir, master: null, clock, store: fixture.store as never },
      parser: {
        words: async (message) => {
          if (state.isBroken) throw new Error('no space left on device');
          return wordsIn(message);
        },
        [Symbol.asyncDispose]: async () => undefined,
      },
      log: (level, text) => void logged.push(`${level} ${text}`),
      isPaused: () => state.isPaused,
    });
  /** How long it rests, once it does: while a turn is taken nothing waits, and its reads come in their own time. */
  const rest = async (): Promise<number> => {
    const late = performance.now() + 20_000;
    await new Promise(setImmediate);
    for (; clock.nextAt === undefined; await new Promise(setImmediate)) {
      if (performance.now() > late) throw new Error('nothing ever waits');
    }
    return clock.nextAt - clock.now();
  };
  /** To the end of its rest. */
  const pass = async (): Promise<number> => {
    const ms = await rest();
    clock.runUntil(clock.now() + ms);
    return ms;
  };
  const until = async (isSo: () => boolean): Promise<void> => {
    for (let waits = 0; !isSo(); waits += 1) {
      if (waits > 1_000) throw new Error(`never: ${isSo}`);
      await pass();
    }
  };
  return { fixture, logged, state, open, rest, pass, until };
}

const archive = ({ fixture }: { readonly fixture: StoreFixture }, word: string): Promise<readonly string[]> =>
  archiveMail(fixture, [{ word }]);
const find = async ({ fixture }: { readonly fixture: StoreFixture }, text: TextSearch, words: string) => {
  const lists = text.lists(words)?.lists;
  const { items } = await fixture.store.messages.find({ limit: 9, cursor: undefined }, lists);
  return items.map(({ id }) => id);
};

test('it stands still while mail needs the machine, says how far it is behind, and is woken by new mail', async () => {
  const rig = await set();
  await using _ = rig.fixture;
  const { state, until, rest, pass } = rig;
  const [first] = await archive(rig, 'first');
  const text = rig.open();
  expect(text.status()).toMatchObject({ behind: 1, messages: 0 });
  expect(() => text.lists('first')).toThrowError(expect.objectContaining({ code: 'store-failed' }));
  await until(() => text.status()?.behind === 0);
  expect(await find(rig, text, 'body')).toEqual([first]);
  while ((await rest()) < 30 * second) await pass();
  state.isPaused = true;
  const [next] = await archive(rig, 'second');
  expect(await pass()).toBeLessThan(second);
  for (let turns = 0; turns < 5; turns += 1) expect(await pass()).toBe(10 * second);
  expect([text.status()?.behind, text.lists('body')?.behind]).toEqual([1, 1]);
  expect(await find(rig, text, 'second')).toEqual([]);
  state.isPaused = false;
  await until(() => text.status()?.behind === 0);
  expect(await find(rig, text, 'second')).toEqual([next]);
  expect([text.warnings(), rig.logged]).toEqual([[], []]);
  await text[Symbol.asyncDispose]();
});

test('what keeps it from going on is a warning until it goes on, and no search is answered meanwhile', async () => {
  const rig = await set();
  await using _ = rig.fixture;
  await archive(rig, 'first');
  // No folder can be made in its place.
  const folder = join(rig.fixture.dataDir, 'text-index');
  writeFileSync(folder, '');
  const text = rig.open();
  await rig.until(() => text.warnings().length > 0);
  expect(text.warnings()).toMatchObject([{ code: 'text-index', since: expect.any(String) }]);
  expect(text.status()).toMatchObject({ behind: 1 });
  expect(() => text.lists('first')).toThrowError(expect.objectContaining({ code: 'store-failed' }));
  for (let turns = 0; turns < 3; turns += 1) await rig.pass();
  expect(rig.logged.filter((line) => line.includes('could not go on'))).toHaveLength(1);
  rmSync(folder);
  await rig.until(() => text.status()?.behind === 0);
  expect(text.warnings()).toEqual([]);
  expect(await find(rig, text, 'first')).toHaveLength(1);
  rig.state.isBroken = true;
  await archive(rig, 'second');
  await rig.until(() => text.warnings().length > 0);
  expect(text.warnings()).toMatchObject([{ text: expect.stringContaining('no space left on device') }]);
  rig.state.isBroken = false;
  await rig.until(() => text.status()?.behind === 0);
  expect(await find(rig, text, 'second')).toHaveLength(1);
  await text[Symbol.asyncDispose]();
});

test('a stop while much is to be read loses nothing, and off it takes its folder away', async () => {
  const rig = await set();
  await using _ = rig.fixture;
  for (let n = 0; n < 60; n += 1) await archive(rig, `word${n}`);
  const first = rig.open();
  await rig.until(() => (first.status()?.messages ?? 0) > 0);
  await first[Symbol.asyncDispose]();
  const again = rig.open();
  await rig.until(() => again.status()?.behind === 0);
  expect(again.status()).toEqual({ behind: 0, messages: 60, truncated: 0, unreadable: 0 });
  for (const n of [0, 31, 59]) expect(await find(rig, again, `word${n}`)).toHaveLength(1);
  await again[Symbol.asyncDispose]();
  const folder = join(rig.fixture.dataDir, 'text-index');
  mkdirSync(join(folder, 'more'), { recursive: true });
  const none = await openNoTextSearch(rig.fixture);
  expect([existsSync(folder), none.status(), none.lists('word1')]).toEqual([false, null, null]);
});
