import type { SMTPConnection } from 'smtp-server/lib/smtp-connection.js';

/** What the library makes of the argument of MAIL or RCPT, and the path as the client wrote it. */
export type ParsedPath = ReturnType<SMTPConnection['_parseAddressCommand']>;
export type Path = Exclude<ParsedPath, false> & { raw?: string };

/** A quoted local part (RFC 5321 section 4.1.2); the library splits it at its blanks. */
const quotedPath = /^([^:<]*:\s*<)("(?:[^"\\\p{Cc}]|\\[^\p{Cc}])+")(@[^<>\s]+>.*)$/u;
const rawPath = /^[^<]*<(?:@[^\s,:@]+(?:,@[^\s,:@]+)*:)?([^<>]*)>/;

/** Reads a path with the library's `parse`, quoted local parts too, and keeps its raw form beside it. */
export function parsePath(command: string, parse: (command: string) => ParsedPath): ParsedPath {
  const quoted = quotedPath.exec(command);
  const parsed: Path | false = parse(quoted === null ? command : `${quoted[1]}q${quoted[3]}`);
  if (parsed === false) return false;
  if (quoted !== null) {
    parsed.address = `${quoted[2]}${parsed.address.slice(1)}`;
    parsed.raw = parsed.address;
    return parsed;
  }
  parsed.raw = rawPath.exec(command)?.[1] ?? parsed.address;
  return parsed;
}

/** The path as the client wrote it, source route taken off. */
export function rawOf(path: { readonly address: string; readonly raw?: string }): string {
  return path.raw ?? path.address;
}

/** Bytes that MAIL announces by SIZE= (RFC 1870), or null. */
export function announcedBytesOf({ args }: Pick<Path, 'args'>): number | null {
  const size = args === false ? undefined : args['SIZE'];
  const bytes = typeof size === 'string' ? Number(size) : Number.NaN;
  return Number.isSafeInteger(bytes) ? bytes : null;
}
