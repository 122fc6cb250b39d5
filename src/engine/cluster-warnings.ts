import type { Status } from '../http/status.schema.ts';
import { duration, isoTime } from '../time-words.ts';
import type { ClusterWatchParts, Failing, Seen } from './cluster-watch.ts';
import { archiveDuty, gatewayDuty } from './duties.ts';

type Warnings = Status['warnings'];

/** A server that takes over is there within half a minute; by then it is told, and nobody need come for it. */
const databaseToTellMs = 10_000;
/** A gateway that is started again is back by then. */
export const bodilessToTellMs = 10_000;
/** A machine that slept is asked for its time again by then. */
const clockOffToTellMs = 10_000;
/** What a burst leaves behind is folded within seconds. */
export const behindToTellMs = 60_000;
/** A duty is taken within a second, and within 15 where its worker was killed. */
export const unheldToTellMs = 60_000;
/** A worker that starts again is back by then. */
export const goneToTellMs = 120_000;
/** More names would say no more. */
const namesShown = 5;

/** Rule: what somebody is to see to in a cluster, from what was seen of it last. */
export function clusterWarnings(
  seen: Seen,
  context: Pick<ClusterWatchParts, 'worker' | 'expectsStandby'> & {
    readonly now: number;
    readonly alive: readonly string[];
  },
): Warnings {
  const { trouble, unwritten } = seen;
  const { now } = context;
  if (trouble !== null) {
    // Of all the rest nobody knows how it is.
    const text = `the database of the cluster does not answer: ${trouble.detail}`;
    const silent = now - trouble.since < databaseToTellMs ? [] : [warning('database', text, trouble.since)];
    return [...silent, ...bodiless(seen, now), ...clockOff(seen, now)];
  }
  const refused =
    unwritten !== null && now - unwritten.since >= databaseToTellMs
      ? [warning('database', `the database of the cluster takes no writes: ${unwritten.detail}`, unwritten.since)]
      : [];
  return [
    ...refused,
    ...bodiless(seen, now),
    ...durability(seen, context.expectsStandby),
    ...unheld(seen, now),
    ...behind(seen, context),
    ...gone(seen, context),
    ...clockOff(seen, now),
  ];
}

const warning = (code: string, text: string, since: number): Warnings[number] => ({
  code,
  text,
  since: isoTime(since),
});

/** Rule: of bodies that cannot be stored, whether it has been so for long enough to be told. */
export const isLasting = ({ since }: Failing, now: number): boolean => now - since >= bodilessToTellMs;

function bodiless({ bodiless: known }: Seen, now: number): Warnings {
  if (known === null || !isLasting(known, now)) return [];
  const text = `no mail can be put into object storage, and none is taken until it can: ${known.detail}`;
  return [warning('storage', text, known.since)];
}

function clockOff({ clockOff: known }: Seen, now: number): Warnings {
  if (known === null || now - known.since < clockOffToTellMs) return [];
  const way = known.aheadMs > 0 ? 'ahead of' : 'behind';
  const text = `the clock of this machine is ${duration(Math.abs(known.aheadMs))} ${way} the database's: mail is judged by the database's, and the lines of this log and all certificates by this one; set both by a time server`;
  return [warning('clock-off', text, known.since)];
}

function durability({ durability: known }: Seen, expectsStandby: boolean): Warnings {
  if (known === null) return [];
  const { unsafe, isAwaited, standbys, since } = known;
  const warnings: Warnings[number][] = [];
  if (unsafe.length > 0) {
    const text = `the database answers before mail is safe (${unsafe.join(', ')}): what was acknowledged may be lost with its power`;
    warnings.push(warning('database-unsafe', text, since));
  }
  if (isAwaited && standbys === 0) {
    const text = 'the database waits for a synchronous standby and none follows: nothing can be written until one does';
    warnings.push(warning('standby-missing', text, since));
  } else if (!isAwaited && expectsStandby) {
    const text =
      'the database waits for no standby (`synchronous_standby_names` is empty): what was acknowledged is on one server only';
    warnings.push(warning('standby-none', text, since));
  }
  return warnings;
}

function unheld({ unheld: since }: Seen, now: number): Warnings {
  const long = [...since].filter(([, at]) => now - at >= unheldToTellMs);
  if (long.length === 0) return [];
  const names = long.map(([name]) => nameOf(name));
  const more = names.length > namesShown ? ` and ${names.length - namesShown} more` : '';
  const text = `no worker does the work of ${names.slice(0, namesShown).join(', ')}${more}: mail that comes is taken, and waits`;
  return [warning('not-run', text, Math.min(...long.map(([, at]) => at)))];
}

function nameOf(duty: string): string {
  if (duty === archiveDuty) return 'the archive (retention, heads, scrub, alerts)';
  return duty === gatewayDuty ? 'the gateway' : duty.slice(duty.indexOf(':') + 1);
}

function behind({ words }: Seen, { alive }: { readonly alive: readonly string[] }): Warnings {
  return words.flatMap(({ worker, at, said: { behindMs, behindRecords } }) => {
    if (!alive.includes(worker) || behindMs < behindToTellMs) return [];
    const text = `the index of the worker ${worker} is ${behindRecords} records and ${duration(behindMs)} behind the log: it does not show yet what came since`;
    return [warning('index-behind', text, at - behindMs)];
  });
}

/** It has not left; so it was killed, or cannot reach the database. */
function gone(
  { words }: Seen,
  { now, alive, worker: own }: { readonly now: number; readonly alive: readonly string[]; readonly worker: string },
): Warnings {
  return words.flatMap(({ worker, at }) => {
    if (worker === own || alive.includes(worker) || now - at < goneToTellMs) return [];
    const text = `the worker ${worker} is gone without having been stopped; where that was on purpose, this ends a day after`;
    return [warning('worker-gone', text, at)];
  });
}
