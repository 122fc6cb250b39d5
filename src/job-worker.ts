import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { parentPort, Worker } from 'node:worker_threads';
import type { SchedulerLike, Subscription } from 'rxjs';
import { EngineFailure, type FailureCode } from '../streams/failure.ts';

/** A thread that has not said `ready` by then will not: it compiles a few files at most. */
const startMs = 30_000;
/** Limits of reliability 5.7: a job may take ten seconds, and one more for each 10 MB of the message. */
const jobMs = 10_000;
const jobMsPerTenMb = 1_000;
const tenMb = 10_000_000;

/** How long a job on so many bytes may take. */
export const deadlineMsFor = (bytes: number): number => jobMs + Math.floor(bytes / tenMb) * jobMsPerTenMb;

/** Heap of a thread that parses foreign mail (reliability 5.7); bytes lie outside of it. */
export const parserHeapMb = 512;

/** Of the heap, what is new: a thread has one message at a time, and its bytes lie outside. */
const youngMb = 8;

/** What a thread says: once that it is ready, then for each job its answer, or why there is none. */
type Said<Answer> =
  | { readonly kind: 'ready' }
  | { readonly kind: 'done'; readonly answer: Answer }
  | { readonly kind: 'failed'; readonly code: FailureCode; readonly detail: string };

interface Running<Answer> {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (failure: EngineFailure) => void;
  deadline: Subscription;
}
export interface JobWorkerOptions {
  /** The script of the thread, which calls {@link answerJobs}: `new URL('./worker.js', import.meta.url)`. */
  readonly script: URL;
  readonly heapMb: number;
  readonly clock: SchedulerLike;
}

/** A thread for foreign content: started by its first job, and anew by the job after a crash or a missed deadline. */
export class JobWorker<Job, Answer> {
  readonly #options: JobWorkerOptions;
  #thread: Worker | undefined;
  #ready = false;
  #running: Running<Answer> | undefined;
  #stopped = false;

  constructor(options: JobWorkerOptions) {
    this.#options = options;
  }

  /**
   * One job at a time. `transfer` leaves the caller for good.
   * @throws EngineFailure `parser-crash` when the thread dies, fails, or is not done within `deadlineMs`; what the job
   *   itself failed with; `stopping`
   */
  run(job: Job, transfer: readonly ArrayBuffer[], deadlineMs: number): Promise<Answer> {
    if (this.#running !== undefined) throw new Error('a worker takes one job at a time');
    if (this.#stopped) return Promise.reject(new EngineFailure('stopping'));
    const thread = this.#thread ?? this.#start();
    return new Promise((resolve, reject) => {
      const running: Running<Answer> = { resolve, reject, deadline: this.#watch(startMs) };
      this.#running = running;
      const post = (): void => {
        running.deadline.unsubscribe();
        running.deadline = this.#watch(deadlineMs);
        thread.postMessage(job, [...transfer]);
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
    const thread = startThread(this.#options);
    this.#thread = thread;
    thread.on('message', (said: Said<Answer>) => this.#take(said));
    const gone = (why: string) => {
      if (this.#thread === thread) this.#drop(new EngineFailure('parser-crash', why));
    };
    thread.on('error', (error) => gone(String(error)));
    thread.on('exit', (code) => gone(`thread ended with ${code}`));
    // After the listeners, for a first one on 'message' holds the process again. A running job has its deadline's timer.
    thread.unref();
    return thread;
  }

  #take(said: Said<Answer>): void {
    if (said.kind === 'ready') {
      this.#ready = true;
      return;
    }
    const running = this.#finish();
    if (said.kind === 'failed') running?.reject(new EngineFailure(said.code, said.detail));
    else running?.resolve(said.answer);
  }

  #watch(ms: number): Subscription {
    return this.#options.clock.schedule(() => {
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

  #finish(): Running<Answer> | undefined {
    const running = this.#running;
    this.#running = undefined;
    running?.deadline.unsubscribe();
    return running;
  }
}

/** The thread's side: answers each job that comes. What fails without a code of its own is `parser-crash`. */
export function answerJobs<Job, Answer>(
  answerTo: (job: Job) => Answer | Promise<Answer>,
  transferOf: (answer: Answer) => readonly ArrayBuffer[] = () => [],
): void {
  const port = parentPort;
  if (port === null) throw new Error('this script runs as a worker thread only');
  const say = (said: Said<Answer>, transfer: readonly ArrayBuffer[] = []): void =>
    port.postMessage(said, [...transfer]);
  const answer = async (job: Job): Promise<void> => {
    try {
      const done = await answerTo(job);
      say({ kind: 'done', answer: done }, transferOf(done));
    } catch (error) {
      const code = error instanceof EngineFailure ? error.code : 'parser-crash';
      say({ kind: 'failed', code, detail: String(error) });
    }
  };
  port.on('message', (job: Job) => void answer(job));
  say({ kind: 'ready' });
}

/** The built script, or its source through tsx where this file itself runs from source (development, tests). */
function startThread({ script, heapMb }: JobWorkerOptions): Worker {
  const options = {
    resourceLimits: { maxOldGenerationSizeMb: heapMb, maxYoungGenerationSizeMb: youngMb },
    execArgv: [],
  };
  if (!import.meta.url.endsWith('.ts')) return new Worker(script, options);
  // `--import tsx` does nothing in a thread of Node 20, so the thread registers it itself.
  const loader = pathToFileURL(createRequire(import.meta.url).resolve('tsx'));
  const tsx = new URL('./esm/api/index.mjs', loader).href;
  const source = script.href.replace(/\.js$/, '.ts');
  const text = `import { register } from ${JSON.stringify(tsx)}; register(); await import(${JSON.stringify(source)});`;
  return new Worker(new URL(`data:text/javascript,${encodeURIComponent(text)}`), options);
}
