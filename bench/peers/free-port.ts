import { createServer } from 'node:net';

/**
 * Below the ports that the kernel gives to whoever connects (`ip_local_port_range`, from 32768): among those, a flood of
 * connections takes a port between this look and the start of the server that it is for.
 */
const [first, last] = [10_000, 32_767] as const;

/**
 * One after the other, from anywhere: threads and processes that look at the same time go ways of their own, and what one
 * of them has answered comes again only after all others.
 */
let next = first + Math.floor(Math.random() * (last - first + 1));

/** A port of loopback that was free a moment ago, and that nobody is given meanwhile who did not ask for it by its number. */
export async function freePort(): Promise<number> {
  for (let tried = first; tried <= last; tried += 1) {
    const port = next;
    next = port === last ? first : port + 1;
    if (await isFree(port)) return port;
  }
  throw new Error(`no port from ${first} to ${last} is free`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
