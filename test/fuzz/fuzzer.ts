import { prng } from '../support/prng.ts';
import { threadCpuMs } from '../support/thread-cpu.ts';
import { openCoverage } from './coverage.ts';
import { mutator } from './mutate.ts';

/** One parser under fuzz. `run` throws where a promise is broken; what it may throw by contract it catches itself. */
export interface Target {
  readonly name: string;
  /** Inputs to start from. */
  readonly seeds: () => readonly Buffer[];
  /** What the format is made of; put in at random places. */
  readonly words: readonly string[];
  /** Sources whose coverage counts, such as `/src/report/`. */
  readonly sources: readonly string[];
  /** Of 1,000 inputs, how many are for this target: those that cost more get fewer. */
  readonly share: number;
  /** Set up once for all inputs, such as a server; `run` of what it answers is used then. */
  readonly open?: () => Promise<{ readonly run: Run } & AsyncDisposable>;
  readonly run?: Run;
}
/** `random`: whole numbers below a bound, the same ones for the same seed and place in the row. */
export type Run = (input: Buffer, random: (bound: number) => number) => void | Promise<void>;

export interface FuzzOptions {
  readonly runs: number;
  readonly seed: number;
  /** Keep inputs that reach code no input reached before, and go on from them. */
  readonly guided: boolean;
  /** Told before each input, so that a watcher outside can tell a hang. */
  readonly beginning?: (run: number) => void;
  /** Longest time on the CPU that one input may take. */
  readonly limitMs?: number;
}
export interface Fuzzed {
  readonly target: string;
  readonly runs: number;
  readonly seed: number;
  readonly corpus: number;
  readonly slowestCpuMs: number;
}

/** Reliability G8: an input that takes longer is a fault. */
const hangMs = 1_000;
/** Asking for coverage costs far more than a run; so many runs share one question. */
const runsPerLook = 32;
const maxCorpus = 4_000;

/** An input that broke a promise: what is needed to try it again. */
export class FuzzFailure extends Error {
  constructor(target: string, seed: number, run: number, input: Buffer, cause: unknown) {
    const again = `npm run fuzz -- --target ${target} --seed ${seed} --run ${run} --input ${input.toString('base64')}`;
    super(`${target}, seed ${seed}, run ${run}: ${String(cause)}\nagain: ${again}`, { cause });
    this.name = 'FuzzFailure';
  }
}

/** Runs one target so many times. @throws FuzzFailure for the first input that breaks a promise or takes too long */
export async function fuzz(target: Target, options: FuzzOptions): Promise<Fuzzed> {
  await using opened = await openTarget(target);
  const { runs, seed, guided, limitMs = hangMs } = options;
  const random = prng(seed);
  const pick = (bound: number): number => Math.floor(random() * bound);
  const corpus = [...target.seeds()];
  const given = corpus.length;
  const mutate = mutator(corpus, target.words, pick);
  const coverage = guided ? openCoverage(target.sources) : null;
  let slowestCpuMs = 0;
  let batch: Buffer[] = [];
  for (let run = 0; run < runs; run += 1) {
    const input = run < given ? (corpus[run] ?? mutate()) : mutate();
    options.beginning?.(run);
    const tookMs = await attempt(target, opened.run, { input, run, seed, limitMs });
    slowestCpuMs = Math.max(slowestCpuMs, tookMs);
    batch.push(input);
    if (coverage === null || batch.length < runsPerLook) continue;
    // Which of them reached something new is not known; two are kept to go on from.
    if (coverage.grew()) for (let kept = 0; kept < 2; kept += 1) corpus.push(batch[pick(batch.length)] ?? input);
    if (corpus.length > maxCorpus) corpus.splice(given, maxCorpus / 4);
    batch = [];
  }
  coverage?.close();
  return { target: target.name, runs, seed, corpus: corpus.length, slowestCpuMs: Math.round(slowestCpuMs) };
}

interface Attempt {
  readonly input: Buffer;
  readonly run: number;
  readonly seed: number;
  readonly limitMs?: number;
}

/** CPU milliseconds. A slow input is tried twice more: what the machine did meanwhile is not its fault. */
export async function attempt(
  target: Target,
  run: Run,
  { input, run: at, seed, limitMs = hangMs }: Attempt,
): Promise<number> {
  let tookMs = Number.POSITIVE_INFINITY;
  try {
    for (let tries = 0; tries < 3; tries += 1) {
      // A part of its own for each input: what one takes does not shift what the next is given.
      const own = prng(seed ^ Math.imul(at + 1, 0x9e3779b1));
      const startedAt = performance.now();
      const cpuMs = threadCpuMs();
      // A copy: parsers work in place.
      const done = run(Buffer.from(input), (bound) => Math.floor(own() * bound));
      if (done !== undefined) await done;
      if (performance.now() - startedAt < limitMs) return Math.min(tookMs, performance.now() - startedAt);
      tookMs = Math.min(tookMs, threadCpuMs() - cpuMs);
      if (tookMs < limitMs) return tookMs;
    }
    throw new Error(`took ${Math.round(tookMs)} ms of CPU`);
  } catch (error) {
    throw new FuzzFailure(target.name, seed, at, input, error);
  }
}

export async function openTarget(target: Target): Promise<{ readonly run: Run } & AsyncDisposable> {
  if (target.open !== undefined) return target.open();
  const { run } = target;
  if (run === undefined) throw new Error(`target ${target.name} runs nothing`);
  return { run, [Symbol.asyncDispose]: async () => undefined };
}
