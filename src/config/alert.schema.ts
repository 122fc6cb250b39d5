import { z } from 'zod';
import { alertKinds } from '../../streams/alert.ts';
import { plainUrl } from './anchor.schema.ts';
import { address, choice, flag, host, identifier, integer, list, option, secret, text, textOf } from './option.ts';

/** A mail to more people than this should go to a list of them. */
const maxRecipients = 50;

/** Where alerts are sent (journaling d.2). */
const alertChannelSchema = z
  .strictObject({
    name: option(identifier(), 'Unique; in metrics, warnings and the event log.'),
    kind: option(choice(['webhook', 'mail']), '`webhook`: posted as signed JSON. `mail`: over SMTP.'),
    url: option(textOf(2048, plainUrl).optional(), '`webhook` only, and required: https, or http on loopback.'),
    secret: option(
      secret(1024).optional(),
      '`webhook` only, and required: signs each call (HMAC-SHA256, as standardwebhooks.com has it; `whsec_` and base64, or plain text).',
    ),
    host: option(host().optional(), '`mail` only, and required: the SMTP server.'),
    port: option(
      integer(1, 65_535).optional(),
      'Port of it; default `465` with `tls`, `587` with `starttls`, `25` with `none`.',
    ),
    security: option(
      choice(['tls', 'starttls', 'none']).optional(),
      '`tls` from the first byte; `starttls`, the default, or the mail is not sent; `none`, to loopback alone with a password.',
    ),
    user: option(text(254).optional(), 'For SMTP AUTH; goes with `password`.'),
    password: option(secret(1024).optional(), 'Likewise.'),
    from: option(address().optional(), '`mail` only, and required: the sender.'),
    to: option(list(address(), maxRecipients).optional(), '`mail` only, and required: who gets it.'),
    kinds: option(list(choice(alertKinds), alertKinds.length).optional(), 'Only these; absent: all.'),
    escalation: option(
      flag().prefault(false),
      'Hears of an alert only once it is escalated: five notices, an hour apart, that nobody acknowledged.',
    ),
  })
  .meta({ label: 'map', expected: 'a map with name, kind, and url or host, from and to' });

/** Each channel is one more line to keep; nobody has as many people to tell. */
const maxChannels = 16;

export const alertsSchema = z.strictObject({
  channels: option(
    list(alertChannelSchema, maxChannels).prefault([]),
    'Who is told when something is wrong. Without any, `daybook alerts list` shows it all the same.',
  ),
});
