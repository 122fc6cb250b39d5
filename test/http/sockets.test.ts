import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { get, type IncomingMessage, request } from 'node:http';
import { get as getTls } from 'node:https';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { asyncScheduler, Subject } from 'rxjs';
import { expect, test } from 'vitest';
import type { EngineApi } from '../../src/http/api.types.ts';
import { type HttpOptions, openHttpServer } from '../../src/http/server.ts';
import { maxStreams, maxWaitingBytes, readableOf } from '../../src/http/stream.route.ts';
import { event, fakeEngine, hash, status } from '../support/fake-engine-api.ts';
import { bearer, tokens } from '../support/http-app.ts';

const options: HttpOptions = {
  ...{ host: '127.0.0.1', port: 0, tokens: [], version: '0.1.0', messageLimitBytes: 1024 * 1024 },
  consoleFolder: '/nowhere',
  ...{ clock: asyncScheduler, log: () => {} },
};

async function serve(members: Partial<EngineApi> = {}, changed: Partial<HttpOptions> = {}) {
  const engine = fakeEngine(members);
  const server = await openHttpServer({ ...options, ...changed }, engine.api);
  const open = async (path: string, headers = {}): Promise<IncomingMessage> => {
    const [answer] = await once(get({ host: '127.0.0.1', port: server.port, path, headers, agent: false }), 'response');
    return answer as IncomingMessage;
  };
  return { engine, server, open, [Symbol.asyncDispose]: () => server.close() };
}

/** Takes all the text of a stream; `until` answers what came since the last time, once it holds `wanted`. */
function readerOf(stream: IncomingMessage): { until(wanted: string): Promise<string> } {
  let text = '';
  stream.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  return {
    until: async (wanted) => {
      while (!text.includes(wanted)) await once(stream, 'data');
      const taken = text;
      text = '';
      return taken;
    },
  };
}

test('a stream shows the status at once and each event as it comes', async () => {
  await using http = await serve();
  const stream = await http.open('/v1/stream');
  expect(stream.headers['content-type']).toBe('text/event-stream');
  expect(stream.headers['x-content-type-options']).toBe('nosniff');
  const reader = readerOf(stream);
  const first = await reader.until('"machine"');
  expect(first).toContain(`event: status\ndata: ${JSON.stringify(status())}\n\n`);
  http.engine.change$.next({ kind: 'event', event: event(8) });
  expect(await reader.until('"seq":8')).toContain('event: event\nid: 8\ndata: {"seq":8');
  stream.destroy();
});

test('the server closes while a stream is open, and ends it properly', async () => {
  await using http = await serve();
  const stream = await http.open('/v1/stream');
  await readerOf(stream).until('status');
  const startedAt = performance.now();
  stream.resume();
  await Promise.all([http.server.close(), once(stream, 'end')]);
  expect(stream.complete).toBe(true);
  // Well under the grace period: nothing had to be cut.
  expect(performance.now() - startedAt).toBeLessThan(1500);
  expect(http.engine.change$.observed).toBe(false);
});

test('a reader that leaves leaves nothing behind', async () => {
  await using http = await serve();
  const stream = await http.open('/v1/stream');
  await readerOf(stream).until('status');
  expect(http.engine.change$.observed).toBe(true);
  stream.destroy();
  await expect.poll(() => http.engine.change$.observed, { interval: 5 }).toBe(false);
});

test('the stream beyond the limit is asked to come back, and has room when another one ends', async () => {
  await using http = await serve();
  const streams = await Promise.all(Array.from({ length: maxStreams }, () => http.open('/v1/stream')));
  const beyond = await http.open('/v1/stream');
  expect([beyond.statusCode, beyond.headers['retry-after']]).toEqual([503, '5']);
  streams.pop()?.destroy();
  await expect.poll(async () => (await http.open('/v1/stream')).statusCode, { interval: 10 }).toBe(200);
});

test('who reads a stream too slowly is dropped when the bound is passed', () => {
  const frame$ = new Subject<string>();
  const stream = readableOf(frame$);
  for (let sent = 0; sent < maxWaitingBytes; sent += 64 * 1024) {
    expect(stream.destroyed).toBe(false);
    frame$.next('x'.repeat(64 * 1024));
  }
  expect(stream.destroyed).toBe(true);
});

test('an answer under way is finished while the server closes', async () => {
  let release = (): void => {};
  const asked = new Promise<void>((heard) => {
    release = heard;
  });
  let answer = (): void => {};
  const explain = () =>
    new Promise<undefined>((resolve) => {
      answer = () => resolve(undefined);
      release();
    });
  await using http = await serve({ explain });
  const headers = { 'content-type': 'message/rfc822' };
  const url = { host: '127.0.0.1', port: http.server.port, path: '/v1/explain?definition=exchange-1' };
  const post = request({ ...url, method: 'POST', headers, agent: false });
  post.end('Subject: x\r\n\r\n');
  await asked;
  const closing = http.server.close();
  answer();
  const [response] = (await once(post, 'response')) as [IncomingMessage];
  expect(response.statusCode).toBe(404);
  response.resume();
  await closing;
});

