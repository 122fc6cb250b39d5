import { wordsIn } from '../../src/content/message-words.ts';
import { createTextPass, type TextPass, type TextPassParts } from '../../src/engine/text-pass.ts';
import { textIndexOf } from '../../src/engine/text-search.ts';
import type { TextIndex } from '../../src/store/text-index.ts';
import { wordsOf } from '../../streams/words.ts';
import { masterKey } from './master-keys.ts';
import type { StoreFixture } from './store-fixture.ts';

/** The text index of a store, and the pass that brings it up to the log, step by step in a test's hands. */
export interface TextFixture extends AsyncDisposable {
  readonly index: TextIndex;
  readonly pass: TextPass;
  /** Why an index that stood was made anew. */
  readonly discarded: readonly string[];
  /** All that there is to do. */
  readAll(): Promise<void>;
  /** Ids of the entries that have these words, in the order of the answer, page by page. */
  find(text: string, query?: object, limit?: number): Promise<readonly string[]>;
}

export async function openText(
  { store, dataDir }: StoreFixture,
  {
    isEncrypted = false,
    wordsOf: words = wordsIn,
  }: { readonly isEncrypted?: boolean; readonly wordsOf?: TextPassParts['wordsOf'] } = {},
): Promise<TextFixture> {
  const discarded: string[] = [];
  const log = (_level: string, _text: string, data?: Readonly<Record<string, unknown>>): void =>
    void discarded.push(String(data?.['why']));
  const index = await textIndexOf({ store, dataDir, master: isEncrypted ? masterKey() : null, log });
  const pass = createTextPass({ store, index, wordsOf: words });
  return {
    index,
    pass,
    discarded,
    readAll: async () => {
      while (await pass.step());
    },
    find: async (text, query = {}, limit = 100) => {
      const lists = wordsOf(text).map((word) => index.listOf(word));
      const found: string[] = [];
      for (let cursor: string | undefined; ; ) {
        const { items, next } = await store.messages.find({ ...query, limit, cursor }, lists);
        found.push(...items.map(({ id }) => id));
        if (next === null) return found;
        cursor = next;
      }
    },
    [Symbol.asyncDispose]: () => index[Symbol.asyncDispose](),
  };
}
