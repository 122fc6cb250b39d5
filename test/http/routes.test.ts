import { expect, test } from 'vitest';
import { EngineFailure } from '../../streams/failure.ts';
import { definition, entryView, hash, rawBytes, secret, status } from '../support/fake-engine-api.ts';
import { bearer, httpFixture, tokens } from '../support/http-app.ts';

test('the status is the engine and every definition, byte for byte what the engine said', async () => {
  await using http = httpFixture();
  const answer = await http.app.inject('/v1/status');
  expect(answer.statusCode).toBe(200);
  expect(answer.json()).toEqual(http.engine.api.status());
});

test('a definition has a status, an unknown one a problem', async () => {
  await using http = httpFixture();
  expect((await http.app.inject('/v1/definitions/exchange-1/status')).json()).toEqual(status());
  const unknown = await http.app.inject('/v1/definitions/nobody/status');
  expect(unknown.statusCode).toBe(404);
  expect(unknown.headers['content-type']).toBe('application/problem+json');
  expect(unknown.json().type).toBe('/docs#definition-unknown');
});

test('a status that lacks a required field is a 500 and a line in the log, not a shorter answer', async () => {
  const { counts: _counts, ...short } = status();
  await using http = httpFixture({ members: { statusOf: () => short as never } });
  const answer = await http.app.inject('/v1/definitions/exchange-1/status');
  expect(answer.statusCode).toBe(500);
  expect(answer.json()).toEqual({ type: '/docs#internal', title: 'The engine failed to answer', status: 500 });
  expect(http.logged.join()).toContain('counts');
});

test('readiness names what is missing with 503; health gets worse with its worst component', async () => {
  const missing = ['smtp listener'];
  await using http = httpFixture({
    members: {
      readiness: () => ({ ready: false, missing }),
      health: () => [
        { name: 'store', status: 'healthy', detail: null },
        { name: 'listener', status: 'degraded', detail: 'binding' },
      ],
    },
  });
  const ready = await http.app.inject('/readyz');
  expect(ready.statusCode).toBe(503);
  expect(ready.json()).toMatchObject({ missing, ready: false, type: '/docs#not-ready' });
  expect((await http.app.inject('/healthz')).statusCode).toBe(200);
  const health = await http.app.inject('/v1/health');
  expect([health.statusCode, health.json().status]).toEqual([200, 'degraded']);
  expect((await http.app.inject('/v1/health?strict')).statusCode).toBe(503);
  expect((await http.app.inject('/v1/health?strict=true')).statusCode).toBe(503);
  expect((await http.app.inject('/v1/health?strict=false')).statusCode).toBe(200);
});

test('an engine that is well is ready, and healthy even if asked strictly', async () => {
  await using http = httpFixture();
  expect((await http.app.inject('/readyz')).json()).toEqual({ ready: true, missing: [] });
  const health = await http.app.inject('/v1/health?strict');
  expect([health.statusCode, health.json().status]).toEqual([200, 'healthy']);
});

test('messages are found by every filter, times read as epoch milliseconds and bare dates to their ends', async () => {
  await using http = httpFixture();
  const query = new URLSearchParams({
    ...{ definition: 'exchange-1', mailbox: 'bob@example.com', from: 'a@example.com', to: 'b@example.com' },
    ...{ messageId: '<a@b>', subject: 'lunch', since: '2026-01-01', until: '2026-01-31', flag: 'variant' },
    ...{ limit: '500', cursor: '001764500000000.E9' },
  });
  const answer = await http.app.inject(`/v1/messages?${query}`);
  expect(answer.json()).toEqual({ items: [entryView], next: 'NEXT-1' });
  const asked = JSON.parse(http.engine.calls[0]?.slice('messages '.length) ?? '');
  expect(asked).toEqual({
    ...{ definition: 'exchange-1', mailbox: 'bob@example.com', from: 'a@example.com', to: 'b@example.com' },
    ...{ messageId: '<a@b>', subject: 'lunch', flag: 'variant', limit: 500, cursor: '001764500000000.E9' },
    since: Date.UTC(2026, 0, 1),
    until: Date.UTC(2026, 1, 1) - 1,
  });
});

