import { VirtualTimeScheduler } from 'rxjs';
import { expect, test } from 'vitest';
import { createAuthenticator } from '../../src/http/access.ts';
import { createSessions, maxSessions, sessionMs } from '../../src/http/sessions.ts';
import { bearer, type HttpFixture, httpFixture, tokens } from '../support/http-app.ts';

const own = { host: 'daybook.example:8025', origin: 'http://daybook.example:8025' };

/** Signs in; answers the headers of a browser that keeps the cookie. */
async function signIn(http: HttpFixture, token: string): Promise<Record<string, string>> {
  const answer = await http.app.inject({ method: 'POST', url: '/v1/session', headers: own, payload: { token } });
  expect(answer.statusCode).toBe(200);
  return { ...own, cookie: String(answer.headers['set-cookie']).split(';', 1)[0] ?? '' };
}
const get = async (http: HttpFixture, headers: Record<string, string>, url = '/v1/status') =>
  (await http.app.inject({ url, headers })).statusCode;

function after(clock: VirtualTimeScheduler, ms: number): void {
  clock.schedule(() => {}, ms);
  clock.flush();
}

test('a session stands for its token until it expires, to the millisecond', () => {
  const clock = new VirtualTimeScheduler();
  const authenticator = createAuthenticator(tokens);
  const sessions = createSessions(() => authenticator, clock);
  const { id = '', caller, expiresAt } = sessions.open('auditor-token') ?? {};
  expect([caller, expiresAt]).toEqual([{ name: 'the-auditor', role: 'auditor' }, sessionMs]);
  after(clock, sessionMs - 1);
  expect(sessions.find(id)).toEqual({ caller, expiresAt });
  after(clock, 1);
  expect(sessions.find(id)).toBeUndefined();
});

test('beyond the bound the oldest session ends, and a wrong token opens none', () => {
  const authenticator = createAuthenticator(tokens);
  const sessions = createSessions(() => authenticator, new VirtualTimeScheduler());
  expect(sessions.open('wrong')).toBeUndefined();
  const ids = Array.from({ length: maxSessions + 1 }, () => sessions.open('viewer-token')?.id ?? '');
  expect(new Set(ids).size).toBe(maxSessions + 1);
  expect([sessions.find(ids[0] ?? ''), sessions.find(ids[1] ?? '')?.caller.role]).toEqual([undefined, 'viewer']);
});

test('the cookie is for this server, no script and no other site, and holds no token', async () => {
  await using http = httpFixture({ tokens });
  const inject = (token: string) =>
    http.app.inject({ method: 'POST', url: '/v1/session', headers: own, payload: { token } });
  const answer = await inject('operator-token');
  const cookie = String(answer.headers['set-cookie']);
  expect(cookie).toMatch(/^daybook-session-\d+=[A-Za-z0-9_-]{43}; Path=\/; Max-Age=43200; HttpOnly; SameSite=Strict$/);
  expect(cookie).not.toContain('operator-token');
  expect(answer.json()).toMatchObject({ open: false, name: 'the-operator', role: 'operator' });
  expect(answer.json().may).toContain('change');
  expect(answer.json().may).not.toContain('read-messages');
  expect(http.engine.signIns).toEqual([{ actor: 'the-operator', peer: '127.0.0.1' }]);
});

test('who has a session may what its token may, and is nobody after signing out', async () => {
  await using http = httpFixture({ tokens });
  const browser = await signIn(http, 'operator-token');
  expect(await get(http, browser)).toBe(200);
  expect(await get(http, browser, '/v1/messages')).toBe(403);
  const who = await http.app.inject({ url: '/v1/session', headers: browser });
  expect(who.json()).toMatchObject({ open: false, name: 'the-operator', role: 'operator' });
  expect(Date.parse(who.json().expiresAt)).toBeGreaterThan(Date.now());
  const out = await http.app.inject({ method: 'DELETE', url: '/v1/session', headers: browser });
  expect([out.statusCode, out.headers['set-cookie']]).toEqual([204, expect.stringContaining('Max-Age=0')]);
  expect(await get(http, browser)).toBe(401);
  const nobody = await http.app.inject({ url: '/v1/session', headers: browser });
  expect([nobody.statusCode, nobody.json()]).toEqual([
    200,
    { open: false, name: null, role: null, may: ['public'], expiresAt: null },
  ]);
});

