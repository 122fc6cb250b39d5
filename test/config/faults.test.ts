import { describe, expect, test } from 'vitest';
import { formatFault } from '../../src/config/fault.ts';
import { loadConfig } from '../../src/config/load-config.ts';
import { configFolder, configText, smtpDefinition } from './config-folder.ts';

describe('faults', () => {
  test('of five kinds are all told in one run, each at its place', async () => {
    await using folder = await configFolder();
    const text = [
      'logLevel: loud', // 1 value
      'directory:', // 2
      '  internalDomains: [example.com]', // 3
      'pop3: {pollInterval: 2h}', // 4 bound
      'smtp:', // 5
      '  maxConnection: 7', // 6 unknown key
      '  port: 1', // 7
      '  port: 2', // 8 duplicate key
      'definitions:', // 9
      '  - id: a', // 10 missing description
      '    transport: pop3', // 11
      '    serviceEmailAddress: j@journal.example', // 12
      '    smtp: {}', // 13 foreign
      '    pop3:', // 14
      '      host: h', // 15
      '      mailboxName: m', // 16
      `      password: \${env:MISSING}`, // 17 reference
      '  - id: a', // 18 cross-field
      '    description: B', // 19
      '    transport: smtp', // 20
      '    serviceEmailAddress: b@journal.example', // 21
    ].join('\n');
    const lines = await folder.faults(text);
    expect(lines.map((line) => line.split(' ').slice(0, 2).join(' '))).toEqual([
      'daybook.yaml:1:11: logLevel:',
      'daybook.yaml:4:22: pop3.pollInterval:',
      'daybook.yaml:6:3: smtp.maxConnection:',
      'daybook.yaml:8:3: smtp.port:',
      'daybook.yaml:10:5: definitions[0].description:',
      'daybook.yaml:13:5: definitions[0].smtp:',
      'daybook.yaml:17:17: definitions[0].pop3.password:',
      'daybook.yaml:18:9: definitions[1].id:',
    ]);
    expect(lines[0]).toBe('daybook.yaml:1:11: logLevel: is not allowed; expected one of debug, info, warn, error');
    expect(lines[2]).toContain('the nearest known key is maxConnections');
    expect(lines[5]).toContain('transport pop3');
    expect(lines[6]).toContain('environment variable MISSING');
    expect(lines[7]).toContain('definitions[0].id');
  });

  test('of a definition without a known transport do not hide its others', async () => {
    await using folder = await configFolder();
    const lines = await folder.faults(
      configText([smtpDefinition({ transport: 'imap', deliveryWaitAttempts: 0, idd: 1 })]),
    );
    expect(lines.map((line) => line.split(': ')[1]).toSorted()).toEqual([
      'definitions[0].deliveryWaitAttempts',
      'definitions[0].idd',
      'definitions[0].transport',
    ]);
  });

  test.each<[string, string, string]>([
    ['a file that is no map', '- a', '1:1: (document): is a list'],
    ['text in the place of a map', 'smtp: yes please', '1:7: smtp: is text; expected a map with host'],
    ['a key without a value', 'smtp:\n  tls:', '2:7: smtp.tls: is empty; expected a map with cert and key'],
    ['a missing key of a nested map', 'smtp:\n  tls: {cert: a}', '2:8: smtp.tls.key: is missing; expected a path'],
    ['a tab as indentation', 'smtp:\n\tport: 25', '2:1: smtp'],
    ['an open quote', 'dataDir: "abc', '1:14: dataDir: lacks a character'],
    ['a second document', 'dataDir: a\n---\ndataDir: b', '2:1: dataDir: is a second document'],
    ['an alias of nothing', 'dataDir: *hunter2', '1:10: dataDir: is an alias of nothing'],
    ['a tag', 'dataDir: !hunter2 x', '1:10: dataDir: has a tag'],
    ['a key that is no word', '"a b": 1', '1:1: ["a b"]: unknown key'],
    ['YAML 1.1', '%YAML 1.1\n---\ndataDir: a', '1:1: (document): is YAML 1.1'],
  ])('name the place of %s', async (_, text, expected) => {
    await using folder = await configFolder();
    const lines = await folder.faults(text);
    expect(
      lines.some((line) => line.startsWith(`daybook.yaml:${expected}`)),
      lines.join('\n'),
    ).toBe(true);
  });

  test('behind a syntax fault are not guessed at', async () => {
    await using folder = await configFolder();
    const lines = await folder.faults('logLevel: loud\nsmtp: {port: 25\nhttp: {}\nlogLevl: x\n');
    expect(lines.length).toBeGreaterThanOrEqual(2);
    expect(lines[0]).toContain('1:11: logLevel');
    expect(lines.filter((line) => line.includes('missing'))).toEqual([]);
  });

  test('do not call missing what a syntax fault may hide', async () => {
    await using folder = await configFolder();
    const lines = await folder.faults(
      'definitions:\n  - id: a\n    logLevel: x\n    description: "x\n    transport: smtp\n',
    );
    expect(lines.map((line) => line.split(': ')[1])).toEqual(['definitions[0].logLevel', 'definitions[0].description']);
  });

  test('of the text are not told again as faults of the value', async () => {
    await using folder = await configFolder();
    expect(await folder.faults('smtp: {port: *nothing}')).toHaveLength(1);
  });

  test('name as allowed only the keys of the transport', async () => {
    await using folder = await configFolder();
    const [push = ''] = await folder.faults(configText([smtpDefinition({ pop: 1 })]));
    expect(push).toMatch(/allowed: .*\bsmtp\b/);
    expect(push).not.toContain('pop3');
  });

  test('of a file that is not there, is a folder or is not UTF-8 name it', async () => {
    await using folder = await configFolder();
    const tell = async (file: string): Promise<string> => {
      const loaded = await loadConfig(file, {});
      return loaded.ok ? '' : loaded.faults.map(formatFault).join('\n');
    };
    expect(await tell('/nowhere/x.yaml')).toMatch(/^\/nowhere\/x\.yaml:1:1: \(document\): the file does not exist/);
    expect(await tell(folder.dir)).toContain('is a folder');
    expect(await tell(await folder.write('latin.yaml', Buffer.from([0x61, 0x3a, 0xe9])))).toContain('is not UTF-8');
  });

  test('are a bounded number for a document that grows by aliases', async () => {
    await using folder = await configFolder();
    const bomb = ['a0: &a0 [x]', ...Array.from({ length: 30 }, (_, i) => `a${i + 1}: &a${i + 1} [*a${i}, *a${i}]`)];
    const lines = await folder.faults(bomb.join('\n'));
    expect(lines.some((line) => line.includes('nested too deep or repeated too often'))).toBe(true);
  });
});
