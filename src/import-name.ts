import { hash } from 'node:crypto';
import type { ImportedAs, TransportFacts } from '../streams/message.ts';

/** Who sent an imported message to whom, where that is known from elsewhere than its headers. */
export type ImportEnvelope = Pick<TransportFacts, 'mailFrom' | 'rcptTo'>;

/**
 * By what an import is known again: how it is read, the SHA-256 of its bytes (lower-case hex), and that of its envelope
 * where it has one, so that the same bytes with other recipients are not passed over. 200 characters at most.
 */
export function importName(as: ImportedAs, sha256: string, { mailFrom, rcptTo }: ImportEnvelope): string {
  if (mailFrom === null && rcptTo.length === 0) return `${as}.${sha256}`;
  return `${as}.${sha256}.${hash('sha256', JSON.stringify([mailFrom, rcptTo]), 'hex')}`;
}
