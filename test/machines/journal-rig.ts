import { type EventFromLogic, type ExecutableActionsFrom, initialTransition, transition } from 'xstate';
import type { JournalEmitted, JournalInput, RuntimeRecord } from '../../machines/journal.events.ts';
import { journalMachine } from '../../machines/journal.machine.ts';
import { type JournalSnapshot, statusOf } from '../../machines/journal.status.ts';

export const minuteMs = 60_000;
export const hourMs = 60 * minuteMs;

/** A definition with nothing behind it yet, its listener bound. */
export function journalInput(change: Partial<JournalInput> = {}): JournalInput {
  return {
    definitionId: 'exchange-1',
    transport: 'smtp',
    inactivityAllowedMs: 180 * minuteMs,
    suspended: false,
    record: null,
    listener: { state: 'unknown' },
    clock: { now: () => 0 },
    ...change,
  };
}

export function runtimeRecord(change: Partial<RuntimeRecord> = {}): RuntimeRecord {
  return {
    status: 'active',
    since: 0,
    firstRunDone: true,
    lastSuccessfulExtractAt: 0,
    lastMessageAt: 0,
    listenedMs: 0,
    silenceNoted: false,
    failures: 0,
    lastError: null,
    nextRetryAt: null,
    mailboxQueue: null,
    mailboxQueueAt: null,
    ...change,
  };
}

type JournalEvent = EventFromLogic<typeof journalMachine>;

/** The chart stepped by hand: nothing runs, effects are only listed. Time is `rig.at`. */
export class JournalRig {
  at = 0;
  snapshot: JournalSnapshot;
  /** What the last step said outward and which timers it set. */
  emitted: JournalEmitted[] = [];
  #delayed: { readonly event: JournalEvent; readonly delayMs: number; readonly dueAt: number }[] = [];

  constructor(change: Partial<JournalInput> = {}) {
    const [snapshot, actions] = initialTransition(
      journalMachine,
      journalInput({ clock: { now: () => this.at }, ...change }),
    );
    this.snapshot = snapshot;
    this.#read(actions);
  }

  /** Sends an event at a time; events that bring their own `at` may leave it out. */
  send(event: JournalEvent): this {
    if ('at' in event && typeof event.at === 'number') this.at = event.at;
    const [snapshot, actions] = transition(journalMachine, this.snapshot, event);
    this.snapshot = snapshot;
    this.#read(actions);
    return this;
  }

  /** Lets the timer set last, whose name contains `name`, run out at its time. */
  runOut(name: string): this {
    const timer = this.delayOf(name);
    this.at = timer.dueAt;
    return this.send(timer.event);
  }

  delayOf(name: string) {
    const timer = this.#delayed.findLast(({ event }) => event.type.includes(`after.${name}`));
    if (timer === undefined) throw new Error(`no timer ${name} was set`);
    return timer;
  }

  get notes() {
    return this.emitted.filter((said) => said.type !== 'runtime.due');
  }
  get status() {
    return statusOf(this.snapshot);
  }
  get health(): unknown {
    return this.#enabled()?.['health'];
  }
  get session(): unknown {
    return this.#enabled()?.['session'];
  }

  #enabled(): Record<string, unknown> | undefined {
    const { connection } = this.snapshot.value as { connection: unknown };
    return (connection as { enabled?: Record<string, unknown> }).enabled;
  }

  #read(actions: readonly ExecutableActionsFrom<typeof journalMachine>[]): void {
    this.emitted = [];
    for (const { type, params } of actions as readonly { type: string; params: unknown }[]) {
      if (type === 'xstate.emit') this.emitted.push((params as { event: JournalEmitted }).event);
      if (type !== 'xstate.raise') continue;
      const { event, delay } = params as { event: JournalEvent; delay: number | undefined };
      if (delay !== undefined) this.#delayed.push({ event, delayMs: delay, dueAt: this.at + delay });
    }
  }
}