test('a search by text says how far the index of it is behind, and is refused where there is none', async () => {
  await using http = httpFixture();
  const behind = await http.app.inject('/v1/messages?text=lunch&subject=minutes');
  expect(behind.json()).toEqual({ items: [entryView], next: 'NEXT-1', textIndex: { behind: 7 } });
  expect(http.engine.calls).toEqual(['messages {"subject":"minutes","limit":100}']);
  expect(http.engine.accesses).toMatchObject([{ kind: 'search', query: { text: 'lunch', subject: 'minutes' } }]);
  const off = await http.app.inject('/v1/messages?text=off');
  expect([off.statusCode, off.json().type]).toEqual([409, '/docs#text-search-off']);
  const empty = await http.app.inject('/v1/messages?text=%2C%20!');
  expect([empty.statusCode, empty.json().type]).toEqual([400, '/docs#invalid-request']);
  // Neither a hold nor an export may hang on an index that is behind.
  expect((await http.app.inject('/v1/export?text=lunch')).statusCode).toBe(400);
});

test('a list without a limit asks for a hundred', async () => {
  await using http = httpFixture();
  await http.app.inject('/v1/intake?state=held');
  expect(http.engine.calls).toEqual(['intake {"state":"held","limit":100}']);
});

test('raw bytes come exactly, as a download that no browser shows', async () => {
  await using http = httpFixture();
  for (const url of ['/v1/messages/E1/raw', '/v1/messages/E1/raw?representation=0', '/v1/intake/I1/raw']) {
    const answer = await http.app.inject(url);
    expect(answer.rawPayload.equals(rawBytes)).toBe(true);
    expect(answer.headers['content-type']).toBe('message/rfc822');
    expect(answer.headers['content-length']).toBe('9');
    expect(answer.headers['content-disposition']).toMatch(/^attachment; filename="[EI]1\.eml"$/);
    expect(answer.headers['repr-digest']).toBe(`sha-256=:${Buffer.from(hash, 'hex').toString('base64')}:`);
    expect(answer.headers['x-content-type-options']).toBe('nosniff');
  }
  expect((await http.app.inject('/v1/messages/E1/raw?representation=1')).statusCode).toBe(404);
  expect((await http.app.inject('/v1/messages/E2/raw')).statusCode).toBe(404);
});

test('a large message is streamed, and damage found on the way is a 500 or a cut answer, never a whole one', async () => {
  const part = new Uint8Array(64 * 1024).fill(65);
  const streamed = { size: part.length * 100, sha256: hash };
  await using http = httpFixture({
    members: {
      rawIntake: async () => ({
        ...streamed,
        content: (async function* () {
          for (let i = 0; i < 100; i += 1) yield part;
        })(),
      }),
      rawEntry: async () => {
        throw new EngineFailure('damaged');
      },
    },
  });
  const answer = await http.app.inject('/v1/intake/I1/raw');
  expect(answer.rawPayload.length).toBe(streamed.size);
  expect(answer.headers['content-length']).toBe(String(streamed.size));
  const damaged = await http.app.inject('/v1/messages/E1/raw');
  expect([damaged.statusCode, damaged.json().type]).toEqual([500, '/docs#damaged']);
});

test('a trace shows each copy with the steps of its intake record', async () => {
  await using http = httpFixture();
  const { copies, omitted } = (await http.app.inject('/v1/messages/E1/trace')).json();
  expect(omitted).toBe(0);
  expect(copies).toHaveLength(1);
  expect(copies[0]).toMatchObject({ intakeId: 'I1', state: 'held', reason: 'expired', level: 'L0' });
  expect(copies[0].steps).toEqual([{ at: '2026-01-31T08:00:00.000Z', step: 'received', detail: null }]);
});

test('an intake record is shown with its steps, an unknown one is a 404', async () => {
  await using http = httpFixture();
  const detail = (await http.app.inject('/v1/intake/I1')).json();
  expect(detail).toMatchObject({ id: 'I1', definition: 'exchange-1', state: 'held', reason: 'expired', entryId: null });
  expect(detail).toMatchObject({ nextAttemptAt: null, deadline: '2026-01-31T08:00:01.000Z', sha256: hash, size: 9 });
  expect(detail.steps).toHaveLength(1);
  expect((await http.app.inject('/v1/intake/I9')).statusCode).toBe(404);
});

