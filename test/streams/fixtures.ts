import type {
  ArchiveEntry,
  HeaderFacts,
  JournalOptions,
  MatchingOptions,
  MessageTimes,
  Observation,
  ObservedRecipient,
  ParsedMail,
  Representation,
  SpoolItem,
} from '../../streams/message.ts';
import type { Directory } from '../../streams/ports.ts';

/** 12:00:00 of the day on which all messages of these tests are received. */
export const noon = Date.UTC(2026, 10, 23, 12);
export const dayMs = 86_400_000;

export const journalOptions: JournalOptions = {
  definitionId: 'exchange',
  definitionVersion: 1,
  serviceEmailAddress: 'jrnl@journal.north.example',
  journalType: 'eej',
  initialProcessDelayMs: 0,
  deliveryWaitAttempts: 3,
  deliveryWaitIntervalMs: 60_000,
  removeJournalHeaders: false,
  preferClearTextVersion: false,
  extendedDeduplication: false,
  journalNonInternalAddresses: false,
  journalUnknownInternalAddresses: false,
};
export const matchingOptions: MatchingOptions = {
  extendedWaitMs: 600_000,
  maxAgeMs: 30 * dayMs,
  expiredAction: 'hold',
  expiryClock: 'date',
  matchOnContent: false,
  continuityEvent: false,
};

/** north.example is internal; of its people only those with `x-` are unknown. */
export const directory: Directory = {
  classify: (address) => {
    const internal = address.startsWith('dn:') || address.toLowerCase().endsWith('@north.example');
    return { internal, known: internal && !address.startsWith('x-') && !address.startsWith('dn:') };
  },
};

export const noTimes: MessageTimes = {
  date: null,
  reportSent: null,
  oldestReceived: null,
  newestReceived: null,
  outerDate: null,
};
export const facts: HeaderFacts = {
  messageId: '<m1@north.example>',
  from: 'ada@north.example',
  subject: 'Lunch',
  dateAt: noon - 60_000,
};

export function recipient(address: string, more: Partial<ObservedRecipient> = {}): ObservedRecipient {
  return { address, type: 'to', via: [], source: 'envelope', ...directory.classify(address), ...more };
}
export function representation(sha256: string, more: Partial<Representation> = {}): Representation {
  return {
    sha256,
    size: 10,
    body: [{ seq: 1, offset: 0, length: 10 }],
    decoding: 'identity',
    contentHash: null,
    protected: false,
    clearText: false,
    stub: false,
    primary: true,
    facts,
    ...more,
  };
}
export function mail(more: Partial<ParsedMail> = {}): ParsedMail {
  const observed = more.observed ?? [recipient('bo@north.example')];
  return {
    class: 'envelope',
    family: 'ms2007',
    level: 'L0',
    flags: [],
    quarantineReason: null,
    sender: 'ada@north.example',
    onBehalfOf: null,
    subject: 'Lunch',
    messageId: '<m1@north.example>',
    reportMessageId: '<m1@north.example>',
    recipients: observed,
    originals: [],
    primary: 0,
    extra: {},
    unparsed: [],
    times: { ...noTimes, date: noon - 60_000 },
    representations: [representation('sha-1')],
    internal: true,
    matchKey: 'mid:<m1@north.example>',
    ...more,
    observed,
  };
}
export function observation(intakeId: string, more: Partial<Observation> = {}): Observation {
  return {
    intakeId,
    definitionId: 'exchange',
    origin: 'journal',
    receivedAt: noon,
    level: 'L0',
    family: 'ms2007',
    flags: [],
    reportMessageId: '<m1@north.example>',
    sender: 'ada@north.example',
    onBehalfOf: null,
    recipients: [recipient('bo@north.example')],
    representations: [representation('sha-1')],
    ...more,
  };
}
export function entry(id: string, more: Partial<ArchiveEntry> = {}): ArchiveEntry {
  return {
    id,
    matchKey: 'mid:<m1@north.example>',
    archivedAt: noon,
    origin: 'journal',
    flags: [],
    observations: [observation(id)],
    ...more,
  };
}
export function spoolItem(intakeId: string, more: Partial<SpoolItem> = {}): SpoolItem {
  const transport = {
    kind: 'smtp',
    peer: '127.0.0.1',
    mailFrom: '',
    rcptTo: [],
    tls: null,
    authenticatedAs: null,
    uidl: null,
  } as const;
  return {
    intakeId,
    definitionId: 'exchange',
    definitionVersion: 1,
    origin: 'journal',
    receivedAt: noon,
    size: 10,
    sha256: 'sha-1',
    body: [{ seq: 1, offset: 0, length: 10 }],
    transport,
    state: 'received',
    attempt: 0,
    dueAt: noon,
    deadline: null,
    woken: false,
    failures: 0,
    overrides: [],
    parsed: null,
    steps: [],
    ...more,
  };
}
