import { join } from 'node:path';
import { repeat, type SchedulerLike, Subject, timer } from 'rxjs';
import type { Alert, Trouble } from '../../streams/alert.ts';
import type { EventDraft, NewId } from '../../streams/ports.ts';
import type { Status } from '../http/status.schema.ts';
import type { Log } from '../log.ts';
import { notedOr } from '../noted-file.ts';
import { isoTime } from '../time-words.ts';
import { acknowledge, follow, isOpen, type Stepped } from './alert-book.ts';
import { type Channels, type NamedChannel, openChannels, type Told } from './alert-channels.ts';
import { keepingNewest } from './keeping-newest.ts';
import { troubleKey, troublesOf } from './troubles.ts';

/** Alerts and what each channel was told of them, so that a start neither repeats nor forgets any. */
export const alertsState = 'alerts.state';
/** The status is looked at this often: `down` is told within seconds, and a look costs microseconds. */
export const lookEveryMs = 5_000;

/** The alerts of the running engine (journaling d.2). */
export interface Alerts extends AsyncDisposable {
  /** Every alert that is kept, the newest first. */
  all(): readonly Alert[];
  /** Stops the asking; `ended`: there is nothing left to look after. */
  acknowledge(
    id: string,
    by: { readonly actor: string; readonly note: string | null },
  ): Promise<Alert | 'unknown' | 'ended'>;
  readonly channels: Pick<Channels, 'knownBy' | 'standings' | 'test' | 'warnings'>;
}

export interface AlertsParts {
  readonly dataDir: string;
  readonly statuses: () => readonly Status[];
  /** Of the engine as a whole. */
  readonly warnings: () => Status['warnings'];
  readonly channels: readonly NamedChannel[];
  readonly note: (draft: EventDraft) => void;
  readonly newId: NewId;
  readonly clock: SchedulerLike;
  readonly log: Log;
  /** Absent: always. */
  readonly isMine?: () => boolean;
}

/** As the state file has it. */
interface Kept {
  readonly alerts: readonly Alert[];
  readonly told: Told;
}

/** Looks at the status again and again, and tells people what is wrong until somebody acknowledges it, or it is over. */
export async function openAlerts(parts: AlertsParts): Promise<Alerts> {
  const { dataDir, clock, log, note, isMine = () => true } = parts;
  const path = join(dataDir, alertsState);
  const wake$ = new Subject<void>();
  const kept = await notedOr<Kept>(path, { alerts: [], told: {} }, () =>
    log('warn', 'the alerts of the last run are damaged; what is wrong is told anew', { path }),
  );
  const keeper = keepingNewest(path, kept, { what: 'the alerts', log });
  const now = clock.now();
  // What was there at the end of the last life counts as seen now: it is looked for before it is called over.
  let alerts = keeper.kept.alerts.map((alert) => (isOpen(alert) ? { ...alert, seenAt: now } : alert));
  const channels = openChannels({
    ...parts,
    alerts: () => alerts,
    told: keeper.kept.told,
    changed: (told) => keeper.keep({ alerts, told }),
    wake$,
  });
  const said = (steps: readonly Stepped[]): void => {
    if (steps.length === 0) return;
    for (const step of steps) for (const draft of eventOf(step)) note(draft);
    keeper.keep({ ...keeper.kept, alerts });
    wake$.next();
  };
  const steady = steadily();
  const look = (): void => {
    const seen = troublesOf({ statuses: parts.statuses(), warnings: parts.warnings(), now: clock.now() });
    const troubles = steady(seen, clock.now());
    const { alerts: after, steps } = follow(alerts, troubles, { now: clock.now(), newId: parts.newId });
    alerts = [...after];
    said(steps);
    keeper.again();
  };
  const looks = timer(lookEveryMs, clock)
    .pipe(repeat())
    .subscribe(() => {
      try {
        if (isMine()) look();
      } catch (error) {
        log('error', 'a look for troubles failed', { error: String(error) });
      }
    });
  return {
    all: () => alerts.toReversed(),
    acknowledge: async (id, { actor, note: text }) => {
      const found = alerts.find((alert) => alert.id === id);
      if (found === undefined) return 'unknown';
      if (!isOpen(found)) return 'ended';
      const known = acknowledge(found, { at: clock.now(), by: actor, note: text });
      alerts = alerts.map((alert) => (alert === found ? known : alert));
      said([{ step: 'acknowledged', alert: known }]);
      await keeper.settled();
      return known;
    },
    channels,
    [Symbol.asyncDispose]: async () => {
      looks.unsubscribe();
      await channels[Symbol.asyncDispose]();
      await keeper.settled();
    },
  };
}

/** So long a backlog must stand: old mail that somebody released is late at once, and gone a moment later. */
const steadyMs = 60_000;

/** Passes over what may be gone at the next look. */
function steadily() {
  const firstSeen = new Map<string, number>();
  return (troubles: readonly Trouble[], now: number): readonly Trouble[] => {
    const behind = new Set(troubles.filter(({ kind }) => kind === 'backlog').map(troubleKey));
    for (const key of firstSeen.keys()) if (!behind.has(key)) firstSeen.delete(key);
    for (const key of behind) firstSeen.set(key, Math.min(firstSeen.get(key) ?? now, now));
    return troubles.filter(
      (trouble) => now - (firstSeen.get(troubleKey(trouble)) ?? Number.NEGATIVE_INFINITY) >= steadyMs,
    );
  };
}

/** The lines of the event log about one step; that somebody was asked again is none (journaling d.2). */
function eventOf({ step, alert }: Stepped): readonly EventDraft[] {
  if (step === 'reminded') return [];
  const { id, kind, definition, text, since, asked, acknowledged, resolvedAt } = alert;
  const facts = { alert: id, kind };
  const data = {
    raised: { ...facts, text, since: isoTime(since) },
    worsened: { ...facts, text, since: isoTime(since) },
    escalated: { ...facts, text, since: isoTime(since), notices: asked },
    acknowledged: { ...facts, note: acknowledged?.note ?? null },
    resolved: { ...facts, since: isoTime(since), endedAt: isoTime(resolvedAt ?? since) },
  }[step];
  const isTrouble = step === 'raised' || step === 'worsened' || step === 'escalated';
  return [
    {
      type: `alert.${step}`,
      severity: isTrouble ? alert.severity : 'info',
      actor: step === 'acknowledged' ? (acknowledged?.by ?? 'engine') : 'engine',
      definitionId: definition,
      intakeId: null,
      entryId: null,
      data,
    },
  ];
}