test('closing twice is closing once, and a free port can be bound again', async () => {
  const http = await serve();
  await Promise.all([http.server.close(), http.server.close()]);
  await using again = await serve({}, { port: http.server.port });
  expect(again.server.port).toBe(http.server.port);
});

test('a port in use is an error of the system, and open access beyond loopback is refused', async () => {
  await using http = await serve();
  await expect(serve({}, { port: http.server.port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
  await expect(serve({}, { host: '0.0.0.0' })).rejects.toThrow('http.tokens');
});

test('new tokens count from the next request on', async () => {
  await using http = await serve({}, { tokens });
  const ask = async () => (await http.open('/v1/status', bearer('viewer-token'))).statusCode;
  expect(await ask()).toBe(200);
  http.server.updateTokens([{ name: 'new', role: 'viewer', token: 'other' }]);
  expect(await ask()).toBe(401);
});

test('a message that breaks off while it is read never looks whole', async () => {
  const part = new Uint8Array(64 * 1024).fill(65);
  const content = async function* () {
    yield part;
    throw new Error('damaged');
  };
  await using http = await serve({
    rawIntake: async () => ({ size: 10 * part.length, sha256: hash, content: content() }),
  });
  const answer = await http.open('/v1/intake/I1/raw');
  answer.resume();
  await expect(once(answer, 'end')).rejects.toMatchObject({ code: 'ECONNRESET' });
  expect(answer.complete).toBe(false);
});

/** Sends raw text and answers all that comes back. */
async function converse(port: number, text: string): Promise<string> {
  const socket: Socket = connect(port, '127.0.0.1');
  socket.write(text);
  const chunks: Buffer[] = [];
  socket.on('data', (chunk) => chunks.push(chunk));
  await once(socket, 'close');
  return Buffer.concat(chunks).toString();
}

test('what is not HTTP, smuggles or has endless headers gets a problem and is closed', async () => {
  await using http = await serve();
  const host = 'Host: localhost\r\n';
  const smuggled = `POST /v1/explain HTTP/1.1\r\n${host}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`;
  const endless = `GET / HTTP/1.1\r\n${host}X: ${'x'.repeat(20_000)}\r\n\r\n`;
  for (const [text, code] of [
    ['EHLO there\r\n\r\n', 400],
    ['GET /v1/status HTTP/1.1\r\nConnection: close\r\n\r\n', 400],
    [smuggled, 400],
    [endless, 431],
  ] as const) {
    const answer = await converse(http.server.port, text);
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${code} `));
    expect(answer).toContain('application/problem+json');
  }
  const expecting = `GET /v1/status HTTP/1.1\r\n${host}Expect: the-best\r\nConnection: close\r\n\r\n`;
  expect(await converse(http.server.port, expecting)).toMatch(/^HTTP\/1\.1 200 /);
  const oldest = await converse(http.server.port, 'GET /v1/status HTTP/1.0\r\n\r\n');
  expect(oldest).toMatch(/^HTTP\/1\.1 403 /);
});

test('over TLS the server answers, asks browsers to stay there, and takes a new pair but not a broken one', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'daybook-http-'));
  try {
    const pair = (name: string) => {
      const [key, cert] = [join(folder, `${name}.key`), join(folder, `${name}.crt`)];
      const kind = [
        'req',
        '-x509',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:prime256v1',
        '-nodes',
        '-days',
        '2',
      ];
      execFileSync('openssl', [...kind, '-subj', `/CN=${name}`, '-keyout', key, '-out', cert], { stdio: 'ignore' });
      return { key: readFileSync(key), cert: readFileSync(cert) };
    };
    await using http = await serve({}, { tls: pair('one') });
    const ask = async () => {
      const target = {
        host: '127.0.0.1',
        port: http.server.port,
        path: '/v1/status',
        rejectUnauthorized: false,
        agent: false,
      };
      const [answer] = (await once(getTls(target), 'response')) as [IncomingMessage];
      const { subject } = (answer.socket as import('node:tls').TLSSocket).getPeerCertificate();
      answer.resume();
      return [answer.statusCode, answer.headers['strict-transport-security'], subject.CN];
    };
    expect(await ask()).toEqual([200, 'max-age=31536000', 'one']);
    expect(() => http.server.updateTls({ cert: 'broken', key: 'broken' })).toThrow();
    expect(await ask()).toEqual([200, 'max-age=31536000', 'one']);
    http.server.updateTls(pair('two'));
    expect(await ask()).toEqual([200, 'max-age=31536000', 'two']);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