test('a session ends with its token, and another role of the token is its role at once', async () => {
  await using http = httpFixture({ tokens });
  const browser = await signIn(http, 'auditor-token');
  expect(await get(http, browser, '/v1/messages')).toBe(200);
  http.useTokens(tokens.map((token) => (token.role === 'auditor' ? { ...token, role: 'viewer' as const } : token)));
  expect([await get(http, browser), await get(http, browser, '/v1/messages')]).toEqual([200, 403]);
  http.useTokens(tokens.map((token) => (token.role === 'auditor' ? { ...token, token: 'another' } : token)));
  expect(await get(http, browser)).toBe(401);
  http.useTokens(tokens);
  // It was looked at while its token was away: it does not come back with it.
  expect(await get(http, browser)).toBe(401);
});

test('signing in again ends the session that the browser had', async () => {
  await using http = httpFixture({ tokens });
  const before = await signIn(http, 'viewer-token');
  await http.app.inject({ method: 'POST', url: '/v1/session', headers: before, payload: { token: 'admin-token' } });
  expect(await get(http, before)).toBe(401);
});

test('a change by a cookie has to name this server as its origin; a reader and a script need not', async () => {
  await using http = httpFixture({ tokens });
  const { cookie = '' } = await signIn(http, 'operator-token');
  const { host } = own;
  const suspend = async (headers: Record<string, string>) =>
    (await http.app.inject({ method: 'POST', url: '/v1/definitions/exchange-1/suspend', headers })).statusCode;
  expect(await suspend({ host, cookie })).toBe(403);
  expect(await suspend({ host, cookie, origin: 'http://evil.example' })).toBe(403);
  expect(await suspend({ host, cookie, origin: own.origin })).toBe(200);
  expect(await suspend({ host, ...bearer('operator-token') })).toBe(200);
  expect(await get(http, { host, cookie })).toBe(200);
  const foreign = { ...own, origin: 'http://evil.example' };
  const payload = { token: 'operator-token' };
  const answer = await http.app.inject({ method: 'POST', url: '/v1/session', headers: foreign, payload });
  expect([answer.statusCode, answer.headers['set-cookie']]).toEqual([403, undefined]);
});

test('a wrong token at the form counts as a failed try, is an event, and is kept nowhere', async () => {
  await using http = httpFixture({ tokens });
  const tried = (token: string) =>
    http.app.inject({ method: 'POST', url: '/v1/session', headers: own, payload: { token } });
  for (let i = 0; i < 100; i += 1) expect((await tried(`guess-${i}`)).statusCode).toBe(401);
  expect((await tried('guess-100')).statusCode).toBe(429);
  expect(http.engine.denied).toHaveLength(100);
  expect(http.engine.denied[0]).toMatchObject({ actor: null, method: 'POST', path: '/v1/session', status: 401 });
  expect(JSON.stringify([http.engine.denied, http.logged])).not.toContain('guess');
  expect((await tried('viewer-token')).statusCode).toBe(200);
});

test('a wrong token is not made good by a cookie, and a made-up cookie is nobody', async () => {
  await using http = httpFixture({ tokens });
  const browser = await signIn(http, 'viewer-token');
  expect(await get(http, { ...browser, ...bearer('wrong') })).toBe(401);
  const [name] = (browser['cookie'] ?? '').split('=');
  for (const id of ['', 'short', 'A'.repeat(43), '../../x'.repeat(7)]) {
    expect([id, await get(http, { ...own, cookie: `${name}=${id}` })]).toEqual([id, 401]);
  }
});

test('without tokens nobody is asked to sign in', async () => {
  await using http = httpFixture();
  const who = await http.app.inject('/v1/session');
  expect(who.json()).toMatchObject({ open: true, name: 'operator', role: 'admin', expiresAt: null });
  const signed = await http.app.inject({ method: 'POST', url: '/v1/session', payload: { token: 'anything' } });
  expect([signed.statusCode, signed.headers['set-cookie']]).toEqual([200, undefined]);
});
