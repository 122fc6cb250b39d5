/** What can be wrong with a definition, or with the engine as a whole, that a person is to hear of (journaling d.2). */
export const alertKinds = [
  'down',
  'silence',
  'loss',
  'canary',
  'gap',
  'error',
  'storage',
  'standby',
  'worker',
  'disk',
  'backlog',
  'held',
  'quarantine',
  'mailbox',
  'certificate',
  'suspended',
  'quality',
  'refused',
  'scope',
  'damage',
  'clock',
  'upkeep',
  'anchor',
  'channel',
] as const;
export type AlertKind = (typeof alertKinds)[number];

/** `error`: mail is not taken, or may be lost. It is told again each hour and escalated; a warning is told once a day. */
export type AlertSeverity = 'warning' | 'error';

/** Something that is wrong now, as seen at one look. Never carries mail. */
export interface Trouble {
  readonly kind: AlertKind;
  /** Null: the engine as a whole. */
  readonly definition: string | null;
  readonly severity: AlertSeverity;
  /** What is wrong, for a person, with its figures. */
  readonly text: string;
  /** What to do about it; null where the text says it all. */
  readonly advice: string | null;
  /** Epoch ms. */
  readonly since: number;
  /** How many, where more of them are news; else null. */
  readonly figure: number | null;
}

/** What was said of an alert last. */
export type AlertStep = 'raised' | 'worsened' | 'reminded' | 'escalated' | 'acknowledged' | 'resolved';

/** One trouble from its first notice to its end. Plain JSON: it outlives a restart. */
export interface Alert extends Trouble {
  readonly id: string;
  readonly raisedAt: number;
  readonly step: AlertStep;
  /** Grows with each step: a channel that was told up to here knows all of it. */
  readonly version: number;
  /** Notices that asked somebody to act. */
  readonly asked: number;
  readonly askedAt: number;
  readonly escalatedAt: number | null;
  readonly acknowledged: Acknowledgement | null;
  /** When the trouble was last there. */
  readonly seenAt: number;
  readonly resolvedAt: number | null;
}

export interface Acknowledgement {
  readonly at: number;
  readonly by: string;
  readonly note: string | null;
}
