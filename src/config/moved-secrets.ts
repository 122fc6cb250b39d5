import type { DefinitionConfig } from './definition.schema.ts';
import type { ParsedDefinition } from './parse-definition.ts';
import { valueAt } from './schema-walk.ts';
import { secretMask } from './secret.ts';

type Faults = Extract<ParsedDefinition, { readonly ok: false }>['faults'];

/** Where a password goes. */
interface Way {
  readonly host?: string | undefined;
  readonly port?: number | undefined;
  readonly encrypted: boolean;
}

/**
 * Passwords that a change keeps by their mask though they would go to another server by it, or in clear: nobody could see
 * them, and who makes the change could be at the other end. Of a valid `document`, which became `after`.
 */
export function movedSecrets(document: unknown, after: DefinitionConfig, before: DefinitionConfig): Faults {
  const [from, to] = [waysOf(before), waysOf(after)];
  return (['pop3', 'canary'] as const).flatMap((part) => {
    const written = valueAt(document, [part, 'password']);
    const [was, is] = [from[part], to[part]];
    if ((written !== secretMask && written !== '') || was === undefined || is === undefined) return [];
    const moved = was.host?.toLowerCase() !== is.host?.toLowerCase() || was.port !== is.port;
    if (!moved && (is.encrypted || !was.encrypted)) return [];
    const why = moved ? 'it would go to another server' : 'it would go in clear';
    return [
      { path: `${part}.password`, text: `is kept for an admin alone, since ${why}; expected the password itself` },
    ];
  });
}

function waysOf(config: DefinitionConfig): { readonly pop3?: Way; readonly canary?: Way } {
  const { canary } = config;
  return {
    ...(config.transport === 'pop3' ? { pop3: config.pop3 } : {}),
    ...(canary === undefined
      ? {}
      : { canary: { host: canary.host, port: canary.port, encrypted: canary.security !== 'none' } }),
  };
}
