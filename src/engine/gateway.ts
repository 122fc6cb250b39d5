import type { JournalOptions } from '../../streams/message.ts';
import { buildBalancerRule, buildSourceRule } from '../config/cidr.ts';
import type { SmtpPorts, SmtpRoute } from '../smtp/types.ts';
import { liveRule } from './live-rule.ts';

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

/** What the gateway's listener asks of its own section, read as it is now; null: there is none. */
interface GatewayLists {
  readonly authorizedSources: readonly string[];
  readonly proxies: readonly string[];
}
const noLists: GatewayLists = { authorizedSources: [], proxies: [] };

/** On the gateway's listener any address is taken, from the sources it allows; with none named, from loopback alone. */
export function gatewayPorts(
  section: () => GatewayLists | null,
): Pick<SmtpPorts, 'findRoute' | 'sourceKnown' | 'isBalancer'> {
  const sourceAllowed = liveRule(() => (section() ?? noLists).authorizedSources, buildSourceRule);
  const isBalancer = liveRule(() => (section() ?? noLists).proxies, buildBalancerRule);
  const route: SmtpRoute = {
    definitionId: null,
    definitionVersion: null,
    sourceAllowed,
    requireTls: false,
    requireAuth: false,
    verifyPassword: () => false,
    suspended: false,
  };
  return { findRoute: () => route, sourceKnown: sourceAllowed, isBalancer };
}
