import type { Observable } from 'rxjs';
import type { Acknowledgement, Alert } from '../../streams/alert.ts';
import type { LoggedEvent } from '../../streams/ports.ts';
import { acknowledge, isOpen } from './alert-book.ts';
import type { Told } from './alert-channels.ts';

/** Alerts, and what each channel was told of them. Plain JSON: it outlives a restart, and the engine that looks. */
export interface KeptAlerts {
  readonly alerts: readonly Alert[];
  readonly told: Told;
}

/** One of several engines looks for troubles and tells people; all show what it has found, and may acknowledge it. */
export interface AlertsAmong {
  /** Whether it is this engine that looks, and the others were heard before. */
  isMine(): boolean;
  /** What the other one has said that looks, or did so last; undefined: nothing, or this one did. */
  said(): unknown;
  say(kept: KeptAlerts): void;
  /** Events that other engines have written. */
  readonly events$: Observable<readonly LoggedEvent[]>;
}

/** An acknowledgement that another engine took, after so many notices: it answers none that came later. */
export interface Taken {
  readonly asked: number;
  readonly taken: Acknowledgement;
}

/** Kept until the engine that looks has heard of them: as many as there are alerts. */
const maxTaken = 1_000;

const isFor = (alert: Alert, { asked }: Taken): boolean =>
  isOpen(alert) && alert.acknowledged === null && alert.asked === asked;

/** What this engine knows of the alerts of another one. */
export interface Elsewhere extends Disposable {
  /** As the other one has them; null where it has said nothing. */
  said(): KeptAlerts | null;
  take(id: string, taken: Taken): void;
  /** These alerts, with what was acknowledged elsewhere. */
  withTaken(alerts: readonly Alert[]): readonly Alert[];
}

/** `heard`: told of each alert whose acknowledgement another engine took. */
export function createElsewhere(among: AlertsAmong | undefined, heard: (id: string) => void): Elsewhere {
  const known = new Map<string, Taken>();
  const take = (id: string, taken: Taken): void => {
    known.delete(id);
    known.set(id, taken);
    for (const oldest of known.keys()) {
      if (known.size <= maxTaken) break;
      known.delete(oldest);
    }
  };
  const events = among?.events$.subscribe((all) => {
    for (const event of all) {
      const found = takenIn(event);
      if (found === null) continue;
      take(...found);
      heard(found[0]);
    }
  });
  return {
    take,
    withTaken: (alerts) =>
      alerts.map((alert) => {
        const found = known.get(alert.id);
        return found !== undefined && isFor(alert, found) ? acknowledge(alert, found.taken) : alert;
      }),
    said: () => (among?.said() as KeptAlerts | undefined) ?? null,
    [Symbol.dispose]: () => events?.unsubscribe(),
  };
}

/** As alerts.ts writes it. */
function takenIn({ type, at, actor, data }: LoggedEvent): readonly [id: string, taken: Taken] | null {
  const { alert, note = null, notices } = data as { alert?: string; note?: string | null; notices?: number };
  if (type !== 'alert.acknowledged' || alert === undefined || notices === undefined) return null;
  return [alert, { asked: notices, taken: { at, by: actor, note } }];
}
