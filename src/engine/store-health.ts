import { pairwise } from 'rxjs';
import { type EngineActor, journalOf } from '../../machines/follow.ts';
import { isoTime } from '../time-words.ts';
import { journalDefinition } from './announce.ts';
import { engineEvent } from './definition-events.ts';
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
    const isBound = actor.getSnapshot().context.listeners.smtp.state.state === 'bound';
    for (const definition of book.all()) {
      const { transport, inactivityAllowedMs } = journalDefinition(definition);
      const journal = journalOf(actor, definition.id);
      if (transport === 'pop3') journal?.send({ type: 'definition.changed', at, inactivityAllowedMs, reconnect: true });
      else if (isBound) journal?.send({ type: 'source.bound', at });
    }
  });
}
