import { Subject } from 'rxjs';
import type { AlertAnswer } from '../../src/http/alerts.schema.ts';
import type {
  AccessDenied,
  ChangedBy,
  ContentAccess,
  EngineApi,
  EngineChange,
  RawMessage,
} from '../../src/http/api.types.ts';
import type { ShownContent } from '../../src/http/content.schema.ts';
import type { DefinitionView } from '../../src/http/definition.schema.ts';
import type { Entry } from '../../src/http/entry.schema.ts';
import type { Proof } from '../../src/http/evidence.schema.ts';
import type { DryRun, Explanation, Reparse } from '../../src/http/explain.schema.ts';
import { ManifestFault } from '../../src/http/export.types.ts';
import type { ClusterStatus, EngineStatus, Status } from '../../src/http/status.schema.ts';
import type { StoreFigures } from '../../src/http/store.schema.ts';
import { EngineFailure } from '../../streams/failure.ts';
import type { ArchiveEntry } from '../../streams/message.ts';
import type { IntakeRecord, LoggedEvent } from '../../streams/ports.ts';

const noSums = { received: 0, archived: 0, matched: 0, skipped: 0, held: 0, quarantined: 0, inProcess: 0 };

/** 2026-01-31T08:00:00.000Z: the one moment of this engine. */
export const noon = Date.UTC(2026, 0, 31, 8);
export const hash = 'ab'.repeat(32);
export const secret = 'hunter2-secret';

/** An engine of fixed figures that remembers what it was asked. Any member can be replaced. */
export interface FakeEngine {
  readonly api: EngineApi;
  readonly change$: Subject<EngineChange>;
  readonly denied: AccessDenied[];
  readonly accesses: ContentAccess[];
  readonly signIns: { readonly actor: string; readonly peer: string }[];
  /** Calls with arguments, in order: `suspend exchange-1 {...}`. */
  readonly calls: string[];
}

const noVerification = { state: 'never', startedAt: null, endedAt: null, bytes: 0, report: null, error: null } as const;
const signedHead = { log: hash, size: 7, root: hash, at: noon, signature: 'c2ln', key: hash };
const proof = {
  format: 'daybook-proof/1',
  id: 'I1',
  record: { seq: 3, hash, bytes: 'aGVhZA==' },
  received: { sha256: hash, size: 4 },
  inclusion: { index: 2, size: 7, path: [hash] },
  head: signedHead,
  publicKey: 'PEM',
} as const satisfies Proof;

const shown = {
  headers: [{ name: 'Subject', value: 'Lunch' }],
  text: 'At noon?',
  attachments: [{ name: 'menu.pdf', type: 'application/pdf', size: 1_234 }],
  ...{ truncated: false, unreadable: false },
} as const satisfies ShownContent;
const gaps = {
  day: '2026-01-29',
  days: ['2026-01-29'],
  looked: 4,
  complete: true,
  definitions: [
    {
      definition: 'exchange-1',
      incomplete: 3,
      lapsed: 1,
      never: 0,
      people: [
        {
          address: 'bo@north.example',
          standing: 'lapsed',
          lastReportedAt: '2026-01-28T16:00:00.000Z',
          entries: ['entry-1'],
        },
      ],
      unsure: [],
    },
  ],
} as const;
const storeFigures = {
  bytes: { log: 1_000_000, index: 100_000, textIndex: 20_000, detailedLogs: 0 },
  ...{ records: 7, segments: 1, encrypted: false },
  disk: { freeBytes: 50_000_000, minimumFreeBytes: 2_000_000, totalBytes: 90_000_000 },
  growth: { days: 7, records: 7, bytesPerDay: 160_000, daysLeft: 300 },
  lastHead: signedHead,
} as const satisfies StoreFigures;

