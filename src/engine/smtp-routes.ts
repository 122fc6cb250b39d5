import { createHash, timingSafeEqual } from 'node:crypto';
import { addressKey } from '../config/address.ts';
import type { DefinitionConfig } from '../config/definition.schema.ts';
import type { Secret } from '../config/secret.ts';
import { toSmtpOptions } from '../config/to-options.ts';
import type { SmtpPorts, SmtpRoute } from '../smtp/types.ts';
import type { DefinitionBook } from './definition-book.ts';

/** How the one listener finds the definition that a service address chooses, and who may send at all. */
export function createRoutes(
  book: DefinitionBook,
  authorizedSources: readonly string[],
): Pick<SmtpPorts, 'findRoute' | 'sourceKnown'> {
  const routes = new Map<string, { readonly id: string; readonly transport: ReturnType<typeof toSmtpOptions> }>();
  for (const { id, config } of book.all()) {
    if (!isSmtp(config)) continue;
    const transport = toSmtpOptions(config, authorizedSources);
    routes.set(transport.serviceEmailAddress, { id, transport });
  }
  return {
    findRoute: (address) => {
      const route = routes.get(addressKey(address));
      const definition = route === undefined ? undefined : book.get(route.id);
      return route === undefined || definition === undefined
        ? undefined
        : ({
            definitionId: definition.id,
            definitionVersion: definition.version,
            sourceAllowed: route.transport.sourceAllowed,
            requireTls: route.transport.requireTls,
            requireAuth: route.transport.password !== null,
            verifyPassword: (password) => isPassword(route.transport.password, password),
            secretId: definition.version,
            suspended: definition.suspended,
          } satisfies SmtpRoute);
    },
    sourceKnown: (peer) => [...routes.values()].some(({ transport }) => transport.sourceAllowed(peer)),
  };
}

const isSmtp = (config: DefinitionConfig): config is Extract<DefinitionConfig, { transport: 'smtp' }> =>
  config.transport === 'smtp';

/** Compares digests, so that neither length nor content shows in the time it takes. */
function isPassword(secret: Secret | null, tried: string): boolean {
  if (secret === null) return false;
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(secret.reveal()), digest(tried));
}
