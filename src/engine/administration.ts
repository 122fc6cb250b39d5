import { type EngineActor, journalOf } from '../../machines/follow.ts';
import { movedSecrets } from '../config/moved-secrets.ts';
import { type ParsedDefinition, parseDefinition } from '../config/parse-definition.ts';
import { retentionMsOf } from '../config/to-options.ts';
import { exclusive } from '../exclusive.ts';
import type {
  Administration,
  ChangedBy,
  DefinitionChange,
  PutAnswer,
  RemoveAnswer,
  WriteRefusal,
} from '../http/api.types.ts';
import { announce, takeOverDefinitions } from './announce.ts';
import { testDefinition } from './connection-tests.ts';
import type { Definition } from './definition-book.types.ts';
import { definitionEvent } from './definition-events.ts';
import { withHashedPassword } from './definition-secrets.ts';
import { definitionView } from './definition-view.ts';
import { onStanding } from './overtaken.ts';
import type { Mailboxes } from './pop3-slot.ts';
import type { Workshop } from './workshop.ts';

export interface AdministrationParts {
  readonly workshop: Workshop;
  readonly actor: EngineActor;
  readonly mailboxes: Pick<Mailboxes, 'test'>;
}

/** What operators change over the API. One change at a time: each is durable before it is in force (journaling d.2). */
export function createAdministration(parts: AdministrationParts): Administration & {
  /** Runs a change that comes from elsewhere, a configuration that was read again, after those under way. */
  inTurn<T>(change: () => Promise<T>): Promise<T>;
} {
  const { workshop, actor } = parts;
  const { book } = workshop;
  const inTurn = exclusive();
  const change = <T>(work: () => Promise<T>): Promise<T> =>
    inTurn(() => onStanding(work, () => takeOverDefinitions(workshop, actor)));
  const find = (id: string): Definition | undefined => book.get(id);
  return {
    inTurn,
    suspend: (id, by) => change(() => setSuspended(parts, id, { suspended: true, by })),
    activate: (id, by) => change(() => setSuspended(parts, id, { suspended: false, by })),
    put: (id, document, by) => change(() => put(parts, id, document, by)),
    remove: (id, by) => change(() => remove(parts, id, by)),
    test: async (id, by, session) => {
      const definition = find(id);
      if (definition === undefined) return { kind: 'unknown' };
      return { kind: 'done', result: await testDefinition(parts, definition, { actor: by.actor, session }) };
    },
    poll: async (id, by) => {
      const definition = find(id);
      if (definition === undefined) return { kind: 'unknown' };
      if (definition.config.transport !== 'pop3')
        return { kind: 'refused', why: 'its mail is pushed; only pop3 polls' };
      if (definition.suspended) return { kind: 'refused', why: 'it is suspended' };
      journalOf(actor, id)?.send({ type: 'operator.retry', at: workshop.clock.now(), actor: by.actor });
      return statusAfter(parts, id);
    },
  };
}

async function setSuspended(
  parts: AdministrationParts,
  id: string,
  { suspended, by }: { readonly suspended: boolean; readonly by: ChangedBy },
): Promise<DefinitionChange> {
  const { workshop, actor } = parts;
  const { book, options } = workshop;
  const before = book.get(id);
  if (before === undefined) return { kind: 'unknown' };
  if (!suspended && options.directory.internalDomains.length === 0) {
    return { kind: 'refused', why: 'directory.internalDomains is empty' };
  }
  await book.setSuspended(id, suspended, by);
  const definition = book.get(id) ?? before;
  announce(workshop, actor, [{ definition, before, differing: 1 }], by.actor);
  // T2: the result shows what is wrong before the first poll has come to its backoff; it is in force either way.
  if (before.suspended && !suspended) noteTest(parts, definition, by.actor);
  return statusAfter(parts, id);
}

function noteTest(parts: AdministrationParts, definition: Definition, actor: string): void {
  testDefinition(parts, definition, { actor, session: undefined }).catch((error: unknown) =>
    parts.workshop.log('error', 'a connection test broke', { definition: definition.id, error: String(error) }),
  );
}

