import type {
  ArchiveEntry,
  HeaderFacts,
  JournalOptions,
  MatchingOptions,
  Observation,
  ObservedRecipient,
  Parsed,
  ParsedMail,
  Received,
  Recipient,
  Representation,
  SpoolItem,
} from '../../streams/message.ts';
import type { Directory } from '../../streams/ports.ts';

export const noon = Date.parse('2026-03-02T12:00:00Z');
export const second = 1_000;
export const minute = 60_000;
export const day = 86_400_000;

export const journalOptions: JournalOptions = {
  definitionId: 'exchange',
  definitionVersion: 1,
  serviceEmailAddress: 'jrnl@journal.north.example',
  journalType: 'eej',
  initialProcessDelayMs: 0,
  deliveryWaitAttempts: 3,
  deliveryWaitIntervalMs: minute,
  removeJournalHeaders: false,
  preferClearTextVersion: false,
  extendedDeduplication: false,
  journalNonInternalAddresses: false,
  journalUnknownInternalAddresses: false,
};
export const matchingOptions: MatchingOptions = {
  extendedWaitMs: 10 * minute,
  maxAgeMs: 30 * day,
  expiredAction: 'hold',
  expiryClock: 'date',
  matchOnContent: false,
  continuityEvent: false,
};

/** Everybody at north.example is internal, the listed ones are known; `dn:` addresses that are not listed are internal. */
export const directoryOf = (...known: readonly string[]): Directory => ({
  classify: (address) => {
    const isKnown = known.includes(address.toLowerCase());
    const internal = isKnown || address.startsWith('dn:') || address.toLowerCase().endsWith('@north.example');
    return { internal, known: isKnown };
  },
});
export const everybodyKnown: Directory = {
  classify: (address) => {
    const internal = address.endsWith('@north.example');
    return { internal, known: internal };
  },
};

export const factsOf = (parts: Partial<HeaderFacts> = {}): HeaderFacts => ({
  messageId: '<m1@north.example>',
  from: 'ada@north.example',
  subject: 'Lunch',
  dateAt: noon - minute,
  ...parts,
});
export const representationOf = (parts: Partial<Representation> = {}): Representation => ({
  sha256: 'a'.repeat(64),
  size: 10,
  body: [{ seq: 1, offset: 0, length: 10 }],
  decoding: 'identity',
  contentHash: null,
  protected: false,
  clearText: false,
  stub: false,
  primary: true,
  facts: factsOf(),
  ...parts,
});
export const recipientOf = (address: string, parts: Partial<ObservedRecipient> = {}): ObservedRecipient => ({
  address,
  type: 'to',
  via: [],
  source: 'envelope',
  internal: address.endsWith('@north.example'),
  known: address.endsWith('@north.example'),
  ...parts,
});
export const observationOf = (intakeId: string, parts: Partial<Observation> = {}): Observation => ({
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
  recipients: [recipientOf('bo@north.example')],
  representations: [representationOf()],
  ...parts,
});
export const entryOf = (id: string, parts: Partial<ArchiveEntry> = {}): ArchiveEntry => ({
  id,
  matchKey: 'mid:<m1@north.example>',
  archivedAt: noon,
  origin: 'journal',
  flags: [],
  observations: [observationOf(id)],
  ...parts,
});

export const noTimes = { date: null, reportSent: null, oldestReceived: null, newestReceived: null, outerDate: null };
export const parsedOf = (parts: Partial<Parsed> = {}): Parsed => ({
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
  recipients: [{ address: 'bo@north.example', type: 'to', via: [], source: 'envelope' }],
  originals: [],
  primary: 0,
  extra: {},
  unparsed: [],
  times: { ...noTimes, date: noon - minute },
  ...parts,
});
export const mailOf = (parts: Partial<ParsedMail> = {}): ParsedMail => ({
  ...parsedOf(),
  representations: [representationOf()],
  observed: [recipientOf('bo@north.example')],
  internal: true,
  matchKey: 'mid:<m1@north.example>',
  ...parts,
});
export const toRecipient = (address: string, parts: Partial<Recipient> = {}): Recipient => ({
  address,
  type: 'to',
  via: [],
  source: 'envelope',
  ...parts,
});

export const smtpFacts = {
  kind: 'smtp',
  peer: '127.0.0.1',
  mailFrom: '',
  rcptTo: [],
  tls: null,
  authenticatedAs: null,
  uidl: null,
} as const;
export const receivedOf = (
  intakeId: string,
  parts: { readonly definitionId?: string | null; readonly receivedAt?: number } = {},
): Received => {
  const { definitionId = 'exchange', receivedAt = noon } = parts;
  return {
    targets: [{ intakeId, definitionId, definitionVersion: definitionId === null ? null : 1 }],
    origin: definitionId === null ? 'gateway' : 'journal',
    receivedAt,
    transport: smtpFacts,
  };
};
export const itemOf = (intakeId: string, parts: Partial<SpoolItem> = {}): SpoolItem => ({
  intakeId,
  definitionId: 'exchange',
  definitionVersion: 1,
  origin: 'journal',
  receivedAt: noon,
  size: 10,
  sha256: 'a'.repeat(64),
  body: [{ seq: 1, offset: 0, length: 10 }],
  transport: smtpFacts,
  state: 'received',
  attempt: 0,
  dueAt: noon,
  deadline: null,
  woken: false,
  failures: 0,
  overrides: [],
  parsed: null,
  steps: [],
  ...parts,
});
