import { expect, test } from 'vitest';
import { noon, record } from '../support/fake-engine-api.ts';
import { httpFixture } from '../support/http-app.ts';

const url = '/v1/intake/release';

test('S17 held items that fit are released together, filters and times as the list takes them', async () => {
  await using http = httpFixture();
  const filters = { definition: 'exchange-1', state: 'held', reason: 'expired', flag: 'suspected-clock-skew' };
  const payload = { ...filters, since: '2026-01-01', until: '2026-01-31', limit: 20 };
  const answer = await http.app.inject({ method: 'POST', url, payload });
  expect([answer.statusCode, answer.json()]).toEqual([200, { released: 2, remaining: 1 }]);
  const times = { since: Date.UTC(2026, 0, 1), until: Date.UTC(2026, 1, 1) - 1 };
  const [call] = http.engine.calls;
  const [wanted, by] = JSON.parse(`[${call?.slice('releaseAll '.length).replace('} {', '},{')}]`);
  expect(wanted).toEqual({ ...filters, ...times, limit: 20 });
  expect(by).toEqual({ actor: 'operator', reason: null });
});

test('S17 without a limit 500 are asked for', async () => {
  await using http = httpFixture();
  await http.app.inject({ method: 'POST', url, payload: { state: 'skipped' } });
  expect(http.engine.calls).toEqual(['releaseAll {"state":"skipped","limit":500} {"actor":"operator","reason":null}']);
});

test.each([
  ['no body', undefined],
  ['no state', {}],
  ['a state that cannot be released', { state: 'archived' }],
  ['a limit above 500', { state: 'held', limit: 501 }],
  ['a limit of nothing', { state: 'held', limit: 0 }],
  ['a limit as text', { state: 'held', limit: '5' }],
  ['an unknown field', { state: 'held', flags: 'x' }],
  ['a time without its zone', { state: 'held', since: '2026-01-31T08:00:00' }],
])('a bulk release with %s is refused whole', async (_, payload) => {
  await using http = httpFixture();
  const answer = await http.app.inject({ method: 'POST', url, ...(payload === undefined ? {} : { payload }) });
  expect([answer.statusCode, answer.json().type]).toEqual([400, '/docs#invalid-request']);
  expect(http.engine.calls).toEqual([]);
});

test('the list takes a flag and times of receipt', async () => {
  await using http = httpFixture();
  await http.app.inject('/v1/intake?state=held&flag=suspected-clock-skew&since=2026-01-31');
  const since = Date.UTC(2026, 0, 31);
  const asked = { state: 'held', flag: 'suspected-clock-skew', since, limit: 100 };
  expect(http.engine.calls).toEqual([`intake ${JSON.stringify(asked)}`]);
});

test('S17 bytes that were deleted by policy are a 404 that says so, an unknown record one that does not', async () => {
  const purged = record({ state: 'skipped', reason: 'non-internal', purgeRawAt: noon - 5, rawPurgedAt: noon });
  await using http = httpFixture({
    members: {
      rawIntake: async () => undefined,
      intake: { find: async () => ({ items: [], next: null }), get: async (id) => (id === 'I1' ? purged : undefined) },
    },
  });
  const answer = await http.app.inject('/v1/intake/I1/raw');
  expect(answer.statusCode).toBe(404);
  expect(answer.json()).toMatchObject({ type: '/docs#raw-purged', detail: 'deleted on 2026-01-31T08:00:00.000Z' });
  expect((await http.app.inject('/v1/intake/I9/raw')).json().type).toBe('/docs#not-found');
  expect((await http.app.inject('/v1/intake/I1')).json()).toMatchObject({
    purgeRawAt: '2026-01-31T07:59:59.995Z',
    rawPurgedAt: '2026-01-31T08:00:00.000Z',
    clock: null,
  });
});

test('S17 a release that is refused for its bytes says why', async () => {
  const why = 'its bytes were deleted';
  await using http = httpFixture({
    members: { release: async () => ({ kind: 'refused', state: 'skipped', why }) },
  });
  const answer = await http.app.inject({ method: 'POST', url: '/v1/intake/I1/release' });
  expect([answer.statusCode, answer.json().type, answer.json().detail]).toEqual([409, '/docs#intake-state', why]);
});

test('S17 a held item shows the times by which its age was judged', async () => {
  const times = { date: noon - 5, reportSent: null, oldestReceived: null, newestReceived: noon, outerDate: null };
  const held = record({ clock: { ...times, messageTime: noon - 5 } });
  await using http = httpFixture({
    members: { intake: { find: async () => ({ items: [], next: null }), get: async () => held } },
  });
  expect((await http.app.inject('/v1/intake/I1')).json().clock).toEqual({
    messageTime: '2026-01-31T07:59:59.995Z',
    date: '2026-01-31T07:59:59.995Z',
    reportSent: null,
    oldestReceived: null,
    newestReceived: '2026-01-31T08:00:00.000Z',
    outerDate: null,
  });
});
