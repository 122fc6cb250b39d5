/**
 * The form in which addresses are compared (journaling b.3.9): NFC, lower case, the domain as A-labels. `dn:` addresses
 * are lower-cased as a whole. Text that is no address comes back in lower case.
 */
export function addressKey(address: string): string {
  if (isAscii(address)) return address.toLowerCase();
  const lower = address.toLowerCase().normalize('NFC');
  const at = lower.lastIndexOf('@');
  return at < 0 || lower.startsWith('dn:') ? lower : `${lower.slice(0, at + 1)}${domainKey(lower.slice(at + 1))}`;
}

/** A domain in lower-case A-labels; one that has none (IDNA refuses it) in lower case. */
export function domainKey(domain: string): string {
  const lower = domain.toLowerCase();
  return isAscii(lower) ? lower : aLabelsOf(lower) || lower;
}

/** Domain part of an address in comparison form; '' where there is none. */
export function domainOf(key: string): string {
  const at = key.lastIndexOf('@');
  return at < 0 ? '' : key.slice(at + 1);
}

/** The A-labels of a domain, or ''. A URL's host is read here: alone it would cut `x.example/é` off at the slash. */
export function aLabelsOf(domain: string): string {
  if (!/^[a-z0-9.\-\u0080-\u{10ffff}]+$/iu.test(domain)) return '';
  try {
    return new URL(`http://${domain}`).hostname;
  } catch {
    return '';
  }
}

/** Equal in comparison form; null equals null. */
export const sameAddress = (a: string | null, b: string | null): boolean =>
  a === b || (a !== null && b !== null && addressKey(a) === addressKey(b));

/** Each address once, as it is written first. */
export function uniqueAddresses(addresses: readonly string[]): readonly string[] {
  const first = new Map<string, string>();
  for (const address of addresses) {
    const key = addressKey(address);
    if (!first.has(key)) first.set(key, address);
  }
  return [...first.values()];
}

/** True where all is ASCII, so that nothing has to be looked up. */
export function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i += 1) if (text.charCodeAt(i) > 127) return false;
  return true;
}
