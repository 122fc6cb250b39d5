import { Agent, get } from 'node:http';
import { parseArgs } from 'node:util';
import { reached } from './counts.ts';
import { figure, report } from './harness.ts';
import { oneDefinition, recipient } from './one-definition.ts';
import { startDaybook } from './peers/daybook.ts';
import { runLoad } from './run-load.ts';

/**
 * How long the status takes while mail comes as fast as it is taken, beside the same requests to the same engine at rest:
 * 100 in a second, each timed from when it was due, so that one that waits behind another counts whole. In turns.
 *
 *   npm run build && node dist/bench/status.js [--rounds 3] [--count 10000] [--bytes 76800] [--connections 50]
 */
const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    count: { type: 'string', default: '10000' },
    bytes: { type: 'string', default: '76800' },
    connections: { type: 'string', default: '50' },
  },
});
const everyMs = 10;
const restingRequests = 500;
const [count, bytes, connections] = [options.count, options.bytes, options.connections].map(Number) as [
  number,
  number,
  number,
];
const mail = { count, bytes, connections, recipient };

await using daybook = await startDaybook({ config: oneDefinition() });
const agent = new Agent({ keepAlive: true, maxSockets: 8 });
await runLoad({ ...mail, port: daybook.smtpPort });
await reached(daybook, 'archived', mail.count);

const taken = new Map<string, number[][]>([
  ['at rest', []],
  ['saturated', []],
]);
for (let round = 1; round <= Number(options.rounds); round += 1) {
  let asked = 0;
  taken.get('at rest')?.push(await probe(() => ++asked <= restingRequests));
  let under = true;
  const load = runLoad({ ...mail, port: daybook.smtpPort }).finally(() => {
    under = false;
  });
  const times = await probe(() => under);
  const { seconds, sent } = await load;
  console.log(`${times.length} requests while ${sent} messages came at ${Math.round(sent / seconds)}/s`);
  taken.get('saturated')?.push(times);
  await reached(daybook, 'archived', mail.count * (round + 1));
}
agent.destroy();
await report(
  'status',
  [...taken].flatMap(([peer, rounds]) =>
    [0.5, 0.99, 1].map((share) => {
      const unit = share === 1 ? 'longest, ms' : `p${share * 100}, ms`;
      const values = rounds.map((times) => times[Math.floor((times.length - 1) * share)] ?? 0);
      return figure({ bench: 'status', peer, unit }, values);
    }),
  ),
);

/** Milliseconds of each request, sorted; a request is due every 10 ms for as long as `more` says. */
async function probe(more: () => boolean): Promise<number[]> {
  const times: Promise<number>[] = [];
  const startedAt = performance.now();
  while (more()) {
    const dueAt = startedAt + times.length * everyMs;
    const inMs = dueAt - performance.now();
    if (inMs > 0) await new Promise((resolve) => setTimeout(resolve, inMs));
    times.push(timeOf(dueAt));
  }
  return (await Promise.all(times)).sort((a, b) => a - b);
}

function timeOf(dueAt: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const request = get({ agent, port: daybook.httpPort, host: '127.0.0.1', path: '/v1/status' }, (answer) => {
      if (answer.statusCode !== 200) reject(new Error(`status answered ${answer.statusCode}`));
      answer.resume().once('end', () => resolve(performance.now() - dueAt));
    });
    request.once('error', reject);
  });
}
