/** Commands without arguments. */
const bare = /^(?:DATA|RSET|QUIT|NOOP|STARTTLS)$/i;
/** EHLO and HELO with one name or address literal. */
const greeting = /^(?:EHLO|HELO) [[\]\w.:-]+$/i;
/** A path in angle brackets, or an address as some senders write it without, then parameters (RFC 5321 section 4.1.2). */
const envelope =
  /^(?:MAIL FROM|RCPT TO): ?(?:<(?:"[^"]*"|[^\s<>"])*>|[^\s<>]+@[^\s<>]+)(?: (?:[a-z0-9-]{1,20}=\S*|SMTPUTF8|REQUIRETLS))*$/i;
const verb = /^(?:EHLO|HELO|MAIL|RCPT|DATA|RSET|QUIT|NOOP|STARTTLS|AUTH)(?![\w-])/i;
const mechanism = /^AUTH (?:PLAIN|LOGIN|CRAM-MD5|XOAUTH2|OAUTHBEARER|NTLM|GSSAPI|SCRAM-SHA-(?:1|256))(?![\w-])/i;

/**
 * What the detailed log shows of a command line: addresses and parameters where the line has the form of a command, and
 * nothing of any other, since a client may send a password or a line of a mail in its place. `wary`: lines of a mail may
 * have come; a greeting then shows no name, which any word could be.
 */
export function masked(line: string, wary: boolean): string {
  const text = line.trimEnd();
  const [command] = mechanism.exec(text) ?? [];
  if (command !== undefined) return `${command} ***`;
  if (bare.test(text) || envelope.test(text) || (!wary && greeting.test(text))) return text;
  const [word] = verb.exec(text) ?? [];
  return word === undefined || wary ? '***' : `${word.toUpperCase()} ***`;
}
