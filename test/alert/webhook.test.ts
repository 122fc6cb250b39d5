import { createHmac } from 'node:crypto';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { asyncScheduler } from 'rxjs';
import { expect, test } from 'vitest';
import { signed, webhookChannel } from '../../src/alert/webhook.ts';
import { Secret } from '../../src/config/secret.ts';
import { alertOf } from '../support/alerts.ts';

const alert = alertOf();

async function receiver(answer: { status: number; headers?: Record<string, string> } | null) {
  const heard: { url: string | undefined; headers: IncomingHttpHeaders; body: Buffer }[] = [];
  const server = createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('end', () => {
      heard.push({ url: request.url, headers: request.headers, body: Buffer.concat(pieces) });
      if (answer !== null) response.writeHead(answer.status, answer.headers).end('thanks');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    heard,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
const never = new AbortController().signal;
const channel = (url: string, secret = 'a plain secret') =>
  webhookChannel({ url, secret: new Secret(secret) }, 'mx1', asyncScheduler);

test('what is posted is signed over id, time and body, so that a receiver can tell it from anybody’s', async () => {
  await using place = await receiver({ status: 204 });
  await channel(place.url).send([alert], { signal: never });
  const [{ headers, body } = { headers: {} as IncomingHttpHeaders, body: Buffer.alloc(0) }] = place.heard;
  const { 'webhook-id': id, 'webhook-timestamp': time, 'webhook-signature': signature } = headers;
  const expected = createHmac('sha256', 'a plain secret').update(`${id}.${time}.`).update(body).digest('base64');
  expect(signature).toBe(`v1,${expected}`);
  expect(Math.abs(Number(time) - Date.now() / 1_000)).toBeLessThan(60);
  expect(headers['content-type']).toBe('application/json');
  expect(JSON.parse(body.toString())).toMatchObject({
    type: 'daybook.alerts',
    data: {
      instance: 'mx1',
      notices: [
        { event: 'raised', id: 'A1', kind: 'down', definition: 'exchange', title: 'exchange is down', note: null },
      ],
    },
  });
});

test('the example of the standard has the signature that the standard gives', () => {
  const body = Buffer.from('{"test": 2432232314}');
  const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
  const headers = signed(body, { id: 'msg_p5jXN8AQM9LWM0D4loKWxJek', at: 1_614_265_330_000, secret });
  expect(headers['webhook-signature']).toBe('v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=');
});

test('a redirect is not followed, a status of its own is a failure, and neither tells the secret', async () => {
  for (const answer of [{ status: 302, headers: { location: '/elsewhere' } }, { status: 500 }]) {
    await using place = await receiver(answer);
    const failure = await channel(place.url)
      .send([alert], { signal: never })
      .catch((error: Error) => error);
    expect(String(failure)).toBe(`Error: answered with status ${answer.status}`);
    expect(place.heard.map(({ url }) => url)).toEqual(['/hook']);
  }
});

test('an answer that never comes is given up with the engine', async () => {
  await using place = await receiver(null);
  const ending = new AbortController();
  const sending = channel(place.url).send([alert], { signal: ending.signal });
  ending.abort(new Error('the engine is stopping'));
  await expect(sending).rejects.toThrow('the engine is stopping');
});

test('a test says that it is one', async () => {
  await using place = await receiver({ status: 200 });
  await channel(place.url).test({ signal: never });
  expect(JSON.parse(String(place.heard[0]?.body))).toMatchObject({ data: { test: true, notices: [] } });
});
