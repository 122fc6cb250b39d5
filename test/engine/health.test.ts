import { expect, test } from 'vitest';
import { type HealthFacts, healthOf } from '../../src/engine/health.ts';
import type { Status } from '../../src/http/status.schema.ts';

const since = '2026-11-30T12:00:00.000Z';
const warned = (...codes: readonly string[]) => codes.map((code) => ({ code, text: `told of ${code}`, since }));
const definition = (serviceStatus: Status['serviceStatus'], codes: readonly string[] = []): Status =>
  ({ id: 'exchange', serviceStatus, hint: 'a hint', warnings: warned(...codes) }) as Partial<Status> as Status;
const well: HealthFacts = { statuses: [], missing: [], warnings: [], isFull: false };
const unwell = (facts: Partial<HealthFacts>) =>
  healthOf({ ...well, ...facts })
    .filter(({ status }) => status !== 'healthy')
    .map(({ name, status, detail }) => `${name} ${status}: ${detail}`);

test('a component each for the engine, its store, what comes in, and every definition', () => {
  const components = healthOf({ ...well, statuses: [definition('active')] });
  expect(components).toEqual(
    ['engine', 'store', 'intake', 'definition exchange'].map((name) => ({ name, status: 'healthy', detail: null })),
  );
});

test.each<readonly [what: string, facts: Partial<HealthFacts>, told: readonly string[]]>([
  ['a listener that is not bound', { missing: ['smtp'] }, ['engine unhealthy: smtp']],
  ['a damaged store', { warnings: warned('damaged') }, ['store degraded: told of damaged']],
  ['a step of the store that fails', { warnings: warned('storage') }, ['store degraded: told of storage']],
  [
    'a database without a standby',
    { warnings: warned('standby-missing') },
    ['store degraded: told of standby-missing'],
  ],
  ['work that nobody does', { warnings: warned('not-run') }, ['engine degraded: told of not-run']],
  ['a full disk', { warnings: warned('disk-full') }, ['intake unhealthy: told of disk-full']],
  [
    'a full queue',
    { isFull: true, warnings: warned('queue-high') },
    ['intake unhealthy: the processing queue is full: no mail is taken until it is shorter; told of queue-high'],
  ],
  ['a queue near its limit', { warnings: warned('queue-high') }, ['intake degraded: told of queue-high']],
  ['mail that is put off', { warnings: warned('overloaded') }, ['intake degraded: told of overloaded']],
  ['an error', { statuses: [definition('error')] }, ['definition exchange unhealthy: a hint']],
  ['a silence', { statuses: [definition('down')] }, ['definition exchange degraded: a hint']],
  [
    'a canary that does not come',
    { statuses: [definition('active', ['canary-missing'])] },
    ['definition exchange degraded: told of canary-missing'],
  ],
  [
    'mail that does not get on',
    { statuses: [definition('active', ['backlog'])] },
    ['definition exchange degraded: told of backlog'],
  ],
  [
    'a disk that is low, and what concerns no flow',
    {
      warnings: warned('disk-low', 'anchor-failing'),
      statuses: [definition('suspended'), definition('awaiting-initial-run', ['held-expired', 'envelope-quality'])],
    },
    [],
  ],
])('%s', (_what, facts, told) => {
  expect(unwell(facts)).toEqual(told);
});
