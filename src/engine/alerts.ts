import { join } from 'node:path';
import { repeat, type SchedulerLike, Subject, type Subscription, timer } from 'rxjs';
import type { Alert, Trouble } from '../../streams/alert.ts';
import type { EventDraft, NewId } from '../../streams/ports.ts';
import type { Status } from '../http/status.schema.ts';
import type { Log } from '../log.ts';
import { notedOr } from '../noted-file.ts';
import { isoTime } from '../time-words.ts';
import { acknowledge, follow, isOpen, type Stepped, seenAt } from './alert-book.ts';
import { type Channels, type NamedChannel, openChannels } from './alert-channels.ts';
import { type AlertsAmong, createElsewhere, type Elsewhere, type KeptAlerts } from './alerts-among.ts';
import { type KeepingNewest, keepingNewest } from './keeping-newest.ts';
import { troubleKey, troublesOf } from './troubles.ts';

/** Alerts and what each channel was told of them, so that a start neither repeats nor forgets any. */
export const alertsState = 'alerts.state';
/** The status is looked at this often: `down` is told within seconds, and a look costs microseconds. */
export const lookEveryMs = 5_000;
/** All of them are written for it. */
const looksToSay = 12;

/** The alerts of the running engine (journaling d.2). */
export interface Alerts extends AsyncDisposable {
  /** Every alert that is kept, the newest first. */
  all(): readonly Alert[];
  /** Names of the channels that know the alert as it is now. */
  knownBy(alert: Alert): readonly string[];
  /** Stops the asking; `ended`: there is nothing left to look after. */
  acknowledge(
    id: string,
    by: { readonly actor: string; readonly note: string | null },
  ): Promise<Alert | 'unknown' | 'ended'>;
  readonly channels: Pick<Channels, 'standings' | 'test' | 'warnings'>;
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
  /** Absent: this engine is by itself. */
  readonly among?: AlertsAmong;
}

/** Looks at the status again and again, and tells people what is wrong until somebody acknowledges it, or it is over. */
export async function openAlerts(parts: AlertsParts): Promise<Alerts> {
  const { dataDir, log } = parts;
  const path = join(dataDir, alertsState);
  const kept = await notedOr<KeptAlerts>(path, { alerts: [], told: {} }, () =>
    log('warn', 'the alerts of the last run are damaged; what is wrong is told anew', { path }),
  );
  return new Watch(parts, keepingNewest(path, kept, { what: 'the alerts', log }));
}

class Watch implements Alerts {
  readonly channels: Channels;
  readonly #parts: AlertsParts;
  readonly #keeper: KeepingNewest<KeptAlerts>;
  readonly #elsewhere: Elsewhere;
  readonly #wake$ = new Subject<void>();
  readonly #looking: Subscription;
  readonly #steady = steadily();
  #alerts: readonly Alert[];
  /** As it was at the last look. */
  #isLooking: boolean;
  /** As it was told to other engines last. */
  #said: KeptAlerts;
  #looks = 0;

  constructor(parts: AlertsParts, keeper: KeepingNewest<KeptAlerts>) {
    const { clock, log, among } = parts;
    this.#parts = parts;
    this.#keeper = keeper;
    this.#alerts = seenAt(keeper.kept.alerts, clock.now());
    this.#isLooking = among === undefined;
    this.#said = keeper.kept;
    this.#elsewhere = createElsewhere(among, (id) => this.#heard(id));
    this.channels = openChannels({
      ...parts,
      isMine: () => this.#isMine(),
      alerts: () => this.#alerts,
      told: keeper.kept.told,
      changed: (told) => this.#keep({ alerts: this.#alerts, told }),
      wake$: this.#wake$,
    });
    this.#looking = timer(lookEveryMs, clock)
      .pipe(repeat())
      .subscribe(() => {
        try {
          this.#lookIfMine();
        } catch (error) {
          log('error', 'a look for troubles failed', { error: String(error) });
        }
      });
  }

  all(): readonly Alert[] {
    return this.#shown().toReversed();
  }

