import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { reached } from './counts.ts';
import { type Figure, figure, report } from './harness.ts';
import { oneDefinition, recipient } from './one-definition.ts';
import { startDaybook } from './peers/daybook.ts';
import { runLoad } from './run-load.ts';

/**
 * What messages that wait hold in memory: an engine with `count` of them, each delayed by a day, beside one that has none,
 * with the same configuration; both are started anew in every round, and looked at when they have rested. What came by
 * SMTP and was parsed is what waits. Writes COUNT × BYTES and 4 KB of index for each to a temporary folder and removes it.
 *
 *   npm run build && node dist/bench/waiting.js [--count 20000] [--bytes 4096] [--rounds 3]
 */
const { values: options } = parseArgs({
  options: {
    count: { type: 'string', default: '20000' },
    bytes: { type: 'string', default: '4096' },
    rounds: { type: 'string', default: '3' },
  },
});
const [count, bytes, rounds] = [options.count, options.bytes, options.rounds].map(Number) as [number, number, number];
/** After a start, for what a start leaves behind to be collected. */
const restMs = 10_000;
const config = oneDefinition({
  definition: 'initialProcessDelay: 24h',
  engine: `limits: { processingQueue: { messages: ${count + 1}, bytes: 1TB } }`,
});

await using none = await startDaybook({ config });
await using filled = await startDaybook({ config });
const sent = await runLoad({ port: filled.smtpPort, connections: 50, count, bytes, recipient, pipelined: true });
await reached(filled, 'received', count);
console.log(`${count} messages of ${bytes} bytes wait, taken at ${Math.round(count / sent.seconds)}/s`);

const taken = new Map<string, Record<string, number>[]>([
  ['none waits', []],
  [`${count} wait`, []],
]);
const engines = [none, filled];
for (let round = 0; round < rounds; round += 1) {
  for (const [at, [name, figures]] of [...taken].entries()) {
    const engine = engines[at] ?? none;
    await engine.end('SIGTERM');
    const startedAt = performance.now();
    const again = await engine.restart();
    engines[at] = again;
    const ready = performance.now() - startedAt;
    await new Promise((resolve) => setTimeout(resolve, restMs));
    const { processingQueue } = await again.get<{ processingQueue: { messages: number } }>(
      '/v1/definitions/bench/status',
    );
    if (processingQueue.messages !== (at === 0 ? 0 : count)) {
      throw new Error(`${name}: ${processingQueue.messages} messages are in process`);
    }
    figures.push({ 'ready, ms': ready, ...memoryOf(again.pid) });
  }
}
for (const engine of engines) await engine.end('SIGTERM');

const figures: Figure[] = [];
for (const [peer, rows] of taken) {
  for (const unit of Object.keys(rows[0] ?? {})) {
    const values = rows.map((row) => row[unit] ?? 0);
    figures.push(figure({ bench: 'waiting', peer, unit }, values));
  }
}
await report('waiting', figures);

/** By kind, as proc(5) has it: what the process has made, and the files that it has mapped. */
function memoryOf(pid: number): Readonly<Record<string, number>> {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const megabytes = (key: string): number =>
    Number(new RegExp(`^${key}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) / 1_024;
  return { 'resident MB': megabytes('VmRSS'), 'anonymous MB': megabytes('RssAnon'), 'files MB': megabytes('RssFile') };
}
