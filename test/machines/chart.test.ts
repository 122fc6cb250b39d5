import { expect, test } from 'vitest';
import { chartOf } from '../../machines/chart.ts';
import { journalMachine } from '../../machines/journal.machine.ts';

const { nodes, edges } = chartOf(journalMachine);
const ids = nodes.map(({ id }) => id);

test('every state is in the chart once, below its parent, which comes first', () => {
  expect(new Set(ids).size).toBe(ids.length);
  for (const [at, { id, parent, key }] of nodes.entries()) {
    if (parent === null) expect([at, id]).toEqual([0, 'journal']);
    else expect([ids.indexOf(parent) < at, id.endsWith(key)]).toEqual([true, true]);
  }
});

test('every transition leads from a state to a state, and says what sets it off', () => {
  expect(edges.length).toBeGreaterThan(30);
  for (const { from, to, label } of edges) {
    expect([label, ids.includes(from), ids.includes(to)]).toEqual([
      expect.stringMatching(/^(?!xstate\.)./),
      true,
      true,
    ]);
  }
  const down = edges.find(({ from, to }) => from.endsWith('health_active') && to.endsWith('health_down'));
  expect(down?.label).toBe('clock.checked [silent]');
});

test('the values of a status name states of the chart', () => {
  const value = { connection: { enabled: { health: 'active', session: { smtp: 'listening' } } } };
  expect(ids).toContain('connection_enabled_session_smtp_listening');
  expect(ids).toContain(`connection_enabled_health_${value.connection.enabled.health}`);
});
