import { expect, test } from 'vitest';
import { status } from '../support/fake-engine-api.ts';
import { bearer, httpFixture, tokens } from '../support/http-app.ts';

const paths = ['/v1/status', '/v1/definitions/exchange-1/status'];

test.each(paths)('%s has an ETag, and 304 for who knows it already', async (path) => {
  await using http = httpFixture();
  const first = await http.app.inject(path);
  const etag = String(first.headers['etag']);
  expect(etag).toMatch(/^W\/"[\w-]{22}"$/);
  for (const known of [etag, etag.slice(2), `"x", ${etag}`, '*']) {
    const again = await http.app.inject({ url: path, headers: { 'if-none-match': known } });
    expect([known, again.statusCode, again.body, again.headers['etag']]).toEqual([known, 304, '', etag]);
    expect(again.headers['content-length']).toBeUndefined();
  }
  for (const other of ['"x"', '', etag.slice(0, -2)]) {
    const again = await http.app.inject({ url: path, headers: { 'if-none-match': other } });
    expect([again.statusCode, again.json()]).toEqual([200, first.json()]);
  }
});

test('the tag stands while only the time goes on, and changes with any figure', async () => {
  await using http = httpFixture();
  const { engine, definitions } = http.engine.api.status();
  const tagOf = async (changed: object, changedDefinition: object = {}) => {
    http.engine.api.status = () => ({
      engine: { ...engine, ...changed },
      definitions: [{ ...definitions[0]!, ...changedDefinition }],
    });
    return (await http.app.inject('/v1/status')).headers['etag'];
  };
  const before = await tagOf({});
  expect(await tagOf({ now: '2026-02-01T00:00:00.000Z' })).toBe(before);
  const { counts } = status();
  const changes = [
    await tagOf({ ready: false }),
    await tagOf({}, { counts: { ...counts, received: counts.received + 1 } }),
    await tagOf({}, { machine: 'other' }),
    await tagOf({}, { lastMessageAt: '2026-02-01T00:00:00.000Z' }),
  ];
  expect(new Set([before, ...changes]).size).toBe(5);
});

test('who may not read the status is not told whether it has changed', async () => {
  await using http = httpFixture({ tokens });
  const known = (await http.app.inject({ url: '/v1/status', headers: bearer('viewer-token') })).headers['etag'];
  const headers = { 'if-none-match': String(known) };
  const refused = await http.app.inject({ url: '/v1/status', headers });
  expect([refused.statusCode, refused.headers['etag']]).toEqual([401, undefined]);
});
