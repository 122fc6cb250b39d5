import { z } from 'zod';
import { permissions } from './access.ts';
import { definitionSchema } from './definition.schema.ts';
import { entrySchema, traceSchema } from './entry.schema.ts';
import { exampleOf, plainExamples } from './example.ts';
import { dryRunSchema, explanationSchema, reparseSchema } from './explain.schema.ts';
import { gapsSchema } from './gaps.schema.ts';
import { eventSchema, intakeDetailSchema, intakeItemSchema, ledgerSchema } from './intake.schema.ts';
import type { RouteNote } from './route-book.ts';
import { engineStatusSchema, healthSchema, statusSchema } from './status.schema.ts';

/** Shapes that have a name of their own in the reference. */
export const namedSchemas = {
  EngineStatus: engineStatusSchema,
  Status: statusSchema,
  Health: healthSchema,
  Definition: definitionSchema,
  Entry: entrySchema,
  Trace: traceSchema,
  Intake: intakeItemSchema,
  IntakeDetail: intakeDetailSchema,
  Ledger: ledgerSchema,
  Gaps: gapsSchema,
  Explanation: explanationSchema,
  DryRun: dryRunSchema,
  Reparse: reparseSchema,
  Event: eventSchema,
} as const;

export type Json = { readonly [key: string]: unknown };

/** JSON Schemas of this API's shapes; a named one is a reference to `#/components/schemas/<name>`. */
export interface SchemaWriter {
  write(schema: z.ZodType, io: 'input' | 'output'): Json;
  readonly components: Json;
}

export function createSchemaWriter(): SchemaWriter {
  const names = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(namedSchemas)) names.add(schema, { id });
  const convert = (schema: z.ZodType, io: 'input' | 'output'): Json =>
    JSON.parse(JSON.stringify(z.toJSONSchema(schema, { io, metadata: names, override: described })), unpointed);
  const components = Object.fromEntries(
    Object.entries(namedSchemas).map(([id, schema]) => [id, (convert(schema, 'output')['$defs'] as Json)[id]]),
  );
  return {
    components,
    write: (schema, io) => {
      const { $schema: _schema, $defs: _defs, ...rest } = convert(schema, io);
      return rest;
    },
  };
}

/** Brings in what `.meta()` and `.describe()` say, and does not promise that answers never grow. */
function described({
  zodSchema,
  jsonSchema,
}: {
  zodSchema: z.core.$ZodTypes;
  jsonSchema: z.core.JSONSchema.BaseSchema;
}) {
  Object.assign(jsonSchema, z.globalRegistry.get(zodSchema));
  if (zodSchema._zod.def.type === 'object' && !('catchall' in zodSchema._zod.def && zodSchema._zod.def.catchall)) {
    delete jsonSchema.additionalProperties;
  }
}

function unpointed(key: string, value: unknown): unknown {
  return key === '$ref' && typeof value === 'string' ? value.replace('#/$defs/', '#/components/schemas/') : value;
}

/** The OpenAPI 3.1 document of every route in the book. */
export function openApiOf(routes: readonly RouteNote[], version: string): Json {
  const writer = createSchemaWriter();
  const paths: Record<string, Record<string, Json>> = {};
  for (const route of routes) {
    const path = route.url.replaceAll(/:([a-z]+)/gi, '{$1}');
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operationOf(route, writer) };
  }
  const problem = { type: 'object', required: ['type', 'title', 'status'], properties: problemProperties };
  return {
    openapi: '3.1.0',
    info: { title: 'Daybook', version, description: 'Mail journaling engine. `/docs` is the readable form of this.' },
    paths,
    components: {
      schemas: { ...writer.components, Problem: problem },
      securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
    },
  };
}

const problemProperties = {
  type: { type: 'string', description: '`/docs#<slug>`' },
  title: { type: 'string' },
  status: { type: 'integer' },
  detail: { type: 'string' },
} as const;

const problemExample = {
  type: '/docs#definition-unknown',
  title: 'There is no such definition',
  status: 404,
};

function operationOf(route: RouteNote, writer: SchemaWriter): Json {
  const { access, summary, body, consumes } = route;
  const parameters = [
    ...parametersOf('path', route.params, writer),
    ...parametersOf('query', route.querystring, writer),
  ];
  const takes = consumes === 'application/json' ? body && writer.write(body, 'input') : binary;
  return {
    summary,
    description: access === 'public' ? 'Needs no token.' : `Roles: ${permissions[access].join(', ')}.`,
    security: access === 'public' ? [] : [{ token: [] }],
    parameters,
    ...(takes === undefined
      ? {}
      : { requestBody: { required: consumes !== 'application/json', content: contentOf(consumes, takes, writer) } }),
    responses: responsesOf(route, writer),
  };
}

/** Answers without a body. */
const bodiless: Readonly<Record<string, Json>> = {
  204: { description: 'Done' },
  304: { description: 'Nothing has changed since the answer with that ETag' },
};

/** A body with an example of it. */
export function contentOf(type: string, schema: Json, { components }: SchemaWriter): Json {
  const example = type === 'application/json' ? exampleOf(schema, components) : plainExamples[type];
  return { [type]: { schema, ...(example === undefined ? {} : { example }) } };
}

const binary: Json = { type: 'string', format: 'binary' };

function responsesOf({ produces, response }: RouteNote, writer: SchemaWriter): Json {
  const fault = {
    description: 'A fault',
    content: {
      'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' }, example: problemExample },
    },
  };
  const answers = Object.entries(response).map(([status, schema]) => [
    status,
    bodiless[status] ?? {
      description: 'The answer',
      content: contentOf(produces, writer.write(schema, 'output'), writer),
    },
  ]);
  const other =
    produces === 'application/json'
      ? {}
      : { 200: { description: 'The answer', content: contentOf(produces, binary, writer) } };
  return { ...other, ...Object.fromEntries(answers), default: fault };
}

function parametersOf(place: 'path' | 'query', schema: z.ZodType | undefined, writer: SchemaWriter): readonly Json[] {
  if (schema === undefined) return [];
  const { properties = {}, required = [] } = writer.write(schema, 'input') as {
    properties?: Json;
    required?: string[];
  };
  return Object.entries(properties).map(([name, property]) => ({
    ...{ name, in: place, required: place === 'path' || required.includes(name), schema: property },
    example: exampleOf(property as Json, writer.components, [name]),
  }));
}