  knownBy({ id, version }: Alert): readonly string[] {
    const { told } = this.#newest();
    return this.#parts.channels.map(({ options: { name } }) => name).filter((name) => told[name]?.[id] === version);
  }

  async acknowledge(
    id: string,
    { actor, note }: { readonly actor: string; readonly note: string | null },
  ): Promise<Alert | 'unknown' | 'ended'> {
    const found = this.#shown().find((alert) => alert.id === id);
    if (found === undefined) return 'unknown';
    if (!isOpen(found)) return 'ended';
    const taken = { at: this.#parts.clock.now(), by: actor, note };
    const known = acknowledge(found, taken);
    this.#note({ step: 'acknowledged', alert: known });
    if (this.#isLooking) this.#replace(found, known);
    else this.#elsewhere.take(id, { asked: found.asked, taken });
    await this.#keeper.settled();
    return known;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#looking.unsubscribe();
    this.#elsewhere[Symbol.dispose]();
    await this.channels[Symbol.asyncDispose]();
    await this.#keeper.settled();
  }

  #isMine(): boolean {
    return this.#isLooking && this.#parts.among?.isMine() !== false;
  }

  #lookIfMine(): void {
    const isToLook = this.#parts.among?.isMine() !== false;
    if (isToLook && !this.#isLooking) this.#takeOver();
    this.#isLooking = isToLook;
    if (isToLook) this.#look();
  }

  /** It was another engine that looked: this one goes on where that was. */
  #takeOver(): void {
    const { alerts, told } = this.#elsewhere.said() ?? this.#keeper.kept;
    this.#alerts = seenAt(this.#elsewhere.withTaken(alerts), this.#parts.clock.now());
    this.channels.adopt(told);
    this.#keep({ alerts: this.#alerts, told });
    this.#wake$.next();
  }

  #look(): void {
    const { statuses, warnings, clock, newId, among } = this.#parts;
    const now = clock.now();
    const troubles = this.#steady(troublesOf({ statuses: statuses(), warnings: warnings(), now }), now);
    const { alerts, steps } = follow(this.#alerts, troubles, { now, newId });
    this.#alerts = alerts;
    for (const step of steps) this.#note(step);
    if (steps.length > 0) this.#changed();
    this.#keeper.again();
    // Said again, as a status is: what could not be said before. What changes at each look, figures in texts, is said less often.
    if (this.#looks % looksToSay === 0) this.#said = { ...this.#keeper.kept, alerts };
    this.#looks += 1;
    among?.say(this.#said);
  }

  /** Another engine has taken an acknowledgement, and has written its event. */
  #heard(id: string): void {
    const found = this.#alerts.find((alert) => alert.id === id);
    const [known] = found === undefined ? [] : this.#elsewhere.withTaken([found]);
    if (this.#isMine() && found !== undefined && known !== undefined && known !== found) this.#replace(found, known);
  }

  #replace(found: Alert, known: Alert): void {
    this.#alerts = this.#alerts.map((alert) => (alert.id === found.id ? known : alert));
    this.#changed();
  }

  #changed(): void {
    this.#keep({ ...this.#keeper.kept, alerts: this.#alerts });
    this.#wake$.next();
  }

  #keep(next: KeptAlerts): void {
    this.#keeper.keep(next);
    this.#said = next;
    if (this.#isMine()) this.#parts.among?.say(next);
  }

  #note(stepped: Stepped): void {
    for (const draft of eventOf(stepped)) this.#parts.note(draft);
  }

  /** As whoever looks has them, with what was acknowledged elsewhere since. */
  #shown(): readonly Alert[] {
    return this.#elsewhere.withTaken(this.#newest().alerts);
  }

  #newest(): KeptAlerts {
    const own = { ...this.#keeper.kept, alerts: this.#alerts };
    return this.#isLooking ? own : (this.#elsewhere.said() ?? own);
  }
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
    acknowledged: { ...facts, note: acknowledged?.note ?? null, notices: asked },
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
