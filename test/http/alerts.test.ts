import { expect, test } from 'vitest';
import { httpFixture } from '../support/http-app.ts';

const json = { 'content-type': 'application/json' };

test('alerts are listed newest first, by state, kind and definition, page by page', async () => {
  await using http = httpFixture();
  const list = async (query = '') => {
    const answer = await http.app.inject(`/v1/alerts${query}`);
    return [answer.statusCode, (answer.json().items ?? []).map(({ id }: { id: string }) => id), answer.json().next];
  };
  expect(await list()).toEqual([200, ['A2', 'A1'], null]);
  expect(await list('?limit=1')).toEqual([200, ['A2'], 'A2']);
  expect(await list('?limit=1&cursor=A2')).toEqual([200, ['A1'], null]);
  expect(await list('?state=open')).toEqual([200, ['A2'], null]);
  expect(await list('?kind=backlog')).toEqual([200, ['A1'], null]);
  expect(await list('?definition=exchange-1&kind=backlog')).toEqual([200, [], null]);
  expect((await list('?kind=nonsense'))[0]).toBe(400);
});

test('an acknowledgement names who and why; what is over or unknown is said', async () => {
  await using http = httpFixture();
  const acknowledge = (id: string, body: object | null) =>
    http.app.inject({
      method: 'POST',
      url: `/v1/alerts/${id}/acknowledge`,
      ...(body === null ? {} : { headers: json, payload: JSON.stringify(body) }),
    });
  const done = await acknowledge('A2', { note: 'restarting it' });
  expect([done.statusCode, done.json()]).toMatchObject([
    200,
    { state: 'acknowledged', acknowledgedBy: 'operator', note: 'restarting it' },
  ]);
  expect((await acknowledge('A2', null)).json().note).toBeNull();
  expect((await acknowledge('A2', { note: '' })).statusCode).toBe(400);
  expect((await acknowledge('A2', { reason: 'x' })).statusCode).toBe(400);
  expect((await acknowledge('A1', {})).json()).toMatchObject({ status: 409, type: '/docs#alert-ended' });
  expect((await acknowledge('A9', {})).statusCode).toBe(404);
});

test('a test through the channels says what came of it', async () => {
  await using http = httpFixture();
  const sent = (body: object) =>
    http.app.inject({ method: 'POST', url: '/v1/alerts/test', headers: json, payload: JSON.stringify(body) });
  expect((await sent({})).json()).toEqual({ items: [{ channel: 'mail', ok: true, detail: null }], next: null });
  expect((await sent({ channel: 'pager' })).statusCode).toBe(404);
});

test('metrics tell the open alerts by kind, and what the channels sent', async () => {
  await using http = httpFixture();
  const lines = (await http.app.inject('/metrics')).body.split('\n');
  for (const line of [
    'daybook_alerts_open{kind="down"} 1',
    'daybook_alerts_open{kind="backlog"} 0',
    'daybook_alerts_unacknowledged 1',
    'daybook_alert_messages_total{channel="mail",result="sent"} 3',
    'daybook_alert_messages_total{channel="mail",result="failed"} 1',
  ]) {
    expect(lines).toContain(line);
  }
});