export function fakeEngine(members: Partial<EngineApi> = {}): FakeEngine {
  const change$ = new Subject<EngineChange>();
  const denied: AccessDenied[] = [];
  const accesses: ContentAccess[] = [];
  const signIns: { readonly actor: string; readonly peer: string }[] = [];
  const calls: string[] = [];
  const heard = (name: string, ...args: unknown[]): void => {
    calls.push([name, ...args.map((arg) => JSON.stringify(arg))].join(' '));
  };
  const find = <T>(name: string, items: readonly T[]) => ({
    find: async (query: object) => {
      heard(name, query);
      return { items, next: 'NEXT-1' };
    },
  });
  const api: EngineApi = {
    status: () => statusOfEngine(),
    statusOf: (id) => (id === 'exchange-1' ? status() : undefined),
    definitions: () => [definition(), definition({ id: 'mailbox-2', transport: 'pop3' })],
    definition: (id) => (id === 'exchange-1' ? definition() : undefined),
    suspend: async (id, by) => changed(id, by, 'suspend'),
    activate: async (id, by) => changed(id, by, 'activate'),
    put: async (id, document, by) => {
      heard('put', id, document, by);
      return id === 'exchange-1'
        ? { kind: 'provisioned' }
        : { kind: 'created', definition: definition({ id, version: 1 }) };
    },
    remove: async (id, by) => {
      heard('remove', id, by);
      return { kind: id === 'exchange-1' ? 'provisioned' : 'removed' };
    },
    test: async (id, by, session) => {
      heard('test', id, by, session ?? null);
      const step = { step: 'listener', ok: true, detail: 'bound', kind: null, ms: 0 };
      return id === 'exchange-1' ? { kind: 'done', result: { ok: true, steps: [step] } } : { kind: 'unknown' };
    },
    poll: async (id, by) => changed(id, by, 'poll'),
    evidence: {
      verify: () => {
        heard('verify');
        return { ...noVerification, state: 'running' };
      },
      verification: () => noVerification,
      head: async () => ({ head: signedHead, publicKey: 'PEM' }),
      proofOf: async (id) => (id === 'I1' ? proof : undefined),
    },
    keeping: fakeKeeping(heard),
    imports: fakeImports(heard),
    exports: fakeExports(heard),
    alerts: fakeAlerts(heard),
    messages: {
      ...find('messages', [entry]),
      get: async (id) => (id === entry.id ? entry : undefined),
      goneOf: async (id) => (id === 'E4' ? { deletedAt: noon, rule: 'retention' } : undefined),
    },
    textLists: (text) => (text === 'off' ? null : { lists: [], behind: 7 }),
    viewOf: (_, holds) => ({ ...entryView, holds }),
    rawEntry: async (id, n) => {
      heard('rawEntry', id, n ?? null);
      return id === entry.id && (n ?? 0) < 1 ? raw() : undefined;
    },
    intake: { ...find('intake', [record()]), get: async (id) => (id === 'I1' ? record() : undefined) },
    rawIntake: async (id) => (id === 'I1' ? raw() : undefined),
    release: async (id, by) => repeated(id, by, 'release'),
    retry: async (id, by) => repeated(id, by, 'retry'),
    releaseAll: async (...args) => ({ released: heard('releaseAll', ...args) ?? 2, remaining: 1 }),
    ledger: async (...args) => {
      heard('ledger', ...args.map((arg) => arg ?? null));
      if (args[0] === 'nobody') return { ...noSums };
      return { received: 21, archived: 6, matched: 5, skipped: 4, held: 3, quarantined: 2, inProcess: 1 };
    },
    ledgerDays: async (...args) => {
      heard('ledgerDays', ...args.map((arg) => arg ?? null));
      const sums = { received: 21, archived: 6, matched: 5, skipped: 4, held: 3, quarantined: 2, inProcess: 1 };
      return { items: [{ day: '2026-01-31', ...sums }], next: '2026-01-31' };
    },
    contentOf: async (id, n) => {
      heard('contentOf', id, n ?? null);
      return id === entry.id && (n ?? 0) < 1 ? shown : undefined;
    },
    storeFigures: async () => storeFigures,
    gaps: async (day) => (day === undefined || day === gaps.day ? gaps : undefined),
    explain: async (id, message) => {
      heard('explain', id, message.size);
      return id === 'exchange-1' ? explanation : undefined;
    },
    dryRun: async (id, document, wanted) => {
      heard('dryRun', id, document, wanted);
      return id === 'exchange-1' ? { kind: 'done', result: dryRunResult } : { kind: 'unknown' };
    },
    reparse: async (query) => {
      heard('reparse', query);
      return reparseResult('possible');
    },
    applyReparse: async (query, by) => {
      heard('applyReparse', query, by);
      return reparseResult('done');
    },
    explainIntake: async (id) => (id === 'I1' ? explanation : undefined),
    events: find('events', [event(7)]),
    history: () => ({ from: new Date(noon).toISOString(), watchedSince: new Date(noon).toISOString(), items: [] }),
    statechart: () => ({ nodes: [], edges: [] }),
    definitionForm: () => ({ schema: {}, sections: [] }),
    readiness: () => ({ ready: true, missing: [] }),
    health: () => [{ name: 'store', status: 'healthy', detail: null }],
    shed: () => [{ reason: 'event-loop', count: 4 }],
    rejections: () => [{ definition: 'exchange-1', reason: 'source', count: 3 }],
    changes$: change$,
    accessed: (access) => void accesses.push(access),
    signedIn: (by) => void signIns.push(by),
    accessDenied: (each) => denied.push(each),
    ...members,
  };
  const changed = (id: string, by: ChangedBy, name: string) => {
    heard(name, id, by);
    return id === 'exchange-1' ? { kind: 'done' as const, status: status() } : { kind: 'unknown' as const };
  };
  const repeated = (id: string, by: ChangedBy, name: string) => {
    heard(name, id, by);
    if (id === 'I1') return { kind: 'done' as const, record: record({ state: 'parsed' }) };
    if (id === 'I2') return { kind: 'refused' as const, state: 'archived' as const };
    return { kind: 'unknown' as const };
  };
  return { api, change$, denied, accesses, signIns, calls };
}

