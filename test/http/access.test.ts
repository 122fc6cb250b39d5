import { VirtualTimeScheduler } from 'rxjs';
import { expect, test } from 'vitest';
import { networkOf } from '../../src/http/failed-tries.ts';
import { rawBytes } from '../support/fake-engine-api.ts';
import { bearer, httpFixture, tokens } from '../support/http-app.ts';

const none = { none: 401, viewer: 403, operator: 403, auditor: 403, admin: 200 } as const;
const everybody = { none: 401, viewer: 200, operator: 200, auditor: 200, admin: 200 } as const;
const operators = { ...none, operator: 200 } as const;
const auditors = { ...none, auditor: 200 } as const;
const both = { ...none, operator: 200, auditor: 200 } as const;
const open = { none: 200, viewer: 200, operator: 200, auditor: 200, admin: 200 } as const;

/** Interface section 7, row by row: what each role gets, and what a request without a token gets. */
const matrix: readonly (readonly [string, Readonly<Record<string, number>>])[] = [
  ['GET /v1/status', everybody],
  ['GET /v1/definitions/exchange-1/status', everybody],
  ['GET /v1/health', everybody],
  ['GET /v1/history', everybody],
  ['GET /v1/statechart', everybody],
  ['GET /v1/definition-form', everybody],
  ['GET /metrics', everybody],
  ['GET /v1/definitions', everybody],
  ['GET /v1/definitions/exchange-1', everybody],
  ['POST /v1/definitions/exchange-1/suspend', operators],
  ['POST /v1/definitions/exchange-1/activate', operators],
  ['PUT /v1/definitions/exchange-1', { ...operators, operator: 409, admin: 409 }],
  ['DELETE /v1/definitions/exchange-1', { ...operators, operator: 409, admin: 409 }],
  ['POST /v1/definitions/exchange-1/test', operators],
  ['POST /v1/definitions/exchange-1/poll', operators],
  ['POST /v1/intake/I1/release', operators],
  ['POST /v1/intake/I1/retry', operators],
  ['POST /v1/intake/release', operators],
  ['GET /v1/intake', both],
  ['GET /v1/intake/I1', both],
  ['GET /v1/intake/I1/raw', auditors],
  ['GET /v1/messages', auditors],
  ['GET /v1/messages/E1', auditors],
  ['GET /v1/messages/E1/raw', auditors],
  ['GET /v1/messages/E1/content', auditors],
  ['GET /v1/messages/E1/trace', auditors],
  ['DELETE /v1/messages/E1?reason=asked%20for', { ...none, admin: 204 }],
  ['GET /v1/holds', auditors],
  ['GET /v1/holds/case-7', auditors],
  ['POST /v1/holds', { ...none, admin: 201 }],
  ['DELETE /v1/holds/case-7', { ...none, admin: 204 }],
  ['GET /v1/retention', auditors],
  ['POST /v1/retention/resume', none],
  ['GET /v1/alerts', everybody],
  ['POST /v1/alerts/A2/acknowledge', operators],
  ['POST /v1/alerts/test', operators],
  ['GET /v1/ledger', auditors],
  ['GET /v1/ledger/days', auditors],
  ['GET /v1/gaps', auditors],
  ['GET /v1/store', everybody],
  ['POST /v1/explain?definition=exchange-1', both],
  ['POST /v1/import?definition=exchange-1', operators],
  ['POST /v1/import/known?definition=exchange-1', operators],
  ['GET /v1/export', auditors],
  ['POST /v1/export/manifest', auditors],
  ['GET /v1/intake/I1/explain', both],
  ['POST /v1/intake/reparse', both],
  ['POST /v1/intake/reparse/apply', { ...none, admin: 200 }],
  ['POST /v1/definitions/exchange-1/dry-run', both],
  ['GET /v1/events', both],
  ['POST /v1/verify', { ...both, operator: 202, auditor: 202, admin: 202 }],
  ['GET /v1/verify', both],
  ['GET /v1/head', both],
  ['GET /v1/intake/I1/proof', auditors],
  ['GET /healthz', open],
  ['GET /readyz', open],
  ['GET /openapi.json', open],
  ['GET /docs', open],
  ['GET /', open],
  ['GET /v1/session', open],
  ['POST /v1/session', open],
  ['DELETE /v1/session', { none: 204, viewer: 204, operator: 204, auditor: 204, admin: 204 }],
  ['GET /page.css', open],
];

