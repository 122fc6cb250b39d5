import { addressKey } from './address-key.ts';
import type { Parsed, Recipient, SpoolItem, TransportFacts } from './message.ts';

/** True for the gateway's own copy of a message, received as such or imported as one: no wait, scope or age rule is for it. */
export const isGatewayCopy = ({ origin, transport }: Pick<SpoolItem, 'origin' | 'transport'>): boolean =>
  origin === 'gateway' || transport.importedAs === 'gateway';

/**
 * The gateway's copy with MAIL FROM and RCPT TO as its envelope (interface section 8). They do not tell how a person was
 * addressed, so the headers refine it as in journaling b.4.
 */
export function transportEnvelope(parsed: Parsed, { mailFrom, rcptTo }: TransportFacts): Parsed {
  if (parsed.class === 'quarantine' || rcptTo.length === 0) return parsed;
  const named = new Map<string, 'to' | 'cc'>();
  for (const { address, type, source } of parsed.recipients) {
    const key = addressKey(address);
    if (source === 'header' && (type === 'to' || type === 'cc') && named.get(key) !== 'to') named.set(key, type);
  }
  const recipients = new Map<string, Recipient>();
  for (const path of rcptTo) {
    const key = addressKey(path);
    if (recipients.has(key)) continue;
    const refined = named.get(key) ?? 'undisclosed';
    recipients.set(key, { address: lowerDomain(path), type: 'recipient', via: [], source: 'envelope', refined });
  }
  return {
    ...parsed,
    sender: mailFrom === null ? parsed.sender : lowerDomain(mailFrom),
    onBehalfOf: null,
    recipients: [...recipients.values()],
  };
}

function lowerDomain(address: string): string {
  const at = address.lastIndexOf('@');
  return address.slice(0, at + 1) + address.slice(at + 1).toLowerCase();
}
