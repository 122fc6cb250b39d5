import type { SchedulerLike } from 'rxjs';
import type { EventDraft } from '../../streams/ports.ts';
import { retentionMsOf } from '../config/to-options.ts';
import type { Status } from '../http/status.schema.ts';
import type { Log } from '../log.ts';
import type { Retention } from '../store/retention.ts';
import type { Definition, DefinitionBook } from './definition-book.types.ts';
import { engineEvent } from './definition-events.ts';
import { allDuties, archiveDuty, type Duties } from './duties.ts';
import { openHourly, type WarnAlso } from './hourly.ts';
import type { LiveOptions } from './live-options.ts';

/** After housekeeping's own first pass: a start has other things to do first. */
const firstPassMs = 120_000;
/** Entries deleted in one pass, which makes half a million a day. */
const deletionsOfPass = 20_000;
const dayMs = 86_400_000;

export interface RetentionParts {
  readonly store: { readonly retention: Retention };
  readonly book: Pick<DefinitionBook, 'all'>;
  readonly live: LiveOptions;
  readonly note: (draft: EventDraft) => void;
  readonly clock: SchedulerLike;
  readonly log: Log;
  readonly warnAlso: WarnAlso;
  readonly duties?: Pick<Duties, 'isMine'>;
}

/** Looks every hour for mail that is past its time (D-055). */
export function openRetention(parts: RetentionParts): AsyncDisposable {
  const { clock, log, warnAlso, duties = allDuties } = parts;
  let pausedFrom: number | null = null;
  const pass = async (closing: () => boolean): Promise<void> => {
    const { retention } = parts.store;
    const now = clock.now();
    await retention.look(now);
    await retention.summarise(now);
    await noteConfigured(parts);
    let deleted = 0;
    for await (const some of retention.due(now)) {
      deleted += some;
      if (closing() || deleted >= deletionsOfPass) break;
      await noteConfigured(parts);
    }
    pausedFrom = tellOfLeap(parts, pausedFrom);
    if (!closing()) await retention.compact(now - (now % dayMs), now);
  };
  return openHourly({
    name: 'retention',
    firstMs: firstPassMs,
    pass,
    isMine: () => duties.isMine(archiveDuty),
    clock,
    log,
    warnAlso,
  });
}

/** Has the log say how long mail is kept, where that was changed; before each step, so that a longer time counts at once. */
async function noteConfigured({ store, book, live }: RetentionParts): Promise<void> {
  for (const { id, config } of book.all()) await store.retention.keep(id, retentionMsOf(config));
  const { gateway } = live.current;
  if (gateway !== null) await store.retention.keep(null, gateway.retentionMs);
}

/** One event for each leap of the clock that is in the way. Answers where it leapt from, or null. */
function tellOfLeap({ store, book, live, note, clock, log }: RetentionParts, told: number | null): number | null {
  const leap = store.retention.leapAt(clock.now());
  if (leap === null || !isLimited(book.all(), live)) return null;
  if (leap.from === told) return told;
  const data = { from: new Date(leap.from).toISOString(), to: new Date(leap.to).toISOString() };
  note({ ...engineEvent('retention.paused', data), severity: 'warning' });
  log('warn', 'retention is paused: the clock leapt', data);
  return leap.from;
}

/** True where some mail is not kept for ever. */
const isLimited = (definitions: readonly Pick<Definition, 'config'>[], live: LiveOptions): boolean =>
  definitions.some(({ config }) => config.retention !== undefined) ||
  (live.current.gateway?.retentionMs ?? null) !== null;

/** What stands in the status while retention is paused. */
export function retentionWarnings({
  store,
  book,
  live,
  clock,
}: Omit<RetentionParts, 'note' | 'log' | 'warnAlso'>): Status['warnings'] {
  const leap = store.retention.leapAt(clock.now());
  if (leap === null || !isLimited(book.all(), live)) return [];
  const from = new Date(leap.from).toISOString();
  const text = `the clock leapt from ${from}: no mail is deleted by its time until it is back, or \`daybook retention resume\` says that it is right`;
  return [{ code: 'retention-paused', text, since: new Date(leap.to).toISOString() }];
}
