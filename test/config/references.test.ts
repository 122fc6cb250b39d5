import { describe, expect, test } from 'vitest';
import { configFolder, configText, pop3Definition } from './config-folder.ts';

describe('references', () => {
  test('stand for text, numbers and booleans, whole or in part', async () => {
    await using folder = await configFolder();
    await folder.write('level', 'warn\r\n');
    const text = `logLevel: \${file:level}\ndataDir: /srv/\${env:SITE}/data\nhttp: {port: "\${env:PORT}"}\nmatching: {matchOnContent: "\${env:YES}"}`;
    const loaded = await folder.load(text, { SITE: 'north', PORT: '8080', YES: 'true' });
    expect(loaded).toMatchObject({
      ok: true,
      config: {
        logLevel: 'warn',
        dataDir: '/srv/north/data',
        http: { port: 8080 },
        matching: { matchOnContent: true },
      },
    });
  });

  test('to digits stay text where text is wanted, and written digits stay text', async () => {
    await using folder = await configFolder();
    const pop3 = { host: 'h', mailboxName: `\${env:N}`, password: `\${env:N}` };
    const loaded = await folder.load(configText([pop3Definition({ pop3 })]), { N: '12' });
    expect(loaded.ok && loaded.config.definitions[0]).toMatchObject({ pop3: { mailboxName: '12' } });
    expect((await folder.faults('http: {port: "8080"}'))[0]).toContain('http.port: is text');
  });

  test('that lead nowhere are faults, and only they', async () => {
    await using folder = await configFolder();
    await folder.write('big', 'x'.repeat(70_000));
    const tell = (value: string) => folder.faults(`logLevel: "${value}"`, { EMPTY: '' });
    expect(await tell(`\${env:NONE}`)).toEqual([
      'daybook.yaml:1:11: logLevel: the environment variable NONE is not set; expected it to be',
    ]);
    expect((await tell(`\${env:__proto__}`))[0]).toContain('__proto__ is not set');
    expect((await tell(`\${file:none}`))[0]).toContain('the file none does not exist');
    expect((await tell(`\${file:big}`))[0]).toContain('too large');
    expect((await tell(`\${file:.}`))[0]).toContain('is a folder');
    expect((await tell(`\${env:}`))[0]).toContain('names no variable');
    expect((await tell(`\${env:EMPTY}`))[0]).toContain('is not allowed');
  });

  test('keep trailing blanks of a secret, and lose one line end', async () => {
    await using folder = await configFolder();
    await folder.write('pw', ' blanks \n');
    const pop3 = { host: 'h', mailboxName: 'm', password: `\${file:pw}` };
    const loaded = await folder.load(configText([pop3Definition({ pop3 })]));
    const [definition] = loaded.ok ? loaded.config.definitions : [];
    expect(definition?.transport === 'pop3' && definition.pop3.password.reveal()).toBe(' blanks ');
  });
});
