import type { SchedulerLike } from 'rxjs';
import type { JournalActor } from '../../machines/follow.ts';
import { statusOf } from '../../machines/journal.status.ts';
import type { EventDraft } from '../../streams/ports.ts';
import type { CanaryMarks, OwnNotices } from '../alert/own-notice.ts';
import type { EngineOptions } from '../config/to-options.ts';
import type { Status } from '../http/status.schema.ts';
import type { Log } from '../log.ts';
import type { ReopeningStore } from '../store/reopening-store.ts';
import { isoTime } from '../time-words.ts';
import type { Backend } from './backend.ts';
import type { CanaryBook } from './canaries.types.ts';
import type { ClusterSight } from './cluster-watch.ts';
import type { Definition, DefinitionBook } from './definition-book.types.ts';
import { engineEvent } from './definition-events.ts';
import type { DetailedLogs } from './detailed-logs.ts';
import type { Duties } from './duties.ts';
import { firstValue } from './first-value.ts';
import type { GapBook } from './gaps.ts';
import type { WarnAlso } from './hourly.ts';
import type { Examiners } from './large-mail.ts';
import { type AcceptedNews, acceptedNews } from './listener-slot.ts';
import type { LiveOptions } from './live-options.ts';
import { createMailboxFacts, type MailboxFacts } from './mailbox-facts.ts';
import type { OwnMail } from './own-mail.ts';
import { createPasswordCheck, type PasswordCheck } from './password.ts';
import type { ProcessingSetup } from './pipelines.ts';
import { processLoad } from './process-load.ts';
import { queueHigh$, queueWarnings } from './queue-watch.ts';
import { type RejectedCounts, rejectedByAll } from './rejected-counts.ts';
import { createRejectionBook, type RejectionBook } from './rejections.ts';
import { createShedding, type Shedding } from './shedding.ts';
import type { SilenceBook } from './silences.ts';
import { statusAmong } from './status-among.ts';
import { type Silence, statusView } from './status-board.ts';
import { silentFor } from './statuses.ts';
import { certificateWarnings, overloadWarnings } from './warnings.ts';

/** What the parts of the running engine share. */
export interface Workshop {
  /** As they are now: read them at each use. */
  readonly options: EngineOptions;
  readonly live: LiveOptions;
  readonly store: ReopeningStore;
  readonly duties: Duties;
  readonly logBytes: Backend['logBytes'];
  /** Null: this engine is by itself. */
  readonly sight: ClusterSight | null;
  readonly packs: Backend['packs'];
  readonly book: DefinitionBook;
  readonly setup: ProcessingSetup;
  readonly examiners: Omit<Examiners, typeof Symbol.asyncDispose>;
  readonly clock: SchedulerLike;
  readonly log: Log;
  readonly version: string;
  readonly startedAt: number;
  readonly passwords: PasswordCheck;
  readonly mailboxFacts: MailboxFacts;
  readonly detail: DetailedLogs;
  /** When the certificates in use end, by their option. */
  readonly certificates: Map<'smtp.tls' | 'http.tls', number>;
  readonly rejections: RejectionBook;
  readonly rejected: RejectedCounts;
  readonly accepted: AcceptedNews;
  readonly shedding: Shedding;
  /** Marks the mail that this engine sends. */
  readonly notices: OwnNotices;
  readonly canaryMarks: CanaryMarks;
  /** Knows it again when it comes back. */
  readonly ownMail: OwnMail;
  /** How long each definition is usually silent, its canaries, and since when nobody's mail is taken, once those are opened. */
  readonly watches: {
    silences: SilenceBook | null;
    canaries: CanaryBook | null;
    gaps: GapBook | null;
    refusingSince: () => number | null;
    /** Of a cluster: mail is refused since its bodies cannot be stored. */
    bodiless: boolean;
  };
  /** Writes a line of the event log; a store that fails meanwhile is logged, never thrown. */
  readonly note: (draft: EventDraft) => void;
  statusOf(definition: Definition, journal: JournalActor | undefined): Status | undefined;
  /** Warnings of the engine as a whole. */
  warnings(): Status['warnings'];
  /** Parts of the engine that were opened after this add what they warn of. */
  readonly warnAlso: WarnAlso;
  /** A port failed on that line, or in the store itself, or it works again (null). */
  troubled(line: string, detail: string | null): void;
}

