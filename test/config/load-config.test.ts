import { readdir } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { formatFault } from '../../src/config/fault.ts';
import { firstConfig } from '../../src/config/first-config.ts';
import { Secret } from '../../src/config/secret.ts';
import { firstAnswers } from '../support/first-answers.ts';
import { configFolder, configText, makeCertificate, pop3Definition, smtpDefinition } from './config-folder.ts';

/** Every key of interface sections 2 and 3. */
const full = `
dataDir: /var/lib/daybook
logLevel: debug
http:
  host: 0.0.0.0
  port: 8443
  tls: { cert: web.pem, key: web.key }
  tokens:
    - { name: dash, role: viewer, token: "\${env:DASH_TOKEN}" }
    - { name: root, role: admin, token: written-out-token }
smtp:
  host: "::"
  port: 25
  hostname: journal.example.com
  tls: { cert: web.pem, key: web.key }
  maxMessageSize: 64MB
  maxConnections: 50
  idleTimeout: 30s
  authorizedSources: [10.0.0.0/8, "2001:db8::/32"]
  proxies: [10.0.0.5/32]
gateway:
  smtp: { host: 127.0.0.1, port: 2526, authorizedSources: [10.1.0.0/16], proxies: [10.0.0.6/32] }
pop3: { pollInterval: 100ms, timeout: 10s }
directory:
  internalDomains: [example.com, "*.example.com"]
  addresses: known.txt
  trustedRecipientHeaders: [X-Envelope-To]
matching:
  extendedWait: 5m
  maxAge: 10d
  expiredAction: reject
  expiryClock: latest
  matchOnContent: true
  continuityEvent: true
limits:
  processingQueue: { messages: 5, bytes: 1GB }
store: { backend: cluster, bytes: leveldb, segmentSize: 1MB, minimumFree: 1GB }
cluster:
  postgres: postgres://daybook:pw@db/daybook
  bodies: s3
  s3: { endpoint: "https://s3.example", region: eu-1, bucket: mail, accessKey: AK, secretKey: SK }
  worker: node-1
definitions:
  - id: push
    description: Push
    transport: smtp
    suspended: true
    serviceEmailAddress: push@journal.example.com
    smtp:
      additionalSourceIpRanges: [192.0.2.7/32, 0.0.0.0/0]
      useSmtpAuthentication: true
      password: \${file:smtp.secret}
      requireTls: true
    initialProcessDelay: 24h
    deliveryWaitAttempts: 20
    deliveryWaitInterval: 1h
    periodOfInactivityAllowed: 7d
    journalType: standard
    removeJournalHeaders: true
    detailedLogging: true
    preferClearTextVersion: true
    extendedDeduplication: true
    journalNonInternalAddresses: true
    journalUnknownInternalAddresses: true
  - id: pull
    description: Pull
    transport: pop3
    serviceEmailAddress: pull@journal.example.com
    pop3:
      host: "[2001:db8::1]"
      port: 1110
      mailboxName: DOM\\user\\alias
      password: pw
      encrypted: true
      encryptionMode: relaxed
      certificatePin: ${'ab:'.repeat(31)}ab
`;

describe('a configuration', () => {
  test('with every key of the reference page is accepted', async () => {
    await using folder = await configFolder();
    makeCertificate(folder.dir, 'web');
    await folder.write('known.txt', '# people\nann@example.com\n\nbob@example.com # left\ndn:/o=Org/cn=Ann\n');
    await folder.write('smtp.secret', 'from a file\n');
    const loaded = await folder.load(full, { DASH_TOKEN: 'from-the-environment' });
    expect(loaded.ok ? [] : loaded.faults.map(formatFault)).toEqual([]);
    if (!loaded.ok) return;
    expect(loaded.config.http.tokens[0]?.token.reveal()).toBe('from-the-environment');
    const [push, pull] = loaded.config.definitions;
    expect(push?.transport === 'smtp' && push.smtp.password?.reveal()).toBe('from a file');
    expect(pull?.transport === 'pop3' && pull.pop3.mailboxName).toBe('DOM\\user\\alias');
  });

  test('that is empty has every default', async () => {
    await using folder = await configFolder();
    const loaded = await folder.load('');
    expect(loaded).toEqual({
      ok: true,
      warnings: [],
      config: {
        dataDir: './data',
        logLevel: 'info',
        http: { host: '127.0.0.1', port: 8025, tokens: [] },
        smtp: {
          host: '127.0.0.1',
          port: 2525,
          maxMessageSize: '150MB',
          maxConnections: 500,
          idleTimeout: '5m',
          authorizedSources: [],
          proxies: [],
        },
        gateway: {},
        pop3: { pollInterval: '60s', timeout: '60s' },
        search: { text: false },
        directory: { internalDomains: [], trustedRecipientHeaders: [] },
        matching: {
          extendedWait: '10m',
          maxAge: '30d',
          expiredAction: 'hold',
          expiryClock: 'date',
          matchOnContent: false,
          continuityEvent: false,
        },
        limits: { processingQueue: { messages: 1_000_000, bytes: '200GB' } },
        store: {
          backend: 'embedded',
          bytes: 'segments',
          segmentSize: '256MB',
          minimumFree: '2GB',
          scrubInterval: '30d',
        },
        evidence: { anchors: [] },
        alerts: { channels: [] },
        definitions: [],
      },
    });
  });

  test('gives a definition every default of its transport', async () => {
    await using folder = await configFolder();
    const loaded = await folder.load(configText([smtpDefinition(), pop3Definition()]));
    if (!loaded.ok) throw new Error(loaded.faults.map(formatFault).join('\n'));
    const processing = {
      suspended: false,
      initialProcessDelay: '0s',
      deliveryWaitAttempts: 3,
      deliveryWaitInterval: '60s',
      journalType: 'eej',
      removeJournalHeaders: false,
      detailedLogging: false,
      preferClearTextVersion: false,
      extendedDeduplication: false,
      journalNonInternalAddresses: false,
      journalUnknownInternalAddresses: false,
    };
    const [push, pull] = loaded.config.definitions;
    expect(push).toEqual({
      ...smtpDefinition(),
      ...processing,
      smtp: { additionalSourceIpRanges: [], useSmtpAuthentication: false, requireTls: false },
      periodOfInactivityAllowed: '180m',
    });
    expect(pull).toEqual({
      ...pop3Definition(),
      ...processing,
      pop3: {
        host: 'mail.example',
        port: 995,
        mailboxName: 'journal',
        password: expect.any(Secret),
        encrypted: true,
        encryptionMode: 'strict',
      },
    });
  });

  test('sets the POP3 port to 110 where nothing is encrypted', async () => {
    await using folder = await configFolder();
    const pop3 = { host: 'h', mailboxName: 'm', password: 'p', encrypted: false };
    const loaded = await folder.load(configText([pop3Definition({ pop3 })]));
    expect(loaded.ok && loaded.config.definitions[0]).toMatchObject({ pop3: { port: 110 } });
  });

  test('sample passes without a fault or warning', async () => {
    await using folder = await configFolder();
    expect(await folder.load(firstConfig(firstAnswers(), 'schema.json'))).toMatchObject({ ok: true, warnings: [] });
  });

  test('is checked without touching anything', async () => {
    await using folder = await configFolder();
    await folder.load('dataDir: ./made-by-check');
    expect(await readdir(folder.dir)).toEqual(['daybook.yaml']);
  });
});
