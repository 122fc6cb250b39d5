import type { SnapshotFrom } from 'xstate';
import type { engineMachine } from './engine.machine.ts';

export type EngineSnapshot = SnapshotFrom<typeof engineMachine>;

export interface Readiness {
  readonly ready: boolean;
  /** What is missing, in words for a person; empty when ready. */
  readonly missing: readonly string[];
}

/** `/readyz` (interface section 4): the store is open and every configured listener is bound. Pure. */
export function readinessOf(snapshot: EngineSnapshot): Readiness {
  if (snapshot.matches('opening')) return { ready: false, missing: ['the store is not open yet'] };
  if (snapshot.matches('failed')) return { ready: false, missing: ['the store could not be opened'] };
  if (!snapshot.matches('running')) return { ready: false, missing: ['the engine is stopping'] };
  const { configured, listeners } = snapshot.context;
  const missing = configured.flatMap((name) => {
    const { state } = listeners[name];
    if (state.state === 'bound') return [];
    const why = state.state === 'failed' ? `: ${state.failure.detail}` : '';
    return [`the ${name} listener is not bound${why}`];
  });
  return { ready: missing.length === 0, missing };
}
