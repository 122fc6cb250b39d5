import { describe, expect, test } from 'vitest';
import { configFolder, configText, pop3Definition, smtpDefinition } from './config-folder.ts';

/** Puts a value at a dotted path of an otherwise valid configuration. */
function engineWith(path: string, value: unknown): string {
  const parts = path.split('.');
  const more = parts.reduceRight<unknown>((inner, part) => ({ [part]: inner }), value) as Record<string, unknown>;
  return configText([], more);
}

const engineBounds: readonly [key: string, allowed: readonly unknown[], refused: readonly unknown[]][] = [
  ['http.port', [0, 65535], [-1, 65536, 1.5, '80', null, true]],
  ['smtp.port', [0, 65535], [-1, 65536]],
  ['smtp.maxMessageSize', ['1KB', '1GB', '1024MB'], ['1023B', '2GB', '10', 10, '1.5GB', '10 MB', '10kb', 'MB']],
  ['smtp.maxConnections', [1, 65535], [0, 65536]],
  ['smtp.idleTimeout', ['100ms', '24h', '1d'], ['99ms', '25h', '5', '5 m', '5M', '-5m', '1h30m', '1e3s']],
  ['pop3.pollInterval', ['100ms', '1h', '60m', '3600s'], ['99ms', '0s', '61m', '3601s', '2h']],
  ['pop3.timeout', ['100ms', '1h'], ['99ms', '61m']],
  ['matching.extendedWait', ['0s', '24d'], ['25d', '1w']],
  ['matching.maxAge', ['1s', '36500d'], ['999ms', '36501d']],
  ['matching.expiredAction', ['hold', 'reject', 'leave'], ['drop', 'Hold', '']],
  ['matching.expiryClock', ['date', 'latest'], ['now']],
  ['matching.matchOnContent', [true, false], ['yes', 1]],
  ['limits.processingQueue.messages', [1, 1_000_000_000], [0, 1_000_000_001]],
  ['limits.processingQueue.bytes', ['1B', '1024TB'], ['0B', '1025TB']],
  ['store.segmentSize', ['1MB', '4GB', '1024KB'], ['1023KB', '5GB']],
  ['store.minimumFree', ['0B', '2GB'], ['1025TB', 0]],
  ['store.bytes', ['segments', 'leveldb'], ['files']],
  [
    'store.encryption',
    [{ credential: 'daybook-master-key' }],
    [
      {},
      { credential: '../key' },
      { credential: '..' },
      { keyFile: 'none', credential: 'a' },
      { keyFile: '' },
      'key',
      { key: 'a' },
    ],
  ],
  ['logLevel', ['debug', 'info', 'warn', 'error'], ['trace']],
  ['http.host', ['localhost', '127.0.0.1', '127.9.9.9', '::1', '[::1]'], ['127.1', 'a b', '-a.example', '1.2.3.999']],
  [
    'directory.internalDomains',
    [['example.com'], ['*.example.com'], ['bücher.example']],
    [['*'], ['a@b.c'], ['exa mple.com'], 'example.com'],
  ],
  ['directory.trustedRecipientHeaders', [['X-Envelope-To']], [['X Envelope'], ['X:'], ['']]],
];

