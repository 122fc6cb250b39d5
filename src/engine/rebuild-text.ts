import { asyncScheduler } from 'rxjs';
import { openContentHasher } from '../content/content-hasher.ts';
import type { Log } from '../log.ts';
import type { MasterKey } from '../master-key.ts';
import type { Store } from '../store/open-store.ts';
import { removeTextIndex } from '../store/text-index.ts';
import { createTextPass } from './text-pass.ts';
import { textIndexOf } from './text-search.ts';

export interface RebuildTextOptions {
  readonly dataDir: string;
  readonly store: Store;
  readonly master: MasterKey | null;
  readonly log: Log;
  /** Entries read so far. */
  readonly progress: (messages: number) => void;
}

/** Makes the text index anew, as fast as it goes, for nobody waits beside it. Answers how many entries are in it. */
export async function rebuildText({ progress, ...options }: RebuildTextOptions): Promise<number> {
  await removeTextIndex(options.dataDir);
  await using hasher = openContentHasher({ workers: 1, clock: asyncScheduler });
  await using index = await textIndexOf(options);
  const pass = createTextPass({ ...options, index, wordsOf: (message) => hasher.words(message) });
  while (await pass.step()) progress(index.state.messages);
  return index.state.messages;
}
