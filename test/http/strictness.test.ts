import { expect, test } from 'vitest';
import { httpFixture } from '../support/http-app.ts';

const refused = [
  '/v1/status?verbose=1',
  '/v1/definitions/exchange-1/status?x=',
  '/v1/messages?form=typo@example.com',
  '/v1/messages?limit=0',
  '/v1/messages?limit=501',
  '/v1/messages?limit=1e2',
  '/v1/messages?limit=%2010',
  '/v1/messages?limit=010',
  '/v1/messages?limit=1&limit=2',
  '/v1/messages?since=yesterday',
  '/v1/messages?since=2026-02-31',
  '/v1/messages?since=2026-01-31T08:00:00',
  '/v1/messages?since=1769846400000',
  '/v1/messages?cursor=a%2Fb',
  '/v1/intake?cursor=I1',
  '/v1/intake?cursor=01HZX3M0Q7V1S9K4B2N8C6D5E',
  '/v1/events?cursor=42',
  '/v1/events?cursor=000000000000004x',
  '/v1/messages/E1/raw?representation=-1',
  '/v1/messages/E1/raw?representation=x',
  '/v1/intake?state=deferred',
  '/v1/ledger?day=2026-02-29',
  '/v1/ledger?day=31.01.2026',
  '/v1/health?strict=maybe',
  '/v1/events?definition=UPPER',
  '/v1/definitions?id=exchange-1',
];

test('what is not understood in a query is a 400 that names the field, and never reaches the engine', async () => {
  await using http = httpFixture();
  for (const url of refused) {
    const answer = await http.app.inject(url);
    expect([url, answer.statusCode, answer.json().type]).toEqual([url, 400, '/docs#invalid-request']);
    expect(answer.headers['content-type']).toBe('application/problem+json');
    expect(answer.json().errors.length).toBeGreaterThan(0);
  }
  expect(http.engine.calls).toEqual([]);
});

test('every faulty field is named at once', async () => {
  await using http = httpFixture();
  const { errors, detail } = (await http.app.inject('/v1/messages?limit=x&since=y&bogus=z')).json();
  expect(errors.map(({ path }: { path: string }) => path).toSorted()).toEqual([
    'querystring',
    'querystring.limit',
    'querystring.since',
  ]);
  expect(detail).toContain('bogus');
});

test('a body with an unknown field, broken JSON, poison or another type is refused', async () => {
  await using http = httpFixture();
  const post = async (payload: string, type: string) => {
    const url = '/v1/definitions/exchange-1/suspend';
    const answer = await http.app.inject({ method: 'POST', url, payload, headers: { 'content-type': type } });
    return [answer.statusCode, answer.json().type];
  };
  expect(await post('{"why":"x"}', 'application/json')).toEqual([400, '/docs#invalid-request']);
  expect(await post('{"reason":', 'application/json')).toEqual([400, '/docs#invalid-body']);
  expect(await post('{"__proto__":{"reason":"x"}}', 'application/json')).toEqual([400, '/docs#invalid-body']);
  expect(await post('{"constructor":{"prototype":{}}}', 'application/json')).toEqual([400, '/docs#invalid-body']);
  expect(await post('reason=x', 'application/x-www-form-urlencoded')).toEqual([415, '/docs#media-type']);
  expect(await post('{}', 'text/plain')).toEqual([415, '/docs#media-type']);
  expect(await post('Subject: x', 'message/rfc822')).toEqual([415, '/docs#media-type']);
  expect(await post(JSON.stringify({ reason: 'x'.repeat(300_000) }), 'application/json')).toEqual([
    413,
    '/docs#too-large',
  ]);
  expect(http.engine.calls).toEqual([]);
});

test('an id that cannot be one is unknown, an unknown route and a wrong method are problems too', async () => {
  await using http = httpFixture();
  const get = async (url: string, method: 'GET' | 'PUT' | 'PATCH' | 'DELETE' = 'GET') => {
    const answer = await http.app.inject({ method, url });
    expect(answer.headers['content-type']).toBe('application/problem+json');
    return [answer.statusCode, answer.json().type, answer.headers['allow']];
  };
  expect(await get('/v1/messages/a%20b')).toEqual([404, '/docs#not-found', undefined]);
  expect(await get(`/v1/messages/${'a'.repeat(150)}`)).toEqual([404, '/docs#not-found', undefined]);
  expect(await get('/v1/definitions/UPPER')).toEqual([404, '/docs#not-found', undefined]);
  expect(await get('/v1/definitions/UPPER', 'PUT'), 'what is to be made is wrong').toEqual([
    400,
    '/docs#invalid-request',
    undefined,
  ]);
  expect(await get('/v1/nothing')).toEqual([404, '/docs#route-unknown', undefined]);
  expect(await get('/v1/status', 'DELETE')).toEqual([405, '/docs#method-not-allowed', 'GET']);
  expect(await get('/v1/definitions/exchange-1', 'PATCH')).toEqual([
    405,
    '/docs#method-not-allowed',
    'GET, PUT, DELETE',
  ]);
  expect(await get('/%')).toEqual([400, '/docs#invalid-request', undefined]);
});
