import type { SchedulerLike } from 'rxjs';
import type { Log } from '../log.ts';
import type { Housekeeping } from '../store/housekeeping.ts';
import { allDuties, archiveDuty, type Duties } from './duties.ts';
import { openHourly, type WarnAlso } from './hourly.ts';

/** A start has other things to do first. */
const firstPassMs = 60_000;
/** Skipped items purged in one pass, which makes half a million a day, and in one record. */
const purgesOfPass = 20_000;
const purgesAtOnce = 500;
/** Payloads taken from the disk in one pass; the record that says so has a few hundred kilobytes. */
const dropsOfPass = 20_000;
const dayMs = 86_400_000;

/**
 * Looks every hour for what has become due in the store, whose times are absolute: bytes of skipped items past their
 * 30 days (journaling a.3), which leave the disk on the day (UTC) after, and the summary of held items (c.6).
 */
export function openHousekeeping({
  store,
  clock,
  log,
  warnAlso,
  duties = allDuties,
}: {
  readonly store: { readonly housekeeping: Housekeeping };
  readonly clock: SchedulerLike;
  readonly log: Log;
  readonly warnAlso: WarnAlso;
  readonly duties?: Pick<Duties, 'isMine'>;
}): AsyncDisposable {
  const { purgeSkipped, dropPurged, summariseHeld } = store.housekeeping;
  const pass = async (closing: () => boolean): Promise<void> => {
    const now = clock.now();
    await summariseHeld(now);
    for (let purged = 0; purged < purgesOfPass && !closing(); ) {
      const some = await purgeSkipped(now, purgesAtOnce);
      purged += some;
      if (some < purgesAtOnce) break;
    }
    if (!closing()) await dropPurged(now - (now % dayMs), dropsOfPass);
  };
  return openHourly({
    name: 'housekeeping',
    firstMs: firstPassMs,
    pass,
    isMine: () => duties.isMine(archiveDuty),
    clock,
    log,
    warnAlso,
  });
}
