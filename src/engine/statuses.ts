import { type EngineActor, type JournalActor, journalOf } from '../../machines/follow.ts';
import { listenedUntil } from '../../machines/journal.context.ts';
import { statusOf as journalStatusOf } from '../../machines/journal.status.ts';
import type { Status } from '../http/status.schema.ts';
import type { Workshop } from './workshop.ts';

/** The status of every definition that runs, as it is now. */
export const statusesOf = ({ book, statusOf }: Pick<Workshop, 'book' | 'statusOf'>, actor: EngineActor): Status[] =>
  book
    .all()
    .map((definition) => statusOf(definition, journalOf(actor, definition.id)))
    .filter((status) => status !== undefined);

/** How long an `smtp` definition has listened without a message; null while it does not listen, and of a mailbox. */
export function silentFor(journal: JournalActor, now: number): number | null {
  const { context } = journal.getSnapshot();
  return context.transport === 'pop3' || context.listeningSinceAt === null ? null : listenedUntil(context, now);
}

/** The same of every definition that is sent to. */
export const silencesOf = (
  { book }: Pick<Workshop, 'book'>,
  actor: EngineActor,
  now: number,
): (readonly [definitionId: string, silentMs: number | null])[] =>
  book
    .all()
    .filter(({ config }) => config.transport === 'smtp')
    .map(({ id }) => {
      const journal = journalOf(actor, id);
      return [id, journal === undefined ? null : silentFor(journal, now)] as const;
    });

/** Suspended, or with a connection that fails, it says itself that no mail is taken. */
export function listens(actor: EngineActor, definitionId: string): boolean {
  const journal = journalOf(actor, definitionId);
  if (journal === undefined) return false;
  const { serviceStatus } = journalStatusOf(journal.getSnapshot());
  return serviceStatus !== 'suspended' && serviceStatus !== 'error';
}
