import { expect, test } from 'vitest';
import { bearer, httpFixture, tokens } from '../support/http-app.ts';

test('the content of a message is for auditor and admin, and each look at it is told of', async () => {
  await using http = httpFixture({ tokens });
  const get = (role: string, path = '/v1/messages/E1/content') =>
    http.app.inject({ url: path, headers: bearer(`${role}-token`) });
  for (const role of ['viewer', 'operator']) expect((await get(role)).statusCode).toBe(403);
  expect(http.engine.accesses).toEqual([]);
  const answer = await get('auditor');
  expect(answer.json()).toEqual({
    headers: [{ name: 'Subject', value: 'Lunch' }],
    text: 'At noon?',
    attachments: [{ name: 'menu.pdf', type: 'application/pdf', size: 1_234 }],
    truncated: false,
    unreadable: false,
  });
  expect(http.engine.accesses).toMatchObject([{ kind: 'view', actor: 'the-auditor', entryId: 'E1' }]);
  expect((await get('admin', '/v1/messages/E1/content?representation=0')).statusCode).toBe(200);
  expect((await get('admin', '/v1/messages/E1/content?representation=1')).statusCode).toBe(404);
  expect((await get('admin', '/v1/messages/E4/content')).statusCode).toBe(410);
});

test('who asks for content while too many do is asked to come again', async () => {
  await using http = httpFixture({ members: { contentOf: async () => 'busy' } });
  const answer = await http.app.inject('/v1/messages/E1/content');
  expect([answer.statusCode, answer.headers['retry-after']]).toEqual([503, '1']);
  expect(http.engine.accesses).toEqual([]);
});

test('the account by day has its difference worked out for each, and pages by day', async () => {
  await using http = httpFixture({ tokens });
  const get = (query: string) => http.app.inject({ url: `/v1/ledger/days${query}`, headers: bearer('auditor-token') });
  const { items, next } = (await get('?definition=exchange-1')).json();
  expect(items).toMatchObject([{ definition: 'exchange-1', day: '2026-01-31', received: 21, difference: 0 }]);
  expect(next).toBe('2026-01-31');
  expect((await get(`?cursor=${next}&limit=5`)).statusCode).toBe(200);
  expect(http.engine.calls.at(-1)).toBe('ledgerDays null {"limit":5,"cursor":"2026-01-31"}');
  for (const query of ['?cursor=2026-02-31', '?cursor=x', '?definition=Nobody', '?day=2026-01-31']) {
    expect((await get(query)).statusCode).toBe(400);
  }
  expect((await get('?definition=nobody')).statusCode).toBe(404);
  expect((await get('?definition=deleted-1')).json().items).toMatchObject([{ definition: 'deleted-1', received: 21 }]);
  const operator = await http.app.inject({ url: '/v1/ledger/days', headers: bearer('operator-token') });
  expect(operator.statusCode).toBe(403);
});

test('figures of the store are for everybody who may read the status', async () => {
  await using http = httpFixture({ tokens });
  const answer = await http.app.inject({ url: '/v1/store', headers: bearer('viewer-token') });
  expect(answer.json()).toMatchObject({ records: 7, growth: { daysLeft: 300 }, lastHead: { size: 7 } });
  expect((await http.app.inject('/v1/store')).statusCode).toBe(401);
});
