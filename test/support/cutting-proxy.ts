import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** Stands before a PostgreSQL on loopback, and takes away what it answers to a commit. */
export interface CuttingProxy extends AsyncDisposable {
  /** The connection string of the server, by way of this. */
  readonly url: string;
  /** Answers to commits that nobody has heard so far. */
  readonly cuts: number;
  /** Ends the connection of each of the next `commits` once the server has answered, before that answer is passed on. */
  cutNext(commits: number): void;
}

/** As node-postgres sends it: a simple query, its length, its text. */
const commit = Buffer.concat([Buffer.from('Q'), Buffer.from([0, 0, 0, 11]), Buffer.from('commit\0')]);

export async function openCuttingProxy(url: string): Promise<CuttingProxy> {
  const target = new URL(url);
  const sockets = new Set<Socket>();
  let left = 0;
  let cuts = 0;
  const server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname);
    let isCutting = false;
    const end = (): void => {
      client.destroy();
      upstream.destroy();
    };
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('error', end);
      socket.on('close', () => {
        sockets.delete(socket);
        end();
      });
    }
    client.on('data', (chunk) => {
      if (left > 0 && chunk.includes(commit)) {
        left -= 1;
        isCutting = true;
      }
      upstream.write(chunk);
    });
    upstream.on('data', (chunk) => {
      if (!isCutting) return void client.write(chunk);
      cuts += 1;
      end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: url.replace(`:${target.port}/`, `:${port}/`),
    get cuts() {
      return cuts;
    },
    cutNext: (commits) => {
      left = commits;
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