test('release and retry go to the engine with who asked and why; a record in another state is a conflict', async () => {
  await using http = httpFixture();
  const released = await http.app.inject({
    method: 'POST',
    url: '/v1/intake/I1/release',
    payload: { reason: 'asked' },
  });
  expect([released.statusCode, released.json().state]).toEqual([200, 'parsed']);
  const refused = await http.app.inject({ method: 'POST', url: '/v1/intake/I2/retry' });
  expect(refused.statusCode).toBe(409);
  expect(refused.json()).toMatchObject({ type: '/docs#intake-state', detail: 'the record is archived' });
  expect((await http.app.inject({ method: 'POST', url: '/v1/intake/I3/retry' })).statusCode).toBe(404);
  expect(http.engine.calls.slice(0, 2)).toEqual([
    'release "I1" {"actor":"operator","reason":"asked"}',
    'retry "I2" {"actor":"operator","reason":null}',
  ]);
});

test('the ledger works its difference out from what it shows', async () => {
  await using http = httpFixture();
  const whole = (await http.app.inject('/v1/ledger')).json();
  expect(whole).toMatchObject({ definition: null, day: null, received: 21, inProcess: 1, difference: 0 });
  await http.app.inject('/v1/ledger?definition=exchange-1&day=2026-01-31');
  expect(http.engine.calls).toEqual(['ledger null null', 'ledger "exchange-1" "2026-01-31"']);
  expect((await http.app.inject('/v1/ledger?definition=nobody')).statusCode).toBe(404);
  const deleted = (await http.app.inject('/v1/ledger?definition=deleted-1&day=2026-01-31')).json();
  expect(deleted).toMatchObject({ definition: 'deleted-1', day: '2026-01-31', received: 21, difference: 0 });
});

test('a ledger that does not add up shows by how much', async () => {
  const sums = { received: 10, archived: 1, matched: 1, skipped: 1, held: 1, quarantined: 1, inProcess: 1 };
  await using http = httpFixture({ members: { ledger: async () => sums } });
  expect((await http.app.inject('/v1/ledger')).json().difference).toBe(4);
});

test('definitions are shown with their secrets masked, whatever the engine hands over', async () => {
  await using http = httpFixture();
  const one = await http.app.inject('/v1/definitions/exchange-1');
  expect(one.json().smtp.password).toBe('********');
  expect(one.headers['etag']).toBe('"3"');
  const list = await http.app.inject('/v1/definitions');
  expect(list.json().items.map(({ id }: { id: string }) => id)).toEqual(['exchange-1', 'mailbox-2']);
  expect(one.body + list.body).not.toContain(secret);
});

test('the list of definitions is read page by page', async () => {
  await using http = httpFixture();
  const first = (await http.app.inject('/v1/definitions?limit=1')).json();
  expect([first.items.length, first.next]).toEqual([1, 'exchange-1']);
  const second = (await http.app.inject(`/v1/definitions?limit=1&cursor=${first.next}`)).json();
  expect([second.items[0].id, second.next]).toEqual(['mailbox-2', null]);
  const gone = await http.app.inject('/v1/definitions?limit=1&cursor=gone');
  expect([gone.statusCode, gone.json().detail]).toEqual([400, expect.stringContaining('query.cursor')]);
});

test('suspend and activate need neither a body nor a header, and answer the status', async () => {
  await using http = httpFixture();
  for (const change of ['suspend', 'activate']) {
    const url = `/v1/definitions/exchange-1/${change}`;
    const bare = await http.app.inject({ method: 'POST', url });
    expect([bare.statusCode, bare.json()]).toEqual([200, status()]);
    const typed = await http.app.inject({ method: 'POST', url, headers: { 'content-type': 'application/json' } });
    expect(typed.statusCode).toBe(200);
    const empty = await http.app.inject({ method: 'POST', url, payload: {} });
    expect(empty.statusCode).toBe(200);
    expect((await http.app.inject({ method: 'POST', url: `/v1/definitions/nobody/${change}` })).statusCode).toBe(404);
  }
  expect(http.engine.calls[0]).toBe('suspend "exchange-1" {"actor":"operator","reason":null}');
});

test('an activation that the engine refuses is a conflict that says why', async () => {
  const why = 'directory.internalDomains is empty';
  await using http = httpFixture({ members: { activate: async () => ({ kind: 'refused', why }) } });
  const answer = await http.app.inject({ method: 'POST', url: '/v1/definitions/exchange-1/activate' });
  expect(answer.json()).toMatchObject({ status: 409, type: '/docs#definition-refused', detail: why });
});

