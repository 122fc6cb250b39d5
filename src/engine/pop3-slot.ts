import type { Observable } from 'rxjs';
import type { SourceInput } from '../../machines/journal.events.ts';
import { lateNews, poll } from '../../streams/poll.ts';
import type { NewId, News } from '../../streams/ports.ts';
import { toPop3Options } from '../config/to-options.ts';
import type { TestStep } from '../pop3/connection-test.ts';
import { type Mailbox, openMailbox } from '../pop3/mailbox.ts';
import type { ItemReport, LedgerEntry, MailboxPorts, Pop3Ledger } from '../pop3/types.ts';
import type { Capacity } from './capacity.ts';
import type { Definition } from './definition-book.types.ts';
import { expiryCheck } from './expiry-check.ts';
import { firstValue } from './first-value.ts';
import type { Workshop } from './workshop.ts';

/** The mailboxes of all POP3 definitions, one for each for the engine's life: two sessions never meet in one. */
export interface Mailboxes extends AsyncDisposable {
  /** Polls the mailbox while subscribed to; left, the session ends after the message in hand. */
  newsOf(definition: Definition, start: Omit<SourceInput, 'definitionId'>): Observable<News>;
  /** The connection test of journaling d.2, T15; it waits for the session under way. */
  test(definition: Definition): Promise<readonly TestStep[]>;
}

interface Parts {
  readonly capacity: Capacity;
  readonly newId: NewId;
  /** News of a session that came to its end after its source was left. */
  readonly tellLate: (definitionId: string, news: News) => void;
}

export async function openMailboxes(workshop: Workshop, parts: Parts): Promise<Mailboxes> {
  const { clock, book } = workshop;
  // What stays in the mailboxes shows in the status from the start on, before their first session.
  const polled = book.all().filter(({ config }) => config.transport === 'pop3');
  await Promise.all(polled.map(({ id }) => ledgerOf(workshop, id).read()));
  const mailboxes = new Map<string, Mailbox>();
  const mailboxOf = (definition: Definition): Mailbox => {
    const known = mailboxes.get(definition.id);
    if (known !== undefined) return known;
    const opened = open(workshop, definition, parts);
    mailboxes.set(definition.id, opened);
    return opened;
  };
  return {
    newsOf: (definition, start) => {
      const { pollIntervalMs } = workshop.options.pop3;
      return poll(mailboxOf(definition).extract, { ...start, pollIntervalMs, random: Math.random }, clock);
    },
    test: (definition) => mailboxOf(definition).test(),
    [Symbol.asyncDispose]: async () => {
      await Promise.all([...mailboxes.values()].map((mailbox) => mailbox[Symbol.asyncDispose]()));
    },
  };
}

function open(workshop: Workshop, definition: Definition, { capacity, newId, tellLate }: Parts): Mailbox {
  const { book, clock, log, detail } = workshop;
  const { id } = definition;
  const ports: MailboxPorts = {
    custody: capacity.custody,
    ledger: ledgerOf(workshop, id),
    newId,
    destination: () => ({ definitionId: id, definitionVersion: book.get(id)?.version ?? null }),
    admit: capacity.admit,
    ...leaving(workshop, id),
    // The store's figures count it; the session's end is the news.
    taken: () => undefined,
    certificate: (endsAt) => workshop.mailboxFacts.noteCertificate(id, endsAt),
    report: (report) => workshop.note(draftOf(id, report)),
    late: (extraction) => {
      const news = lateNews(extraction, clock.now());
      if (news !== null) tellLate(id, news);
    },
    trace: (line) => {
      log('debug', 'pop3', { definition: id, line });
      detail.note(id, { pop3: line });
    },
    clock,
  };
  return openMailbox(() => {
    const { timeoutMs } = workshop.options.pop3;
    const { maxMessageBytes } = workshop.options.smtp;
    const { config } = book.get(id) ?? definition;
    if (config.transport !== 'pop3') throw new Error(`${id} is no POP3 definition`);
    const { password, ...connection } = toPop3Options(config);
    return { ...connection, password: password.reveal(), timeoutMs, maxMessageBytes };
  }, ports);
}

function ledgerOf({ store, mailboxFacts }: Workshop, definitionId: string): Pop3Ledger {
  const uidl = store.uidl(definitionId);
  return mailboxFacts.listenTo(definitionId, {
    read: async () => (await uidl.read()) as unknown as ReadonlyMap<string, LedgerEntry>,
    write: (changes, options) => uidl.write(changes as unknown as Parameters<typeof uidl.write>[0], options),
  });
}

/** With `matching.expiredAction: leave` an over-age message stays where it is (journaling c.6). */
function leaving(workshop: Workshop, definitionId: string): Pick<MailboxPorts, 'leaves'> {
  const { isExpired } = expiryCheck(workshop, 'leave');
  if (isExpired === undefined) return {};
  const { book, clock } = workshop;
  return {
    leaves: async (receipt) => {
      const definitionVersion = book.get(definitionId)?.version ?? null;
      const bytes = await receipt.preview();
      return firstValue(isExpired(bytes, { definitionId, definitionVersion }, clock.now()));
    },
  };
}

function draftOf(definitionId: string, report: ItemReport) {
  const { type, ...data } = report;
  const name = type === 'blocked' ? 'pop3.blocked' : 'pop3.left-on-server';
  const common = { severity: 'warning', actor: 'engine', intakeId: null, entryId: null } as const;
  return { ...common, type: name, definitionId, data };
}
