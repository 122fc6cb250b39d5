import { connect, createServer, type Socket } from 'node:net';

/** A TCP proxy on loopback that makes each round trip longer, as a distant server would. */
export interface DelayProxy extends AsyncDisposable {
  readonly port: number;
}

/** Half of `roundTripMs` is added in each direction; order and bytes stay as they are. */
export async function openDelayProxy(target: number, roundTripMs: number): Promise<DelayProxy> {
  const sockets = new Set<Socket>();
  const relay = (from: Socket, to: Socket): void => {
    sockets.add(from);
    const later = (act: () => void): void => void setTimeout(act, roundTripMs / 2);
    from.on('data', (bytes) => later(() => to.destroyed || to.write(bytes)));
    from.on('end', () => later(() => to.end()));
    from.on('error', () => to.destroy());
    from.on('close', () => sockets.delete(from));
  };
  const server = createServer({ noDelay: true, allowHalfOpen: true }, (client) => {
    const upstream = connect({ port: target, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
    relay(client, upstream);
    relay(upstream, client);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as { port: number }).port,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
}
