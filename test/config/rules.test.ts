import { describe, expect, test } from 'vitest';
import { configFolder, configText, pop3Definition, smtpDefinition } from './config-folder.ts';

const bucket = { endpoint: 'https://s3', bucket: 'mail', accessKey: 'a', secretKey: 's' };
const locked = (time: string) => ({
  store: { backend: 'cluster' },
  cluster: { postgres: 'postgres://db/daybook', s3: { ...bucket, lock: { mode: 'compliance', for: time } } },
});

describe('a rule over several fields', () => {
  const rules: readonly [name: string, text: string, expected: readonly string[]][] = [
    [
      'ids are unique',
      configText([smtpDefinition(), pop3Definition({ id: 'one' })]),
      ['definitions[1].id: is the same as definitions[0].id'],
    ],
    [
      'descriptions are unique without regard to case',
      configText([smtpDefinition(), pop3Definition({ description: ' oNE ' })]),
      ['definitions[1].description: is the same'],
    ],
    [
      'service addresses are unique without regard to case',
      configText([smtpDefinition(), pop3Definition({ serviceEmailAddress: 'ONE@Journal.Example' })]),
      ['definitions[1].serviceEmailAddress: is the same'],
    ],
    [
      'service addresses are unique as A-labels',
      configText([
        smtpDefinition({ serviceEmailAddress: 'a@bücher.example' }),
        pop3Definition({ serviceEmailAddress: 'a@xn--bcher-kva.example' }),
      ]),
      ['definitions[1].serviceEmailAddress: is the same'],
    ],
    [
      'an active definition needs internal domains',
      configText([smtpDefinition()], { directory: { internalDomains: [] } }),
      ['directory.internalDomains: is empty'],
    ],
    [
      'an active definition needs a directory',
      JSON.stringify({ definitions: [smtpDefinition()] }),
      ['directory.internalDomains: is empty'],
    ],
    ['a suspended one does not', configText([smtpDefinition({ suspended: true })], { directory: {} }), []],
    [
      'authentication needs a password',
      configText([smtpDefinition({ smtp: { useSmtpAuthentication: true } })]),
      ['definitions[0].smtp.password: is missing; required with useSmtpAuthentication: true'],
    ],
    [
      'a pop3 definition needs its connection',
      configText([pop3Definition({ pop3: undefined })]),
      ['definitions[0].pop3: is missing; expected a map with host, mailboxName and password'],
    ],
    [
      'a pop3 connection needs all three',
      configText([pop3Definition({ pop3: {} })]),
      [
        'definitions[0].pop3.host: is missing',
        'definitions[0].pop3.mailboxName: is missing',
        'definitions[0].pop3.password: is missing',
      ],
    ],
    [
      'pop3 belongs to its transport',
      configText([smtpDefinition({ pop3: {} })]),
      ['definitions[0].pop3: belongs to the other transport'],
    ],
    [
      'inactivity belongs to smtp',
      configText([pop3Definition({ periodOfInactivityAllowed: '1h' })]),
      ['definitions[0].periodOfInactivityAllowed: belongs to the other transport'],
    ],
    [
      'a pin needs encryption',
      configText([
        pop3Definition({
          pop3: { host: 'h', mailboxName: 'm', password: 'p', encrypted: false, certificatePin: 'a'.repeat(64) },
        }),
      ]),
      ['definitions[0].pop3.certificatePin: is never checked'],
    ],
    [
      '/0 needs authentication',
      configText([smtpDefinition({ smtp: { additionalSourceIpRanges: ['10.0.0.0/8', '::/0'] } })]),
      ['definitions[0].smtp.additionalSourceIpRanges[1]: admits every address'],
    ],
    [
      '/0 with authentication is fine',
      configText([
        smtpDefinition({
          smtp: { additionalSourceIpRanges: ['0.0.0.0/0'], useSmtpAuthentication: true, password: 'p' },
        }),
      ]),
      [],
    ],
    [
      'a shared /0 needs authentication everywhere',
      configText([smtpDefinition()], { smtp: { authorizedSources: ['0.0.0.0/0'] } }),
      ['smtp.authorizedSources[0]: admits every address'],
    ],
    [
      'a mapped /0 is one',
      configText([smtpDefinition()], { smtp: { authorizedSources: ['::ffff:0:0/96'] } }),
      ['smtp.authorizedSources[0]: admits every address'],
    ],
    [
      'the gateway cannot admit everyone',
      configText([], { gateway: { smtp: { port: 1, authorizedSources: ['0.0.0.0/0'] } } }),
      ['gateway.smtp.authorizedSources[0]: admits every address'],
    ],
    [
      'nobody is believed whoever he is',
      configText([], {
        smtp: { proxies: ['10.0.0.0/24', '0.0.0.0/0'] },
        gateway: { smtp: { port: 1, proxies: ['::/0'] } },
      }),
      ['smtp.proxies[1]: would let anybody pass', 'gateway.smtp.proxies[0]: would let anybody pass'],
    ],
    ['a gateway needs a port', configText([], { gateway: { smtp: {} } }), ['gateway.smtp.port: is missing']],
    [
      'without tokens the API is loopback only',
      configText([], { http: { host: '192.0.2.1' } }),
      ['http.host: is not loopback'],
    ],
    [
      'token names are unique',
      configText([], {
        http: {
          tokens: [
            { name: 'a', role: 'admin', token: 'x' },
            { name: 'a', role: 'admin', token: 'y' },
          ],
        },
      }),
      ['http.tokens[1].name: is the same'],
    ],
    [
      'tokens are unique',
      configText([], {
        http: {
          tokens: [
            { name: 'a', role: 'admin', token: 'x' },
            { name: 'b', role: 'viewer', token: 'x' },
          ],
        },
      }),
      ['http.tokens[1].token: is the same'],
    ],
    [
      'tokens can be sent',
      configText([], { http: { tokens: [{ name: 'a', role: 'admin', token: 'x y' }] } }),
      ['http.tokens[0].token: cannot be sent'],
    ],
    [
      'a cluster needs its map',
      configText([], { store: { backend: 'cluster' } }),
      ['cluster: is missing; required with store.backend: cluster'],
    ],
    [
      'a cluster on S3 needs s3',
      configText([], { store: { backend: 'cluster' }, cluster: { postgres: 'postgres://db/daybook' } }),
      ['cluster.s3: is missing'],
    ],
    [
      'a lock has a mode and a time',
      configText([], {
        store: { backend: 'cluster' },
        cluster: { postgres: 'postgres://db/daybook', s3: { ...bucket, lock: {} } },
      }),
      ['cluster.s3.lock.mode: is missing', 'cluster.s3.lock.for: is missing'],
    ],
    [
      'a lock is no word of its own, nor over at once',
      configText([], {
        store: { backend: 'cluster' },
        cluster: { postgres: 'postgres://db/daybook', s3: { ...bucket, lock: { mode: 'legal-hold', for: '1s' } } },
      }),
      ['cluster.s3.lock.mode: is not', 'cluster.s3.lock.for: is'],
    ],
    [
      'a cluster without S3 does not',
      configText([], {
        store: { backend: 'cluster' },
        cluster: { postgres: 'postgres://db/daybook', bodies: 'postgres' },
      }),
      [],
    ],
    [
      'listeners have ports of their own',
      configText([], { smtp: { port: 8025 } }),
      ['smtp.port: is the port of http too'],
    ],
    ['port 0 is always free', configText([], { smtp: { port: 0 }, http: { port: 0 } }), []],
    [
      'a range needs its mask',
      configText([], { smtp: { authorizedSources: ['10.0.0.1', '::1'] } }),
      [
        'smtp.authorizedSources[0]: has no mask; a single address is /32 (did you mean 10.0.0.1/32?)',
        'smtp.authorizedSources[1]: has no mask; a single address is /128 (did you mean ::1/128?)',
      ],
    ],
    [
      'a range has no host bits',
      configText([], { smtp: { authorizedSources: ['10.0.0.5/8', '2001:db8::5/32'] } }),
      [
        'smtp.authorizedSources[0]: has host bits set (did you mean 10.0.0.0/8?)',
        'smtp.authorizedSources[1]: has host bits set (did you mean 2001:db8::/32?)',
      ],
    ],
  ];
  test.each(rules)('%s', async (_, text, expected) => {
    await using folder = await configFolder();
    const lines = await folder.faults(text);
    expect(lines.length, lines.join('\n')).toBe(expected.length);
    for (const [index, part] of expected.entries()) expect(lines[index]).toContain(`: ${part}`);
  });

  const warnings: readonly [name: string, text: string, paths: readonly string[]][] = [
    ['a service address outside every domain', configText([smtpDefinition()]), ['definitions[0].serviceEmailAddress']],
    [
      'a service address below a domain is none',
      configText([smtpDefinition({ serviceEmailAddress: 'j@journal.example.com' })]),
      [],
    ],
    [
      'clear text on the port of TLS',
      configText([
        pop3Definition({
          serviceEmailAddress: 'j@example.com',
          pop3: { host: 'h', mailboxName: 'm', password: 'p', encrypted: false, port: 995 },
        }),
      ]),
      ['definitions[0].pop3.port'],
    ],
    [
      'relaxed encryption',
      configText([
        pop3Definition({
          serviceEmailAddress: 'j@example.com',
          pop3: { host: 'h', mailboxName: 'm', password: 'p', encryptionMode: 'relaxed' },
        }),
      ]),
      ['definitions[0].pop3.encryptionMode'],
    ],
    [
      'TLS asked for and not there',
      configText([smtpDefinition({ serviceEmailAddress: 'j@example.com', smtp: { requireTls: true } })]),
      ['definitions[0].smtp.requireTls'],
    ],
    [
      'tokens in clear',
      configText([], { http: { host: '0.0.0.0', tokens: [{ name: 'a', role: 'admin', token: 'x' }] } }),
      ['http.host'],
    ],
    [
      'a delay longer than the extended wait',
      configText([
        smtpDefinition({
          serviceEmailAddress: 'j@example.com',
          extendedDeduplication: true,
          initialProcessDelay: '11m',
        }),
      ]),
      ['definitions[0].initialProcessDelay'],
    ],
    [
      'mail that is kept for less than its bytes are locked',
      configText([smtpDefinition({ serviceEmailAddress: 'j@example.com', retention: '30d' })], locked('31d')),
      ['cluster.s3.lock.for'],
    ],
    [
      'mail that is kept for as long is none',
      configText([smtpDefinition({ serviceEmailAddress: 'j@example.com', retention: '31d' })], locked('31d')),
      [],
    ],
    ['a cluster that is not used', configText([], { cluster: { postgres: 'postgres://db/daybook' } }), ['cluster']],
  ];
  test.each(warnings)('warns of %s', async (_, text, paths) => {
    await using folder = await configFolder();
    const loaded = await folder.load(text);
    expect(loaded.ok ? loaded.warnings.map((each) => each.path) : loaded.faults).toEqual(paths);
  });
});