test('a provisioned definition cannot be changed or deleted over the API, and the answer says where it can', async () => {
  await using http = httpFixture();
  const url = '/v1/definitions/exchange-1';
  for (const answer of [
    await http.app.inject({ method: 'PUT', url, payload: definition() }),
    await http.app.inject({ method: 'DELETE', url }),
  ]) {
    expect(answer.json()).toMatchObject({ status: 409, type: '/docs#definition-provisioned' });
  }
});

test('a new definition is answered 201 with its version as ETag, what an answer adds to it left out', async () => {
  await using http = httpFixture();
  const url = '/v1/definitions/new-one';
  const made = await http.app.inject({ method: 'PUT', url, payload: { id: 'new-one', version: 7, provisioned: true } });
  expect([made.statusCode, made.headers.etag, made.json().smtp.password]).toEqual([201, '"1"', '********']);
  expect(http.engine.calls).toEqual([
    'put "new-one" {"id":"new-one"} {"actor":"operator","reason":null,"role":"admin"}',
  ]);
  expect((await http.app.inject({ method: 'DELETE', url: `${url}?force` })).statusCode).toBe(204);
  expect(http.engine.calls[1]).toContain('"force":true');
});

test('If-Match reaches the engine as a version, and what is none as one that never stands', async () => {
  const asked: unknown[] = [];
  await using http = httpFixture({
    members: {
      put: async (_id, _document, { ifMatch }) => {
        asked.push(ifMatch);
        return { kind: 'outdated' };
      },
    },
  });
  const url = '/v1/definitions/new-one';
  for (const header of ['"3"', 'W/"4"', '5', '*', '"x"']) {
    const answer = await http.app.inject({ method: 'PUT', url, payload: {}, headers: { 'if-match': header } });
    expect(answer.json()).toMatchObject({ status: 412, type: '/docs#version-outdated' });
  }
  expect(asked).toEqual([3, 4, 5, '*', Number.NaN]);
});

test.each([
  [{ kind: 'unmatched' }, 428, 'version-required'],
  [{ kind: 'refused', why: 'it is not suspended' }, 409, 'definition-refused'],
  [{ kind: 'unknown' }, 404, 'definition-unknown'],
  [{ kind: 'invalid', faults: [{ path: 'smtp.password', text: 'is missing' }] }, 400, 'definition-invalid'],
] as const)('a change that was not made because of %j is answered %i', async (refusal, status, slug) => {
  await using http = httpFixture({ members: { put: async () => refusal, remove: async () => refusal } });
  for (const method of ['PUT', 'DELETE'] as const) {
    const answer = await http.app.inject({ method, url: '/v1/definitions/new-one' });
    expect([answer.statusCode, answer.json().type]).toEqual([status, `/docs#${slug}`]);
    if (refusal.kind !== 'invalid') continue;
    expect(answer.json().errors).toEqual([{ path: 'smtp.password', message: 'is missing' }]);
  }
});

test('a change that asks for another role is answered 403 and recorded', async () => {
  await using http = httpFixture({ members: { put: async () => ({ kind: 'forbidden', why: 'only admin' }) } });
  const answer = await http.app.inject({ method: 'PUT', url: '/v1/definitions/new-one', payload: {} });
  expect(answer.json()).toMatchObject({ status: 403, detail: 'only admin' });
  expect(http.engine.denied).toMatchObject([{ path: '/v1/definitions/new-one', status: 403, method: 'PUT' }]);
});

test('a connection test and a poll need no body; what the client would show reaches the engine', async () => {
  await using http = httpFixture();
  const post = (url: string, payload?: object) =>
    http.app.inject({ method: 'POST', url, ...(payload === undefined ? {} : { payload }) });
  expect((await post('/v1/definitions/exchange-1/test')).json()).toMatchObject({ ok: true, steps: [{ ok: true }] });
  await post('/v1/definitions/exchange-1/test', { peer: '10.0.0.5', secure: true });
  expect((await post('/v1/definitions/exchange-1/test', { peer: 'nowhere' })).statusCode).toBe(400);
  expect((await post('/v1/definitions/nobody/test')).statusCode).toBe(404);
  expect((await post('/v1/definitions/exchange-1/poll')).statusCode).toBe(200);
  expect(http.engine.calls).toEqual([
    'test "exchange-1" {"actor":"operator","reason":null} null',
    'test "exchange-1" {"actor":"operator","reason":null} {"peer":"10.0.0.5","secure":true,"authenticated":false}',
    'test "nobody" {"actor":"operator","reason":null} null',
    'poll "exchange-1" {"actor":"operator","reason":null}',
  ]);
});

