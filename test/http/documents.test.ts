import { expect, test } from 'vitest';
import { permissions } from '../../src/http/access.ts';
import { problemOfFailure, problems } from '../../src/http/problems.ts';
import { fileNameOf } from '../../src/http/raw.ts';
import { createRouteBook } from '../../src/http/route-book.ts';
import { failures } from '../../streams/failure.ts';
import { httpFixture } from '../support/http-app.ts';

test('the reference explains every problem where its type leads', async () => {
  await using http = httpFixture();
  const page = (await http.app.inject('/docs')).body;
  for (const slug of Object.keys(problems)) expect(page.split(`<dt id="${slug}">`)).toHaveLength(2);
});

test('every expected failure of the engine has a problem', () => {
  expect(Object.keys(problemOfFailure).toSorted()).toEqual(Object.keys(failures).toSorted());
});

test('the reference and the OpenAPI document show every route, its parameters and who may use it', async () => {
  await using http = httpFixture();
  const page = (await http.app.inject('/docs')).body;
  const { paths, components, openapi } = (await http.app.inject('/openapi.json')).json();
  expect(openapi).toBe('3.1.0');
  for (const [path, operations] of Object.entries(paths as Record<string, object>)) {
    for (const method of Object.keys(operations)) {
      expect(page).toContain(`<code>${method.toUpperCase()} ${path.replaceAll(/\{(\w+)\}/g, ':$1')}</code>`);
    }
  }
  const messages = paths['/v1/messages'].get;
  expect(messages.parameters.map(({ name }: { name: string }) => name)).toEqual([
    ...[
      'definition',
      'mailbox',
      'from',
      'to',
      'messageId',
      'subject',
      'since',
      'until',
      'flag',
      'text',
      'limit',
      'cursor',
    ],
  ]);
  const limit = messages.parameters.find(({ name }: { name: string }) => name === 'limit');
  expect(limit).toMatchObject({
    in: 'query',
    required: false,
    schema: { type: 'integer', minimum: 1, maximum: 500, default: 100 },
  });
  expect(messages.description).toBe(`Roles: ${permissions['read-messages'].join(', ')}.`);
  expect(paths['/v1/messages/{id}'].get.parameters[0]).toMatchObject({ name: 'id', in: 'path', required: true });
  expect(paths['/v1/explain'].post.requestBody.content).toHaveProperty(['message/rfc822']);
  expect(components.schemas.Status.required).toContain('counts');
});

test('every reference inside the OpenAPI document leads somewhere', async () => {
  await using http = httpFixture();
  const text = (await http.app.inject('/openapi.json')).body;
  const { schemas } = JSON.parse(text).components;
  const refs = [...text.matchAll(/"\$ref":"([^"]+)"/g)].map(([, ref]) => ref ?? '');
  expect(refs.length).toBeGreaterThan(20);
  for (const ref of refs) expect(Object.keys(schemas)).toContain(ref.replace('#/components/schemas/', ''));
});

test('no page needs anything from elsewhere, nor any script or style inside it', async () => {
  await using http = httpFixture();
  for (const url of ['/', '/docs']) {
    const { body, headers } = await http.app.inject(url);
    expect(headers['content-type']).toBe('text/html; charset=utf-8');
    expect(body).not.toMatch(/https?:\/\/|<style|<script>|style="|\son[a-z]+="/);
    expect(body).toContain('lang="en"');
    for (const [, link] of body.matchAll(/(?:src|href)="(\/[^"#]*)"/g)) {
      expect([link, (await http.app.inject(link ?? '')).statusCode]).toEqual([link, 200]);
    }
    for (const [, anchor] of body.matchAll(/href="#([^"]+)"/g)) expect(body).toContain(`id="${anchor}"`);
  }
});

test('a route that does not say who may use it is refused at start', () => {
  const book = createRouteBook();
  expect(() => book.note({ method: 'GET', url: '/open', handler: () => '' })).toThrow('/open');
});

test('a download name is one that no file system and no header misreads', () => {
  expect(fileNameOf('01J~a_b-c.d')).toBe('01J~a_b-c.d.eml');
  expect(fileNameOf('../../etc/passwd"\r\nX: y')).toBe('__.._etc_passwd___X__y.eml');
  expect(fileNameOf('')).toBe('message.eml');
  expect(fileNameOf('a'.repeat(300))).toHaveLength(104);
});
