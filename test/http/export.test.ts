import { expect, test } from 'vitest';
import { rawBytes } from '../support/fake-engine-api.ts';
import { httpFixture } from '../support/http-app.ts';

test('an export is a line and bytes for each message, and says when it is whole', async () => {
  await using http = httpFixture();
  const answer = await http.app.inject(
    '/v1/export?mailbox=bob@example.com&since=2026-01-31&cursor=000000000000009.E9&limit=5&asOf=2026-01-31T00:00:00Z',
  );
  expect([answer.statusCode, answer.headers['content-type']]).toEqual([200, 'application/vnd.daybook.messages']);
  const end = answer.rawPayload.indexOf(0x0a) + 1;
  expect(JSON.parse(answer.rawPayload.toString('utf8', 0, end))).toMatchObject({ id: 'E1', size: 9 });
  expect(answer.rawPayload.subarray(end, end + 9).equals(rawBytes)).toBe(true);
  const [damaged = '', last] = answer.rawPayload.toString('utf8', end + 9).split('\n');
  expect(JSON.parse(damaged)).toMatchObject({ id: 'E3', damaged: true });
  expect(last).toBe('{"end":true}');
  const filter = { mailbox: 'bob@example.com', since: Date.UTC(2026, 0, 31) };
  const who = { actor: 'operator', peer: '127.0.0.1', query: { ...filter, limit: 5 } };
  expect(JSON.parse((http.engine.calls[0] ?? '').slice('export '.length))).toEqual({
    filter,
    cursor: '000000000000009.E9',
    limit: 5,
    asOf: Date.UTC(2026, 0, 31),
    ...who,
  });
  // It is one event of the export, not one for each message or page.
  expect(http.engine.accesses).toEqual([]);
});

test('what is no limit, no cursor and no filter is refused by an export', async () => {
  await using http = httpFixture();
  for (const query of ['limit=0', 'cursor=E1', 'folder=x', 'asOf=now']) {
    expect([query, (await http.app.inject(`/v1/export?${query}`)).statusCode]).toEqual([query, 400]);
  }
});

test('a manifest is signed, unless a line of it is of no message', async () => {
  await using http = httpFixture();
  const sign = (payload: string, type = 'application/x-ndjson') =>
    http.app.inject({ method: 'POST', url: '/v1/export/manifest', payload, headers: { 'content-type': type } });
  const answer = await sign('{"id":"E1"}\n');
  expect([answer.statusCode, answer.json().statement]).toEqual([200, 'daybook signed export v1\n']);
  const differs = await sign('x'.repeat(200_000));
  expect([differs.statusCode, differs.json()]).toMatchObject([
    409,
    { type: '/docs#manifest-differs', detail: 'line 1 is of no message of this archive' },
  ]);
  expect((await sign('{}', 'application/json')).statusCode).toBe(415);
});