test('explain reads a message up to the message limit, and knows which definition is meant', async () => {
  await using http = httpFixture({ messageLimitBytes: 400_000 });
  const post = (url: string, payload: Buffer, type = 'message/rfc822') =>
    http.app.inject({ method: 'POST', url, payload, headers: { 'content-type': type } });
  const url = '/v1/explain?definition=exchange-1';
  const fits = await post(url, Buffer.alloc(400_000, 0xe9));
  expect([fits.statusCode, fits.json().outcome]).toEqual([200, 'archived']);
  expect(http.engine.calls).toEqual(['explain "exchange-1" 400000']);
  expect((await post(url, Buffer.alloc(400_001))).json()).toMatchObject({ status: 413, type: '/docs#too-large' });
  expect((await post('/v1/explain?definition=nobody', rawBytes)).statusCode).toBe(404);
  expect((await post('/v1/explain', rawBytes)).json()).toMatchObject({
    status: 400,
    type: '/docs#invalid-request',
    detail: expect.stringMatching(/--definition.*: exchange-1, mailbox-2$/),
  });
  expect((await post(url, rawBytes, 'application/json')).statusCode).toBe(415);
  expect((await http.app.inject({ method: 'POST', url })).statusCode).toBe(415);
});

test('with one definition explain needs no name, and asks in a row are never counted as at once', async () => {
  await using http = httpFixture({ members: { definitions: () => [definition()] } });
  for (let i = 0; i < 5; i += 1) {
    const headers = { 'content-type': 'message/rfc822' };
    const answer = await http.app.inject({ method: 'POST', url: '/v1/explain', payload: rawBytes, headers });
    expect(answer.statusCode).toBe(200);
  }
});

test('who may not read mail sees of a stored message nobody in it, and of dry runs neither', async () => {
  await using http = httpFixture({ tokens });
  const answers = async (role: string) => {
    const headers = bearer(`${role}-token`);
    const dryRun = { method: 'POST', url: '/v1/definitions/exchange-1/dry-run?last=7', headers, payload: {} } as const;
    return [
      await http.app.inject({ url: '/v1/intake/I1/explain', headers }),
      await http.app.inject(dryRun),
      await http.app.inject({ method: 'POST', url: '/v1/intake/reparse', headers, payload: { limit: 3 } }),
    ];
  };
  const shown = await answers('auditor');
  expect(shown.map(({ statusCode, body }) => [statusCode, body.includes('bob@example.com')])).toEqual(
    shown.map(() => [200, true]),
  );
  expect(http.engine.accesses.map(({ kind, intakeId, query }) => [kind, intakeId ?? query])).toEqual([
    ['view', 'I1'],
    ['search', { definition: 'exchange-1', dryRun: 7 }],
    ['search', { reparse: 3 }],
  ]);
  const hidden = await answers('operator');
  for (const { statusCode, body } of hidden) {
    expect([statusCode, body.includes('bob@example.com')], body).toEqual([200, false]);
    expect(body).toContain('{"field":"recipients","from":null,"to":null}');
  }
  expect(hidden[0]?.json()).not.toHaveProperty('recipients');
  expect(http.engine.accesses).toHaveLength(3);
});

