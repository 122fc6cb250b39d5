import type { Server } from 'node:net';

/** Binds to a free port on loopback and says which. */
export function listeningPort(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      if (address === null || typeof address === 'string') reject(new Error('the socket has no port'));
      else resolve(address.port);
    });
  });
}
