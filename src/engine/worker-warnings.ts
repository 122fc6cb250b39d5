import { timer } from 'rxjs';
import type { Status } from '../http/status.schema.ts';
import { isoTime } from '../time-words.ts';
import { lookEveryMs } from './alerts.ts';
import type { Duties } from './duties.ts';
import type { Workshop } from './workshop.ts';

type Warnings = Status['warnings'];

/** What each engine of a cluster tells the others under this. */
const kind = 'warnings';
/** Of the cluster as a whole: each sees them by itself. */
const common: readonly string[] = [
  'database',
  'database-unsafe',
  'standby-missing',
  'standby-none',
  'not-run',
  'index-behind',
  'worker-gone',
];
/** A start, and a listener that is opened anew, are over by then. */
export const unreadyToTellMs = 60_000;

interface Said {
  readonly worker: string;
  readonly warnings: Warnings;
}

export interface WarningsParts extends Pick<Workshop, 'clock' | 'warnings'> {
  readonly duties: Pick<Duties, 'worker' | 'sayOwn'>;
  /** What this engine lacks for taking mail. */
  readonly missing: () => readonly string[];
}

/**
 * Tells the others what is wrong with this engine, so that people hear of it from whoever tells them: the status of a
 * definition is that of the one which runs it, and that may be well. Nothing of an engine by itself.
 */
export function shareWarnings({ duties, clock, warnings, missing }: WarningsParts): Disposable {
  const { worker } = duties;
  if (worker === null) return { [Symbol.dispose]: () => undefined };
  let since: number | null = null;
  const unready = (): Warnings => {
    const lacking = missing();
    since = lacking.length === 0 ? null : (since ?? clock.now());
    if (since === null || clock.now() - since < unreadyToTellMs) return [];
    return [{ code: 'not-ready', text: `it takes no mail: ${lacking.join(', ')}`, since: isoTime(since) }];
  };
  const saying = timer(lookEveryMs, lookEveryMs, clock).subscribe(() => {
    const own = [...warnings().filter(({ code }) => !common.includes(code)), ...unready()];
    duties.sayOwn(kind, { worker, warnings: own } satisfies Said);
  });
  return { [Symbol.dispose]: () => saying.unsubscribe() };
}

export interface ElsewhereParts {
  readonly duties: Pick<Duties, 'saidOf'>;
  /** Names of those that live. */
  readonly living: readonly string[];
}

/** What is wrong with the other engines, by their names; of those that are gone it is that they are gone. */
export const warningsElsewhere = ({ duties, living }: ElsewhereParts): Warnings =>
  (duties.saidOf(kind) as readonly Said[])
    .filter(({ worker }) => living.includes(worker))
    .flatMap(({ worker, warnings }) =>
      warnings.map((each) => ({ ...each, text: `on the worker ${worker}: ${each.text}` })),
    );
