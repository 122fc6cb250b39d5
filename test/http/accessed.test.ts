import { expect, test } from 'vitest';
import { bearer, httpFixture, tokens } from '../support/http-app.ts';

test('each look at mail is told of, by whom and at what; looks at figures, and those that were refused, are not', async () => {
  await using http = httpFixture({ tokens });
  const get = (url: string, role = 'auditor') => http.app.inject({ url, headers: bearer(`${role}-token`) });
  await get('/v1/messages?mailbox=bo@north.example&limit=5&cursor=001764500000000.E9');
  await get('/v1/messages/E1');
  await get('/v1/messages/E1/raw', 'admin');
  await get('/v1/intake/I1/raw');
  await get('/v1/intake/I1/proof');
  const { accesses } = http.engine;
  expect(accesses).toEqual([
    { kind: 'search', actor: 'the-auditor', peer: '127.0.0.1', query: { mailbox: 'bo@north.example', limit: 5 } },
    { kind: 'view', actor: 'the-auditor', peer: '127.0.0.1', entryId: 'E1' },
    { kind: 'download', actor: 'the-admin', peer: '127.0.0.1', entryId: 'E1' },
    { kind: 'intake-download', actor: 'the-auditor', peer: '127.0.0.1', intakeId: 'I1' },
    { kind: 'prove', actor: 'the-auditor', peer: '127.0.0.1', intakeId: 'I1' },
  ]);
  for (const [url, role] of [
    ['/v1/status', 'auditor'],
    ['/v1/intake', 'operator'],
    ['/v1/intake/I1', 'operator'],
    ['/v1/messages/E1', 'operator'],
    ['/v1/messages/unknown', 'auditor'],
    ['/v1/messages/unknown/raw', 'auditor'],
    ['/v1/messages', 'viewer'],
  ] as const) {
    await get(url, role);
  }
  expect(accesses).toHaveLength(5);
});
