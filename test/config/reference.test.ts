import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { firstConfig } from '../../src/config/first-config.ts';
import { jsonSchema, optionRows, optionTable } from '../../src/config/reference.ts';
import { firstAnswers } from '../support/first-answers.ts';

type Schema = Record<string, unknown> & {
  properties?: Record<string, Schema>;
  items?: Schema;
  oneOf?: Schema[];
  anyOf?: Schema[];
};

/** Every option of the reference page (interface sections 2 and 3), with its default there. */
const fileKeys: Record<string, string> = {
  dataDir: './data',
  logLevel: 'info',
  'http.host': '127.0.0.1',
  'http.port': '8025',
  'http.tls': 'none',
  'http.tokens': '[]',
  'smtp.host': '127.0.0.1',
  'smtp.port': '2525',
  'smtp.hostname': 'none',
  'smtp.tls': 'none',
  'smtp.maxMessageSize': '150MB',
  'smtp.maxConnections': '500',
  'smtp.idleTimeout': '5m',
  'smtp.authorizedSources': '[]',
  'smtp.proxies': '[]',
  'gateway.smtp': 'none',
  'pop3.pollInterval': '60s',
  'pop3.timeout': '60s',
  'directory.internalDomains': '[]',
  'directory.addresses': 'none',
  'directory.trustedRecipientHeaders': '[]',
  'matching.extendedWait': '10m',
  'matching.maxAge': '30d',
  'matching.expiredAction': 'hold',
  'matching.expiryClock': 'date',
  'matching.matchOnContent': 'false',
  'matching.continuityEvent': 'false',
  'limits.processingQueue.messages': '1000000',
  'limits.processingQueue.bytes': '200GB',
  'store.backend': 'embedded',
  'cluster.postgres': 'required',
  'cluster.bodies': 's3',
  'cluster.s3': 'none',
  'cluster.s3.lock': 'none',
  'cluster.s3.lock.mode': 'required',
  'cluster.s3.lock.for': 'required',
  'cluster.worker': 'none',
  'store.bytes': 'segments',
  'store.segmentSize': '256MB',
  'store.minimumFree': '2GB',
  definitions: '[]',
};
const definitionKeys: Record<string, string> = {
  id: 'required',
  description: 'required',
  transport: 'required',
  suspended: 'false',
  serviceEmailAddress: 'required',
  'smtp.additionalSourceIpRanges': '[]',
  'smtp.useSmtpAuthentication': 'false',
  'smtp.password': 'none',
  'smtp.requireTls': 'false',
  'pop3.host': 'required',
  'pop3.port': 'none',
  'pop3.mailboxName': 'required',
  'pop3.password': 'required',
  'pop3.encrypted': 'true',
  'pop3.encryptionMode': 'strict',
  'pop3.certificatePin': 'none',
  initialProcessDelay: '0s',
  deliveryWaitAttempts: '3',
  deliveryWaitInterval: '60s',
  periodOfInactivityAllowed: '180m',
  journalType: 'eej',
  removeJournalHeaders: 'false',
  detailedLogging: 'false',
  preferClearTextVersion: 'false',
  extendedDeduplication: 'false',
  journalNonInternalAddresses: 'false',
  journalUnknownInternalAddresses: 'false',
};

describe('the option table', () => {
  test('lists every key of the reference page with its default', () => {
    const rows = new Map(optionRows().map((row) => [row.key, row.preset.replaceAll('`', '')]));
    for (const [key, preset] of Object.entries(fileKeys)) expect([key, rows.get(key)]).toEqual([key, preset]);
    for (const [key, preset] of Object.entries(definitionKeys)) {
      expect([key, rows.get(`definitions[].${key}`)]).toEqual([key, preset]);
    }
  });

  test('says of each option its type and meaning, once', () => {
    const rows = optionRows();
    expect(new Set(rows.map((row) => row.key)).size).toBe(rows.length);
    for (const row of rows)
      expect([row.key, row.meaning.length > 4, row.type.length > 2]).toEqual([row.key, true, true]);
  });

  test('is Markdown with four cells a row', () => {
    const lines = optionTable()
      .split('\n')
      .filter((line) => line.startsWith('|'));
    for (const line of lines) expect(line.split(/(?<!\\)\|/)).toHaveLength(6);
    expect(lines).toHaveLength(optionRows().length + 4);
  });
});

