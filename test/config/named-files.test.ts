import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { configFolder, makeCertificate } from './config-folder.ts';

describe('files a configuration names', () => {
  test('are read: each certificate and key at fault is named', async () => {
    await using folder = await configFolder();
    makeCertificate(folder.dir, 'one');
    makeCertificate(folder.dir, 'other');
    await folder.write('text.pem', 'not a certificate');
    const tell = async (cert: string, key: string): Promise<string[]> => {
      const lines = await folder.faults(`smtp:\n  tls: {cert: ${cert}, key: ${key}}`);
      return lines.map((line) => line.split(': ').slice(1).join(': ').split(';')[0] ?? '');
    };
    expect(await tell('one.pem', 'one.key')).toEqual([]);
    expect(await tell('one.pem', 'other.key')).toEqual(['smtp.tls.key: does not belong to the certificate']);
    expect(await tell('no.pem', 'no.key')).toEqual([
      'smtp.tls.cert: the file does not exist',
      'smtp.tls.key: the file does not exist',
    ]);
    expect(await tell('text.pem', 'text.pem')).toEqual([
      'smtp.tls.cert: the file is no certificate',
      'smtp.tls.key: the file is no private key',
    ]);
  });

  test('give a warning for a certificate out of its time', async () => {
    await using folder = await configFolder();
    makeCertificate(folder.dir, 'one');
    const text = 'http:\n  tls: {cert: one.pem, key: one.key}';
    const at = (now: number) => folder.load(text, {}, { now: () => now });
    expect(await at(Date.now() + 3 * 86_400_000)).toMatchObject({
      warnings: [{ path: 'http.tls.cert', line: 2, column: 15 }],
    });
    expect(await at(Date.now() - 3 * 86_400_000)).toMatchObject({
      warnings: [{ text: expect.stringContaining('not valid yet') }],
    });
    expect(await at(Date.now() + 60_000)).toMatchObject({ ok: true, warnings: [] });
  });

  test('must hold a master key that nobody else can read', async () => {
    await using folder = await configFolder();
    const tell = async (content: string, mode: number): Promise<string> => {
      await folder.write('master.key', content);
      await chmod(join(folder.dir, 'master.key'), mode);
      return (await folder.faults('store:\n  encryption: {keyFile: master.key}')).join('\n');
    };
    const key = 'c0ffee'.repeat(11).slice(0, 64);
    expect(await tell(key, 0o600)).toBe('');
    expect(await tell(key, 0o644)).toMatch(/:2:\d+: store\.encryption\.keyFile: .*chmod 600/);
    expect(await tell(key.slice(1), 0o600)).toContain('holds no key');
    expect(await tell(key.slice(1), 0o600)).not.toContain('c0ffee');
    expect((await folder.faults('store: {encryption: {keyFile: none.key}}'))[0]).toContain('ENOENT');
  });

  test('must hold addresses where they are the directory', async () => {
    await using folder = await configFolder();
    await folder.write('known.txt', 'ann@example.com\nnot an address\n# fine\n@\n');
    expect(await folder.faults('directory: {addresses: known.txt}')).toEqual([
      'daybook.yaml:1:24: directory.addresses: the file has no address in line 2, 4; expected one address a line, # for comments',
    ]);
    expect((await folder.faults('directory: {addresses: none.txt}'))[0]).toContain('the file does not exist');
    expect((await folder.faults('directory: {addresses: [ann@example.com, nobody]}'))[0]).toContain(
      '1:42: directory.addresses[1]: is not an address',
    );
  });
});
