import { sameAddress } from '../../streams/address-key.ts';
import type { Parsed, Recipient, RecipientSource, RecipientType } from '../../streams/message.ts';
import type { UnwrapOptions } from '../../streams/ports.ts';
import type { HeaderBlock } from './header-block.ts';
import { addressesOf } from './header-facts.ts';

/** Recipients as the header names them: To, Cc and Bcc in this order (journaling b.1). */
export function headerRecipients(block: HeaderBlock): readonly Recipient[] {
  return (['to', 'cc', 'bcc'] as const).flatMap((name) => recipientsOf(addressesOf(block, name), name, 'header'));
}

/** Recipients of the trace fields the configuration trusts; any sender can write them, so none by default (b.1). */
export function traceRecipients(block: HeaderBlock, options: UnwrapOptions): readonly Recipient[] {
  const names = options.trustedRecipientHeaders.map((name) => name.toLowerCase());
  return names.flatMap((name) => recipientsOf(addressesOf(block, name), 'recipient', 'trace'));
}

/**
 * Who wrote a message that has no envelope: the Sender field on behalf of the From field, or From alone. Of several authors
 * (RFC 5322 3.6.2) the first is shown.
 */
export function headerSender(block: HeaderBlock): Pick<Parsed, 'sender' | 'onBehalfOf' | 'authors'> {
  const [from = null, ...others] = addressesOf(block, 'from');
  const authors = others.length === 0 ? {} : { authors: others };
  const sender = addressesOf(block, 'sender')[0] ?? null;
  if (from === null || sender === null || sameAddress(sender, from)) {
    return { sender: from ?? sender, onBehalfOf: null, ...authors };
  }
  return { sender, onBehalfOf: from, ...authors };
}

/** Recipients without redirections, all of one kind. */
export function recipientsOf(
  addresses: readonly string[],
  type: RecipientType,
  source: RecipientSource,
): readonly Recipient[] {
  return addresses.map((address) => ({ address, type, via: [], source }));
}
