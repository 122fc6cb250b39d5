import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { Secret } from '../../src/config/secret.ts';
import { configFolder, configText, pop3Definition, smtpDefinition } from './config-folder.ts';

describe('a secret', () => {
  const canary = 'c4n4ry-hunter2';

  test('is in no fault, wherever it was put by mistake', async () => {
    await using folder = await configFolder();
    await folder.write('canary', canary);
    const env = { CANARY: canary };
    const texts: string[] = [];
    for (const value of [
      `"${canary}"`,
      `"\${env:CANARY}"`,
      `"\${file:canary}"`,
      `*${canary}`,
      `!${canary} x`,
      `&${canary} [`,
      `"\\q${canary}"`,
      `@${canary}`,
    ]) {
      for (const key of [
        'logLevel',
        'dataDirr',
        'http',
        'smtp: {port',
        'smtp: {authorizedSources: [10.0.0.1',
        'matching: {maxAge',
        'definitions: [{id',
      ]) {
        const closing = `${key.includes('[') ? ']' : ''}${key.includes('{') ? '}' : ''}`;
        texts.push(
          `${key.replace('[10.0.0.1', '[')}${key.includes('[10') ? '' : ': '}${value}${closing === ']}' && key.includes('{id') ? '}]' : closing}`,
        );
      }
    }
    texts.push(configText([smtpDefinition({ smtp: { password: `${canary}\n`, useSmtpAuthentication: true } })]));
    texts.push(
      configText([
        pop3Definition({
          pop3: { host: canary, mailboxName: 1, password: canary, port: canary, certificatePin: canary },
        }),
      ]),
    );
    texts.push(configText([smtpDefinition({ description: canary }), smtpDefinition({ description: canary })]));
    texts.push(
      `http: {tokens: [{name: a, role: viewer, token: ${canary}}, {name: b, role: ${canary}, token: ${canary}}]}`,
    );
    texts.push(`definitions: [{transport: pop3, pop3: {password: ${canary}: x}}]`);
    texts.push(`definitions:\n  - transport: pop3\n    pop3:\n      password: ${canary}: x`);
    texts.push(`cluster:\n  postgres: a: ${canary}: x\n`);
    let told = 0;
    for (const text of texts) {
      const lines = await folder.faults(text, env);
      told += lines.length;
      expect(lines.join('\n'), text).not.toContain(canary);
    }
    expect(told).toBeGreaterThan(texts.length);
  });

  test('that came from a reference is not repeated as a suggestion', async () => {
    await using folder = await configFolder();
    const [line] = await folder.faults(`smtp: {authorizedSources: ["\${env:RANGE}"]}`, { RANGE: '10.9.8.7/8' });
    expect(line).toContain('has host bits set; expected');
    expect(line).not.toContain('10.0.0.0');
  });

  test('shows in no print of a configuration', async () => {
    await using folder = await configFolder();
    const pop3 = { host: 'h', mailboxName: 'm', password: canary };
    const tokens = [{ name: 'a', role: 'admin', token: canary }];
    const cluster = {
      postgres: `postgres://daybook:${canary}@db/daybook`,
      s3: { endpoint: 'https://s3', bucket: 'mail', accessKey: canary, secretKey: canary },
    };
    const smtp = { useSmtpAuthentication: true, password: canary };
    const loaded = await folder.load(
      configText([pop3Definition({ pop3 }), smtpDefinition({ smtp })], { http: { tokens }, cluster }),
    );
    expect(loaded.ok).toBe(true);
    const prints = [
      JSON.stringify(loaded),
      inspect(loaded, { depth: 20, showHidden: true }),
      loaded.ok ? `${Object.values(loaded.config)}` : '',
    ];
    for (const print of prints) expect(print).not.toContain(canary);
    expect(prints[0]?.split('********')).toHaveLength(7);
  });

  test('equals only itself', () => {
    expect(new Secret('abc').equals('abc')).toBe(true);
    expect(new Secret('abc').equals('abd')).toBe(false);
    expect(new Secret('abc').equals('')).toBe(false);
    expect(`${new Secret('abc')}`).toBe('********');
  });
});
