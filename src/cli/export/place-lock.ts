import { createHash } from 'node:crypto';
import { realpath } from 'node:fs/promises';
import { createServer } from 'node:net';
import { basename, dirname, join } from 'node:path';
import { CommandFailure, exitCodes } from '../exit-codes.ts';

/** Length of an abstract address: all of `sun_path`, so that no runtime pads it to another name. */
const abstractNameLength = 108;

/**
 * The place of an export, for one process at a time: two that wrote into it would each cut what the other had written. A
 * socket in the abstract namespace, named after the place: the kernel closes it with the process, however it ends, and no
 * file is left. Processes of another network namespace or host are not seen; not on Linux nothing is.
 * @throws CommandFailure where another process writes there
 */
export async function lockPlace(to: string): Promise<AsyncDisposable> {
  if (process.platform !== 'linux') return { [Symbol.asyncDispose]: async () => undefined };
  const place = createHash('sha256')
    .update(await whereIs(to))
    .digest('hex');
  const server = createServer((socket) => socket.destroy());
  server.unref();
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const taken = error.code === 'EADDRINUSE';
      const text = taken ? 'another process exports into it now' : `it cannot be locked: ${error.message}`;
      reject(new CommandFailure(taken ? exitCodes.tryAgain : exitCodes.failed, `${to}: ${text}`, { cause: error }));
    });
    server.listen({ path: `\0daybook-export-${place}-`.padEnd(abstractNameLength, '.'), exclusive: true }, resolve);
  });
  return { [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(() => resolve())) };
}

/** By whatever path it is named; it may not be there yet. */
async function whereIs(to: string): Promise<string> {
  const found = await realpath(to).catch(() => undefined);
  if (found !== undefined) return found;
  return join(await realpath(dirname(to)).catch(() => dirname(to)), basename(to));
}