export function createWorkshop(
  parts: Pick<
    Workshop,
    | 'detail'
    | 'live'
    | 'store'
    | 'duties'
    | 'logBytes'
    | 'sight'
    | 'packs'
    | 'book'
    | 'setup'
    | 'examiners'
    | 'clock'
    | 'log'
    | 'version'
    | 'notices'
    | 'canaryMarks'
    | 'ownMail'
    | 'rejected'
  >,
): Workshop {
  const { store, clock, log } = parts;
  const note = (draft: EventDraft): void => {
    firstValue(store.events.append(draft)).catch((error: unknown) =>
      log('error', 'an event could not be written', { type: draft.type, error: String(error) }),
    );
  };
  const rejections = createRejectionBook(() => clock.now(), note, parts.rejected);
  const accepted = acceptedNews(clock);
  const mailboxFacts = createMailboxFacts();
  const shedding = createShedding({ unwritten: () => store.unwritten, load: processLoad(), note, clock });
  const certificates: Workshop['certificates'] = new Map();
  const highSince = followQueue(parts, note);
  const watches: Workshop['watches'] = {
    ...{ silences: null, canaries: null, gaps: null, bodiless: false },
    refusingSince: () => null,
  };
  const more: (() => Status['warnings'])[] = [damageWarnings(store, clock.now())];
  const troubles = new Map<string, Trouble>();
  return {
    ...parts,
    get options() {
      return parts.live.current;
    },
    passwords: createPasswordCheck(),
    mailboxFacts,
    certificates,
    startedAt: clock.now(),
    rejections,
    accepted,
    shedding,
    watches,
    note,
    statusOf: (definition, journal) => {
      accepted.tell();
      if (journal === undefined) return undefined;
      const facts = { ...parts, rejections, mailboxFacts, watches };
      return statusAmong(parts.duties, ownStatus(facts, definition, journal));
    },
    warnings: () => [
      ...[...troubles.values()].map(storageWarning),
      ...queueWarnings(store, parts.live.current.limits, highSince()),
      ...overloadWarnings(shedding.overloaded),
      ...[...certificates].flatMap(([option, endsAt]) => certificateWarnings(option, endsAt, clock.now())),
      ...more.flatMap((warnings) => warnings()),
    ],
    warnAlso: (warnings) => void more.push(warnings),
    troubled: (line, detail) => {
      if (detail === null) {
        troubles.delete(line);
        return;
      }
      troubles.set(line, { detail, at: troubles.get(line)?.at ?? clock.now() });
      log('error', 'a step of processing failed and is tried again', { line, detail });
    },
  };
}

/** The status of a definition as this engine has it. */
function ownStatus(
  facts: Pick<Workshop, 'store' | 'live' | 'clock' | 'duties' | 'rejected' | 'rejections' | 'mailboxFacts' | 'watches'>,
  definition: Definition,
  journal: JournalActor,
): Status {
  const { store, live, clock, rejections, mailboxFacts, watches } = facts;
  const { id } = definition;
  return statusView(
    {
      definition,
      journal: statusOf(journal.getSnapshot()),
      figures: store.figuresOf(id),
      oldestAt: store.oldest(id),
      rejected: rejectedByAll(facts, id),
      refusal: rejections.standing(id),
      mailbox: mailboxFacts.of(id),
      refusingSince: watches.refusingSince(),
      lapse: watches.gaps?.lapsed(id) ?? null,
      canary: watches.canaries?.of(id) ?? null,
      silence: silenceOf(journal, watches.silences, clock.now()),
      now: clock.now(),
    },
    live.current.matching,
  );
}

/** Notes when the queue is near its limit and when no more; answers since when it is. */
function followQueue(
  { store, live, clock }: Pick<Workshop, 'store' | 'live' | 'clock'>,
  note: Workshop['note'],
): () => number | null {
  let since: number | null = null;
  queueHigh$(store, live.current.limits).subscribe((high) => {
    if (high === (since !== null)) return;
    since = high ? clock.now() : null;
    const { messages, bytes } = store.queue;
    const event = engineEvent(high ? 'queue.high' : 'queue.normal', { messages, bytes });
    note({ ...event, severity: high ? 'warning' : 'info' });
  });
  return () => since;
}

function silenceOf(journal: JournalActor, book: SilenceBook | null, now: number): Silence | null {
  const silentMs = silentFor(journal, now);
  const { definitionId } = journal.getSnapshot().context;
  return silentMs === null ? null : { silentMs, usual: book?.usual(definitionId, now) ?? null };
}

/** What keeps a line from going on, and since when. */
interface Trouble {
  readonly detail: string;
  readonly at: number;
}
const storageWarning = ({ detail, at }: Trouble): Status['warnings'][number] => ({
  code: 'storage',
  text: detail,
  since: isoTime(at),
});

/** What was found when the store was opened; since then, so that the answer stays the same. */
const damageWarnings = (store: ReopeningStore, openedAt: number) => (): Status['warnings'] =>
  store.recovery.damaged.map(({ file, offset, text }) => ({
    code: 'damaged',
    text: `${file} at ${offset}: ${text}`,
    since: isoTime(openedAt),
  }));
