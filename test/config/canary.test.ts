import { expect, test } from 'vitest';
import type { DefinitionConfig } from '../../src/config/definition.schema.ts';
import { definitionDocument } from '../../src/config/document.ts';
import { movedSecrets } from '../../src/config/moved-secrets.ts';
import { parseDefinition } from '../../src/config/parse-definition.ts';
import { toCanaryOptions } from '../../src/config/to-options.ts';

const surroundings = {
  others: [],
  previous: undefined,
  internalDomains: ['north.example'],
  authorizedSources: [],
} as const;
const whole = { host: 'mx.north.example', from: 'daybook@north.example', to: 'canary@north.example' };
const documentWith = (canary?: Readonly<Record<string, unknown>>) => ({
  id: 'exchange',
  description: 'Exchange',
  transport: 'smtp',
  serviceEmailAddress: 'journal@journal.north.example',
  ...(canary === undefined ? {} : { canary }),
});
function parsed(canary?: Readonly<Record<string, unknown>>, previous?: DefinitionConfig): DefinitionConfig {
  const result = parseDefinition(documentWith(canary), { ...surroundings, previous });
  if (!result.ok) throw new Error(JSON.stringify(result.faults));
  return result.definition;
}
function faultsOf(canary: Readonly<Record<string, unknown>>): readonly string[] {
  const result = parseDefinition(documentWith(canary), surroundings);
  return result.ok ? [] : result.faults.map(({ path, text }) => `${path}: ${text}`).toSorted();
}

test('a definition has none unless it says so; then an hour, ten minutes and STARTTLS are what is usual', () => {
  expect(toCanaryOptions(parsed())).toBeNull();
  expect(definitionDocument(parsed())).not.toHaveProperty('canary');
  expect(toCanaryOptions(parsed(whole))).toEqual({
    ...whole,
    port: 587,
    security: 'starttls',
    login: null,
    intervalMs: 3_600_000,
    limitMs: 600_000,
  });
});

test('what is missing, and what does not belong together, is named', () => {
  expect(faultsOf({ user: 'daybook' })).toEqual([
    'canary.from: is missing; required in a canary',
    'canary.host: is missing; required in a canary',
    'canary.password: is missing; required with user',
    'canary.to: is missing; required in a canary',
  ]);
  expect(faultsOf({ ...whole, interval: '10m', limit: '10m' })).toEqual([]);
  expect(faultsOf({ ...whole, interval: '10m', limit: '11m' })).toEqual([
    'canary.limit: is longer than canary.interval',
  ]);
  expect(faultsOf({ ...whole, interval: '5m' })).toEqual([
    'canary.interval: is shorter than canary.limit, which is 10m',
  ]);
  const login = { user: 'daybook', password: 'geheim' };
  expect(faultsOf({ ...whole, ...login, security: 'none' })).toEqual([
    expect.stringMatching(/^canary\.security: sends the password in clear/),
  ]);
  expect(faultsOf({ ...whole, ...login, security: 'none', host: '127.0.0.1' })).toEqual([]);
});

test('sent to the journal address itself it would prove nothing', () => {
  expect(faultsOf({ ...whole, to: 'Journal@journal.north.example' })).toEqual([
    expect.stringMatching(/^canary\.to: is the serviceEmailAddress/),
  ]);
});

test('its password is masked, kept when its mask is written back, and never told', () => {
  const login = { user: 'daybook', password: 'geheim' };
  const first = parsed({ ...whole, ...login });
  expect(definitionDocument(first)).toMatchObject({ canary: { password: '********' } });
  expect(JSON.stringify([first, toCanaryOptions(first)])).not.toContain('geheim');
  const again = parsed({ ...whole, user: 'daybook', password: '********' }, first);
  expect(again.canary?.password?.reveal()).toBe('geheim');
  expect(faultsOf({ ...whole, user: 'daybook', password: '********' })[0]).toMatch(
    /^canary\.password: is the mask of a password, and there is none to keep/,
  );
});

test('its password is kept for the same server, and while it goes there encrypted', () => {
  const login = { user: 'daybook', password: 'geheim' };
  const before = parsed({ ...whole, ...login, host: '127.0.0.1' });
  const moved = (canary: Readonly<Record<string, unknown>>): readonly string[] => {
    const written = { ...whole, host: '127.0.0.1', user: 'daybook', password: '********', ...canary };
    return movedSecrets(documentWith(written), parsed(written, before), before).map(({ path }) => path);
  };
  expect(moved({ interval: '2h', security: 'tls' })).toEqual([]);
  expect(moved({ host: 'mx.elsewhere.example', password: 'known' })).toEqual([]);
  for (const elsewhere of [{ host: 'mx.elsewhere.example' }, { port: 2525 }, { security: 'none' }])
    expect(moved(elsewhere)).toEqual(['canary.password']);
});
