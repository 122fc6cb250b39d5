import type { Alert, AlertKind, AlertStep } from '../../streams/alert.ts';

/** What each kind is called, of a definition and of the engine as a whole. */
const titles: Readonly<Record<AlertKind, readonly [definition: string, engine: string]>> = {
  down: ['is down', 'Journaling is down'],
  silence: ['is unusually silent', 'Journaling is unusually silent'],
  loss: ['is about to lose mail at its sender', 'Mail is about to be lost at its sender'],
  canary: ['misses its canary', 'A canary is missing'],
  gap: ['no longer gets reports for somebody', 'Somebody is in no journal report any more'],
  error: ['cannot take mail', 'The SMTP port is not open'],
  storage: ['cannot store mail', 'The store cannot write'],
  standby: ['is on one database server only', 'Mail is not safe from the loss of one database server'],
  worker: ['is run by no worker', 'A worker of the cluster is missing or behind'],
  disk: ['has no room', 'The disk is running full'],
  backlog: ['is behind', 'The engine is behind'],
  held: ['holds messages back', 'Messages are held back'],
  quarantine: ['has messages in quarantine', 'Messages are in quarantine'],
  mailbox: ['leaves messages in the mailbox', 'Messages stay in a mailbox'],
  certificate: ['has a certificate that ends', 'A certificate ends'],
  suspended: ['is suspended', 'Journaling is suspended'],
  quality: ['gets reports that cannot be read or trusted', 'Reports cannot be read or trusted'],
  refused: ['refuses mail that is sent to it', 'Mail is refused'],
  scope: ['archives hardly any of its mail', 'Hardly any mail is archived'],
  damage: ['has damaged mail', 'Stored mail is damaged'],
  clock: ['has a clock that leapt', 'The clock leapt'],
  upkeep: ['is not kept up', 'The archive is not kept up'],
  anchor: ['has an anchor that fails', 'Signed heads are not kept outside'],
  channel: ['cannot send alerts', 'Alerts cannot be sent'],
};

/** What is wrong with what, in a few words: `exchange is down`. */
export function titleOf({ kind, definition }: Pick<Alert, 'kind' | 'definition'>): string {
  const [ofDefinition, ofEngine] = titles[kind];
  return definition === null ? ofEngine : `${definition} ${ofDefinition}`;
}

/** Headings of a mail, in their order; the short word is for its subject. */
export const steps: readonly (readonly [step: AlertStep, heading: string, word: string])[] = [
  ['escalated', 'Nobody has acknowledged these', 'escalated'],
  ['raised', 'New', 'new'],
  ['worsened', 'Worse than before', 'worse'],
  ['reminded', 'Still open', 'still open'],
  ['acknowledged', 'Somebody looks after these', 'acknowledged'],
  ['resolved', 'Over', 'over'],
];