/** What the routes get that do nothing without a body. */
const payloads: Readonly<Record<string, { readonly payload: Buffer | object; readonly type: Record<string, string> }>> =
  {
    'POST /v1/explain?definition=exchange-1': { payload: rawBytes, type: { 'content-type': 'message/rfc822' } },
    'POST /v1/import?definition=exchange-1': { payload: rawBytes, type: { 'content-type': 'message/rfc822' } },
    'POST /v1/export/manifest': { payload: Buffer.from('{}'), type: { 'content-type': 'application/x-ndjson' } },
    'POST /v1/import/known?definition=exchange-1': { payload: { names: [] }, type: {} },
    'POST /v1/intake/release': { payload: { state: 'held' }, type: {} },
    'POST /v1/holds': { payload: { id: 'case-8', reason: 'case 8', query: {} }, type: {} },
    'POST /v1/session': { payload: { token: 'viewer-token' }, type: {} },
    'POST /v1/retention/resume': { payload: { reason: 'it is right' }, type: {} },
  };

test('each role gets what it may have on each route, and nothing else', async () => {
  await using http = httpFixture({ tokens });
  for (const [route, expected] of matrix) {
    const [method = '', url = ''] = route.split(' ');
    const message = payloads[route];
    for (const [role, statusCode] of Object.entries(expected)) {
      const headers = {
        ...message?.type,
        ...(role === 'none' ? {} : bearer(`${role}-token`)),
      };
      const payload = message === undefined ? {} : { payload: message.payload };
      const answer = await http.app.inject({ method: method as 'GET', url, headers, ...payload });
      expect([route, role, answer.statusCode]).toEqual([route, role, statusCode]);
    }
  }
});

