import { expect, test } from 'vitest';
import { entry } from '../support/fake-engine-api.ts';
import { httpFixture } from '../support/http-app.ts';

const json = { 'content-type': 'application/json' };

test('a deleted message is 410 with when and why, in every form of it', async () => {
  await using http = httpFixture();
  for (const path of ['', '/raw', '/trace']) {
    const answer = await http.app.inject(`/v1/messages/E4${path}`);
    expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
    expect([answer.statusCode, answer.json().detail]).toEqual([410, 'on 2026-01-31T08:00:00.000Z by retention']);
  }
  expect((await http.app.inject('/v1/messages/E9')).statusCode).toBe(404);
});

test('an erasure says why, is refused under a hold with its names, and twice is 410', async () => {
  await using http = httpFixture();
  const erase = (path: string) => http.app.inject({ method: 'DELETE', url: `/v1/messages/${path}` });
  expect((await erase('E1')).statusCode).toBe(400);
  expect((await erase('E1?reason=%20')).statusCode).toBe(400);
  expect((await erase('E1?reason=asked')).statusCode).toBe(204);
  const held = await erase('E3?reason=asked');
  expect([held.statusCode, held.json().holds]).toEqual([409, ['case-7']]);
  expect((await erase('E4?reason=asked')).statusCode).toBe(410);
  expect((await erase('E9?reason=asked')).statusCode).toBe(404);
  expect(http.engine.calls[0]).toBe('erase "E1" {"actor":"operator","reason":"asked"}');
});

test('a hold names a search, entries, or both, and each entry shows the holds that it is on', async () => {
  await using http = httpFixture();
  const place = (body: object) =>
    http.app.inject({ method: 'POST', url: '/v1/holds', headers: json, payload: JSON.stringify(body) });
  const common = { id: 'case-8', reason: 'case 8' };
  for (const wrong of [
    common,
    { ...common, entries: [] },
    { ...common, query: { mail: 'x' } },
    { id: 'x', query: {} },
  ]) {
    expect((await place(wrong)).statusCode).toBe(400);
  }
  const placed = await place({
    ...common,
    query: { mailbox: 'bo@north.example', since: '2026-01-01' },
    entries: ['E1'],
  });
  expect([placed.statusCode, placed.json()]).toEqual([
    201,
    {
      ...common,
      query: { mailbox: 'bo@north.example', since: '2026-01-01T00:00:00.000Z' },
      entries: ['E1'],
      placedAt: '2026-01-31T08:00:00.000Z',
      placedBy: 'operator',
    },
  ]);
  expect((await place({ ...common, id: 'case-7', query: {} })).statusCode).toBe(409);
  expect((await http.app.inject('/v1/holds/none')).statusCode).toBe(404);
  expect((await http.app.inject('/v1/holds')).json().items[0]).toMatchObject({ id: 'case-7', query: {}, entries: [] });
  expect((await http.app.inject({ method: 'DELETE', url: '/v1/holds/none' })).statusCode).toBe(404);
  expect((await http.app.inject({ method: 'DELETE', url: '/v1/holds/case-7' })).statusCode).toBe(204);
  expect((await http.app.inject(`/v1/messages/${entry.id}`)).json().holds).toEqual(['case-7']);
  expect((await http.app.inject('/v1/messages')).json().items[0].holds).toEqual(['case-7']);
});

test('metrics count what was deleted, by definition and rule', async () => {
  await using http = httpFixture();
  const text = (await http.app.inject('/metrics')).body;
  expect(text).toContain('daybook_deleted_total{definition="exchange-1",rule="retention"} 4');
  expect(text).toContain('daybook_deleted_total{definition="",rule="erasure"} 1');
});
