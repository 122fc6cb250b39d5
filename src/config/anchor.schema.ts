import { z } from 'zod';
import { isLoopbackHost } from './cidr.ts';
import { choice, duration, identifier, option, path, secret, textOf } from './option.ts';

/** A URL to call, where no password stands. */
export const plainUrl = {
  test: (value: string): boolean => {
    const read = URL.canParse(value) ? new URL(value) : null;
    return read !== null && /^https?:$/.test(read.protocol) && read.username === '' && read.password === '';
  },
  wrong: 'is not an http or https URL without user and password',
  label: 'URL',
  expected: 'a URL such as https://hooks.example.com/daybook',
};

/** Where signed heads are sent, so that an older copy of the whole folder is found out (store section 4). */
export const anchorSchema = z
  .strictObject({
    name: option(identifier(), 'Unique; in metrics, warnings and `dataDir/anchors`.'),
    kind: option(
      choice(['file', 'webhook', 'rfc3161']),
      '`file`: a line for each head; on another mount. `webhook`: posted as JSON. `rfc3161`: a time-stamp over each head.',
    ),
    path: option(path().optional(), '`file` only, and required: the file. Never inside `dataDir`.'),
    url: option(
      textOf(2048, plainUrl).optional(),
      '`webhook` (https, or http on loopback) and `rfc3161`; required there.',
    ),
    token: option(secret(1024).optional(), '`webhook` only: sent as `Authorization: Bearer`.'),
    interval: option(
      duration('1m', '7d').optional(),
      'From one head to the next; default `1h` for `file`, `24h` for the others.',
    ),
  })
  .meta({ label: 'map', expected: 'a map with name, kind, and path or url' });

/** True where what is sent to this URL can be read by nobody on the way. */
export function isPrivateUrl(text: string): boolean {
  if (!URL.canParse(text)) return true;
  const { protocol, hostname } = new URL(text);
  return protocol === 'https:' || isLoopbackHost(hostname);
}
