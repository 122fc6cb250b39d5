import { z } from 'zod';
import { canarySchema } from './canary.schema.ts';
import {
  address,
  choice,
  cidr,
  duration,
  flag,
  host,
  identifier,
  integer,
  list,
  option,
  secret,
  text,
  textOf,
} from './option.ts';

/** SMTP connection of a journal definition (journaling a.2). */
const smtpSchema = z.strictObject({
  additionalSourceIpRanges: option(
    list(cidr(), 256).prefault([]),
    'Who may send, beside `smtp.authorizedSources`; with both empty, loopback alone may. `/0` only with SMTP authentication.',
    'Additional Source IP Ranges',
  ),
  useSmtpAuthentication: option(
    flag().prefault(false),
    'AUTH PLAIN and LOGIN with `serviceEmailAddress` and `smtp.password`, inside TLS only unless the client is on loopback. Exchange needs an SMTP send connector for it.',
    'Use SMTP Authentication',
  ),
  password: option(secret(256).optional(), 'Password for SMTP authentication; required with it.', 'Password'),
  requireTls: option(flag().prefault(false), 'Mail is taken inside TLS only.', 'Require TLS'),
});

const pin = {
  test: (value: string): boolean => /^([0-9a-f]{2}:?){31}[0-9a-f]{2}$/i.test(value),
  wrong: 'is not a SHA-256 fingerprint',
  label: 'SHA-256 of the certificate',
  expected: '64 hexadecimal digits, with or without colons between the octets',
};

/** POP3 connection of a journal definition (journaling a.2). */
const pop3Schema = z
  .strictObject({
    host: option(host(), 'The server that holds the journal mailbox.', 'Hostname / IP Address'),
    port: option(
      integer(1, 65_535).optional(),
      'Default `995`, or `110` when not encrypted. Encrypted on 110 is STLS, on any other port TLS from the first byte.',
      'Port',
    ),
    mailboxName: option(text(320), 'User name of the mailbox, sent as it is written.', 'Mailbox Name'),
    password: option(secret(256), 'Password of the mailbox.', 'Password'),
    encrypted: option(flag().prefault(true), 'TLS is required; never falls back to clear text.', 'Encrypted'),
    encryptionMode: option(
      choice(['strict', 'relaxed']).prefault('strict'),
      '`strict`: trusted chain, name and validity. `relaxed` forgives missing trust alone.',
      'Encryption Mode',
    ),
    certificatePin: option(
      textOf(95, pin).optional(),
      'Accept the server only with this certificate; better than `relaxed`.',
      'Certificate Pin',
    ),
  })
  .transform((pop3) => ({ ...pop3, port: pop3.port ?? (pop3.encrypted ? 995 : 110) }));

const idOption = option(identifier(), 'Name of the definition for good; unique.', 'Id');
const periodOfInactivityAllowed = option(
  duration('1s', '7d').prefault('180m'),
  '`smtp` only. Silence after which the definition is `down`.',
  'Period of Inactivity Allowed (Mins)',
);
const pop3Options = option(
  pop3Schema.meta({ label: 'map', expected: 'a map with host, mailboxName and password' }),
  'POP3 connection; for transport `pop3` only.',
);

