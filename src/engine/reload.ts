import { messageOf } from '../../streams/failure.ts';
import type { EngineConfig } from '../config/engine.schema.ts';
import { valueAt } from '../config/schema-walk.ts';
import type { EngineOptions } from '../config/to-options.ts';
import type { Defined } from './definition-book.types.ts';
import { conflictsOf } from './definition-conflicts.ts';
import { engineEvent } from './definition-events.ts';
import type { LiveDirectory } from './directory.ts';
import { type TlsFilePair, tlsOf } from './listeners.ts';
import { onStanding } from './overtaken.ts';
import type { Workshop } from './workshop.ts';

/** What a new configuration came to. */
export type Reloaded =
  | {
      readonly ok: true;
      readonly added: readonly string[];
      readonly changed: readonly string[];
      readonly removed: readonly string[];
      /** Options that differ and take effect with the next start only. */
      readonly afterRestart: readonly string[];
    }
  /** Refused as a whole: nothing was changed. */
  | { readonly ok: false; readonly faults: readonly string[] };

/** What a reload reaches beside the workshop. */
export interface ReloadParts {
  /** The configuration that the engine was started with. */
  readonly start: EngineConfig;
  readonly directory: LiveDirectory;
  /** Of the listeners and of HTTP, those that are open. */
  readonly useTls: (pairs: { readonly smtp: TlsFilePair | null; readonly http: TlsFilePair | null }) => void;
  readonly useTokens: (tokens: EngineOptions['http']['tokens']) => void;
  readonly announce: (changes: readonly Defined[]) => void;
}

/**
 * Applies a configuration that was read again (SIGHUP, interface section 1): definitions, sources, balancers, directory, matching,
 * tokens and certificates. What cannot be changed while it runs is named and stays. A fault refuses all of it.
 */
export async function reload(
  workshop: Workshop,
  parts: ReloadParts,
  { config, options }: { readonly config: EngineConfig; readonly options: EngineOptions },
): Promise<Reloaded> {
  const { book, live, note } = workshop;
  const faults = faultsOf(workshop, config);
  if (faults.length > 0) return { ok: false, faults };
  const before = live.current;
  let pairs: { readonly smtp: TlsFilePair | null; readonly http: TlsFilePair | null };
  try {
    pairs = { smtp: await pairOf(options.smtp.tls), http: await pairOf(options.http.tls) };
    await parts.directory.reload(options.directory);
  } catch (error) {
    return { ok: false, faults: [messageOf(error)] };
  }
  live.replace(changeable(before, options));
  parts.useTls(pairs);
  parts.useTokens(options.http.tokens);
  const given = new Set(config.definitions.map(({ id }) => id));
  const removed = book.all().filter(({ id, provisioned }) => provisioned && !given.has(id));
  const changes: Defined[] = [];
  // What came before another engine's change stands, and is no change the second time.
  await onStanding(
    async () => {
      for (const definition of config.definitions) {
        changes.push(await book.define(definition, { provisioned: true, actor: 'engine' }));
      }
      for (const { id } of removed) await book.remove(id, { actor: 'engine', reason: null });
    },
    async () => parts.announce(await book.refresh()),
  );
  parts.announce(changes);
  if (before.matching.continuityEvent !== options.matching.continuityEvent) {
    note(engineEvent(options.matching.continuityEvent ? 'continuity.on' : 'continuity.off', {}));
  }
  const done = {
    added: changes.filter((each) => each.before === undefined).map(idOf),
    changed: changes.filter((each) => each.before !== undefined && each.before !== each.definition).map(idOf),
    removed: removed.map(({ id }) => id),
    afterRestart: afterRestart(parts.start, config),
  };
  note(engineEvent('config.reloaded', done));
  return { ok: true, ...done };
}

function faultsOf({ book }: Workshop, config: EngineConfig): readonly string[] {
  const made = book.all().filter(({ provisioned }) => !provisioned);
  const given = new Set(config.definitions.map(({ id }) => id));
  const enabled = made.find(({ id, suspended }) => !suspended && !given.has(id));
  const moved = config.definitions.flatMap(({ id, transport }, at) => {
    const before = book.get(id);
    if (before === undefined || before.config.transport === transport || before.suspended) return [];
    return [`definitions[${at}].transport: may change only while the definition is suspended`];
  });
  return [
    ...conflictsOf(config.definitions, made),
    ...moved,
    ...(config.directory.internalDomains.length > 0 || enabled === undefined
      ? []
      : [`directory.internalDomains: is empty, and ${enabled.id}, which was made over the API, is not suspended`]),
  ];
}

/** The options in force from now on: all that can be changed while the engine runs are the new ones. */
function changeable(before: EngineOptions, after: EngineOptions): EngineOptions {
  const { trustedRecipientHeaders } = before.directory;
  return {
    ...before,
    http: { ...before.http, tokens: after.http.tokens, tls: both(before.http.tls, after.http.tls) },
    smtp: {
      ...before.smtp,
      authorizedSources: after.smtp.authorizedSources,
      proxies: after.smtp.proxies,
      tls: after.smtp.tls ?? before.smtp.tls,
    },
    gateway:
      before.gateway === null || after.gateway === null
        ? before.gateway
        : {
            ...before.gateway,
            authorizedSources: after.gateway.authorizedSources,
            proxies: after.gateway.proxies,
            retention: after.gateway.retention,
            retentionMs: after.gateway.retentionMs,
          },
    pop3: after.pop3,
    directory: { ...after.directory, trustedRecipientHeaders },
    matching: { ...after.matching, expiredAction: before.matching.expiredAction },
  };
}

/** HTTPS cannot begin or end on an open port. */
const both = <T>(before: T | null, after: T | null): T | null => (before === null || after === null ? before : after);

/** What an open port, an open store or a line under way cannot take over. */
const fixed = [
  ...['dataDir', 'logLevel', 'http.host', 'http.port', 'smtp.host', 'smtp.port', 'smtp.hostname'],
  ...['smtp.maxMessageSize', 'smtp.maxConnections', 'smtp.idleTimeout', 'gateway.smtp.host', 'gateway.smtp.port'],
  ...['directory.trustedRecipientHeaders', 'matching.expiredAction'],
  ...['limits', 'store', 'evidence', 'alerts', 'cluster'],
] as const;

/** Paths of options that differ from those of the start, and that only a start can apply; never a value. */
function afterRestart(start: EngineConfig, config: EngineConfig): readonly string[] {
  const differs = (path: string): boolean => {
    const of = (document: EngineConfig): string | undefined => JSON.stringify(valueAt(document, path.split('.')));
    return of(start) !== of(config);
  };
  const began = (start.http.tls === undefined) !== (config.http.tls === undefined);
  const ended = start.smtp.tls !== undefined && config.smtp.tls === undefined;
  return [...fixed.filter(differs), ...(began ? ['http.tls'] : []), ...(ended ? ['smtp.tls'] : [])];
}

const pairOf = async (files: EngineOptions['smtp']['tls']): Promise<TlsFilePair | null> =>
  files === null ? null : tlsOf(files);

const idOf = ({ definition: { id } }: Defined): string => id;
