import { asyncScheduler, type SchedulerLike } from 'rxjs';
import { EngineFailure } from '../../streams/failure.ts';
import type { Job } from './job.types.ts';
import { JobWorker } from './job-worker.ts';
import type { ShownMessage } from './show.ts';

/** Limits of reliability 5.7 by default. A message may take `deadlineMs` and `perTenMbMs` for each 10 MB of it. */
export interface ContentHasherOptions {
  /** Threads, each with its own parser. */
  readonly workers?: number;
  readonly heapMb?: number;
  readonly deadlineMs?: number;
  readonly perTenMbMs?: number;
  readonly clock?: SchedulerLike;
}

/** mailparser behind a thread, a deadline and a heap limit. Never holds the process. */
export interface ContentHasher extends AsyncDisposable {
  /** Content hash (journaling c.3), 64 hex characters. The bytes stay the caller's. @throws EngineFailure `parser-crash`, `stopping` */
  hash(message: Uint8Array): Promise<string>;
  /** What a person is shown. @throws EngineFailure `parser-crash`, `stopping` */
  show(message: Uint8Array): Promise<ShownMessage>;
}

const TEN_MB = 10_000_000;

/** Opens the pool; a thread starts with its first message and again after a crash. Closing refuses what waits. */
export function openContentHasher(options: ContentHasherOptions = {}): ContentHasher {
  const { workers = 1, heapMb = 512, deadlineMs = 10_000, perTenMbMs = 1_000, clock = asyncScheduler } = options;
  const all = Array.from({ length: workers }, () => new JobWorker(heapMb, clock));
  const idle = [...all];
  // A caller waits for its answer, so callers bound this by their own concurrency; no bytes are copied while waiting.
  const waiting: { take(worker: JobWorker): void; refuse(failure: EngineFailure): void }[] = [];
  let closed = false;

  const borrow = (): Promise<JobWorker> => {
    if (closed) return Promise.reject(new EngineFailure('stopping'));
    const worker = idle.pop();
    if (worker !== undefined) return Promise.resolve(worker);
    return new Promise((take, refuse) => waiting.push({ take, refuse }));
  };
  const giveBack = (worker: JobWorker): void => {
    const next = waiting.shift();
    if (next === undefined) idle.push(worker);
    else next.take(worker);
  };
  const run = async (kind: Job['kind'], message: Uint8Array) => {
    const worker = await borrow();
    try {
      return await worker.run({ kind, bytes: message }, deadlineMs + Math.floor(message.length / TEN_MB) * perTenMbMs);
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
    [Symbol.asyncDispose]: async () => {
      closed = true;
      for (const { refuse } of waiting.splice(0)) refuse(new EngineFailure('stopping'));
      await Promise.all(all.map((worker) => worker.stop()));
    },
  };
}
