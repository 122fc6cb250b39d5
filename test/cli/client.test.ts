import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { createClient } from '../../src/cli/client.ts';
import { makeTlsPair } from '../support/tls-pair.ts';

type Handler = (request: IncomingMessage, body: string) => { readonly status: number; readonly body?: object };

async function httpsEngine(handler: Handler) {
  // For another name than it is asked by, and signed by nobody.
  const pair = makeTlsPair('archive.north.example');
  const server = createServer(pair, async (request: IncomingMessage, response: ServerResponse) => {
    let text = '';
    for await (const chunk of request) text += chunk;
    const { status, body } = handler(request, text);
    response.writeHead(status, { 'content-type': 'application/json', etag: '"3"' });
    response.end(body === undefined ? undefined : JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const close = () => new Promise<void>((resolve) => server.close(() => resolve()));
  return {
    url,
    certificate: pair.cert,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await close();
    },
  };
}

const echo: Handler = ({ method, url, headers }, body) =>
  url === '/none' ? { status: 204 } : { status: url === '/no' ? 404 : 200, body: { method, url, headers, body } };

test('the engine whose certificate the configuration names is trusted: its token goes there, and all that a command sends', async () => {
  await using engine = await httpsEngine(echo);
  const client = createClient({ url: engine.url, token: 'secret', certificate: engine.certificate });
  const found = await client.find('/v1/definitions/a');
  expect(found).toMatchObject({ etag: '"3"', answer: { method: 'GET', headers: { authorization: 'Bearer secret' } } });
  expect(await client.put('/v1/definitions/a', { id: 'a' }, '"3"')).toMatchObject({
    method: 'PUT',
    headers: { 'if-match': '"3"', 'content-type': 'application/json' },
    body: '{"id":"a"}',
  });
  expect(await client.post('/x', Buffer.from('From: a\r\n'))).toMatchObject({ method: 'POST', body: 'From: a\r\n' });
  expect(await client.post('/x')).toMatchObject({ method: 'POST', body: '' });
  const body = Readable.toWeb(Readable.from(['one\n', 'two\n'])) as ReadableStream;
  const streamed = await client.ask('/x', { method: 'POST', body, duplex: 'half' } as RequestInit);
  expect(await streamed.json()).toMatchObject({ body: 'one\ntwo\n' });
  await client.delete('/none');
  expect(await client.find('/no')).toBeUndefined();
});

test('any other certificate that nobody has signed is refused, before the token is sent', async () => {
  let asked = 0;
  await using engine = await httpsEngine((request, body) => {
    asked += 1;
    return echo(request, body);
  });
  for (const certificate of [makeTlsPair('archive.north.example').cert, undefined]) {
    const endpoint = { url: engine.url, token: 'secret', ...(certificate === undefined ? {} : { certificate }) };
    await expect(createClient(endpoint).get('/v1/status')).rejects.toMatchObject({
      exitCode: 69,
      message: expect.stringMatching(/no engine answers at https:.*self-signed certificate/),
    });
  }
  expect(asked).toBe(0);
});

test('what is no address is wrong usage', () => {
  expect(() => createClient({ url: 'engine', token: undefined })).toThrow(
    expect.objectContaining({ exitCode: 2, message: 'engine is no address; expected http://HOST:PORT' }),
  );
});
