import { z } from 'zod';
import { alertsSchema } from './alert.schema.ts';
import { anchorSchema } from './anchor.schema.ts';
import { definitionSchema } from './definition.schema.ts';
import { isDirectoryAddress } from './known-addresses.ts';
import {
  choice,
  cidr,
  domain,
  duration,
  flag,
  host,
  identifier,
  integer,
  list,
  option,
  path,
  secret,
  size,
  text,
  textOf,
} from './option.ts';
import { searchSchema, storeSchema } from './store.schema.ts';

/** Longest range list; a listener tests each connection against all of it. */
const maxRanges = 4096;

const tls = () =>
  z
    .strictObject({
      cert: option(path(), 'Certificate chain, PEM.'),
      key: option(path(), 'Private key, PEM, not encrypted.'),
    })
    .meta({ label: 'map', expected: 'a map with cert and key' });

const headerName = {
  test: (value: string): boolean => /^[!-9;-~]+$/.test(value),
  wrong: 'is not a header name',
  label: 'header name',
  expected: 'a header name such as X-Envelope-To',
};
const connectUrl = {
  test: (value: string): boolean => URL.canParse(value) && /^https?:/i.test(value),
  wrong: 'is not an http or https URL',
  label: 'URL',
  expected: 'a URL such as https://s3.example.com',
};
const knownAddress = {
  test: isDirectoryAddress,
  wrong: 'is not an address',
  label: 'address',
  expected: 'an address, or a directory name such as dn:/o=Org/cn=Name',
};

const httpSchema = z.strictObject({
  host: option(
    host().prefault('127.0.0.1'),
    'Where the API, the console and the metrics are served. Other than loopback only with tokens.',
  ),
  port: option(integer(0, 65_535).prefault(8025), 'Port of it; 0 takes a free one.'),
  tls: option(tls().optional(), 'Serve HTTPS.'),
  tokens: option(
    list(
      z.strictObject({
        name: option(text(64), 'Who it is, in the event log; unique.'),
        role: option(choice(['viewer', 'operator', 'auditor', 'admin']), 'What it may do.'),
        token: option(secret(1024), 'Sent as `Authorization: Bearer`.'),
      }),
      1000,
    ).prefault([]),
    'With none, `http.host` must be loopback and every request has the role `admin`.',
  ),
});

const proxies = () =>
  option(
    list(cidr(), maxRanges).prefault([]),
    'Balancers: a connection from there must begin with a PROXY header (v1 or v2), and counts as one from the address in it.',
  );

const smtpSchema = z.strictObject({
  host: option(host().prefault('127.0.0.1'), 'The one listener that every `smtp` definition shares.'),
  port: option(integer(0, 65_535).prefault(2525), 'Port of it; 0 takes a free one.'),
  hostname: option(host().optional(), 'Name in the banner; default the name of the machine.'),
  tls: option(tls().optional(), 'Offer STARTTLS.'),
  maxMessageSize: option(
    size('1KB', '1GB').prefault('150MB'),
    'Largest message, announced as SIZE; bounds a POP3 message too.',
  ),
  maxConnections: option(integer(1, 65_535).prefault(500), 'Connections at once; one more gets 421.'),
  idleTimeout: option(duration('100ms', '24h').prefault('5m'), 'Silence after which a connection is closed.'),
  authorizedSources: option(list(cidr(), maxRanges).prefault([]), 'Addresses always allowed, for every definition.'),
  proxies: proxies(),
});

const gatewaySchema = z.strictObject({
  smtp: option(
    z
      .strictObject({
        host: option(host().prefault('127.0.0.1'), 'Where the gateway listener listens.'),
        port: option(integer(0, 65_535), 'Port of it; 0 takes a free one.'),
        authorizedSources: option(list(cidr(), maxRanges).prefault([]), 'Who may send; empty: loopback alone.'),
        proxies: proxies(),
        retention: option(
          duration('1d', '36500d').optional(),
          'How long mail that the gateway copied is kept; absent: for ever, whatever a definition says of its own copy.',
        ),
      })
      .meta({ label: 'map', expected: 'a map with port, and host and authorizedSources where wanted' })
      .optional(),
    'A listener for the copy that the mail gateway sends of each message in transit, archived at once.',
  ),
});

const pop3Schema = z.strictObject({
  pollInterval: option(
    duration('100ms', '1h').prefault('60s'),
    'From the end of one session to the start of the next.',
  ),
  timeout: option(duration('100ms', '1h').prefault('60s'), 'Longest silence in any step of a session.'),
});

const directorySchema = z.strictObject({
  internalDomains: option(
    list(domain(), 10_000).prefault([]),
    'Domains of this organisation, exact or `*.example.com`; required once a definition is not suspended.',
  ),
  addresses: option(
    z
      .union([list(textOf(512, knownAddress), 1_000_000), path()])
      .meta({
        label: 'list of addresses, or path',
        expected: 'a list of addresses, or the path of a file with one a line',
      })
      .optional(),
    'The known internal addresses. Absent or empty: every address in an internal domain is known.',
  ),
  trustedRecipientHeaders: option(
    list(textOf(76, headerName), 20).prefault([]),
    'Headers whose recipients are believed, such as X-Envelope-To.',
  ),
});

