import { pairwise } from 'rxjs';
import { type EngineActor, journalOf } from '../../machines/follow.ts';
import { isoTime } from '../time-words.ts';
import { journalDefinition } from './announce.ts';
import type { Failing } from './cluster-watch.ts';
import { engineEvent } from './definition-events.ts';
import { listens } from './statuses.ts';
import type { Workshop } from './workshop.ts';

/**
 * Tells every definition that the store has failed, and sets each to work again once it is open: SMTP takes mail from
 * then on, a mailbox is polled at once. Both stand in the event log, which could not be written meanwhile.
 */
export function followStore(workshop: Workshop, actor: EngineActor): void {
  const { store, book, clock, log, note } = workshop;
  store.health$.pipe(pairwise()).subscribe(([before, now]) => {
    const at = clock.now();
    if (!now.open) {
      workshop.troubled('the store', now.detail);
      const failed = { type: 'source.failed', at, kind: 'storage', detail: now.detail ?? '' } as const;
      for (const { id } of book.all()) journalOf(actor, id)?.send(failed);
      return;
    }
    workshop.troubled('the store', null);
    log('info', 'the store is open again', { failedSince: isoTime(before.since), detail: before.detail });
    const data = { failedAt: isoTime(before.since), detail: before.detail };
    note({ ...engineEvent('store.reopened', data), severity: 'error' });
    for (const definition of book.all().filter(({ config }) => config.transport === 'pop3')) {
      const { inactivityAllowedMs } = journalDefinition(definition);
      const journal = journalOf(actor, definition.id);
      journal?.send({ type: 'definition.changed', at, inactivityAllowedMs, reconnect: true });
    }
    listenAgain(workshop, actor);
  });
}

/**
 * The same of the definitions that take mail by SMTP where bodies cannot be stored, though the log can be written. A
 * mailbox tells of itself: the poll that has mail to store fails. Answers whom to tell, again and again while it is so: a
 * definition may have been made or activated meanwhile.
 */
export function followBodies(workshop: Workshop, actor: EngineActor): (failing: Failing | null) => void {
  const { book, clock, watches } = workshop;
  return (failing) => {
    watches.bodiless = failing !== null;
    if (failing === null) return listenAgain(workshop, actor);
    const failed = { type: 'source.failed', at: clock.now(), kind: 'storage', detail: failing.detail } as const;
    for (const { id, config } of book.all())
      if (config.transport === 'smtp' && listens(actor, id)) journalOf(actor, id)?.send(failed);
  };
}

/** Where a listener is bound and what comes in by it can be kept. */
function listenAgain({ store, book, clock, watches }: Workshop, actor: EngineActor): void {
  const isBound = actor.getSnapshot().context.listeners.smtp.state.state === 'bound';
  if (!isBound || !store.health.open || watches.bodiless) return;
  const bound = { type: 'source.bound', at: clock.now() } as const;
  for (const { id, config } of book.all()) if (config.transport === 'smtp') journalOf(actor, id)?.send(bound);
}
