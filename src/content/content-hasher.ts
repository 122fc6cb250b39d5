import { asyncScheduler, type SchedulerLike } from 'rxjs';
import { EngineFailure } from '../../streams/failure.ts';
import { deadlineMsFor, JobWorker, parserHeapMb } from '../job-worker.ts';
import type { Answer, Job } from './job.types.ts';
import type { MessageWords } from './message-words.ts';
import type { ShownMessage } from './show.ts';

export interface ContentHasherOptions {
  /** Threads, each with its own parser. */
  readonly workers?: number;
  readonly heapMb?: number;
  readonly clock?: SchedulerLike;
}

/** mailparser behind a thread, a deadline and a heap limit. Never holds the process. */
export interface ContentHasher extends AsyncDisposable {
  /** Content hash (journaling c.3), 64 hex characters. The bytes stay the caller's. @throws EngineFailure `parser-crash`, `stopping` */
  hash(message: Uint8Array): Promise<string>;
  /** What a person is shown. @throws EngineFailure `parser-crash`, `stopping` */
  show(message: Uint8Array): Promise<ShownMessage>;
  /** The words it is found by. @throws EngineFailure `parser-crash`, `stopping` */
  words(message: Uint8Array): Promise<MessageWords>;
}

/** Opens the pool; a thread starts with its first message and again after a crash. Closing refuses what waits. */
export function openContentHasher(options: ContentHasherOptions = {}): ContentHasher {
  const { workers = 1, heapMb = parserHeapMb, clock = asyncScheduler } = options;
  const script = new URL('./worker.js', import.meta.url);
  const all = Array.from({ length: workers }, () => new JobWorker<Job, Answer>({ script, heapMb, clock }));
  const idle = [...all];
  // A caller waits for its answer, so callers bound this by their own concurrency; no bytes are copied while waiting.
  const waiting: { take(worker: JobWorker<Job, Answer>): void; refuse(failure: EngineFailure): void }[] = [];
  let closed = false;

  const borrow = (): Promise<JobWorker<Job, Answer>> => {
    if (closed) return Promise.reject(new EngineFailure('stopping'));
    const worker = idle.pop();
    if (worker !== undefined) return Promise.resolve(worker);
    return new Promise((take, refuse) => waiting.push({ take, refuse }));
  };
  const giveBack = (worker: JobWorker<Job, Answer>): void => {
    const next = waiting.shift();
    if (next === undefined) idle.push(worker);
    else next.take(worker);
  };
  const run = async (kind: Job['kind'], message: Uint8Array) => {
    const worker = await borrow();
    try {
      // Not `slice`: that of a Buffer is a view, and its memory would leave the caller.
      const copy = new Uint8Array(message);
      return await worker.run({ kind, bytes: copy }, [copy.buffer], deadlineMsFor(message.length));
    } finally {
      giveBack(worker);
    }
  };
  return {
    hash: async (message) => {
      const answer = await run('hash', message);
      if (answer.kind !== 'hash') throw new Error(`the content worker answered ${answer.kind} to hash`);
      return answer.hash;
    },
    show: async (message) => {
      const answer = await run('show', message);
      if (answer.kind !== 'show') throw new Error(`the content worker answered ${answer.kind} to show`);
      return answer.shown;
    },
    words: async (message) => {
      const answer = await run('words', message);
      if (answer.kind !== 'words') throw new Error(`the content worker answered ${answer.kind} to words`);
      return answer.found;
    },
    [Symbol.asyncDispose]: async () => {
      closed = true;
      for (const { refuse } of waiting.splice(0)) refuse(new EngineFailure('stopping'));
      await Promise.all(all.map((worker) => worker.stop()));
    },
  };
}