const hold = { id: 'case-7', reason: 'case 7', query: {}, entryIds: [], placedAt: noon, placedBy: 'admin' };

/** Messages of nine bytes were imported before; there is room for a thousand bytes. */
function fakeImports(heard: (name: string, ...args: unknown[]) => void): EngineApi['imports'] {
  return {
    maxMessageBytes: 1_000,
    known: async (id, names) => {
      heard('known', id, names);
      return id === 'exchange-1' ? names.map((name) => name.includes(hash)) : undefined;
    },
    take: async (wanted, bytes) => {
      const chunks: Uint8Array[] = [];
      for await (const chunk of bytes) chunks.push(chunk);
      const message = Buffer.concat(chunks);
      heard('take', wanted, message.toString('latin1'));
      if (message.length > 1_000) throw new EngineFailure('too-large');
      if (message.toString('latin1') === 'full') throw new EngineFailure('store-full');
      if (wanted.definitionId !== 'exchange-1') return undefined;
      return { intakeId: 'I9', size: message.length, sha256: hash, known: message.length === 9 };
    },
  };
}

/** One message that is whole and one that is not; a manifest of more than a hundred bytes is of another archive. */
function fakeExports(heard: (name: string, ...args: unknown[]) => void): EngineApi['exports'] {
  const { recipients, flags, messageId, date, archivedAt, sender } = entryView;
  const next = '000000000000000.E1';
  const line = { ...{ messageId, sha256: hash, size: 9, date, archivedAt, sender }, recipients, flags, next };
  return {
    read: (wanted) => {
      heard('export', wanted);
      return (async function* () {
        yield { line: { ...line, id: 'E1' }, bytes: rawBytes };
        yield { line: { ...line, id: 'E3' }, bytes: null };
      })();
    },
    sign: async (manifest) => {
      let size = 0;
      for await (const chunk of manifest) size += chunk.length;
      heard('sign', size);
      if (size > 100) throw new ManifestFault('line 1 is of no message of this archive');
      return { statement: 'daybook signed export v1\n', signature: 'c2ln', key: hash, publicKey: 'PEM' };
    },
  };
}

