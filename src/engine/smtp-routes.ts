import { createHash, createHmac, randomBytes } from 'node:crypto';
import { addressKey } from '../../streams/address-key.ts';
import type { SmtpDefinitionConfig } from '../config/definition.schema.ts';
import type { Secret } from '../config/secret.ts';
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
export function createRoutes(parts: RouteParts): Pick<SmtpPorts, 'findRoute' | 'sourceKnown' | 'checkDecoy'> {
  const { book, authorizedSources, passwords } = parts;
  const decoyKey = randomBytes(32);
  let sources = authorizedSources();
  let revision = -1;
  let known = new WeakMap<Definition, SmtpRoute>();
  let routes: ReadonlyMap<string, SmtpRoute> = new Map();
  let secrets: readonly Secret[] = [];
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
    secrets = book.all().flatMap(({ config }) => (config.transport === 'smtp' ? (loginSecretOf(config) ?? []) : []));
    return routes;
  };
  /** A password that a user who is none passes for: always the same for one name, and any of those there are. */
  const decoyOf = (address: string): Secret | undefined => {
    current();
    return secrets[createHmac('sha256', decoyKey).update(address).digest().readUInt32BE() % secrets.length];
  };
  return {
    findRoute: (address) => current().get(addressKey(address)),
    checkDecoy: (address, tried) => passwords.decoy(decoyOf(address), tried),
    sourceKnown: (peer) => [...current().values()].some((route) => route.sourceAllowed(peer)),
  };
}

const loginSecretOf = ({ smtp }: SmtpDefinitionConfig): Secret | undefined =>
  smtp.useSmtpAuthentication ? smtp.password : undefined;

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