describe('the JSON Schema', () => {
  test('has every option of the table, and no more', () => {
    const paths = new Set(pathsOf(jsonSchema() as Schema, ''));
    for (const row of optionRows()) expect(paths).toContain(row.key);
    expect(JSON.stringify(jsonSchema())).not.toContain('"label"');
    expect(JSON.stringify(jsonSchema())).not.toContain('"expected"');
  });

  test('describes each option and refuses unknown keys', () => {
    const schema = jsonSchema() as Schema;
    expect(schema.properties?.['pop3']?.properties?.['pollInterval']).toMatchObject({
      type: 'string',
      default: '60s',
      description: expect.any(String),
      pattern: expect.any(String),
    });
    expect(schema['additionalProperties']).toBe(false);
    const [smtp] = schema.properties?.['definitions']?.items?.oneOf ?? [];
    expect(smtp?.properties?.['initialProcessDelay']).toMatchObject({ title: 'Initial Process Delay' });
    expect(smtp?.['required']).toEqual(['id', 'description', 'transport', 'serviceEmailAddress']);
  });

  test('accepts the sample, and not the sample with a slip', () => {
    const sample = parse(firstConfig(firstAnswers(), 'x.json')) as Record<string, unknown>;
    const schema = jsonSchema() as Schema;
    expect(accepts(schema, sample)).toBe(true);
    expect(accepts(schema, { ...sample, dataDirr: 'x' })).toBe(false);
    expect(accepts(schema, { ...sample, logLevel: 'loud' })).toBe(false);
    expect(accepts(schema, { ...sample, pop3: { pollInterval: 'soon' } })).toBe(false);
    expect(accepts(schema, { ...sample, definitions: [{ id: 'x' }] })).toBe(false);
  });
});

function pathsOf(schema: Schema, prefix: string): string[] {
  const branches = [...(schema.oneOf ?? []), ...(schema.anyOf ?? [])].flatMap((branch) => pathsOf(branch, prefix));
  const items = schema.items === undefined ? [] : pathsOf(schema.items, `${prefix}[]`);
  const below = Object.entries(schema.properties ?? {}).flatMap(([key, child]) => {
    const path = prefix === '' ? key : `${prefix}.${key}`;
    return [path, ...pathsOf(child, path)];
  });
  return [...branches, ...items, ...below];
}

/** As much of JSON Schema 2020-12 as the schema uses. */
function accepts(schema: Schema, value: unknown): boolean {
  if (schema.oneOf !== undefined && schema.oneOf.filter((branch) => accepts(branch, value)).length !== 1) return false;
  if (schema.anyOf !== undefined && !schema.anyOf.some((branch) => accepts(branch, value))) return false;
  if (schema['const'] !== undefined && schema['const'] !== value) return false;
  if (Array.isArray(schema['enum']) && !schema['enum'].includes(value)) return false;
  if (typeof schema['pattern'] === 'string' && !new RegExp(schema['pattern']).test(String(value))) return false;
  switch (schema['type']) {
    case 'object':
      return acceptsMap(schema, value);
    case 'array':
      return Array.isArray(value) && value.every((each) => accepts(schema.items ?? {}, each));
    case 'integer':
      return (
        Number.isInteger(value) &&
        Number(value) >= Number(schema['minimum']) &&
        Number(value) <= Number(schema['maximum'])
      );
    case undefined:
      return true;
    default:
      return typeof value === schema['type'];
  }
}

function acceptsMap(schema: Schema, value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const keys = Object.keys(value);
  const required = (schema['required'] as string[] | undefined) ?? [];
  const children = schema.properties ?? {};
  return (
    required.every((key) => keys.includes(key)) &&
    keys.every((key) => children[key] !== undefined && accepts(children[key], (value as Record<string, unknown>)[key]))
  );
}
