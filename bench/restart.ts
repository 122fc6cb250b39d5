import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { reached } from './counts.ts';
import { figure, report } from './harness.ts';
import { load } from './load.ts';
import { oneDefinition, recipient } from './one-definition.ts';
import { startDaybook } from './peers/daybook.ts';
import { freePort } from './peers/free-port.ts';
import { runLoad } from './run-load.ts';

/**
 * From the start of the process to the first 250 of a message: an engine that was killed with `count` messages archived,
 * one that has none, and the library alone, which keeps nothing; in turns. Some mail has come just before an engine is
 * killed, so there is something to fold and to archive each time.
 *
 *   npm run build && node dist/bench/restart.js [--count 20000] [--bytes 4096] [--rounds 5]
 */
const { values: options } = parseArgs({
  options: {
    count: { type: 'string', default: '20000' },
    bytes: { type: 'string', default: '4096' },
    rounds: { type: 'string', default: '5' },
  },
});
const [count, bytes, rounds] = [options.count, options.bytes, options.rounds].map(Number) as [number, number, number];
const tail = 200;
const ofMail = { bytes, recipient };

await using small = await startDaybook({ config: oneDefinition() });
await using large = await startDaybook({ config: oneDefinition() });
const sent = await runLoad({ ...ofMail, port: large.smtpPort, connections: 50, count, pipelined: true });
await reached(large, 'archived', count);
console.log(`${count} messages of ${bytes} bytes archived, taken at ${Math.round(count / sent.seconds)}/s`);

const engines = { 'none archived': small, [`${count} archived`]: large };
const taken = new Map<string, number[]>([...Object.keys(engines), 'bare smtp-server'].map((name) => [name, []]));
for (let round = 0; round < rounds; round += 1) {
  for (const [name, engine] of Object.entries(engines)) {
    await runLoad({ ...ofMail, port: engine.smtpPort, connections: 10, count: tail });
    await engine.end('SIGKILL');
    const startedAt = performance.now();
    const starting = engine.restart();
    taken.get(name)?.push(await firstTaken(engine.smtpPort, startedAt));
    engines[name] = await starting;
  }
  const port = await freePort();
  const startedAt = performance.now();
  const bare = spawn(process.execPath, [join(import.meta.dirname, 'peers/bare-smtp-server.js'), String(port)], {
    stdio: 'ignore',
  });
  taken.get('bare smtp-server')?.push(await firstTaken(port, startedAt));
  bare.kill('SIGKILL');
  await once(bare, 'exit');
}
for (const engine of Object.values(engines)) await engine.end('SIGTERM');
await report(
  'restart',
  [...taken].map(([peer, values]) => figure({ bench: 'restart', peer, unit: 'ms to the first 250' }, values)),
);

/** Tries until a message is taken: milliseconds since `startedAt`. */
async function firstTaken(port: number, startedAt: number): Promise<number> {
  for (;;) {
    try {
      await load({ ...ofMail, port, connections: 1, count: 1 });
      return performance.now() - startedAt;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }
}