/** The hold `case-7` stands, the entry `E4` is gone and `E3` on hold. */
function fakeKeeping(heard: (name: string, ...args: unknown[]) => void): EngineApi['keeping'] {
  return {
    holds: {
      all: async () => [hold],
      get: async (id) => (id === hold.id ? hold : undefined),
      place: async (wanted, by) => {
        heard('place', wanted, by);
        return wanted.id === hold.id ? 'exists' : { ...wanted, placedAt: noon, placedBy: by.actor };
      },
      lift: async (id, by) => {
        heard('lift', id, by);
        return id === hold.id ? 'done' : 'unknown';
      },
      on: async (entries) => entries.map(() => ['case-7']),
    },
    erase: async (id, by) => {
      heard('erase', id, by);
      if (id === 'E4') return { kind: 'gone', gone: { deletedAt: noon, rule: 'retention' } };
      if (id === 'E3') return { kind: 'held', holds: ['case-7'] };
      return id === 'E1' ? { kind: 'done' } : { kind: 'unknown' };
    },
    retention: async () => ({
      paused: null,
      items: [{ definition: 'exchange-1', days: 30, inForceDays: null }],
    }),
    resume: async (by) => heard('resume', by),
    deleted: () => [
      { definition: 'exchange-1', rule: 'retention', count: 4 },
      { definition: null, rule: 'erasure', count: 1 },
    ],
  };
}

/** The alert `A2` is open, `A1` is over; the channel `mail` works, `hook` does not. */
function fakeAlerts(heard: (name: string, ...args: unknown[]) => void): EngineApi['alerts'] {
  return {
    all: () => [alert({ id: 'A2' }), alert({ id: 'A1', state: 'resolved', kind: 'backlog', definition: null })],
    acknowledge: async (id, by) => {
      heard('acknowledge', id, by);
      if (id === 'A1') return 'ended';
      return id === 'A2' ? alert({ id, state: 'acknowledged', acknowledgedBy: by.actor, note: by.note }) : 'unknown';
    },
    test: async (channel) => {
      heard('alert-test', channel ?? null);
      return channel === 'pager' ? undefined : [{ channel: 'mail', ok: true, detail: null }];
    },
    channels: () => [{ name: 'mail', sent: 3, failed: 1 }],
  };
}

export function alert(members: Partial<AlertAnswer> = {}): AlertAnswer {
  const iso = new Date(noon).toISOString();
  return {
    id: 'A1',
    kind: 'down',
    definition: 'exchange-1',
    severity: 'error',
    state: 'open',
    title: 'exchange-1 is down',
    text: 'no message for 3 h',
    advice: null,
    since: iso,
    raisedAt: iso,
    notices: 1,
    lastNoticeAt: iso,
    escalatedAt: null,
    acknowledgedAt: null,
    acknowledgedBy: null,
    note: null,
    resolvedAt: null,
    knownBy: ['mail'],
    ...members,
  };
}

/** A canary that came through. */
export const canary = (members: Partial<NonNullable<Status['canary']>> = {}): NonNullable<Status['canary']> => ({
  standing: 'passed',
  sentAt: null,
  dueAt: null,
  nextAt: new Date(noon).toISOString(),
  lastCameAt: new Date(noon).toISOString(),
  lastTookSeconds: 4,
  missed: 0,
  unsent: null,
  counts: { sent: 9, came: 9 },
  ...members,
});

