import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { toEngineOptions } from '../../src/config/to-options.ts';
import { configFolder } from './config-folder.ts';

const anchors = (...each: readonly string[]): string => `evidence: {anchors: [${each.join(', ')}]}`;
const told = (lines: readonly string[]): readonly string[] =>
  lines.map((line) => line.slice(line.indexOf('evidence.')).replace(/^evidence\.anchors/, ''));

test('each kind has its own options, and defaults for how often', async () => {
  await using folder = await configFolder();
  const file = '{name: mount, kind: file, path: heads.jsonl}';
  const webhook = '{name: hook, kind: webhook, url: "https://x.example/h", token: abc, interval: 1m}';
  const tsa = '{name: tsa, kind: rfc3161, url: "http://tsa.example/"}';
  const loaded = await folder.load(anchors(file, webhook, tsa));
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.faults));
  const options = toEngineOptions(loaded.config, { file: folder.file, hostname: 'h' });
  expect(options.evidence.anchors).toMatchObject([
    { name: 'mount', kind: 'file', target: join(folder.dir, 'heads.jsonl'), token: null, intervalMs: 3_600_000 },
    { name: 'hook', kind: 'webhook', target: 'https://x.example/h', intervalMs: 60_000 },
    { name: 'tsa', kind: 'rfc3161', target: 'http://tsa.example/', token: null, intervalMs: 86_400_000 },
  ]);
  expect(options.evidence.anchors[1]?.token?.reveal()).toBe('abc');
});

test('what does not belong together is named', async () => {
  await using folder = await configFolder();
  const tell = async (...each: readonly string[]) => told(await folder.faults(anchors(...each)));
  const faults = await tell('{name: a, kind: file}', '{name: a, kind: webhook, path: x}', '{name: b, kind: tape}');
  expect(faults.toSorted()).toEqual([
    '[0].path: is missing; required with kind: file',
    '[1].name: is the same as evidence.anchors[0].name; expected a unique one',
    '[1].path: is no option of the kind webhook',
    '[1].url: is missing; required with kind: webhook',
    '[2].kind: is not allowed; expected one of file, webhook, rfc3161',
  ]);
});

test('heads go out in clear to this machine alone, and no password stands in a URL', async () => {
  await using folder = await configFolder();
  const tell = async (url: string, kind = 'webhook') =>
    told(await folder.faults(anchors(`{name: a, kind: ${kind}, url: "${url}"}`)));
  for (const url of ['https://a.example/', 'http://127.0.0.1:9/', 'http://localhost/x', 'http://[::1]:9/']) {
    expect(await tell(url)).toEqual([]);
  }
  for (const url of ['http://a.example/', 'http://127.0.0.1.example/', 'http://10.0.0.1/']) {
    expect(await tell(url)).toEqual(['[0].url: is sent in clear; expected https, or a loopback host']);
    expect(await tell(url, 'rfc3161')).toEqual([]);
  }
  for (const url of ['ftp://a.example/', 'heads', 'https://u:p@a.example/', 'https://u@a.example/']) {
    expect((await tell(url))[0]).toMatch(/^\[0\]\.url: is not an http or https URL without user and password;/);
  }
  const faults = await folder.faults(anchors('{name: a, kind: webhook, url: "https://a.example/", token: "a b"}'));
  expect(told(faults)).toEqual(['[0].token: cannot be sent in a header; expected printable ASCII without blanks']);
  const often = await folder.faults(anchors('{name: a, kind: file, path: x, interval: 59s}'));
  expect(told(often)).toEqual([expect.stringContaining('[0].interval: is less than 1m')]);
});

test('an anchor file in dataDir is a fault, however it is written; one beside it a warning', async () => {
  await using folder = await configFolder();
  await mkdir(join(folder.dir, 'data/sub'), { recursive: true });
  await symlink(join(folder.dir, 'data/sub'), join(folder.dir, 'link'));
  const load = (path: string) => folder.load(anchors(`{name: a, kind: file, path: "${path}"}`));
  for (const path of ['data/heads', 'data', './x/../data/a/b/heads', join(folder.dir, 'data/heads'), 'link/heads']) {
    const loaded = await load(path);
    expect(loaded.ok ? [] : loaded.faults.map(({ text }) => text), path).toEqual([
      expect.stringMatching(/^lies in dataDir/),
    ]);
  }
  expect(await load('data-of-others')).toMatchObject({ ok: true, warnings: [{ path: 'evidence.anchors[0].path' }] });
  expect(await load('none/heads')).toMatchObject({
    ok: true,
    warnings: [{ text: expect.stringContaining('not exist') }],
  });
});