const matchingSchema = z.strictObject({
  extendedWait: option(duration('0s', '24d').prefault('10m'), 'How long Extended De-Duplication waits.'),
  maxAge: option(duration('1s', '36500d').prefault('30d'), 'Older journal messages are not processed.'),
  expiredAction: option(
    choice(['hold', 'reject', 'leave']).prefault('hold'),
    '`reject` for SMTP, `leave` for POP3; on the other transport both mean `hold`.',
  ),
  expiryClock: option(choice(['date', 'latest']).prefault('date'), 'The time by which the age is judged.'),
  matchOnContent: option(flag().prefault(false), 'Match copies by content where the Message-ID differs.'),
  continuityEvent: option(flag().prefault(false), 'While true, Extended De-Duplication is ignored.'),
});

const limitsSchema = z.strictObject({
  processingQueue: option(
    z
      .strictObject({
        messages: option(
          integer(1, 1_000_000_000).prefault(1_000_000),
          'Messages in process; past it SMTP answers 452 and POP3 pauses.',
        ),
        bytes: option(
          size('1B', '1024TB').prefault('200GB'),
          'Bytes in process; likewise. Until then the next message is taken, whatever its size.',
        ),
      })
      .prefault({}),
    'How much may be in process.',
  ),
});

/** One more anchor is one more line at each interval; nobody has as many places. */
const maxAnchors = 16;

const evidenceSchema = z.strictObject({
  anchors: option(
    list(anchorSchema, maxAnchors).prefault([]),
    'Where signed heads are kept outside of `dataDir`: only there does it show that all of it was put back.',
  ),
});

const clusterSchema = z.strictObject({
  postgres: option(secret(4096), 'Connection string; required.'),
  bodies: option(choice(['s3', 'postgres']).prefault('s3'), 'Where the bytes of messages rest.'),
  s3: option(
    z
      .strictObject({
        endpoint: option(textOf(2048, connectUrl), 'URL of the service.'),
        region: option(text(64).prefault('us-east-1'), 'Region to sign for.'),
        bucket: option(text(63), 'Bucket; must exist.'),
        accessKey: option(secret(256), 'Access key.'),
        secretKey: option(secret(256), 'Secret key.'),
        lock: option(
          z
            .strictObject({
              mode: option(
                choice(['governance', 'compliance']),
                '`compliance`: nobody can remove a pack before its time; `governance`: who has that right can.',
              ),
              for: option(duration('1m', '36500d'), 'From when it is stored.'),
            })
            .meta({ label: 'map', expected: 'a map with mode and for' })
            .optional(),
          'Each pack is locked (Object Lock), whatever is deleted meanwhile. The bucket must have been made with it.',
        ),
      })
      .meta({ label: 'map', expected: 'a map with endpoint, bucket, accessKey and secretKey' })
      .optional(),
    'Required for `bodies: s3`.',
  ),
  synchronousStandby: option(
    choice(['required', 'none']).prefault('required'),
    'Warn while the server waits for no synchronous standby; `none` where its storage is copied by other means.',
  ),
  keys: option(
    choice(['database', 'files']).prefault('database'),
    'Where `definitions.key` and `evidence.key` rest: `files`, on the workers alone, where you copy them to each new one.',
  ),
  worker: option(identifier().optional(), 'Unique among the workers of one cluster; default the name of the host.'),
});

/**
 * The whole configuration file (interface section 2). It is the validator, the types, the JSON Schema and the
 * reference table at once. Durations and sizes stay as written; to-options.ts makes milliseconds and bytes of them.
 */
export const engineSchema = z.strictObject({
  dataDir: option(path().prefault('./data'), 'The store, the event log and detailed logs; created 0700.'),
  logLevel: option(choice(['debug', 'info', 'warn', 'error']).prefault('info'), 'Least level that is logged.'),
  http: option(httpSchema.prefault({}), 'API, console and metrics.'),
  smtp: option(smtpSchema.prefault({}), 'The SMTP listener.'),
  gateway: option(gatewaySchema.prefault({}), 'Copies from the mail gateway.'),
  pop3: option(pop3Schema.prefault({}), 'How mailboxes are polled.'),
  directory: option(directorySchema.prefault({}), 'Who belongs to this organisation.'),
  matching: option(matchingSchema.prefault({}), 'How copies of a message find each other.'),
  limits: option(limitsSchema.prefault({}), 'Bounds.'),
  store: option(storeSchema.prefault({}), 'How mail is kept.'),
  search: option(searchSchema.prefault({}), 'What mail is found by.'),
  evidence: option(evidenceSchema.prefault({}), 'What proves that nothing was changed.'),
  alerts: option(alertsSchema.prefault({}), 'Who is told when something is wrong.'),
  cluster: option(clusterSchema.optional(), 'Required with `store.backend: cluster`.'),
  definitions: option(list(definitionSchema, 10_000).prefault([]), 'Provisioned journal service definitions.'),
});

/** A valid configuration with every default filled in. */
export type EngineConfig = z.output<typeof engineSchema>;
