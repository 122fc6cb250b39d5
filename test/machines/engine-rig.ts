import { finalize, ignoreElements, NEVER, type Observable, Subject, take, tap, VirtualTimeScheduler } from 'rxjs';
import { createActor, fromEventObservable, fromPromise } from 'xstate';
import type {
  EngineEmitted,
  EngineInput,
  ListenerInput,
  ListenerName,
  ListenerNews,
  OpenedStore,
} from '../../machines/engine.events.ts';
import { engineMachine } from '../../machines/engine.machine.ts';
import { type EngineActor, emittedBy, journalOf, spawnedJournals } from '../../machines/follow.ts';
import type {
  JournalDefinition,
  ProcessingInput,
  RuntimeRecord,
  SourceInput,
  SourceNews,
} from '../../machines/journal.events.ts';
import { journalMachine } from '../../machines/journal.machine.ts';
import { type JournalStatus, statusOf } from '../../machines/journal.status.ts';
import { schedulerClock } from '../../streams/clock.ts';
import type { News } from '../../streams/ports.ts';

export function definition(definitionId: string, change: Partial<JournalDefinition> = {}): JournalDefinition {
  return { definitionId, transport: 'smtp', inactivityAllowedMs: 3_600_000, suspended: false, ...change };
}

interface Setting extends Partial<EngineInput> {
  readonly records?: Readonly<Record<string, RuntimeRecord>>;
  /** What a journal's source says; never ends by default. */
  readonly source?: (input: SourceInput) => Observable<SourceNews>;
  readonly close?: () => Promise<void>;
  readonly open?: () => Promise<OpenedStore>;
}

/** An engine whose world is played by hand, on one virtual clock. */
export class EngineRig {
  readonly time = new VirtualTimeScheduler();
  readonly actor: EngineActor;
  readonly said: EngineEmitted[] = [];
  readonly notes: string[] = [];
  readonly listeners = new Map<ListenerName, Subject<ListenerNews>>();
  /** Completes each journal's processing at the end of its window, as the engine does when it stops. */
  readonly windowsEnd = new Subject<void>();
  opened = 0;
  closed = 0;
  /** Order of the effects at the stop. */
  readonly ended: string[] = [];

  constructor(setting: Setting = {}) {
    const { records = {}, source = () => NEVER, open = () => Promise.resolve({ records }) } = setting;
    const close = setting.close ?? (() => Promise.resolve());
    const journal = journalMachine.provide({
      actors: {
        source: fromEventObservable<SourceNews, SourceInput>(({ input }) =>
          source(input).pipe(tap(onEnd(() => this.ended.push(`source ${input.definitionId}`)))),
        ),
        processing: fromEventObservable<News, ProcessingInput>(({ input }) =>
          this.windowsEnd.pipe(
            take(1),
            ignoreElements(),
            tap(onEnd(() => this.ended.push(`processing ${input.definitionId}`))),
          ),
        ),
      },
    });
    const machine = engineMachine.provide({
      actors: {
        journal,
        store: fromPromise(() => {
          this.opened++;
          return open();
        }),
        closing: fromPromise(() => {
          this.closed++;
          this.ended.push('store');
          return close();
        }),
        listener: fromEventObservable<ListenerNews, ListenerInput>(({ input: { name } }) => {
          const news$ = new Subject<ListenerNews>();
          this.listeners.set(name, news$);
          return news$.pipe(
            finalize(() => {
              this.ended.push(`listener ${name}`);
              if (this.listeners.get(name) === news$) this.listeners.delete(name);
            }),
          );
        }),
      },
    });
    const input = { definitions: [definition('a')], listeners: ['smtp'], clock: this.time, ...pick(setting) } as const;
    this.actor = createActor(machine, { input, clock: schedulerClock(this.time) });
    this.actor.on('*', (emitted) => this.said.push(emitted));
    spawnedJournals(this.actor).subscribe(({ definitionId, actor }) =>
      emittedBy(actor).subscribe(({ type }) => {
        if (type !== 'runtime.due') this.notes.push(`${definitionId} ${type}`);
      }),
    );
  }

  /** Starts, and waits until the store has answered. */
  async start(): Promise<this> {
    this.actor.start();
    await settled();
    return this;
  }

  /** Lets virtual time pass, then whatever promises it freed. */
  async pass(ms: number): Promise<void> {
    const target = this.time.now() + ms;
    this.time.schedule(() => undefined, ms);
    this.time.maxFrames = target;
    this.time.flush();
    await settled();
  }

  bind(name: ListenerName = 'smtp'): void {
    this.listener(name).next({ type: 'listener.bound', at: this.time.now(), name });
  }
  lose(name: ListenerName = 'smtp'): void {
    const listener = this.listener(name);
    listener.next({ type: 'listener.failed', at: this.time.now(), name, kind: 'bind', detail: 'EADDRINUSE' });
    listener.complete();
  }
  listener(name: ListenerName): Subject<ListenerNews> {
    const listener = this.listeners.get(name);
    if (listener === undefined) throw new Error(`the ${name} listener is not open`);
    return listener;
  }

  get state(): unknown {
    return this.actor.getSnapshot().value;
  }
  statusOf(definitionId: string): JournalStatus | undefined {
    const journal = journalOf(this.actor, definitionId);
    return journal === undefined ? undefined : statusOf(journal.getSnapshot());
  }
}

function pick({ definitions, listeners }: Setting): Partial<EngineInput> {
  return { ...(definitions && { definitions }), ...(listeners && { listeners }) };
}

/** When it completes, before anyone hears of it, or when it is left. */
function onEnd(end: () => void) {
  return { complete: end, unsubscribe: end };
}

/** All promises that are ready have been heard. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
