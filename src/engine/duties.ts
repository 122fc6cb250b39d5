import { defer, NEVER, type Observable, switchMap } from 'rxjs';
import type { Whose } from '../../streams/spool.ts';

/** What this engine does of what only one of several may do. An engine by itself does all of it. */
export interface Duties {
  /** The name of this engine among several; null: it is by itself. */
  readonly worker: string | null;
  /** Says what there is to be done. */
  want(names: readonly string[]): void;
  /** True to the last, also of what is about to be another engine's: what was begun is ended, noted and saved. */
  isMine(name: string): boolean;
  /** Whether it is to be done here, now and from now on. */
  mine$(name: string): Observable<boolean>;
  /** What is to be done before another engine takes over, by name. */
  beforeLeaving(work: (name: string) => Promise<void>): void;
  /** Who does it; null: nobody, or nobody knows. */
  doerOf(name: string): string | null;
  /** What the others have said was read since the start. */
  readonly hasHeard: boolean;
  /** What another engine, which does it or did so last, has said of it; undefined: nothing. */
  said(name: string): unknown;
  /** Tells the others. */
  say(values: ReadonlyMap<string, unknown>): void;
  /** Tells the others something of this engine itself, by its kind. */
  sayOwn(kind: string, value: unknown): void;
  /** What each of the others has said last of itself, those that are gone among them. */
  saidOf(kind: string): readonly unknown[];
}

/** The poller and the line of a definition, and the watch over its silence. */
export const definitionDuty = (definitionId: string): string => `definition:${definitionId}`;
/** The line of the gateway's copies. */
export const gatewayDuty = 'gateway';
/** All that is done once for the whole archive: retention, heads and anchors, the scrub, alerts, canaries, reminders. */
export const archiveDuty = 'archive';

/** What is said of a part of a duty stands under this, and is believed of who has the duty. No id of a definition has a `#`. */
export const partOfDuty = (duty: string, part: string): string => `${duty}#${part}`;
export const dutyOfPart = (name: string): string => name.replace(/#.*$/, '');

/** Does the work on all items while the duty is ours, and on those that this engine has taken in itself while it is not. */
export const onAllOrOwn = <T>(duties: Duties, name: string, work: (whose: Whose) => Observable<T>): Observable<T> =>
  duties.worker === null
    ? defer(() => work('all'))
    : duties.mine$(name).pipe(switchMap((isMine) => work(isMine ? 'all' : 'own')));

/** Of an engine by itself. */
export const allDuties: Duties = {
  worker: null,
  want: () => undefined,
  isMine: () => true,
  mine$: () => defer(() => NEVER),
  beforeLeaving: () => undefined,
  doerOf: () => null,
  hasHeard: true,
  said: () => undefined,
  say: () => undefined,
  sayOwn: () => undefined,
  saidOf: () => [],
};
