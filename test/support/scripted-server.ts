import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One answer of a server; a string is a body with status 200. */
export type Scripted =
  | string
  | {
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string | Uint8Array;
    };

/** An HTTP server on loopback that answers what it is told to, in turn; after the last one, 500. */
export async function startScriptedServer(...answers: readonly Scripted[]) {
  const asked: string[] = [];
  const left = [...answers];
  const server = createServer(async (request: IncomingMessage, response) => {
    asked.push(`${request.method} ${request.url}`);
    for await (const _ of request);
    const answer = left.shift() ?? { status: 500 };
    const { status, headers = {}, body = '' } = typeof answer === 'string' ? { status: 200, body: answer } : answer;
    response.writeHead(status, headers).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    [Symbol.asyncDispose]: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
