import type { Json } from './openapi.ts';

/**
 * An example that its schema accepts, made from the schema itself: from its own examples, defaults and choices first,
 * then by the name of the field, since one word means one thing everywhere here. The figures of a status add up.
 */
export function exampleOf(schema: Json, components: Json, at: readonly string[] = []): unknown {
  const { $ref, anyOf, type, items, properties } = schema;
  if (typeof $ref === 'string') {
    const name = $ref.split('/').at(-1) ?? '';
    return exampleOf(components[name] as Json, components, [name]);
  }
  const [known] = candidatesAt(at, schema).filter((value) => value !== undefined && isOf(schema, value));
  if (known !== undefined) return known;
  if (Array.isArray(anyOf)) {
    const meant = (anyOf as readonly Json[]).find((each) => each['type'] !== 'null') ?? {};
    return exampleOf(meant, components, at);
  }
  if (type === 'array') return [exampleOf(items as Json, components, at)];
  if (properties !== undefined) {
    const fields = Object.entries(properties as Readonly<Record<string, Json>>);
    return Object.fromEntries(fields.map(([name, each]) => [name, exampleOf(each, components, [...at, name])]));
  }
  return plainExample(schema);
}

/** What it may read like, the best first: as it must, by the names from the shape down to it, as it is preset. */
function candidatesAt(at: readonly string[], { const: only, default: preset, enum: values }: Json): readonly unknown[] {
  const names = at.map((_, from) => at.slice(from).join('.'));
  const known = names.filter((name) => Object.hasOwn(byName, name)).map((name) => byName[name]);
  return [only, ...known, preset, ...(Array.isArray(values) ? values : [])];
}

/** Whether a value is of the kind that is asked for; what is inside it is the test's business. */
function isOf(schema: Json, value: unknown): boolean {
  const { type, pattern, format, const: only, enum: values, anyOf } = schema;
  if (Array.isArray(type)) return type.some((each: unknown) => isOf({ ...schema, type: each }, value));
  if (Array.isArray(anyOf)) return anyOf.some((each: Json) => isOf(each, value));
  if (only !== undefined) return value === only;
  if (Array.isArray(values)) return values.includes(value);
  if (type === 'integer' || type === 'number') return typeof value === 'number';
  if (type === 'null') return value === null;
  if (type === 'array') return Array.isArray(value);
  if (type === 'object') return typeof value === 'object' && value !== null && !Array.isArray(value);
  if (format === 'date-time') return typeof value === 'string' && !Number.isNaN(Date.parse(value));
  if (type === 'string' && typeof pattern === 'string') return new RegExp(pattern).test(String(value));
  return type === undefined || typeof value === type;
}

/** Of what has no name that is known. */
function plainExample({ type: types, format, minimum, pattern }: Json): unknown {
  const type: unknown = Array.isArray(types) ? types[0] : types;
  if (format === 'date-time') return when;
  if (type === 'integer' || type === 'number') return typeof minimum === 'number' ? minimum : 0;
  if (type === 'boolean') return false;
  if (type === 'null') return null;
  if (type === 'object') return {};
  if (typeof pattern !== 'string') return 'text';
  return ['exchange', hash, entryCursor, eventCursor].find((value) => new RegExp(pattern).test(value));
}

const when = '2026-01-31T08:00:00.000Z';
const later = '2026-01-31T08:01:00.000Z';
const hash = 'f2ca1bb6c7e907d06dafe4687e579fce76b37e4e93b7605022da52e6ccc26fd2';
const intake = '01KG9Q2T5V0000000000000001';
const entryCursor = `001769846400000.${intake}`;
const eventCursor = '0000000000000042';

