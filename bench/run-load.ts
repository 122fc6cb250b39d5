import { execFile } from 'node:child_process';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { LoadOptions, LoadResult } from './load.ts';
import { binary } from './peers/daybook.ts';

const run = promisify(execFile);
const program = join(dirname(binary), '../bench/load.js');

/**
 * Sends mail by the load program in a process of its own, so that it takes nothing of the thread that measures.
 * @throws Error where a message got another answer than 250 or 45x, or a connection was lost
 */
export async function runLoad({
  port,
  connections,
  count,
  bytes,
  recipient,
  pipelined = false,
}: LoadOptions): Promise<LoadResult> {
  const how = pipelined ? ['pipelined'] : [];
  const numbers = [port, connections, count, bytes].map(String);
  const { stdout } = await run(process.execPath, [program, ...numbers, recipient, ...how]);
  return JSON.parse(stdout) as LoadResult;
}