test('a newer parse is put in force by somebody, a bounded number of messages at a time', async () => {
  await using http = httpFixture({ tokens });
  const headers = bearer('admin-token');
  const apply = (payload: object) =>
    http.app.inject({ method: 'POST', url: '/v1/intake/reparse/apply', headers, payload });
  const wanted = { definition: 'exchange-1', reason: 'M1', limit: 500, cursor: '01HZX3M0Q7V1S9K4B2N8C6D5E9' };
  const answer = await apply(wanted);
  expect(answer.json()).toMatchObject({ parser: 1, repaired: 1, items: [{ id: 'I1', repair: 'done', parser: 0 }] });
  const call = http.engine.calls.at(-1)?.replace('applyReparse ', '').split('} {') ?? [];
  expect([JSON.parse(`${call[0]}}`), JSON.parse(`{${call[1]}`)]).toEqual([
    wanted,
    { actor: 'the-admin', reason: null },
  ]);
  expect(http.engine.accesses.map(({ query }) => query)).toEqual([
    { definition: 'exchange-1', reason: 'M1', reparse: 500 },
  ]);
  for (const wrong of [{ limit: 501 }, { limit: 0 }, { state: 'matching' }, { id: 'I1' }]) {
    expect((await apply(wrong)).statusCode, JSON.stringify(wrong)).toBe(400);
  }
});

test('a dry run is bounded, and a second one at once is asked to come back', async () => {
  const waiting: (() => void)[] = [];
  const dryRun = () =>
    new Promise<{ readonly kind: 'unknown' }>((resolve) => waiting.push(() => resolve({ kind: 'unknown' })));
  await using http = httpFixture({ members: { dryRun } });
  const run = (query: string) =>
    http.app.inject({ method: 'POST', url: `/v1/definitions/exchange-1/dry-run${query}`, payload: {} });
  for (const query of ['?last=0', '?last=1001', '?last=all', '?first=3']) {
    expect((await run(query)).statusCode, query).toBe(400);
  }
  // What is injected is sent once somebody waits for it.
  const first = run('?last=1000').then((answer) => answer.statusCode);
  await expect.poll(() => waiting.length).toBe(1);
  const second = await run('');
  expect([second.statusCode, second.headers['retry-after']]).toEqual([503, '5']);
  expect((await http.app.inject({ method: 'POST', url: '/v1/intake/reparse' })).statusCode).toBe(503);
  for (const done of waiting) done();
  expect(await first).toBe(404);
});

test('a third message to explain at once is asked to come back', async () => {
  const waiting: (() => void)[] = [];
  const explain = () => new Promise<undefined>((resolve) => waiting.push(() => resolve(undefined)));
  await using http = httpFixture({ members: { explain } });
  const url = '/v1/explain?definition=exchange-1';
  const post = () =>
    http.app.inject({ method: 'POST', url, payload: rawBytes, headers: { 'content-type': 'message/rfc822' } });
  const first = [post(), post()];
  await expect.poll(() => waiting.length).toBe(2);
  const third = await post();
  expect([third.statusCode, third.headers['retry-after']]).toEqual([503, '1']);
  for (const done of waiting) done();
  expect((await Promise.all(first)).map(({ statusCode }) => statusCode)).toEqual([404, 404]);
});

test('the event log is read with its own words', async () => {
  await using http = httpFixture();
  const answer = await http.app.inject('/v1/events?type=definition.suspended&since=2026-01-31T09:00:00%2B01:00');
  const { items } = answer.json();
  expect(items[0]).toMatchObject({
    seq: 7,
    at: '2026-01-31T08:00:00.000Z',
    definition: 'exchange-1',
    data: { old: false },
  });
  expect(items[0]).not.toHaveProperty('definitionId');
  expect(http.engine.calls).toEqual([
    `events {"type":"definition.suspended","since":${Date.UTC(2026, 0, 31, 8)},"limit":100}`,
  ]);
});

test('what the store cannot do now is a 503, what it does not have a 404', async () => {
  const codes = { 'store-full': 503, stopping: 503, missing: 404 } as const;
  for (const [code, expected] of Object.entries(codes)) {
    const find = async () => {
      throw new EngineFailure(code as keyof typeof codes);
    };
    await using http = httpFixture({
      members: { messages: { find, get: async () => undefined, goneOf: async () => undefined } },
    });
    expect((await http.app.inject('/v1/messages')).statusCode).toBe(expected);
  }
});

test('a bug in the engine is a 500 that tells the client nothing and the log everything', async () => {
  await using http = httpFixture({
    members: {
      status: () => {
        throw new Error(`the password is ${secret}`);
      },
    },
  });
  const answer = await http.app.inject('/v1/status');
  expect(answer.statusCode).toBe(500);
  expect(answer.body).not.toContain(secret);
  expect(http.logged[0]).toContain('/v1/status');
});
