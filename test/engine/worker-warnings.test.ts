import { expect, test } from 'vitest';
import { allDuties, type Duties } from '../../src/engine/duties.ts';
import { troublesOf } from '../../src/engine/troubles.ts';
import { shareWarnings, unreadyToTellMs, warningsElsewhere } from '../../src/engine/worker-warnings.ts';
import type { Status } from '../../src/http/status.schema.ts';
import { noon } from '../support/fake-engine-api.ts';
import { VirtualClock } from '../support/virtual-time.ts';

const second = 1_000;
const since = new Date(noon - 3_600_000).toISOString();
const full = { code: 'disk-full', text: 'the disk is full', since };
const alone = { code: 'standby-none', text: 'the database waits for no standby', since };

/** One worker, and what it has told the others of itself last. */
function telling(warnings: { now: Status['warnings'] }, missing: { now: readonly string[] } = { now: [] }) {
  const clock = new VirtualClock(noon);
  const said = new Map<string, unknown>();
  const duties: Pick<Duties, 'worker' | 'sayOwn'> = {
    worker: 'two',
    sayOwn: (kind, value) => void said.set(kind, JSON.parse(JSON.stringify(value))),
  };
  const sharing = shareWarnings({ duties, clock, warnings: () => warnings.now, missing: () => missing.now });
  const elsewhere = (living: readonly string[] = ['one', 'two']): Status['warnings'] =>
    warningsElsewhere({ duties: { saidOf: (kind) => [said.get(kind)].filter((each) => each !== undefined) }, living });
  const pass = (ms: number): void => clock.runUntil(clock.now() + ms);
  return { elsewhere, pass, sharing };
}

test('what is wrong with a worker is told by the one that tells people, with its name, and is over when it is', () => {
  const warnings = { now: [full, alone] as Status['warnings'] };
  const { elsewhere, pass } = telling(warnings);
  expect(elsewhere()).toEqual([]);
  pass(6 * second);
  expect(elsewhere()).toEqual([{ ...full, text: 'on the worker two: the disk is full' }]);
  const [trouble] = troublesOf({ statuses: [], warnings: [...elsewhere(), alone], now: noon });
  expect(trouble).toMatchObject({ kind: 'disk', severity: 'error', text: 'on the worker two: the disk is full' });
  warnings.now = [alone];
  pass(6 * second);
  expect(elsewhere()).toEqual([]);
});

test('of a worker that is gone nothing is told but that', () => {
  const { elsewhere, pass } = telling({ now: [full] });
  pass(6 * second);
  expect(elsewhere(['one'])).toEqual([]);
});

test('a worker that takes no mail though it lives is told after a minute, and each time anew', () => {
  const missing = { now: ['smtp'] as readonly string[] };
  const { elsewhere, pass } = telling({ now: [] }, missing);
  pass(unreadyToTellMs);
  expect(elsewhere(), 'it may be starting').toEqual([]);
  pass(11 * second);
  expect(elsewhere()).toEqual([
    {
      code: 'not-ready',
      text: 'on the worker two: it takes no mail: smtp',
      since: new Date(noon + 5 * second).toISOString(),
    },
  ]);
  expect(troublesOf({ statuses: [], warnings: elsewhere(), now: noon })).toMatchObject([
    { kind: 'worker', severity: 'error' },
  ]);
  missing.now = [];
  pass(6 * second);
  expect(elsewhere()).toEqual([]);
  missing.now = ['smtp'];
  pass(unreadyToTellMs);
  expect(elsewhere()).toEqual([]);
});

test('an engine by itself tells nobody', () => {
  const clock = new VirtualClock(noon);
  const warnings = (): never => {
    throw new Error('asked');
  };
  using _sharing = shareWarnings({ duties: allDuties, clock, warnings, missing: () => [] });
  clock.runUntil(noon + 60 * second);
});