export function status(members: Partial<Status> = {}): Status {
  const iso = new Date(noon).toISOString();
  return {
    id: 'exchange-1',
    description: 'Exchange',
    transport: 'smtp',
    serviceStatus: 'active',
    since: iso,
    reason: null,
    hint: null,
    lastSuccessfulExtract: iso,
    lastMessageAt: iso,
    processingQueue: {
      messages: 1,
      bytes: 75_000,
      oldest: new Date(noon - 90_000).toISOString(),
      waiting: { delayed: 0, matching: 1 },
    },
    pop3MailboxQueue: null,
    pop3MailboxQueueAt: null,
    counts: { received: 21, archived: 6, matched: 5, skipped: 4, held: 3, quarantined: 2, absorbed: 1, rejected: 3 },
    nextPollAt: null,
    nextRetryAt: null,
    failures: 0,
    patience: null,
    usualSilence: { longestSeconds: 600, limitSeconds: 1_500, weeks: 6 },
    canary: null,
    warnings: [],
    inactivity: { allowedMs: 10_800_000, downAt: null },
    machine: { enabled: { health: 'active', session: 'listening' } },
    ...members,
  };
}

function statusOfEngine(): EngineStatus {
  const iso = new Date(noon).toISOString();
  const engine = {
    version: '0.1.0',
    startedAt: iso,
    now: iso,
    store: 'embedded',
    ready: true,
    warnings: [],
    anchors: [],
    textIndex: { behind: 7, messages: 3, truncated: 1, unreadable: 0 },
    scrub: { startedAt: null, bytes: 0, totalBytes: 0, lastCompletedAt: iso, readBytes: 4_096 },
  };
  return { engine, definitions: [status()] };
}

/** Of the worker `one`, whose partner was killed; 7 records behind. */
export const clusterStatus = (members: Partial<ClusterStatus> = {}): ClusterStatus => ({
  workers: [
    { name: 'one', alive: true, version: '0.1.0', behindRecords: 7, behindSeconds: 3 },
    { name: 'two', alive: false, version: '0.1.0', behindRecords: 0, behindSeconds: 0 },
  ],
  duties: [
    { kind: 'definition', mine: 1, unheld: 2 },
    { kind: 'gateway', mine: 0, unheld: 0 },
    { kind: 'archive', mine: 1, unheld: 0 },
  ],
  logSeq: 1_234,
  database: { failingSince: null, isAwaited: true, standbys: 1, clockAheadSeconds: -2 },
  packs: { swept: 5, lastSweptAt: new Date(noon).toISOString(), locked: 4 },
  ...members,
});

export function definition(members: Partial<DefinitionView> = {}): DefinitionView {
  return {
    id: 'exchange-1',
    description: 'Exchange',
    transport: 'smtp',
    suspended: false,
    serviceEmailAddress: 'journal@daybook.example',
    smtp: { additionalSourceIpRanges: [], useSmtpAuthentication: true, password: secret, requireTls: false },
    initialProcessDelay: '0s',
    deliveryWaitAttempts: 3,
    deliveryWaitInterval: '60s',
    periodOfInactivityAllowed: '180m',
    journalType: 'eej',
    removeJournalHeaders: false,
    detailedLogging: false,
    preferClearTextVersion: false,
    extendedDeduplication: false,
    journalNonInternalAddresses: false,
    journalUnknownInternalAddresses: false,
    version: 3,
    provisioned: true,
    ...members,
  };
}

export function record(members: Partial<IntakeRecord> = {}): IntakeRecord {
  return {
    intakeId: 'I1',
    definitionId: 'exchange-1',
    definitionVersion: 3,
    origin: 'journal',
    state: 'held',
    reason: 'expired',
    receivedAt: noon,
    size: 9,
    sha256: hash,
    body: [],
    transport: {
      kind: 'smtp',
      peer: '192.0.2.1',
      mailFrom: 'alice@example.com',
      rcptTo: ['bob@example.com'],
      tls: null,
      authenticatedAs: null,
      uidl: null,
    },
    attempt: 0,
    nextAttemptAt: null,
    deadline: noon + 1000,
    entryId: null,
    flags: [],
    steps: [{ at: noon, step: 'received', detail: null }],
    ...members,
  };
}

