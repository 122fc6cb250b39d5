import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { actions } from '../../src/actions.ts';
import { makeTlsPair } from '../support/tls-pair.ts';

const { locate } = actions({ version: '0', exit: () => undefined });

async function locatedBy(http: string, files: Readonly<Record<string, string>> = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'daybook-locate-'));
  try {
    for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text, { mode: 0o600 });
    const config = join(folder, 'daybook.yaml');
    await writeFile(config, `http: ${http}\n`);
    return await locate({ config, url: undefined, token: undefined });
  } finally {
    await rm(folder, { recursive: true });
  }
}

test.each([
  ['{ port: 8030 }', 'http://127.0.0.1:8030'],
  ["{ host: '::1' }", 'http://[::1]:8025'],
  ['{ host: localhost }', 'http://localhost:8025'],
  ["{ host: '0.0.0.0', tokens: [{ name: a, role: admin, token: secret }] }", 'http://127.0.0.1:8025'],
  ["{ host: '::', tokens: [{ name: a, role: admin, token: secret }] }", 'http://[::1]:8025'],
])('the engine of http: %s answers at %s', async (http, url) => {
  expect((await locatedBy(http)).url).toBe(url);
});

test('of HTTPS the certificate comes along, found relative to the configuration', async () => {
  const { cert, key } = makeTlsPair();
  const found = await locatedBy('{ tls: { cert: cert.pem, key: key.pem } }', { 'cert.pem': cert, 'key.pem': key });
  expect(found).toEqual({ url: 'https://127.0.0.1:8025', token: undefined, certificate: cert });
});
