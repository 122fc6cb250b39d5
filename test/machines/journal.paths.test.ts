import { describe, expect, test } from 'vitest';
import type { AnyStateNode } from 'xstate';
import { getShortestPaths } from 'xstate/graph';
import type { JournalEvent } from '../../machines/journal.events.ts';
import { journalMachine } from '../../machines/journal.machine.ts';
import { type JournalSnapshot, statusOf } from '../../machines/journal.status.ts';
import { journalInput } from './journal-rig.ts';

const at = 0;
const period = 60_000;
const crash = (slot: string) => ({ type: `xstate.error.actor.${slot}`, error: new Error('a bug'), actorId: slot });
const session = 'journal.connection.enabled.session';
const events = [
  { type: 'operator.suspend', at },
  { type: 'operator.activate', at },
  { type: 'operator.retry', at },
  { type: 'definition.changed', at, inactivityAllowedMs: period, reconnect: true },
  { type: 'engine.stop', at },
  { type: 'source.bound', at },
  { type: 'source.began', at },
  { type: 'source.delayed', at, nextPollAt: at },
  { type: 'source.extracted', at, count: 1 },
  { type: 'source.failed', at, kind: 'bind', detail: '' },
  { type: 'processing.settled', at, settlements: [] },
  { type: `xstate.after.listeningTick.${session}.smtp.listening` },
  { type: `xstate.after.faultRest.${session}.faulted` },
  { type: 'xstate.after.faultRest.journal.processing.faulted' },
  { type: 'xstate.after.stopGrace.finishing' },
  { type: 'xstate.done.actor.processing', output: undefined, actorId: 'processing' },
  crash('source'),
  crash('processing'),
] as unknown as JournalEvent[];

/** One path to each state value, with or without a failure and a silence. A minute has always passed. */
function pathsOf(transport: 'smtp' | 'pop3') {
  return getShortestPaths(journalMachine, {
    input: journalInput({ transport, inactivityAllowedMs: period, clock: { now: () => period } }),
    events,
    serializeState: ({ value, context }) =>
      JSON.stringify([value, context.failures > 0, context.listenedMs >= period, context.listener.state]),
  });
}

/** Ids of the states one can rest in: leaves that nothing leaves at once. */
function restsOf(node: AnyStateNode): readonly string[] {
  const children = Object.values(node.states);
  if (children.length > 0) return children.flatMap((child) => restsOf(child));
  const passing = (node.always ?? []).some(({ guard }) => guard === undefined);
  return passing ? [] : [node.id];
}
const leavesOf = (snapshot: JournalSnapshot) =>
  snapshot._nodes.filter((node: AnyStateNode) => Object.keys(node.states).length === 0);

describe.each(['smtp', 'pop3'] as const)('the paths of %s', (transport) => {
  const paths = pathsOf(transport);

  test('reach every state that is its own, and none of the other transport', () => {
    const other = transport === 'smtp' ? 'pop3' : 'smtp';
    const foreign = (id: string) => id.startsWith(other) || id.includes(`.${other}.`) || id.endsWith('.down');
    const reached = new Set(paths.flatMap(({ state }) => leavesOf(state).map(({ id }: AnyStateNode) => id)));
    const all = restsOf(journalMachine.root);
    const expected = transport === 'smtp' ? all.filter((id) => !id.includes('pop3')) : all.filter((id) => !foreign(id));
    expect([...reached].toSorted()).toEqual([...expected].toSorted());
  });

  test('never rest in a state that is only passed through, and never break the chart', () => {
    for (const { state } of paths) {
      expect(state.status).not.toBe('error');
      expect(leavesOf(state).map(({ key }: AnyStateNode) => key)).not.toContain('deriving');
    }
    expect(paths.length).toBeGreaterThan(20);
  });

  test('report in each state what the health region says, and a source only where one should run', () => {
    const names = { awaitingInitialRun: 'awaiting-initial-run', active: 'active', down: 'down', error: 'error' };
    for (const { state } of paths) {
      const { serviceStatus, reason, hint } = statusOf(state);
      for (const [health, status] of Object.entries(names)) {
        const there = leavesOf(state).some(({ id }: AnyStateNode) => id.endsWith(`.health.${health}`));
        if (there && !state.matches({ processing: 'faulted' })) expect(serviceStatus).toBe(status);
      }
      expect(serviceStatus === 'suspended').toBe(state.context.status === 'suspended');
      expect(hint === null).toBe(reason === null);
      const enabled = state.matches({ connection: 'enabled' });
      const resting = state.matches({ connection: { enabled: { session: 'faulted' } } });
      expect(state.children['source'] !== undefined).toBe(enabled && !resting);
      expect(state.children['processing'] !== undefined).toBe(state.matches({ processing: 'draining' }));
      expect(state.context.listeningSinceAt !== null).toBe(
        state.matches({ connection: { enabled: { session: { smtp: 'listening' } } } }),
      );
    }
  });
});
