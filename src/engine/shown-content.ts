import type { SchedulerLike } from 'rxjs';
import { EngineFailure } from '../../streams/failure.ts';
import { openContentHasher } from '../content/content-hasher.ts';
import type { EngineApi } from '../http/api.types.ts';
import type { ShownContent } from '../http/content.schema.ts';
import type { Store } from '../store/open-store.ts';
import { readEntry } from './archive-api.ts';

/** One is read at a time, and its bytes are in memory: who comes when as many wait is asked to come again. */
const maxWaiting = 8;

/** Takes messages apart for people, in a thread of its own: what is slow to show holds no matching up. */
export interface ContentReader extends AsyncDisposable {
  readonly contentOf: EngineApi['contentOf'];
}

export function openContentReader(store: Pick<Store, 'messages' | 'bodies'>, clock: SchedulerLike): ContentReader {
  const parser = openContentHasher({ workers: 1, clock });
  let waiting = 0;
  const read = async (entryId: string, n: number | undefined): Promise<ShownContent | undefined> => {
    const raw = await readEntry(store, entryId, n);
    return raw === undefined ? undefined : shownOf(parser, raw);
  };
  return {
    contentOf: async (entryId, n) => {
      if (waiting >= maxWaiting) return 'busy';
      waiting += 1;
      try {
        return await read(entryId, n);
      } finally {
        waiting -= 1;
      }
    },
    [Symbol.asyncDispose]: () => parser[Symbol.asyncDispose](),
  };
}

async function shownOf(parser: ReturnType<typeof openContentHasher>, message: Uint8Array): Promise<ShownContent> {
  try {
    const { headers, text, truncated, attachments } = await parser.show(message);
    return {
      headers,
      text,
      truncated,
      attachments: attachments.map(({ name, type, sizeBytes }) => ({ name, type, size: sizeBytes })),
      unreadable: false,
    };
  } catch (error) {
    if (!(error instanceof EngineFailure) || error.code !== 'parser-crash') throw error;
    return { headers: [], text: '', truncated: true, attachments: [], unreadable: true };
  }
}
