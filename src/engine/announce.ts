import type { ListenerName } from '../../machines/engine.events.ts';
import { type EngineActor, journalOf } from '../../machines/follow.ts';
import type { JournalDefinition } from '../../machines/journal.events.ts';
import type { DefinitionConfig } from '../config/definition.schema.ts';
import { definitionDocument } from '../config/document.ts';
import { type EngineOptions, toSmtpOptions } from '../config/to-options.ts';
import type { Defined, Definition } from './definition-book.types.ts';
import { definitionEvent } from './definition-events.ts';
import { secretsDiffer } from './definition-secrets.ts';
import type { Workshop } from './workshop.ts';

/** Silence means nothing to a mailbox that is polled; the chart wants a period all the same. */
const pop3InactivityMs = 10_800_000;

/** What the chart needs of a definition. */
export function journalDefinition({ id, config, suspended }: Definition): JournalDefinition {
  const inactivityAllowedMs =
    config.transport === 'smtp' ? toSmtpOptions(config, []).inactivityAllowedMs : pop3InactivityMs;
  return { definitionId: id, transport: config.transport, inactivityAllowedMs, suspended };
}

/** The listeners that the definitions need. */
export const listenersOf = (
  definitions: readonly Definition[],
  { gateway }: Pick<EngineOptions, 'gateway'>,
): readonly ListenerName[] => [
  ...(definitions.some(({ config }) => config.transport === 'smtp') ? (['smtp'] as const) : []),
  ...(gateway === null ? [] : (['gateway'] as const)),
];

/**
 * Tells the running engine how the definitions are now: journals are started and stopped, those whose connection changed
 * connect anew, and the others notice nothing.
 */
export function announce(workshop: Workshop, actor: EngineActor, changes: readonly Defined[], by: string): void {
  const { book, clock, options, note } = workshop;
  const at = clock.now();
  actor.send({
    type: 'definitions.changed',
    at,
    definitions: book.all().map(journalDefinition),
    listeners: listenersOf(book.all(), options),
    reconnect: changes.filter(reconnects).map(({ definition }) => definition.id),
  });
  for (const { definition, before, differing } of changes) {
    const { id, suspended } = definition;
    if (before === undefined || before.suspended === suspended) continue;
    journalOf(actor, id)?.send({ type: suspended ? 'operator.suspend' : 'operator.activate', at });
    // Where nothing else changed, the change itself was noted so.
    if (differing < 2) continue;
    const type = suspended ? 'definition.suspended' : 'definition.enabled';
    note(definitionEvent(type, id, by, { reason: null, old: { suspended: !suspended }, new: { suspended } }));
  }
}

/** What another engine of the cluster has changed is in force here too. */
export async function takeOverDefinitions(workshop: Workshop, actor: EngineActor): Promise<void> {
  const changes = await workshop.book.refresh();
  if (changes.length > 0) announce(workshop, actor, changes, 'engine');
}

/** T11: a changed secret, host, port or TLS option ends the session after the message in hand. */
function reconnects({ definition, before }: Defined): boolean {
  if (before === undefined || before.config.transport !== 'pop3') return false;
  return (
    connectionOf(before.config) !== connectionOf(definition.config) || secretsDiffer(before.config, definition.config)
  );
}

const connectionOf = (config: DefinitionConfig): string => JSON.stringify(definitionDocument(config)['pop3'] ?? null);
