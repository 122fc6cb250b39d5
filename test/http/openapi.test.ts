import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { expect, test } from 'vitest';
import { httpFixture } from '../support/http-app.ts';

interface Media {
  readonly schema: object;
  readonly example?: unknown;
}
interface Operation {
  readonly parameters: readonly { readonly name: string; readonly schema: object; readonly example?: unknown }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, Media>> };
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, Media>> }>>;
}
interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
}

async function documentOf(): Promise<Document> {
  await using http = httpFixture();
  return (await http.app.inject('/openapi.json')).json();
}

/** Every example of the document with what it must be, by its place. */
function examplesOf(document: Document): readonly (readonly [place: string, schema: object, example: unknown])[] {
  const media = (place: string, content: Readonly<Record<string, Media>> = {}) =>
    Object.entries(content).map(([type, { schema, example }]) => [`${place} ${type}`, schema, example] as const);
  return Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.entries(operations).flatMap(([method, { parameters, requestBody, responses }]) => [
      ...parameters.map(({ name, schema, example }) => [`${method} ${path} ?${name}`, schema, example] as const),
      ...media(`${method} ${path} body`, requestBody?.content),
      ...Object.entries(responses).flatMap(([status, { content }]) => media(`${method} ${path} ${status}`, content)),
    ]),
  );
}

test('the document is OpenAPI 3.1 by the schema of its standard', async () => {
  const document = await documentOf();
  const { valid, errors } = await new Validator().validate(
    structuredClone(document) as object as Record<string, unknown>,
  );
  expect(errors).toBeUndefined();
  expect(valid).toBe(true);
  const broken = { ...structuredClone(document), paths: { '/x': { get: { responses: 'none' } } } };
  expect((await new Validator().validate(broken)).valid).toBe(false);
});

test('every parameter, body and answer has an example that its schema accepts', async () => {
  const document = await documentOf();
  const ajv = formats.default(new Ajv2020({ strict: false, allErrors: true }));
  ajv.addSchema(document, 'doc');
  const resolved = (schema: object): object =>
    JSON.parse(JSON.stringify(schema).replaceAll('"#/components', '"doc#/components')) as object;
  const examples = examplesOf(document);
  expect(examples.length).toBeGreaterThan(120);
  const pages = ['text/html', 'text/css', 'text/javascript'];
  const wrong = examples.flatMap(([place, schema, example]) => {
    if (pages.some((type) => place.endsWith(type)) || place.includes('/openapi.json')) return [];
    if (example === undefined) return [`${place}: no example`];
    const accepts = ajv.compile(resolved(schema));
    if (accepts(example)) return [];
    return (accepts.errors ?? []).map((error) => `${place}: ${error.instancePath} ${error.message}`);
  });
  expect(wrong).toEqual([]);
});

test('the figures of the examples add up', async () => {
  const { paths } = await documentOf();
  const answerOf = (path: string): never =>
    paths[path]?.['get']?.responses['200']?.content?.['application/json']?.example as never;
  const { counts, processingQueue } = answerOf('/v1/definitions/{id}/status') as {
    readonly counts: Readonly<Record<string, number>>;
    readonly processingQueue: { readonly messages: number; readonly waiting: Readonly<Record<string, number>> };
  };
  const settled = ['archived', 'matched', 'skipped', 'held', 'quarantined'].reduce(
    (sum, name) => sum + counts[name]!,
    0,
  );
  expect(counts['received']).toBe(processingQueue.messages + settled);
});

test('answers without a body promise none', async () => {
  const { paths } = await documentOf();
  expect(paths['/v1/status']?.['get']?.responses['304']).not.toHaveProperty('content');
  expect(paths['/v1/definitions/{id}']?.['delete']?.responses['204']).not.toHaveProperty('content');
});

test('the readable reference shows the same examples', async () => {
  await using http = httpFixture();
  const page = (await http.app.inject('/docs')).body;
  const document = (await http.app.inject('/openapi.json')).json<Document>();
  const unescaped = page
    .replaceAll('&quot;', '"')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&');
  for (const [place, , example] of examplesOf(document)) {
    if (!/ (?:200|201) application\/json$/.test(place) || example === undefined) continue;
    expect(unescaped, place).toContain(JSON.stringify(example, null, 2));
  }
});
