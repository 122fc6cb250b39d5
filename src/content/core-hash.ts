import { createHash } from 'node:crypto';
import { type EmailAddress, parseAddressHeader } from 'mailparser';
import { addressKey } from '../../streams/address-key.ts';
import type { Head } from './leaf-reader.ts';
import { dateSecond } from './message-date.ts';

/**
 * SHA-256 of the header fields that stay what they are in transit (journaling c.3): From, To, Cc, Subject, Date.
 * Addresses are in the form in which they are compared (b.3.9); a missing From, and a Date that is missing or cannot be
 * read, are null in it.
 */
export function coreHash(head: Head): Buffer {
  const [from] = keys(head, 'from');
  const fields = [from ?? null, unique(keys(head, 'to')), unique(keys(head, 'cc')), subjectOf(head), dateOf(head)];
  return createHash('sha256').update(JSON.stringify(fields)).digest();
}

const keys = (head: Head, name: 'from' | 'to' | 'cc'): readonly string[] => addresses(head, name).map(addressKey);

/** Addr-specs of every field of that name, in order, domains in lower case. Groups count as their members. */
export function addresses(head: Head, name: 'from' | 'to' | 'cc'): readonly string[] {
  const values = valuesOf(head, name);
  if (values.length === 0) return [];
  return parseAddressHeader([...values], { flatten: true }).value.flatMap(addrSpec);
}

/** Decoded, blanks collapsed, NFC; '' where there is none. */
export function subjectOf(head: Head): string {
  const subject = head.headers.get('subject');
  return typeof subject === 'string' ? subject.normalize('NFC').replace(/\s+/g, ' ').trim() : '';
}

const unique = (list: readonly string[]): readonly string[] => [...new Set(list)].toSorted();

const dateOf = (head: Head): number | null => {
  const [date] = valuesOf(head, 'date');
  return date === undefined ? null : dateSecond(date);
};

function addrSpec({ address }: EmailAddress): readonly string[] {
  if (address === undefined || address === '') return [];
  const at = address.lastIndexOf('@') + 1;
  return [(address.slice(0, at) + address.slice(at).toLowerCase()).normalize('NFC')];
}

/** mailparser keeps header lines as one character for each byte; 8-bit ones are UTF-8 (RFC 6532). */
function valuesOf({ lines }: Head, name: string): readonly string[] {
  return lines
    .filter(({ key }) => key === name)
    .map(({ line }) => Buffer.from(line.slice(line.indexOf(':') + 1), 'latin1').toString('utf8'));
}
