import { z } from 'zod';
import { address, choice, duration, host, integer, option, secret, text } from './option.ts';

/** The canary of a definition (journaling N5): a small mail through the customer's own system, whose journal copy is waited for. */
export const canarySchema = z
  .strictObject({
    host: option(
      host().optional(),
      'Required: the mail server whose mail is journaled, not Daybook itself.',
      'Canary Mail Server',
    ),
    port: option(
      integer(1, 65_535).optional(),
      'Default `465` with `tls`, `587` with `starttls`, `25` with `none`.',
      'Canary Port',
    ),
    security: option(
      choice(['tls', 'starttls', 'none']).optional(),
      '`tls` from the first byte; `starttls`, the default, or it is not sent; `none`, to loopback alone with a password.',
      'Canary Security',
    ),
    user: option(text(254).optional(), 'For SMTP AUTH; goes with `canary.password`.', 'Canary User'),
    password: option(secret(1024).optional(), 'Likewise.', 'Canary Password'),
    from: option(address().optional(), 'Required: the sender; one that the server lets send.', 'Canary Sender'),
    to: option(
      address().optional(),
      'Required: a mailbox of the server that is journaled, by the address that its reports name. Nobody else should get mail there.',
      'Canary Mailbox',
    ),
    interval: option(duration('10s', '7d').prefault('1h'), 'From one canary to the next.', 'Canary Interval'),
    limit: option(
      duration('1s', '24h').prefault('10m'),
      'Its journal copy is expected within it; no longer than `canary.interval`.',
      'Canary Limit',
    ),
  })
  .meta({ label: 'map', expected: 'a map with host, from and to' });

export type CanaryConfig = z.output<typeof canarySchema>;
