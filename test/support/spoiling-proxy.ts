import { request as askHttp, createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';

/** What becomes of one request on its way to a server and back. */
export type Spoiling =
  /** As it is. */
  | 'pass'
  /** Answered with 503 `SlowDown`; the server hears nothing. */
  | 'refuse'
  /** The server does as it was told; the connection is cut before its answer is there. */
  | 'cut'
  /** No answer at all, ever; the server hears nothing. */
  | 'hang'
  /** Half of the answer's body, then the connection is cut. */
  | 'half'
  /** Half of the answer's body, said to be all of it. */
  | 'short'
  /** One bit of the answer's body is another. */
  | 'flip'
  /** One bit of the request's body is another. */
  | 'flip-sent';

export interface Passed {
  readonly method: string;
  readonly url: string;
  readonly spoiling: Spoiling;
}

/** An HTTP proxy on loopback that spoils what it is told to. */
export interface SpoilingProxy extends AsyncDisposable {
  readonly endpoint: string;
  /** Asked for each request. All pass by default. */
  spoil: (request: { readonly method: string; readonly url: string }) => Spoiling;
  /** Requests so far, in the order in which they came. */
  readonly passed: readonly Passed[];
  /** Every connection is cut and none is taken, as where a gateway is away. */
  leave(): Promise<void>;
  comeBack(): Promise<void>;
}

/** Before `target`; with a certificate and its key it speaks TLS. */
export async function startSpoilingProxy(
  target: string,
  tls?: { readonly cert: string; readonly key: string },
): Promise<SpoilingProxy> {
  const passed: Passed[] = [];
  const take = (request: IncomingMessage, response: ServerResponse): void => {
    const { method = '', url = '' } = request;
    const spoiling = proxy.spoil({ method, url });
    passed.push({ method, url, spoiling });
    void pass(request, response, { target, spoiling }).catch(() => response.destroy());
  };
  const make = (): Server => (tls === undefined ? createServer(take) : createTlsServer(tls, take));
  let server = make();
  const listen = (port: number): Promise<void> => new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));
  const leave = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  await listen(0);
  const { port } = server.address() as AddressInfo;
  const proxy: SpoilingProxy = {
    endpoint: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    spoil: () => 'pass',
    passed,
    leave,
    comeBack: () => {
      server = make();
      return listen(port);
    },
    [Symbol.asyncDispose]: leave,
  };
  return proxy;
}

async function pass(
  request: IncomingMessage,
  response: ServerResponse,
  { target, spoiling }: { readonly target: string; readonly spoiling: Spoiling },
): Promise<void> {
  const body = await bytesOf(request);
  if (spoiling === 'hang') return;
  if (spoiling === 'refuse') {
    response.writeHead(503).end('<Error><Code>SlowDown</Code><Message>by the proxy</Message></Error>');
    return;
  }
  const answer = await forward(request, target, spoiling === 'flip-sent' ? flipped(body) : body);
  if (spoiling === 'cut') {
    response.destroy();
    return;
  }
  const { status, headers, bytes } = answer;
  if (spoiling === 'short') headers['content-length'] = String(bytes.length >> 1);
  response.writeHead(status, headers);
  if (spoiling === 'half') response.write(bytes.subarray(0, bytes.length >> 1), () => response.destroy());
  else if (spoiling === 'short') response.end(bytes.subarray(0, bytes.length >> 1));
  else response.end(spoiling === 'flip' ? flipped(bytes) : bytes);
}

/** Headers as they came, `host` too: they are signed. */
function forward({ method = '', url = '', headers }: IncomingMessage, target: string, body: Buffer) {
  return new Promise<{ status: number; headers: IncomingMessage['headers']; bytes: Buffer }>((resolve, reject) => {
    const sent = askHttp(new URL(url, target), { method, headers }, async (answer) => {
      try {
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, bytes: await bytesOf(answer) });
      } catch (error) {
        reject(error);
      }
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

async function bytesOf(message: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of message) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
}

/** With one bit in the middle turned round. */
function flipped(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  const middle = copy.length >> 1;
  if (copy.length > 0) copy[middle] = (copy[middle] ?? 0) ^ 4;
  return copy;
}
