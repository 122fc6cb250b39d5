import { expect, test } from 'vitest';
import { toEngineOptions } from '../../src/config/to-options.ts';
import { configFolder } from './config-folder.ts';

const channels = (...each: readonly string[]): string => `alerts: {channels: [${each.join(', ')}]}`;
const told = (lines: readonly string[]): readonly string[] =>
  lines.map((line) => line.slice(line.indexOf('alerts.')).replace(/^alerts\.channels/, '')).toSorted();
const hook = '{name: hook, kind: webhook, url: "https://x.example/h", secret: abc}';
const mail = (more = '') => `{name: mail, kind: mail, host: mx.example, from: d@x.example, to: [o@x.example]${more}}`;

test('each kind has its own options and defaults', async () => {
  await using folder = await configFolder();
  const loaded = await folder.load(channels(hook, mail(', kinds: [down, disk], escalation: true')));
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.faults));
  const { alerts } = toEngineOptions(loaded.config, { file: folder.file, hostname: 'h' });
  expect(alerts.channels).toMatchObject([
    { name: 'hook', kinds: null, escalation: false, target: { kind: 'webhook', url: 'https://x.example/h' } },
    {
      name: 'mail',
      kinds: ['down', 'disk'],
      escalation: true,
      target: { kind: 'mail', host: 'mx.example', port: 587, security: 'starttls', login: null, to: ['o@x.example'] },
    },
  ]);
  expect(JSON.stringify(alerts)).not.toContain('abc');
});

test('what does not belong together is named', async () => {
  await using folder = await configFolder();
  const tell = async (...each: readonly string[]) => told(await folder.faults(channels(...each)));
  expect(
    await tell('{name: a, kind: mail, url: "https://x.example/"}', '{name: a, kind: webhook, host: h.example}'),
  ).toEqual([
    '[0].from: is missing; required with kind: mail',
    '[0].host: is missing; required with kind: mail',
    '[0].to: is missing; required with kind: mail',
    '[0].url: is no option of the kind mail',
    '[1].host: is no option of the kind webhook',
    '[1].name: is the same as alerts.channels[0].name; expected a unique one',
    '[1].secret: is missing; required with kind: webhook',
    '[1].url: is missing; required with kind: webhook',
  ]);
  expect(await tell(mail(', user: daybook'))).toEqual(['[0].password: is missing; required with user']);
  expect(await tell(mail(', kinds: [downs]'))).toEqual([expect.stringMatching(/^\[0\]\.kinds\[0\]: is not allowed/)]);
  expect(await tell(mail().replace('[o@x.example]', '[]'))).toEqual([
    '[0].to: is empty; expected at least one address',
  ]);
});

test('no secret travels in clear but to this machine', async () => {
  await using folder = await configFolder();
  const tell = async (each: string) => told(await folder.faults(channels(each)));
  const login = ', security: none, user: u, password: p';
  expect(await tell(mail(login))).toEqual([
    '[0].security: sends the password in clear; expected tls or starttls, or a loopback host',
  ]);
  expect(await tell(mail(login).replace('mx.example', '127.0.0.1'))).toEqual([]);
  expect(await tell(mail(', security: none'))).toEqual([]);
  expect(await tell(hook.replace('https', 'http'))).toEqual([
    '[0].url: is sent in clear; expected https, or a loopback host',
  ]);
});
