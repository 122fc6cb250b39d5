import { expect, test } from 'vitest';
import { hash, rawBytes } from '../support/fake-engine-api.ts';
import { httpFixture } from '../support/http-app.ts';

const url = '/v1/import?definition=exchange-1';
const post = (payload: Buffer | string, type = 'message/rfc822', to = url) =>
  ({ method: 'POST', url: to, payload, headers: { 'content-type': type } }) as const;
const enveloped = 'application/vnd.daybook.message';

test('a message is taken as it stands, told who sent it and how large it is', async () => {
  await using http = httpFixture();
  const bytes = Buffer.concat([rawBytes, rawBytes]);
  const answer = await http.app.inject(post(bytes));
  expect([answer.statusCode, answer.json()]).toEqual([201, { id: 'I9', size: 18, sha256: hash, known: false }]);
  const [call] = http.engine.calls;
  expect(call).toContain(JSON.stringify(bytes.toString('latin1')));
  expect(call).toContain('"definitionId":"exchange-1","as":"journal","envelope":{"mailFrom":null,"rcptTo":[]}');
  expect(call).toContain('"actor":"operator","sizeHintBytes":18');
});

test('one that was imported before is answered 200, and says so', async () => {
  await using http = httpFixture();
  const answer = await http.app.inject(post(rawBytes));
  expect([answer.statusCode, answer.json().known]).toEqual([200, true]);
});

test('an envelope stands in a line before the message, of a gateway copy alone', async () => {
  await using http = httpFixture();
  const line = JSON.stringify(['ada@north.example', ['bo@north.example', 'cy@north.example']]);
  const gateway = `${url}&as=gateway`;
  const answer = await http.app.inject(post(`${line}\nSubject: x\n\nFrom me\n`, enveloped, gateway));
  expect(answer.statusCode).toBe(201);
  expect(http.engine.calls[0]).toContain(
    '"mailFrom":"ada@north.example","rcptTo":["bo@north.example","cy@north.example"]',
  );
  expect(http.engine.calls[0]).toContain(JSON.stringify('Subject: x\n\nFrom me\n'));
  expect((await http.app.inject(post(`${line}\nSubject: x\n`, enveloped))).statusCode).toBe(400);
  for (const bad of [
    '',
    'x\n',
    '{}\n',
    '[null]\n',
    '[null,[""]]\n',
    '[null,["a@b"]]',
    `[null,["${'a'.repeat(1025)}"]]\n`,
  ]) {
    const refused = await http.app.inject(post(bad, enveloped, gateway));
    expect([bad.slice(0, 20), refused.statusCode, refused.json().type]).toEqual([
      bad.slice(0, 20),
      400,
      '/docs#invalid-request',
    ]);
  }
});

test('what finds no room is to be tried again, what is too large is not', async () => {
  await using http = httpFixture();
  const full = await http.app.inject(post('full'));
  expect([full.statusCode, full.headers['retry-after'], full.json().type]).toEqual([
    503,
    '2',
    '/docs#store-unavailable',
  ]);
  const large = await http.app.inject(post(Buffer.alloc(1_001)));
  expect([large.statusCode, large.json().type]).toEqual([413, '/docs#too-large']);
});

test('an unknown definition, another way to read it and another type are refused', async () => {
  await using http = httpFixture();
  const status = async (to: string, type?: string) => (await http.app.inject(post('x', type, to))).statusCode;
  expect(await status('/v1/import?definition=nobody')).toBe(404);
  expect(await status('/v1/import')).toBe(400);
  expect(await status(`${url}&as=mail`)).toBe(400);
  expect(await status(url, 'text/plain')).toBe(415);
});

test('which messages were imported before is asked by name', async () => {
  await using http = httpFixture();
  const ask = (payload: object, to = '/v1/import/known?definition=exchange-1') =>
    http.app.inject({ method: 'POST', url: to, payload });
  const names = [hash, 'cd'.repeat(32), `${hash}.${'cd'.repeat(32)}`];
  const answer = await ask({ names });
  expect([answer.statusCode, answer.json()]).toEqual([200, { known: [true, false, true], maxMessageBytes: 1_000 }]);
  expect(http.engine.calls[0]).toContain(`"journal.${hash}"`);
  expect((await ask({ names }, '/v1/import/known?definition=nobody')).statusCode).toBe(404);
  expect((await ask({ names: ['x'] })).statusCode).toBe(400);
  expect((await ask({ names: Array.from({ length: 501 }, () => hash) })).statusCode).toBe(400);
});
