import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { rebuildText } from '../src/engine/rebuild-text.ts';
import { textIndexOf } from '../src/engine/text-search.ts';
import type { Store } from '../src/store/open-store.ts';
import { type TextIndex, textIndexFolder } from '../src/store/text-index.ts';
import type { MessageQuery } from '../streams/ports.ts';
import { wordsOf } from '../streams/words.ts';
import { known, mailOf } from './archive-mail.ts';
import { bytesIn, fill, openArchive, show, timed } from './archive-store.ts';
import { median } from './harness.ts';

/**
 * What the text index costs: an archive of generated messages is read into it without a rest, and searched.
 *
 *   node dist/bench/text-index.js [--count 20000] [--words 200] [--folder FOLDER]
 */
const { values: options } = parseArgs({
  options: {
    count: { type: 'string', default: '20000' },
    words: { type: 'string', default: '200' },
    folder: { type: 'string', default: tmpdir() },
  },
});
const count = Number(options.count);
const wordsOfMessage = Number(options.words);
/** Different words of all mail; a third of them is hardly ever used. */
const vocabulary = 50_000;
const pages = 20;
const year = 365 * 86_400_000;

/** As in a language: the word of rank r comes about 1/r as often as the first. Numbers are the same in every run. */
function bodyOf(n: number): string {
  let state = (n * 2_654_435_761 + 12_345) >>> 0;
  const next = (): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state / 2 ** 32;
  };
  const words = Array.from({ length: wordsOfMessage }, () => `text${Math.floor(vocabulary ** next())}`);
  if (n % 3 === 0) words.push('quarterly');
  if (n % 10_000 === 9) words.push('zeppelin');
  return words.join(' ');
}

const dataDir = await mkdtemp(join(options.folder, 'daybook-text-'));
try {
  const store = await openArchive(dataDir);
  await fill(store, { first: 0, last: count, mailOf: (n) => mailOf(n, count, bodyOf(n)) });
  const text = { dataDir, store, master: null, log: () => undefined };
  const read = await timed(() => rebuildText({ ...text, progress: () => undefined }));
  const index = await textIndexOf(text);
  const searches = await searchCosts(store, index);
  await index[Symbol.asyncDispose]();
  show(count, {
    'messages read/s': count / (read.ms / 1_000),
    'CPU ms/message': read.cpuMs / count,
    'index, bytes/message': (await bytesIn(join(dataDir, textIndexFolder))) / count,
    'different words/message': meanWords(),
    ...searches,
    'resident, MB': process.memoryUsage.rss() / 1e6,
  });
  await store[Symbol.asyncDispose]();
} finally {
  await rm(dataDir, { recursive: true, force: true });
}

function meanWords(): number {
  const some = Array.from({ length: 500 }, (_, n) => wordsOf(bodyOf(n), 5_000).length);
  return some.reduce((sum, words) => sum + words, 0) / some.length;
}

/** CPU of one page of a hundred: the first, and the median of several. */
async function searchCosts(store: Store, index: TextIndex): Promise<Readonly<Record<string, number>>> {
  const searches: Readonly<Record<string, readonly [string, Partial<MessageQuery>]>> = {
    'common word': ['text1', {}],
    'word of a third': ['quarterly', {}],
    'rare word': ['zeppelin', {}],
    'two common words': ['text1 text2', {}],
    'common and rare word': ['text1 zeppelin', {}],
    'five words': ['text1 text2 text3 text5 quarterly', {}],
    'word and participant': ['quarterly', { mailbox: known.everywhere }],
    'word and subject word': ['quarterly', { subject: known.commonWord }],
    'word in one year': ['quarterly', { since: known.until - 2 * year, until: known.until - year }],
    'disjoint words': ['zeppelin text49000', {}],
  };
  const costs: Record<string, number> = {};
  for (const [name, [words, query]] of Object.entries(searches)) {
    const lists = wordsOf(words).map((word) => index.listOf(word));
    const taken: number[] = [];
    let cursor: string | undefined;
    for (let page = 0; page < pages; page += 1) {
      const { cpuMs, answer } = await timed(() => store.messages.find({ ...query, limit: 100, cursor }, lists));
      taken.push(cpuMs);
      cursor = answer.next ?? undefined;
    }
    costs[`${name}, first, ms`] = taken[0] ?? 0;
    costs[`${name}, ms`] = median(taken);
  }
  return costs;
}