/** What both transports have, before and after the connection. */
const identity = {
  id: idOption,
  description: option(text(128), 'Name for people; unique without regard to case.', 'Description'),
};
const common = {
  suspended: option(flag().prefault(false), 'No mail is taken while true.', 'Disabled'),
  serviceEmailAddress: option(
    address(),
    'Unique. `smtp`: RCPT TO chooses the definition by it. Never internal, known or a recipient.',
    'Service Email Address',
  ),
};
const processing = {
  initialProcessDelay: option(
    duration('0s', '24h').prefault('0s'),
    'Time before the first match attempt.',
    'Initial Process Delay',
  ),
  deliveryWaitAttempts: option(
    integer(1, 20).prefault(3),
    'Tries to match before a message is archived alone.',
    'Delivery Wait Attempts',
  ),
  deliveryWaitInterval: option(
    duration('100ms', '1h').prefault('60s'),
    'Time between these attempts.',
    'Delivery Wait Interval',
  ),
  journalType: option(
    choice(['eej', 'standard']).prefault('eej'),
    '`eej`: journal reports are unwrapped, mail without an envelope is stepped down. `standard`: never unwrapped.',
    'Journal Type',
  ),
  retention: option(
    duration('1d', '36500d').optional(),
    'How long mail is kept from its last copy on; absent: for ever. A shorter time counts a week after the change.',
    'Retention',
  ),
  removeJournalHeaders: option(
    flag().prefault(false),
    'The two Exchange BCC headers are cut from what is stored; recipients are taken from them first. An original under base64 or quoted-printable keeps them, flagged `journal-headers-kept`.',
    'Remove Journal Headers',
  ),
  detailedLogging: option(
    flag().prefault(false),
    'Protocol dialogue and parse trace, without content and secrets.',
    'Detailed Logging',
  ),
  preferClearTextVersion: option(
    flag().prefault(false),
    'Of a rights-protected pair, the clear copy is the primary one. Both are stored.',
    'Prefer Clear Text Version',
  ),
  extendedDeduplication: option(
    flag().prefault(false),
    'Internal mail waits `matching.extendedWait` for its gateway copy.',
    'Extended De-Duplication',
  ),
  journalNonInternalAddresses: option(
    flag().prefault(false),
    'Archive mail without any internal address too.',
    'Journal Non Internal Addresses',
  ),
  journalUnknownInternalAddresses: option(
    flag().prefault(false),
    'Archive mail whose internal addresses are all unknown too.',
    'Journal Unknown Internal Addresses',
  ),
  canary: option(
    canarySchema.optional(),
    'Sends a small mail through the journaled server again and again, and warns when its journal copy is late or missing; absent: none.',
  ),
};

const smtpTransport = option(
  z.literal('smtp').meta({ label: '`smtp`', expected: 'smtp' }),
  'Mail is pushed to Daybook.',
  'Transport Type',
);
const pop3Transport = option(
  z.literal('pop3').meta({ label: '`pop3`', expected: 'pop3' }),
  'Mail is pulled from a mailbox.',
  'Transport Type',
);

const smtpDefinitionSchema = z.strictObject({
  ...identity,
  transport: smtpTransport,
  ...common,
  smtp: option(smtpSchema.prefault({}), 'SMTP connection; for transport `smtp` only.'),
  ...processing,
  periodOfInactivityAllowed,
});
const pop3DefinitionSchema = z.strictObject({
  ...identity,
  transport: pop3Transport,
  ...common,
  pop3: pop3Options,
  ...processing,
});

/**
 * One journal service definition (interface section 3): the document in the file, in the API and in the console.
 * Durations stay as they are written; to-options.ts makes milliseconds of them. Secrets become `Secret`.
 */
export const definitionSchema = z.discriminatedUnion('transport', [smtpDefinitionSchema, pop3DefinitionSchema]).meta({
  label: 'definition',
  expected: 'a map with id, description, transport, serviceEmailAddress and what its transport needs',
});

/** A definition of no known transport: finds its other faults all the same. Never gives a definition. */
export const unroutedDefinitionSchema = z.strictObject({
  ...identity,
  transport: option(
    choice(['smtp', 'pop3']),
    'How the mail comes: pushed over SMTP, or pulled by POP3.',
    'Transport Type',
  ),
  ...common,
  smtp: smtpSchema.optional(),
  pop3: pop3Options.optional(),
  ...processing,
  periodOfInactivityAllowed,
});

/** A valid definition with every default filled in. */
export type DefinitionConfig = z.output<typeof definitionSchema>;
export type SmtpDefinitionConfig = z.output<typeof smtpDefinitionSchema>;
export type Pop3DefinitionConfig = z.output<typeof pop3DefinitionSchema>;