const definitionBounds: readonly [key: string, allowed: readonly unknown[], refused: readonly unknown[]][] = [
  ['retention', ['1d', '24h', '2555d', '36500d'], ['23h', '36501d', '7y', '0d', 30, null]],
  ['id', ['a', 'a-1', 'x'.repeat(64)], ['', 'A', 'a_b', 'x'.repeat(65), 1]],
  ['description', ['x', '😀'.repeat(128), '  x  '], ['', '   ', 'x'.repeat(129), 'a\nb', 'a\rb', 'a\0b']],
  [
    'serviceEmailAddress',
    [
      'a@b.example',
      `${'x'.repeat(64)}@b.example`,
      '"a b"@b.example',
      'ü@bücher.example',
      'a@[192.0.2.1]',
      `a@${'x'.repeat(60)}.${'y'.repeat(60)}.${'z'.repeat(60)}.${'w'.repeat(60)}.example`,
    ],
    [
      '',
      'a',
      '@b',
      'a@',
      'a b@c.example',
      'a@b_c.example',
      'a..b@c.example',
      `${'x'.repeat(65)}@b.example`,
      `a@${'x'.repeat(63)}.${'y'.repeat(63)}.${'z'.repeat(63)}.${'w'.repeat(60)}.example`,
      'A <a@b.example>',
      'a@1.2.3.4',
    ],
  ],
  ['initialProcessDelay', ['0s', '24h', '1d'], ['25h', '86401s']],
  ['deliveryWaitAttempts', [1, 20], [0, 21, 2.5, '3']],
  ['deliveryWaitInterval', ['100ms', '1h'], ['99ms', '61m']],
  ['periodOfInactivityAllowed', ['1s', '180m', '7d'], ['999ms', '8d']],
  ['journalType', ['eej', 'standard'], ['EEJ']],
  ['suspended', [true, false], ['false', 0]],
];

describe('an option', () => {
  test.each(engineBounds)('%s takes what is inside its bounds and refuses the rest', async (key, allowed, refused) => {
    await using folder = await configFolder();
    for (const value of allowed) expect(await folder.faults(engineWith(key, value)), String(value)).toEqual([]);
    for (const value of refused) {
      const [line = ''] = await folder.faults(engineWith(key, value));
      expect(line, JSON.stringify(value)).toContain(`: ${key}`);
      expect(line).toMatch(/(; expected |; allowed )/);
    }
  });

  test.each(definitionBounds)('%s of a definition takes what is inside its bounds', async (key, allowed, refused) => {
    await using folder = await configFolder();
    for (const value of allowed) {
      expect(await folder.faults(configText([smtpDefinition({ [key]: value })])), String(value)).toEqual([]);
    }
    for (const value of refused) {
      const [line = ''] = await folder.faults(configText([smtpDefinition({ [key]: value })]));
      expect(line, JSON.stringify(value)).toContain(`: definitions[0].${key}: `);
    }
  });

  test.each([
    ['host', ['h', '192.0.2.1', '2001:db8::1', 'mail.example'], ['', 'h h', '1.2.3']],
    ['port', [1, 65535], [0, 65536]],
    ['mailboxName', ['D\\u\\a', 'a@b', 'x'.repeat(320)], ['', 'x'.repeat(321), 'a\r\nQUIT']],
    ['password', ['x', 'ü'.repeat(128)], ['', 'ü'.repeat(129), 'a\nb', 'a\0', '********']],
    ['certificatePin', ['a'.repeat(64), 'AB:'.repeat(31).concat('AB')], ['a'.repeat(63), 'g'.repeat(64)]],
    ['encryptionMode', ['strict', 'relaxed'], ['none']],
  ] as const)('pop3.%s takes what is inside its bounds', async (key, allowed, refused) => {
    await using folder = await configFolder();
    const pop3 = { host: 'h', mailboxName: 'm', password: 'p' };
    for (const value of allowed) {
      expect(await folder.faults(configText([pop3Definition({ pop3: { ...pop3, [key]: value } })]))).toEqual([]);
    }
    for (const value of refused) {
      const [line = ''] = await folder.faults(configText([pop3Definition({ pop3: { ...pop3, [key]: value } })]));
      expect(line, JSON.stringify(value)).toContain(`: definitions[0].pop3.${key}: `);
    }
  });

  test('that is text loses the blanks around it', async () => {
    await using folder = await configFolder();
    const loaded = await folder.load(
      configText([smtpDefinition({ description: '  Push  ' })], { logLevel: 'info', dataDir: ' d ' }),
    );
    expect(loaded).toMatchObject({ config: { dataDir: 'd', definitions: [{ description: 'Push' }] } });
  });
});
