import { expect, test } from 'vitest';
import { troublesOf } from '../../src/engine/troubles.ts';
import type { Status } from '../../src/http/status.schema.ts';
import { alertKinds } from '../../streams/alert.ts';
import { canary, noon, status } from '../support/fake-engine-api.ts';

const minute = 60_000;
const iso = (at: number): string => new Date(at).toISOString();
const calm = { counts: { ...status().counts, quarantined: 0 } };
const one = (members: Partial<Status>): Status => status({ ...calm, ...members });
const told = (statuses: readonly Status[], warnings: Status['warnings'] = [], now = noon) =>
  troublesOf({ statuses, warnings, now });
const warning = (code: string, text = 'x', since = iso(noon)) => ({ code, text, since });

test('a definition that is well, suspended or waiting is no trouble', () => {
  for (const serviceStatus of ['active', 'awaiting-initial-run', 'suspended'] as const) {
    expect(told([one({ serviceStatus })])).toEqual([]);
  }
});

test('down is one at once, told with how long nothing came', () => {
  const lastMessageAt = iso(noon - 182 * minute);
  const hint = 'Check the sending server.';
  const since = iso(noon - 2 * minute);
  const [trouble, ...more] = told([one({ serviceStatus: 'down', lastMessageAt, hint, since })]);
  expect(more).toEqual([]);
  expect(trouble).toMatchObject({ kind: 'down', definition: 'exchange-1', severity: 'error', advice: hint });
  expect(trouble?.text).toBe('no message for 3 h 2 min; the last came at 2026-01-31 04:58 UTC');
  const own = one({ serviceStatus: 'down', lastMessageAt: iso(noon - minute), since });
  expect(told([own])[0]?.text).toBe('still no message; what came at 2026-01-31 07:59 UTC was an alert of our own');
  expect(told([one({ serviceStatus: 'down', lastMessageAt: null })])[0]?.text).toMatch(/^no message has come since/);
});

test('a silence through which the canary came is a warning, and says so; any other canary takes nothing away', () => {
  const down = (members: Partial<Status>) =>
    told([
      one({ serviceStatus: 'down', since: iso(noon - minute), lastMessageAt: iso(noon - 182 * minute), ...members }),
    ]);
  expect(down({ canary: canary() })).toMatchObject([
    { kind: 'down', severity: 'warning', text: expect.stringContaining('its canary came through at 2026-01-31 08:00') },
  ]);
  for (const standing of ['waiting', 'late', 'missing', 'unsent'] as const) {
    expect(down({ canary: canary({ standing }) })).toMatchObject([{ kind: 'down', severity: 'error' }]);
  }
});

test('one canary that is missing is a warning, the second in a row an error', () => {
  const missing = (missed: number) =>
    told([one({ canary: canary({ standing: 'missing', missed }), warnings: [warning('canary-missing')] })]);
  expect(missing(1)).toMatchObject([{ kind: 'canary', severity: 'warning', advice: expect.stringMatching(/rule/) }]);
  expect(missing(2)).toMatchObject([{ kind: 'canary', severity: 'error' }]);
  expect(told([one({ warnings: [warning('canary-unsent')] })])).toMatchObject([
    { kind: 'canary', severity: 'warning' },
  ]);
});

test('an error is one after three failures, or after a quarter of an hour', () => {
  const error = (failures: number, minutes: number) =>
    told([one({ serviceStatus: 'error', reason: 'auth', failures, since: iso(noon - minutes * minute) })]);
  expect(error(2, 14)).toEqual([]);
  expect(error(3, 0)).toHaveLength(1);
  expect(error(1, 15)).toHaveLength(1);
  expect(error(4, 10)[0]?.text).toBe('the connection has failed (auth) since 2026-01-31 07:50 UTC, 4 tries in a row');
});

test('what all definitions suffer from at once is one trouble', () => {
  const both = (reason: string) =>
    ['a', 'b'].map((id) => one({ id, serviceStatus: 'error', reason, failures: 3, since: iso(noon - minute) }));
  expect(told(both('bind'))).toMatchObject([
    { kind: 'error', definition: null, text: expect.stringContaining('2 definitions without mail') },
  ]);
  const storage = warning('storage', 'ENOSPC', iso(noon - minute));
  expect(told(both('storage'), [storage])).toMatchObject([{ kind: 'storage', definition: null, text: 'ENOSPC' }]);
  expect(told(both('storage'), [warning('storage')]), 'it may be open again within a minute').toEqual([]);
});

test('warnings are troubles by their code, and two of one kind are one', () => {
  const mailbox = [warning('blocked-items', '2 items', iso(noon - 5)), warning('left-on-server', '3 items')];
  expect(told([one({ warnings: mailbox })])).toMatchObject([
    { kind: 'mailbox', severity: 'warning', text: '2 items; 3 items', since: noon - 5 },
  ]);
  expect(told([], [warning('a-warning-that-nobody-knows')])).toEqual([]);
  expect(told([], [warning('constructor')])).toEqual([]);
});

test('a backlog becomes urgent after an hour, a certificate when it has ended', () => {
  const severityOf = (each: Status['warnings'][number]) => told([], [each])[0]?.severity;
  expect(severityOf(warning('backlog', 'x', iso(noon - 59 * minute)))).toBe('warning');
  expect(severityOf(warning('backlog', 'x', iso(noon - 60 * minute)))).toBe('error');
  expect(severityOf(warning('certificate-ending', 'the certificate of smtp.tls ends on 2026-02-01'))).toBe('warning');
  expect(severityOf(warning('certificate-ending', 'the certificate of smtp.tls ended on 2026-01-30'))).toBe('error');
});

test('held and quarantined messages are counted, so that more of them is news', () => {
  const counts = { ...status().counts, held: 4, quarantined: 1 };
  const found = told([status({ counts, warnings: [warning('held-expired', '4 over age held')] })]);
  expect(found.map(({ kind, figure, since }) => [kind, figure, since])).toEqual([
    ['quarantine', 1, noon],
    ['held', 4, noon],
  ]);
});

test('what a cluster has too little of is urgent where mail waits or may be lost, and a warning where it only may be', () => {
  const severityOf = (code: string) =>
    told([], [warning(code, 'x', iso(noon - minute))]).map(({ severity }) => severity);
  for (const code of ['database', 'database-unsafe', 'standby-missing', 'not-run'])
    expect([code, ...severityOf(code)]).toEqual([code, 'error']);
  for (const code of ['standby-none', 'index-behind', 'worker-gone', 'clock-off'])
    expect([code, ...severityOf(code)]).toEqual([code, 'warning']);
});

test('each kind of trouble can happen', () => {
  const codes = [
    ...['backlog', 'held-expired', 'blocked-items', 'certificate-ending', 'suspended-long', 'envelope-quality'],
    ...[
      'disk-low',
      'damaged',
      'retention-paused',
      'clock-off',
      'silence-unusual',
      'loss-near',
      'canary-late',
      'coverage-lapsed',
      'upkeep-failing',
      'anchor-failing',
      'mail-refused',
      'hardly-archived',
      'alert-channel-failing',
      'standby-none',
      'worker-gone',
    ],
  ];
  const statuses = [
    one({ serviceStatus: 'down', counts: { ...status().counts, quarantined: 2 } }),
    one({ id: 'b', serviceStatus: 'error', failures: 9, reason: 'dns' }),
  ];
  const warnings = [...codes.map((code) => warning(code)), warning('storage', 'EIO', iso(noon - minute))];
  expect(new Set(told(statuses, warnings).map(({ kind }) => kind))).toEqual(new Set(alertKinds));
});
