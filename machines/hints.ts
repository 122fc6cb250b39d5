/** What a person should do about each kind of trouble (journaling d.5); `inactivity` is the reason of `down`. */
export const hints = {
  dns: 'The host name has no address. Check how it is written, and the resolver of this machine.',
  refused: 'Nothing listens there. Check that the service is running, and its host and port.',
  timeout: 'No answer came. A firewall may block POP3 or POP3S from this machine.',
  'tls-untrusted':
    'The certificate is not trusted. Install its whole chain, or pin it; if a pinned one was renewed, pin the new one.',
  'tls-expired': 'The certificate has expired or is not valid yet. Renew it, and check the clocks of both machines.',
  'tls-name': 'The certificate is for another name. Use the host name that it carries, or have it issued for this one.',
  'tls-protocol': 'No TLS session came about. Check the port, and the TLS versions and ciphers the server offers.',
  'stls-missing': 'The server offers or takes no STLS on this port. Turn it on there, or use the POP3S port, 995.',
  auth: 'The login was refused. Check password, account lockout, POP3 for this mailbox, and the form of the mailbox name.',
  'mailbox-locked': 'The mailbox is in use. Another client may be polling it; it should be ours alone.',
  protocol: 'The server answered something unexpected.',
  bind: 'The port could not be opened. Another program may use it, or this one may lack the permission.',
  storage:
    'The store could not write. No mail is accepted until it can: check disk, space and permissions; in a cluster, its stores.',
  inactivity: 'No message came for longer than allowed. Check the sending server, or allow more time for quiet hours.',
  faulted: 'A part of the engine broke and is started again by itself. If this goes on, report it with the log.',
} as const satisfies Record<string, string>;

export type HintKind = keyof typeof hints;

const longestDetail = 120;

/** Kinds whose hint is of no use without what was met: an answer, or the certificate that may be pinned (journaling d.7). */
const quoting: Partial<Record<HintKind, string>> = {
  protocol: 'It said',
  auth: 'It said',
  'tls-untrusted': 'It showed',
};

/** The sentence for a kind, with what was met where that helps. A kind the table lacks shows what is known of it. */
export function hintOf(kind: string, detail: string): string {
  const said = cleaned(detail);
  if (!isHintKind(kind)) return said === '' ? 'See the log for what happened.' : said;
  const quote = quoting[kind];
  return quote === undefined || said === '' ? hints[kind] : `${hints[kind]} ${quote}: ${said}`;
}

/** Printable text in one line, at most 120 characters: it comes from the other side. */
export function cleaned(detail: string): string {
  const printable = detail.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\s]+/gu, ' ').trim();
  return [...printable].slice(0, longestDetail).join('');
}

function isHintKind(kind: string): kind is HintKind {
  return Object.hasOwn(hints, kind);
}