async function put(
  parts: AdministrationParts,
  id: string,
  document: Readonly<Record<string, unknown>>,
  by: Parameters<Administration['put']>[2],
): Promise<PutAnswer> {
  const { workshop, actor } = parts;
  const { book } = workshop;
  const before = book.get(id);
  if (before?.provisioned === true) return { kind: 'provisioned' };
  const unmatched = matchFault(before, by.ifMatch);
  if (unmatched !== null) return unmatched;
  const parsed = parseChange(workshop, id, document);
  if (!parsed.ok) return { kind: 'invalid', faults: parsed.faults };
  const { definition: asked } = parsed;
  if (asked.id !== id) return { kind: 'invalid', faults: [{ path: 'id', text: `is not ${id}, as in the address` }] };
  const moved = before === undefined || by.role === 'admin' ? [] : movedSecrets(document, asked, before.config);
  if (moved.length > 0) return { kind: 'invalid', faults: moved };
  if (before !== undefined && before.config.transport !== asked.transport && !before.suspended) {
    return { kind: 'refused', why: 'the transport may change only while it is suspended' };
  }
  if (by.role !== 'admin' && relaxes(asked, before?.config)) {
    return { kind: 'forbidden', why: 'only the role admin sets pop3.encryptionMode: relaxed' };
  }
  if (by.role !== 'admin' && shortens(asked, before?.config)) {
    return { kind: 'forbidden', why: 'only the role admin shortens the retention, since mail is deleted by it' };
  }
  const config = await withHashedPassword(asked);
  const defined = await book.define(config, { provisioned: false, actor: by.actor, reason: by.reason });
  announce(workshop, actor, [defined], by.actor);
  if (before?.suspended === true && !defined.definition.suspended) noteTest(parts, defined.definition, by.actor);
  return { kind: before === undefined ? 'created' : 'changed', definition: definitionView(defined.definition) };
}

/** The document of a definition as it would stand among the others. */
export function parseChange(
  { book, options }: Pick<Workshop, 'book' | 'options'>,
  id: string,
  document: Readonly<Record<string, unknown>>,
): ParsedDefinition {
  const before = book.get(id);
  return parseDefinition(
    { id, ...document },
    {
      others: book
        .all()
        .filter((other) => other.id !== id)
        .map(({ config }) => config),
      // A password that was lost cannot be kept: it has to be given anew.
      previous: before?.secretLost === true ? undefined : before?.config,
      internalDomains: options.directory.internalDomains,
      authorizedSources: options.smtp.authorizedSources,
    },
  );
}

async function remove(
  { workshop, actor }: AdministrationParts,
  id: string,
  by: Parameters<Administration['remove']>[1],
): Promise<RemoveAnswer> {
  const { book, store, note } = workshop;
  const definition = book.get(id);
  if (definition === undefined) return { kind: 'unknown' };
  if (definition.provisioned) return { kind: 'provisioned' };
  if (by.ifMatch !== undefined && by.ifMatch !== '*' && by.ifMatch !== definition.version) return { kind: 'outdated' };
  const { queueMessages } = store.figuresOf(id);
  const why = !definition.suspended
    ? 'it is not suspended'
    : queueMessages > 0 && !by.force
      ? `${queueMessages} messages are in process; they would be finished without it, with force=true`
      : null;
  if (why !== null) {
    note({ ...definitionEvent('request.refused', id, by.actor, { request: 'delete', why }), severity: 'warning' });
    return { kind: 'refused', why };
  }
  await book.remove(id, by);
  announce(workshop, actor, [], by.actor);
  return { kind: 'removed' };
}

/** RFC 9110 section 13.1.1; a change of what somebody else has changed meanwhile is refused. */
function matchFault(before: Definition | undefined, ifMatch: number | '*' | undefined): WriteRefusal | null {
  if (before === undefined) return ifMatch === undefined ? null : { kind: 'outdated' };
  if (ifMatch === undefined) return { kind: 'unmatched' };
  return ifMatch === '*' || ifMatch === before.version ? null : { kind: 'outdated' };
}

/** A certificate that nobody vouches for is forgiven of this server, and was not before. */
function relaxes(after: Definition['config'], before: Definition['config'] | undefined): boolean {
  if (after.transport !== 'pop3' || after.pop3.encryptionMode !== 'relaxed') return false;
  if (before?.transport !== 'pop3' || before.pop3.encryptionMode !== 'relaxed') return true;
  return after.pop3.host !== before.pop3.host || after.pop3.port !== before.pop3.port;
}

/** Mail is kept for a shorter time than before; of a new definition, than for ever. */
const shortens = (after: Definition['config'], before: Definition['config'] | undefined): boolean => {
  const forEver = Number.POSITIVE_INFINITY;
  return (retentionMsOf(after) ?? forEver) < (before === undefined ? forEver : (retentionMsOf(before) ?? forEver));
};

function statusAfter({ workshop, actor }: AdministrationParts, id: string): DefinitionChange {
  const definition = workshop.book.get(id);
  if (definition === undefined) return { kind: 'unknown' };
  const status = workshop.statusOf(definition, journalOf(actor, id));
  return status === undefined ? { kind: 'refused', why: 'the engine is starting' } : { kind: 'done', status };
}
