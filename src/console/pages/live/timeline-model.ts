import type { EventItem, Status } from '../../wire.types.ts';

export type ShownState = Status['serviceStatus'] | 'stopped' | 'unknown';

/** A definition was like this from one moment to another, epoch milliseconds. */
export interface Stretch {
  readonly state: ShownState;
  readonly from: number;
  readonly until: number;
}

export const dayMs = 24 * 3_600_000;

/** The event tells of a change of state, or of the engine that was not there. */
export function tellsState({ type, data }: EventItem): boolean {
  return types.has(type) || (type === 'definition.changed' && suspendedIn(data) !== undefined);
}

const types: ReadonlySet<string> = new Set([
  ...['definition.created', 'definition.suspended', 'definition.enabled', 'run.first'],
  ...['connector.down', 'connector.error', 'connector.recovered', 'engine.stopping', 'engine.restored'],
]);

/**
 * The last day of one definition, from its events and the engine's, newest first as the log gives them. What was before
 * the first event that tells anything is `unknown`. The last stretch is the status as it is.
 */
export function stretchesOf(
  events: readonly EventItem[],
  status: Pick<Status, 'serviceStatus' | 'since' | 'lastSuccessfulExtract'>,
  now: number,
): readonly Stretch[] {
  const told = events.filter(tellsState).toReversed();
  const firstRun = told.find(({ type }) => type === 'run.first');
  // With none in sight it was long ago, or has not been yet.
  const firstRunAt =
    firstRun === undefined
      ? status.lastSuccessfulExtract === null
        ? Number.POSITIVE_INFINITY
        : 0
      : Date.parse(firstRun.at);
  const marks: { readonly at: number; readonly state: ShownState }[] = [];
  let before: ShownState = 'unknown';
  for (const event of told) {
    const at = Date.parse(event.at);
    const current = marks.at(-1)?.state ?? 'unknown';
    if (event.type === 'engine.stopping') before = current;
    const state = stateAfter(event, { running: at < firstRunAt ? 'awaiting-initial-run' : 'active', before });
    if (event.type !== 'engine.restored' || current === 'stopped') marks.push({ at, state });
  }
  if (marks.at(-1)?.state !== status.serviceStatus && status.since !== null) {
    marks.push({ at: Math.max(Date.parse(status.since), marks.at(-1)?.at ?? 0), state: status.serviceStatus });
  }
  return within(marks, now);
}

function within(
  marks: readonly { readonly at: number; readonly state: ShownState }[],
  now: number,
): readonly Stretch[] {
  const start = now - dayMs;
  const all = [{ at: Number.NEGATIVE_INFINITY, state: 'unknown' as const }, ...marks];
  const stretches: Stretch[] = [];
  for (const [index, { at, state }] of all.entries()) {
    const [from, until] = [Math.max(at, start), Math.min(all[index + 1]?.at ?? now, now)];
    if (until <= from) continue;
    const last = stretches.at(-1);
    if (last?.state === state) stretches[stretches.length - 1] = { ...last, until };
    else stretches.push({ state, from, until });
  }
  return stretches;
}

function stateAfter(
  { type, data }: EventItem,
  { running, before }: { readonly running: ShownState; readonly before: ShownState },
): ShownState {
  if (type === 'engine.stopping') return 'stopped';
  if (type === 'engine.restored') return before;
  if (type === 'connector.down') return 'down';
  if (type === 'connector.error') return 'error';
  if (type === 'definition.suspended' || suspendedIn(data) === true) return 'suspended';
  return running;
}

/** What a made or changed document says of its suspension. */
function suspendedIn(data: EventItem['data']): boolean | undefined {
  const { suspended } = (data['new'] ?? {}) as { readonly suspended?: boolean };
  return suspended;
}