test('the matrix knows every route there is', async () => {
  await using http = httpFixture();
  const { paths } = (await http.app.inject('/openapi.json')).json();
  const documented = Object.entries(paths as Record<string, object>)
    .flatMap(([path, operations]) => Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`))
    .filter((route) => route !== 'GET /v1/stream');
  const listed = matrix.map(([route]) =>
    (route.split('?')[0] ?? '').replace(/exchange-1|case-7|(?<=(intake|messages|alerts)\/)[EIA][12]/, '{id}'),
  );
  expect(listed.toSorted()).toEqual(documented.toSorted());
});

test('none, a wrong and a malformed token get 401 with a challenge, each an event that keeps no token', async () => {
  await using http = httpFixture({ tokens });
  const wrong = [{}, bearer('admin-tokem'), bearer('admin-token2'), bearer(''), { authorization: 'Basic YTpi' }];
  for (const headers of wrong) {
    const answer = await http.app.inject({ url: '/v1/status?limit=admin-tokem', headers });
    expect([answer.statusCode, answer.json().type]).toEqual([401, '/docs#unauthorized']);
    expect(answer.headers['www-authenticate']).toBe('Bearer realm="daybook"');
  }
  const event = { actor: null, method: 'GET', path: '/v1/status', status: 401, peer: '127.0.0.1' };
  expect(http.engine.denied).toEqual(wrong.map(() => event));
});

test('too little gets 403, an event with the name of the token', async () => {
  await using http = httpFixture({ tokens });
  const answer = await http.app.inject({ url: '/v1/messages/E1/raw', headers: bearer('operator-token') });
  expect([answer.statusCode, answer.json().type]).toEqual([403, '/docs#forbidden']);
  expect(http.engine.denied).toMatchObject([{ actor: 'the-operator', path: '/v1/messages/E1/raw', status: 403 }]);
});

test('a change is recorded under the name of the token', async () => {
  await using http = httpFixture({ tokens });
  const url = '/v1/definitions/exchange-1/suspend';
  await http.app.inject({ method: 'POST', url, headers: bearer('operator-token'), payload: { reason: 'move' } });
  expect(http.engine.calls).toEqual(['suspend "exchange-1" {"actor":"the-operator","reason":"move"}']);
});

test('an operator reads intake without recipients, an auditor with them', async () => {
  await using http = httpFixture({ tokens });
  const as = (role: string) => http.app.inject({ url: '/v1/intake/I1', headers: bearer(`${role}-token`) });
  const [operator, auditor] = [await as('operator'), await as('auditor')];
  expect(operator.json().steps).toHaveLength(1);
  expect(operator.body).not.toMatch(/alice|bob/);
  expect(auditor.json().transport).toMatchObject({ mailFrom: 'alice@example.com', rcptTo: ['bob@example.com'] });
});

test('the hundred and first failed try of a minute gets 429 and no event, a right token is still answered', async () => {
  const clock = new VirtualTimeScheduler();
  await using http = httpFixture({ tokens, clock });
  const tried = (token: string, remoteAddress = '192.0.2.7') =>
    http.app.inject({ url: '/v1/status', headers: bearer(token), remoteAddress });
  for (let i = 0; i < 100; i += 1) expect((await tried(`guess-${i}`)).statusCode).toBe(401);
  const beyond = await tried('guess-100');
  expect([beyond.statusCode, beyond.headers['retry-after']]).toEqual([429, '60']);
  expect(http.engine.denied).toHaveLength(100);
  expect((await tried('viewer-token')).statusCode).toBe(200);
  expect((await tried('guess', '192.0.2.8')).statusCode).toBe(401);
  clock.schedule(() => {}, 60_000);
  clock.flush();
  for (let i = 0; i < 100; i += 1) expect((await tried(`again-${i}`)).statusCode).toBe(401);
  expect((await tried('again-100')).statusCode).toBe(429);
});

test('all addresses of one IPv6 network count as one, mapped ones as what they are', () => {
  expect(networkOf('2001:db8:1:2:aaaa::1')).toBe(networkOf('2001:0db8:1:2::9'.replace('0db8', 'db8')));
  expect(networkOf('2001:db8:1:3::1')).not.toBe(networkOf('2001:db8:1:2::1'));
  expect(networkOf('::1')).toBe('0:0:0:0::/64');
  expect(networkOf('::ffff:192.0.2.1')).toBe('192.0.2.1');
});

test('without tokens only a loopback name or the configured host is answered', async () => {
  await using http = httpFixture();
  const to = (host: string, url = '/v1/status') => http.app.inject({ url, headers: { host } });
  for (const host of ['localhost', 'LOCALHOST:8025', '127.0.0.1:8025', '127.9.9.9', '[::1]:8025', 'a.localhost']) {
    expect([host, (await to(host)).statusCode]).toEqual([host, 200]);
  }
  const foreign = [
    'evil.example',
    '127.0.0.1.evil.example',
    'localhost.evil.example',
    '192.0.2.1',
    'localhost@evil',
    '[::2]',
  ];
  for (const host of foreign) {
    const answer = await to(host);
    expect([host, answer.statusCode, answer.json().type]).toEqual([host, 403, '/docs#foreign-host']);
    expect((await to(host, '/')).statusCode).toBe(403);
  }
  expect(http.engine.denied).toHaveLength(foreign.length * 2);
});

test('with tokens any host name is served', async () => {
  await using http = httpFixture({ tokens });
  const headers = { host: 'daybook.example', ...bearer('viewer-token') };
  expect((await http.app.inject({ url: '/v1/status', headers })).statusCode).toBe(200);
});

test('a change from another web site is refused, one from this server or from a script is not', async () => {
  await using http = httpFixture();
  const url = '/v1/definitions/exchange-1/suspend';
  const from = (origin: string | undefined, method: 'POST' | 'GET' = 'POST', path = url) => {
    const headers = { host: '127.0.0.1:8025', ...(origin === undefined ? {} : { origin }) };
    return http.app.inject({ method, url: path, headers });
  };
  for (const origin of ['http://evil.example', 'null', 'http://127.0.0.1:9999', 'http://localhost:8025', 'nonsense']) {
    const answer = await from(origin);
    expect([origin, answer.statusCode, answer.json().type]).toEqual([origin, 403, '/docs#foreign-origin']);
  }
  expect(http.engine.calls).toEqual([]);
  expect((await from('http://127.0.0.1:8025')).statusCode).toBe(200);
  expect((await from(undefined)).statusCode).toBe(200);
  expect((await from('http://evil.example', 'GET', '/v1/status')).statusCode).toBe(200);
});

test('every answer carries the security headers, faults and pages too', async () => {
  await using http = httpFixture({ tokens });
  for (const url of ['/', '/docs', '/v1/status', '/nowhere', '/%', '/healthz']) {
    const { headers } = await http.app.inject(url);
    expect([url, headers['x-content-type-options']]).toEqual([url, 'nosniff']);
    expect(headers['content-security-policy']).toContain("default-src 'none'; script-src 'self'");
    expect(headers['content-security-policy']).toContain("frame-ancestors 'none'");
  }
  const { headers } = await http.app.inject({ url: '/v1/status', headers: bearer('viewer-token') });
  expect(headers['cache-control']).toBe('no-store');
});
