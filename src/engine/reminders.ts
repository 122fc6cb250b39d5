import { exhaustMap, filter, type SchedulerLike, timer } from 'rxjs';
import type { EventDraft, EventLog, LoggedEvent } from '../../streams/ports.ts';
import type { Log } from '../log.ts';
import type { Definition, DefinitionBook } from './definition-book.types.ts';
import { definitionEvent } from './definition-events.ts';
import { allDuties, archiveDuty, type Duties } from './duties.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
/** Suspended for a day, then each day (journaling d.3); detailed logging for a week, then each week (a.2). */
const suspendedEveryMs = dayMs;
const detailedEveryMs = 7 * dayMs;
/** A start has other things to do first. */
const firstLookMs = 60_000;
/** Events of one kind that are looked through; nobody changes a definition so often between two reminders. */
const looksBack = 500;

export interface ReminderParts {
  readonly book: Pick<DefinitionBook, 'all'>;
  readonly events: Pick<EventLog, 'find'>;
  readonly note: (draft: EventDraft) => void;
  readonly clock: SchedulerLike;
  readonly log: Log;
  readonly duties?: Pick<Duties, 'isMine'>;
}

/**
 * Reminds of what an operator left as it was, as `config.warning` in the event log, which also tells what was said before:
 * a restart neither repeats nor forgets it.
 */
export function openReminders(parts: ReminderParts): AsyncDisposable {
  const { clock, log, duties = allDuties } = parts;
  let looking: Promise<void> = Promise.resolve();
  const looks = timer(firstLookMs, hourMs, clock)
    .pipe(
      filter(() => duties.isMine(archiveDuty)),
      exhaustMap(() => {
        looking = remind(parts).catch((error: unknown) =>
          log('error', 'reminders could not be looked for', { error: String(error) }),
        );
        return looking;
      }),
    )
    .subscribe();
  return {
    [Symbol.asyncDispose]: async () => {
      looks.unsubscribe();
      await looking;
    },
  };
}

async function remind(parts: ReminderParts): Promise<void> {
  const now = parts.clock.now();
  for (const definition of parts.book.all()) {
    const { suspended, suspendedSince, config } = definition;
    if (suspended && suspendedSince !== null) {
      const text = 'suspended: Exchange gives reports up after two days, Gmail after eight';
      await remindOf(parts, definition, {
        option: 'suspended',
        text,
        since: suspendedSince,
        everyMs: suspendedEveryMs,
        now,
      });
    }
    if (!config.detailedLogging) continue;
    const since = await detailedSince(parts, definition);
    const text = 'detailed logging is still on; it keeps addresses, and costs disk and time';
    await remindOf(parts, definition, { option: 'detailedLogging', text, since, everyMs: detailedEveryMs, now });
  }
}

interface Reminder {
  readonly option: string;
  readonly text: string;
  readonly since: number;
  readonly everyMs: number;
  readonly now: number;
}

async function remindOf(parts: ReminderParts, { id }: Definition, reminder: Reminder): Promise<void> {
  const { option, text, since, everyMs, now } = reminder;
  if (now - since < everyMs) return;
  const said = await eventsOf(parts, id, 'config.warning');
  const last = said.find(({ data }) => data['option'] === option);
  if (last !== undefined && last.at >= since && now - last.at < everyMs) return;
  const data = { option, text, since: new Date(since).toISOString() };
  parts.note({ ...definitionEvent('config.warning', id, 'engine', data), severity: 'warning' });
}

/** When it was switched on last: by a change, or by the making of the definition. */
async function detailedSince(parts: ReminderParts, { id, createdAt }: Definition): Promise<number> {
  const switched = (await eventsOf(parts, id, 'definition.changed')).find(
    ({ data }) => (data['new'] as Record<string, unknown> | null)?.['detailedLogging'] === true,
  );
  const [made] = await eventsOf(parts, id, 'definition.created');
  return Math.max(switched?.at ?? 0, made?.at ?? createdAt);
}

const eventsOf = async ({ events }: ReminderParts, definition: string, type: string): Promise<readonly LoggedEvent[]> =>
  (await events.find({ definition, type, limit: looksBack, cursor: undefined })).items;
