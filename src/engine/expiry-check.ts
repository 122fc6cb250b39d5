import { judgeAge } from '../../streams/expiry.ts';
import type { IngestPorts } from '../../streams/ingest.ts';
import { unwrap } from '../report/unwrap.ts';
import type { Workshop } from './workshop.ts';

/** The age check before the acknowledgement, only where `matching.expiredAction` is the one given (journaling c.6). */
export function expiryCheck(
  { options, book, setup }: Workshop,
  action: 'reject' | 'leave',
): Pick<IngestPorts, 'isExpired'> {
  const { matching } = options;
  if (matching.expiredAction !== action) return {};
  const { directory, trustedRecipientHeaders } = setup.ports;
  const isInternal = (address: string): boolean => directory.classify(address).internal;
  return {
    isExpired: (bytes, { definitionId }, receivedAt) => {
      const definition = book.get(definitionId ?? '');
      if (definition === undefined) return false;
      const parsed = unwrap(bytes, { ...definition.options, trustedRecipientHeaders, isInternal });
      return judgeAge(parsed.times, receivedAt, matching).expired;
    },
  };
}
