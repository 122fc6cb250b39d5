import assert from 'node:assert/strict';
import type { InjectOptions } from 'fastify';
import { httpFixture, tokens } from '../../support/http-app.ts';
import type { Target } from '../fuzzer.ts';

const paths = [
  '/v1/status',
  '/v1/messages',
  '/v1/intake/I1',
  '/v1/definitions/exchange-1',
  '/v1/explain',
  '/v1/events',
  '/v1/ledger',
];
const contentTypes = [
  'application/json',
  'message/rfc822',
  'text/plain',
  'application/json\t',
  'multipart/form-data; boundary=B',
];
const methods = ['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'HEAD'] as const;
const start = new Date(Date.UTC(2026, 0, 31)).toISOString();

/** An input is lines: method, path and query, type, token, then the body. Never a failure of ours, always JSON where it says so. */
export const http: Target = {
  name: 'http',
  sources: ['/src/http/'],
  share: 14,
  words: [
    ...[
      '?limit=',
      '&cursor=',
      '&since=',
      start,
      '&subject=',
      '%00',
      '%ff',
      '%2e%2e',
      '..',
      '/',
      '//',
      '?',
      '=',
      '&',
      '[]',
    ],
    ...[
      '{',
      '}',
      '"',
      ':',
      '[',
      ']',
      '{"__proto__":{}}',
      '{"constructor":{}}',
      '1e999',
      'null',
      'true',
      '/raw',
      '/trace',
    ],
    ...[
      '/suspend',
      '/release',
      'exchange-1',
      'I1',
      'E1',
      '?representation=',
      '-1',
      '99999999999999999999',
      '\ud800',
      ...paths,
    ],
  ],
  seeds: () => [
    ...paths.map((path) => Buffer.from(`GET\n${path}?limit=5\napplication/json\nadmin\n`)),
    Buffer.from(
      `PUT\n/v1/definitions/x\napplication/json\nadmin\n{"description":"x","transport":"smtp","serviceEmailAddress":"a@b.example"}`,
    ),
    Buffer.from('POST\n/v1/intake/I1/release\napplication/json\noperator\n{"reason":"x"}'),
    Buffer.from('POST\n/v1/explain?definition=exchange-1\nmessage/rfc822\nauditor\nSubject: x\r\n\r\ny'),
    Buffer.from('GET\n/v1/messages/E1/raw?representation=0\n\nauditor\n'),
  ],
  open: async () => {
    const fixture = httpFixture({ tokens });
    await fixture.app.ready();
    return {
      run: async (input, random) => {
        const [method = '', url = '', type = '', role = '', ...body] = input.toString('utf8').split('\n');
        const known = methods.find((each) => each === method) ?? methods[random(methods.length)] ?? 'GET';
        const printable = (text: string): string => text.replaceAll(/[^\x20-\x7e\t]/g, '');
        const path = `/${printable(url).replace(/^\/+/, '').replaceAll(' ', '%20')}`;
        // A stream never ends; what is no URL never gets past Node's own parser.
        if (path.startsWith('/v1/stream') || !URL.canParse(path, 'http://localhost')) return;
        const headers = {
          'content-type': printable(type) || (contentTypes[random(contentTypes.length)] ?? ''),
          ...(random(20) === 0 ? {} : { authorization: `Bearer ${printable(role)}-token` }),
        };
        const payload = body.join('\n');
        const request: InjectOptions = { method: known, url: path, headers, ...(payload === '' ? {} : { payload }) };
        const answer = await fixture.app.inject(request);
        assert.ok(answer.statusCode < 500, `${known} ${path}: ${answer.statusCode} ${answer.body.slice(0, 200)}`);
        assert.deepEqual(fixture.logged, [], 'nothing of ours is logged as broken');
        const isJson = /json/.test(String(answer.headers['content-type']));
        if (isJson && known !== 'HEAD') JSON.parse(answer.body);
        if (answer.statusCode >= 400)
          assert.match(String(answer.headers['content-type']), /^application\/problem\+json/);
        for (const list of [fixture.engine.calls, fixture.engine.denied, fixture.engine.accesses]) list.length = 0;
      },
      [Symbol.asyncDispose]: () => Promise.resolve(fixture[Symbol.asyncDispose]()),
    };
  },
};