export function event(seq: number): LoggedEvent {
  const ids = { definitionId: 'exchange-1', intakeId: null, entryId: null };
  return { seq, at: noon, type: 'definition.suspended', severity: 'info', actor: 'op', ...ids, data: { old: false } };
}

/** Nine bytes that no text decoding survives. */
export const rawBytes = Buffer.from([0x53, 0x3a, 0x20, 0xe9, 0x0d, 0x0a, 0x00, 0xff, 0x0a]);
function raw(): RawMessage {
  return { size: rawBytes.length, sha256: hash, content: rawBytes };
}

export const entry: ArchiveEntry = {
  id: 'E1',
  matchKey: 'mid:<a@b>',
  archivedAt: noon,
  origin: 'journal',
  flags: [],
  observations: [
    {
      intakeId: 'I1',
      definitionId: 'exchange-1',
      origin: 'journal',
      receivedAt: noon,
      level: 'L0',
      family: 'ms2007',
      flags: [],
      reportMessageId: null,
      sender: 'alice@example.com',
      onBehalfOf: null,
      recipients: [],
      representations: [],
    },
  ],
};

const bob = { address: 'bob@example.com', type: 'bcc', via: [], internal: true, known: true } as const;
export const entryView: Entry = {
  id: 'E1',
  messageId: '<a@b>',
  subject: 'Lunch',
  date: null,
  from: 'alice@example.com',
  sender: 'alice@example.com',
  onBehalfOf: null,
  recipients: [{ ...bob, sources: ['envelope'] }],
  mailboxes: ['bob@example.com'],
  size: 9,
  sha256: hash,
  archivedAt: new Date(noon).toISOString(),
  origin: 'journal',
  flags: [],
  representations: [{ sha256: hash, size: 9, clearText: false, protected: false }],
  observations: [
    {
      intakeId: 'I1',
      definition: 'exchange-1',
      origin: 'journal',
      receivedAt: new Date(noon).toISOString(),
      level: 'L0',
      family: 'ms2007',
      recipients: [bob],
      flags: [],
    },
  ],
  holds: ['case-7'],
};

const reparsed = {
  id: 'I1',
  receivedAt: '2026-03-02T12:00:00.000Z',
  state: 'archived',
  definition: 'exchange-1',
  entryId: 'I1',
  changes: [{ field: 'recipients', from: [], to: [{ address: 'bob@example.com', type: 'bcc' }] }],
};
const reparseResult = (repair: 'possible' | 'done'): Reparse => ({
  parser: 1,
  ...{ looked: 1, changed: 1, skipped: 0, complete: true, next: null },
  ...(repair === 'done' ? { repairable: 0, repaired: 1 } : { repairable: 1, repaired: 0 }),
  items: [{ ...reparsed, parser: 0, repair, why: null }],
});
const dryRunResult: DryRun = {
  definition: 'exchange-1',
  options: [{ option: 'journalType', from: 'eej', to: 'standard' }],
  ...{ looked: 1, changed: 1, skipped: 0, complete: true, waits: 0 },
  items: [{ ...reparsed, options: ['journalType'] }],
};
const explanation: Explanation = {
  definition: { id: 'exchange-1', version: 1 },
  takenFor: 'a journal report, read in full',
  rules: [{ rule: 'readable', verdict: 'passed', option: null, value: null, detail: 'it can be read' }],
  matches: [],
  stores: { as: 'entry', detail: 'an entry of its own', representations: [], mailboxes: ['bob@example.com'] },
  lookUps: [],
  decidedAt: null,
  whatIf: [
    {
      option: 'journalType',
      from: 'eej',
      to: 'standard',
      changes: [{ field: 'recipients', from: [{ address: 'bob@example.com', type: 'bcc' }], to: [] }],
    },
  ],
  untried: [],
  recorded: null,
  outcome: 'archived',
  reason: null,
  level: 'L0',
  family: 'ms2007',
  flags: [],
  recipients: [{ address: 'bob@example.com', type: 'bcc' }],
  entryId: null,
  steps: [{ step: 'parsed' }],
};
