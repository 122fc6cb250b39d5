/**
 * Fuzzes every parser of foreign bytes: `npm run fuzz -- [--runs 100000] [--seed N] [--target NAME]`. What it prints when an
 * input breaks a promise, or takes a second of CPU, tries that input again.
 */
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { attempt, type Fuzzed, FuzzFailure, fuzz, openTarget, type Target } from './fuzzer.ts';
import { runsOf, targets } from './targets.ts';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '100000' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    target: { type: 'string' },
    run: { type: 'string', default: '0' },
    input: { type: 'string' },
    unguided: { type: 'boolean', default: false },
  },
});
const [runs, seed, run] = [values.runs, values.seed, values.run].map((text) => {
  const number = Number(text);
  if (!Number.isSafeInteger(number) || number < 0) throw new TypeError(`not a whole number: ${text}`);
  return number;
}) as [number, number, number];
const chosen = targets.filter(({ name }) => values.target === undefined || name === values.target);
if (chosen.length === 0) throw new TypeError(`targets: ${targets.map(({ name }) => name).join(' ')}`);

/** An input that never ends holds this thread; another one sees that, says which, and ends the process. */
const silentMs = 30_000;
const progress = new Int32Array(new SharedArrayBuffer(8));
const watcher = new Worker(
  `const { workerData: { progress, names, seed, silentMs, pid } } = require('node:worker_threads');
   let last = -1, since = Date.now();
   setInterval(() => {
     const now = Atomics.load(progress, 0) * 2 ** 24 + Atomics.load(progress, 1);
     if (now !== last) [last, since] = [now, Date.now()];
     if (Date.now() - since < silentMs) return;
     require('node:fs').writeSync(2, 'hang: ' + names[Atomics.load(progress, 0)] + ', seed ' + seed + ', run ' + Atomics.load(progress, 1) + '\\n');
     process.kill(pid, 'SIGKILL');
   }, 1000);`,
  { eval: true, workerData: { progress, names: chosen.map(({ name }) => name), seed, silentMs, pid: process.pid } },
);
watcher.unref();

const done: Fuzzed[] = [];
for (const [at, target] of chosen.entries()) {
  Atomics.store(progress, 0, at);
  try {
    if (values.input === undefined) done.push(await fuzzed(target));
    else await tryAgain(target, Buffer.from(values.input, 'base64'));
  } catch (error) {
    if (!(error instanceof FuzzFailure)) throw error;
    console.error(error.message);
    console.error(error.cause);
    process.exitCode = 1;
  }
}
const total = done.reduce((sum, each) => sum + each.runs, 0);
const rssMb = Math.round(process.resourceUsage().maxRSS / 1_024);
const verdict = process.exitCode === 1 ? 'FAULTS' : 'no fault';
if (values.input === undefined) console.log(`${total} inputs, seed ${seed}, ${rssMb} MB resident at most: ${verdict}`);
await watcher.terminate();

async function fuzzed(target: Target): Promise<Fuzzed> {
  const beginning = (number: number): void => void Atomics.store(progress, 1, number);
  const count = runsOf(target, runs, chosen);
  const found = await fuzz(target, { runs: count, seed, guided: !values.unguided, beginning });
  console.log(`${found.target}: ${found.runs} inputs, corpus ${found.corpus}, slowest ${found.slowestCpuMs} ms`);
  return found;
}

async function tryAgain(target: Target, input: Buffer): Promise<void> {
  await using opened = await openTarget(target);
  await attempt(target, opened.run, { input, run, seed });
  console.log(`${target.name}: the input keeps every promise`);
}
