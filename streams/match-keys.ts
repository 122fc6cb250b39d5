/**
 * The key copies are found by (journaling c.3): `mid:` and the first `<…>` token, white space removed, the part after
 * the last @ in lower case; `ch:` and the content hash where there is no Message-ID; null where neither is known.
 */
export function matchKeyOf(messageId: string | null, contentHash: string | null): string | null {
  const token = messageId === null ? null : /<[^<>]*>/.exec(messageId.replace(/\s+/g, ''));
  if (token !== null && token[0].length > 2) return `mid:${lowerDomain(token[0])}`;
  return contentHash === null ? null : `ch:${contentHash}`;
}

/** The part after the last @ in lower case. */
export function lowerDomain(token: string): string {
  const at = token.lastIndexOf('@');
  return at < 0 ? token : token.slice(0, at + 1) + token.slice(at + 1).toLowerCase();
}
