import { computed, effect, signal } from '@preact/signals';
import { read } from './api.ts';
import { now, setServerTime } from './clock.ts';
import { readWho, signedIn, who } from './session.ts';
import type { Alert, EngineStatus, EventItem, Page, Status } from './wire.types.ts';

/** Silence after which what is shown counts as old: the engine beats every 4 s. */
const staleAfterMs = 10_000;
/** The engine's own part of the status, and which definitions there are. */
const statusEveryMs = 15_000;
/** A stream that was closed for good (too many are open, the engine restarts) is tried again after this. */
const againAfterMs = 5_000;
/** Events kept for pages that show the newest; the rest is in the log. */
const maxEvents = 200;

export const engine = signal<EngineStatus['engine'] | null>(null);
/** Every definition's status, in the order of the API; null until it is known. */
export const statuses = signal<readonly Status[] | null>(null);
/** The newest events since the page was opened, newest first. */
export const events = signal<readonly EventItem[]>([]);
/** Alerts that nobody has acknowledged, newest first. */
export const openAlerts = signal<readonly Alert[]>([]);
const heardAt = signal(Date.now());
/** True while nothing has been heard for too long. */
export const stale = computed(() => signedIn() && now.value - heardAt.value > staleAfterMs);

export const statusOf = (id: string): Status | undefined => statuses.value?.find((status) => status.id === id);

/** Reads the whole status; the stream brings only what changes. @throws Fault */
export async function readStatus(): Promise<void> {
  const status = await read<EngineStatus>('/v1/status');
  engine.value = status.engine;
  statuses.value = status.definitions;
  heard(status.engine.now);
}

/** @throws Fault */
export async function readAlerts(): Promise<void> {
  openAlerts.value = (await read<Page<Alert>>('/v1/alerts?state=open&limit=500')).items;
}

/** Listens as long as somebody is signed in. */
export function followEngine(): void {
  const role = computed(() => who.value?.role ?? null);
  effect(() => (role.value === null ? undefined : listen()));
}

function listen(): () => void {
  let source: EventSource | undefined;
  let again: ReturnType<typeof setTimeout> | undefined;
  const open = (): void => {
    source = new EventSource('/v1/stream');
    source.addEventListener('status', (message) => {
      const status = JSON.parse(message.data) as Status;
      statuses.value = replaced(statuses.peek() ?? [], status);
      heard();
    });
    source.addEventListener('event', (message) => {
      const event = JSON.parse(message.data) as EventItem;
      events.value = [event, ...events.peek()].slice(0, maxEvents);
      if (event.type.startsWith('alert.')) lookForAlerts();
      heard();
    });
    source.addEventListener('beat', (message) => heard((JSON.parse(message.data) as { now: string }).now));
    source.addEventListener('error', () => {
      // Still connecting: the browser tries again by itself. Closed: it was refused.
      if (source?.readyState !== EventSource.CLOSED) return;
      readWho().catch(() => undefined);
      again = setTimeout(open, againAfterMs);
    });
  };
  const look = (): void => {
    readStatus().catch(() => undefined);
    lookForAlerts();
  };
  open();
  look();
  const timer = setInterval(look, statusEveryMs);
  return () => {
    source?.close();
    clearTimeout(again);
    clearInterval(timer);
  };
}

const lookForAlerts = (): void => void readAlerts().catch(() => undefined);

function heard(serverTime?: string): void {
  heardAt.value = Date.now();
  if (serverTime !== undefined) setServerTime(Date.parse(serverTime));
}

/** The status in the place of its older self. One that is not known yet comes last until the list is read anew. */
function replaced(all: readonly Status[], status: Status): readonly Status[] {
  return all.some(({ id }) => id === status.id)
    ? all.map((each) => (each.id === status.id ? status : each))
    : [...all, status];
}
