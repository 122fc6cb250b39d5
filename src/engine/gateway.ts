import type { JournalOptions } from '../../streams/message.ts';
import { buildSourceRule } from '../config/cidr.ts';
import type { SmtpPorts, SmtpRoute } from '../smtp/types.ts';

/** What the gateway's own copies go through with: no definition, no wait, no unwrapping (interface section 8). */
export const gatewayOptions: JournalOptions = {
  definitionId: '',
  definitionVersion: 0,
  serviceEmailAddress: '',
  journalType: 'standard',
  initialProcessDelayMs: 0,
  deliveryWaitAttempts: 1,
  deliveryWaitIntervalMs: 0,
  removeJournalHeaders: false,
  preferClearTextVersion: false,
  extendedDeduplication: false,
  journalNonInternalAddresses: true,
  journalUnknownInternalAddresses: true,
};

/** On the gateway's listener any address is taken, from the sources it allows; with none named, from loopback alone. */
export function gatewayRoutes(
  authorizedSources: () => readonly string[],
): Pick<SmtpPorts, 'findRoute' | 'sourceKnown'> {
  let sources = authorizedSources();
  let rule = buildSourceRule(sources);
  const sourceAllowed = (peer: string): boolean => {
    if (sources !== authorizedSources()) {
      sources = authorizedSources();
      rule = buildSourceRule(sources);
    }
    return rule(peer);
  };
  const route: SmtpRoute = {
    definitionId: null,
    definitionVersion: null,
    sourceAllowed,
    requireTls: false,
    requireAuth: false,
    verifyPassword: () => false,
    suspended: false,
  };
  return { findRoute: () => route, sourceKnown: sourceAllowed };
}
