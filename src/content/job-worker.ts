import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { SchedulerLike, Subscription } from 'rxjs';
import { EngineFailure } from '../../streams/failure.ts';
import type { Answer, Job } from './job.types.ts';

/** A thread that has not said `ready` by then will not: it compiles a few files at most. */
const START_MS = 30_000;

interface Running {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (failure: EngineFailure) => void;
  deadline: Subscription;
}

/** One content worker: started by its first job, started anew by the job after a crash or a missed deadline. */
export class JobWorker {
  readonly #heapMb: number;
  readonly #clock: SchedulerLike;
  #thread: Worker | undefined;
  #ready = false;
  #running: Running | undefined;
  #stopped = false;

  constructor(heapMb: number, clock: SchedulerLike) {
    this.#heapMb = heapMb;
    this.#clock = clock;
  }

  /**
   * One job at a time. The bytes are copied.
   * @throws EngineFailure `parser-crash` when the thread dies, fails, or is not done within `deadlineMs`; `stopping`
   */
  run({ kind, bytes }: Job, deadlineMs: number): Promise<Answer> {
    if (this.#running !== undefined) throw new Error('a content worker takes one job at a time');
    if (this.#stopped) return Promise.reject(new EngineFailure('stopping'));
    const thread = this.#thread ?? this.#start();
    return new Promise((resolve, reject) => {
      const running: Running = { resolve, reject, deadline: this.#watch(START_MS) };
      this.#running = running;
      const post = (): void => {
        running.deadline.unsubscribe();
        running.deadline = this.#watch(deadlineMs);
        // Not `slice`: that of a Buffer is a view, and its memory would leave the caller.
        const copy = new Uint8Array(bytes);
        thread.postMessage({ kind, bytes: copy } satisfies Job, [copy.buffer]);
      };
      if (this.#ready) post();
      else thread.once('message', post);
    });
  }

  /** Ends the thread; a running job is refused. Idempotent. */
  async stop(): Promise<void> {
    this.#stopped = true;
    const thread = this.#drop(new EngineFailure('stopping'));
    await thread?.terminate();
  }

  #start(): Worker {
    const thread = startThread(this.#heapMb);
    this.#thread = thread;
    thread.on('message', (answer: Answer) => this.#take(answer));
    const gone = (why: string) => {
      if (this.#thread === thread) this.#drop(new EngineFailure('parser-crash', why));
    };
    thread.on('error', (error) => gone(String(error)));
    thread.on('exit', (code) => gone(`thread ended with ${code}`));
    // After the listeners, for a first one on 'message' holds the process again. A running job has its deadline's timer.
    thread.unref();
    return thread;
  }

  #take(answer: Answer): void {
    if (answer.kind === 'ready') {
      this.#ready = true;
      return;
    }
    const running = this.#finish();
    if (answer.kind === 'failed') running?.reject(new EngineFailure('parser-crash', answer.detail));
    else running?.resolve(answer);
  }

  #watch(ms: number): Subscription {
    return this.#clock.schedule(() => {
      void this.#drop(new EngineFailure('parser-crash', `not done within ${ms} ms`))?.terminate();
    }, ms);
  }

  /** Forgets the thread and refuses its job. */
  #drop(failure: EngineFailure): Worker | undefined {
    const thread = this.#thread;
    this.#thread = undefined;
    this.#ready = false;
    this.#finish()?.reject(failure);
    return thread;
  }

  #finish(): Running | undefined {
    const running = this.#running;
    this.#running = undefined;
    running?.deadline.unsubscribe();
    return running;
  }
}

/** The built worker, or its source through tsx where this file itself runs from source (development, tests). */
function startThread(heapMb: number): Worker {
  const options = { resourceLimits: { maxOldGenerationSizeMb: heapMb }, execArgv: [] };
  if (!import.meta.url.endsWith('.ts')) return new Worker(new URL('./worker.js', import.meta.url), options);
  // `--import tsx` does nothing in a thread of Node 20, so the thread registers it itself.
  const loader = pathToFileURL(createRequire(import.meta.url).resolve('tsx'));
  const tsx = new URL('./esm/api/index.mjs', loader).href;
  const source = new URL('./worker.ts', import.meta.url).href;
  const script = `import { register } from ${JSON.stringify(tsx)}; register(); await import(${JSON.stringify(source)});`;
  return new Worker(new URL(`data:text/javascript,${encodeURIComponent(script)}`), options);
}