/** What a field reads like, by its name, with those above it where one word means more. */
const byName: Readonly<Record<string, unknown>> = {
  'Status.id': 'exchange',
  'Definition.id': 'exchange',
  'Definition.version': 3,
  'engine.version': '0.1.0',
  'Status.reason': null,
  'Status.hint': null,
  'Status.serviceStatus': 'active',
  'Status.pop3MailboxQueue': null,
  'Status.pop3MailboxQueueAt': null,
  'Status.nextPollAt': null,
  'Status.nextRetryAt': null,
  'Status.warnings': [],
  'engine.warnings': [],
  'Status.machine': { processing: 'running', life: { running: 'active' } },
  'Definition.pop3': {
    host: 'mail.north.example',
    port: 995,
    mailboxName: 'journal',
    password: '********',
    encrypted: true,
    encryptionMode: 'strict',
  },
  'engine.ready': true,
  'engine.store': 'embedded',
  definition: 'exchange',
  description: 'Exchange Server',
  id: intake,
  intakeId: intake,
  entryId: intake,
  entries: [intake],
  messageId: '<lunch@north.example>',
  subject: 'Lunch on Friday',
  from: 'ann@north.example',
  to: 'bo@north.example',
  mailbox: 'bo@north.example',
  sender: 'ann@north.example',
  onBehalfOf: null,
  address: 'bo@north.example',
  mailboxes: ['ann@north.example', 'bo@north.example'],
  via: [],
  sources: ['envelope'],
  source: 'envelope',
  internal: true,
  known: true,
  clearText: true,
  flags: [],
  holds: [],
  flag: 'suspected-clock-skew',
  state: 'archived',
  reason: 'unmatched',
  'Intake.reason': 'unmatched',
  outcome: 'archived',
  family: 'ms2007',
  attempt: 3,
  deadline: later,
  nextAttemptAt: null,
  purgeRawAt: null,
  rawPurgedAt: null,
  clock: null,
  size: 4096,
  sha256: hash,
  hash,
  root: hash,
  log: hash,
  key: hash,
  path: [hash],
  signature: 'c2lnbmF0dXJl',
  publicKey: '-----BEGIN PUBLIC KEY-----\n…\n-----END PUBLIC KEY-----\n',
  received: 21,
  archived: 12,
  matched: 5,
  skipped: 1,
  held: 1,
  quarantined: 1,
  inProcess: 1,
  difference: 0,
  absorbed: 2,
  rejected: 0,
  messages: 1,
  bytes: 4096,
  worker: 'daybook-1',
  'waiting.matching': 1,
  'waiting.delayed': 0,
  next: null,
  cursor: intake,
  kind: 'smtp',
  peer: '10.0.0.25',
  tls: 'TLSv1.3',
  authenticatedAs: null,
  uidl: null,
  mailFrom: 'ann@north.example',
  rcptTo: ['journal@journal.north.example'],
  day: '2026-01-31',
  since: when,
  until: later,
  serviceEmailAddress: 'journal@journal.north.example',
  initialProcessDelay: '0s',
  deliveryWaitInterval: '60s',
  deliveryWaitAttempts: 3,
  periodOfInactivityAllowed: '180m',
  retention: '2555d',
  additionalSourceIpRanges: ['10.0.0.0/8'],
  password: '********',
  actor: 'admin',
  placedBy: 'admin',
  seq: 42,
  severity: 'info',
  paused: null,
  days: 2555,
  inForceDays: 2555,
  missing: [],
  faults: [],
  keyIds: [],
  error: null,
  detail: null,
  failingSince: null,
  'Event.type': 'definition.enabled',
};

const manifestLine = JSON.stringify({ id: intake, messageId: '<lunch@north.example>', sha256: hash });
/** What bodies that are not JSON look like, by what they are. */
export const plainExamples: Readonly<Record<string, string>> = {
  'text/event-stream': 'event: status\ndata: {"id":"exchange","serviceStatus":"active"}\n\n',
  'text/plain': '# TYPE daybook_received_total counter\ndaybook_received_total{definition="exchange"} 21\n',
  'application/x-ndjson': `${manifestLine}\n`,
  'application/vnd.daybook.messages': `${manifestLine.replace('}', ',"size":24}')}\nSubject: Lunch\r\n\r\nOne?\r\n{"end":true}\n`,
  'message/rfc822': 'From: ann@north.example\r\nTo: bo@north.example\r\nSubject: Lunch on Friday\r\n\r\nAt one?\r\n',
};
