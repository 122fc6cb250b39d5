import { addressKey, domainKey, domainOf } from '../../streams/address-key.ts';
import type { Directory } from '../../streams/ports.ts';
import { remembering } from './memo.ts';

/** One message names each of its addresses several times, and the next ones name most of them again. 2 MB at most. */
const rememberedAddresses = 4_096;

export interface DirectoryOptions {
  /** Exact, or `*.example.com` for every domain below example.com (not itself). */
  readonly internalDomains: readonly string[];
  /** Comparison forms ({@link addressKey}) of the known addresses; empty: every internal address is known. */
  readonly knownAddresses: ReadonlySet<string>;
  /** Asked with an address in comparison form: service addresses are never internal, never known. */
  readonly isServiceAddress: (key: string) => boolean;
}

/** The directory of journaling a.3: who belongs to this organisation, and whom of them it knows. */
export function createDirectory({ internalDomains, knownAddresses, isServiceAddress }: DirectoryOptions): Directory {
  const exact = new Set<string>();
  const above = new Set<string>();
  for (const domain of internalDomains) {
    if (domain.startsWith('*.')) above.add(domainKey(domain.slice(2)));
    else exact.add(domainKey(domain));
  }
  const inDomain = (domain: string): boolean => exact.has(domain) || (above.size > 0 && isBelow(domain, above));
  return {
    classify: remembering(rememberedAddresses, (address) => {
      const key = addressKey(address);
      if (key.startsWith('dn:')) return { internal: true, known: knownAddresses.has(key) };
      const internal = inDomain(domainOf(key)) && !isServiceAddress(key);
      return { internal, known: internal && (knownAddresses.size === 0 || knownAddresses.has(key)) };
    }),
  };
}

/** True when a domain is internal by `internalDomains`. */
export function isInternalDomain(domain: string, internalDomains: readonly string[]): boolean {
  const options = { internalDomains, knownAddresses: new Set<string>(), isServiceAddress: () => false };
  return createDirectory(options).classify(`x@${domain}`).internal;
}

function isBelow(domain: string, above: ReadonlySet<string>): boolean {
  for (let dot = domain.indexOf('.'); dot >= 0; dot = domain.indexOf('.', dot + 1)) {
    if (above.has(domain.slice(dot + 1))) return true;
  }
  return false;
}
