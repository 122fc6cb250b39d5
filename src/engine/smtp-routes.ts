import { createHash } from 'node:crypto';
import { addressKey } from '../config/address.ts';
import type { SmtpDefinitionConfig } from '../config/definition.schema.ts';
import { toSmtpOptions } from '../config/to-options.ts';
import type { SmtpPorts, SmtpRoute } from '../smtp/types.ts';
import type { Definition, DefinitionBook } from './definition-book.types.ts';
import type { PasswordCheck } from './password.ts';

/** What routes are made of; read anew whenever a definition or the sources changed. */
export interface RouteParts {
  readonly book: DefinitionBook;
  /** `smtp.authorizedSources` as it is now; another list is another array. */
  readonly authorizedSources: () => readonly string[];
  readonly passwords: PasswordCheck;
}

/** How the one listener finds the definition that a service address chooses, and who may send at all. */
export function createRoutes(parts: RouteParts): Pick<SmtpPorts, 'findRoute' | 'sourceKnown'> {
  const { book, authorizedSources } = parts;
  let sources = authorizedSources();
  let revision = -1;
  let known = new WeakMap<Definition, SmtpRoute>();
  let routes: ReadonlyMap<string, SmtpRoute> = new Map();
  const current = (): ReadonlyMap<string, SmtpRoute> => {
    if (sources !== authorizedSources()) {
      sources = authorizedSources();
      known = new WeakMap();
      revision = -1;
    }
    if (revision === book.revision) return routes;
    revision = book.revision;
    // Only what changed is made anew: ranges are many, and a suspension must not wait for them.
    const found = book.all().flatMap((definition): [string, SmtpRoute][] => {
      const { config } = definition;
      if (config.transport !== 'smtp') return [];
      const route = known.get(definition) ?? routeOf(definition, config, parts);
      known.set(definition, route);
      return [[addressKey(config.serviceEmailAddress), route]];
    });
    routes = new Map(found);
    return routes;
  };
  return {
    findRoute: (address) => current().get(addressKey(address)),
    sourceKnown: (peer) => [...current().values()].some((route) => route.sourceAllowed(peer)),
  };
}

function routeOf(
  { id, version, suspended }: Definition,
  config: SmtpDefinitionConfig,
  { authorizedSources, passwords }: RouteParts,
): SmtpRoute {
  const { password, sourceAllowed, requireTls } = toSmtpOptions(config, authorizedSources());
  return {
    definitionId: id,
    definitionVersion: version,
    sourceAllowed,
    requireTls,
    requireAuth: password !== null,
    verifyPassword: (tried) => password !== null && passwords.verify(password, tried),
    secretId: password === null ? '' : createHash('sha256').update(password.reveal()).digest('base64url'),
    suspended,
  };
}
