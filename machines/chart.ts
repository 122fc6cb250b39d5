import type { AnyStateMachine, AnyStateNode } from 'xstate';

/** A statechart as something to draw: what there is, and what leads where. */
export interface Chart {
  /** Outer states before what is in them. */
  readonly nodes: readonly ChartNode[];
  readonly edges: readonly ChartEdge[];
}
export interface ChartNode {
  /** Unique in the chart: the keys from the top, joined by `_`; the machine's own id for its root. */
  readonly id: string;
  /** Null for the root. */
  readonly parent: string | null;
  readonly key: string;
  readonly kind: 'state' | 'nested' | 'parallel' | 'final';
  /** Where its parent begins. */
  readonly initial: boolean;
  /** Actors that run while it is current. */
  readonly runs: readonly string[];
}
export interface ChartEdge {
  readonly from: string;
  readonly to: string;
  /** What sets it off: an event, `at once`, or `after` a named delay; with its guard in brackets. */
  readonly label: string;
  /** Something is done, and the state stays. */
  readonly stays: boolean;
}

/** The chart of a machine, from the machine itself. Pure and deterministic. */
export function chartOf(machine: AnyStateMachine): Chart {
  return { nodes: nodesOf(machine.root), edges: edgesOf(machine.root) };
}

/** Unique in the whole drawing. */
export function nameOf(node: AnyStateNode): string {
  return node.path.length === 0 ? node.key : node.path.join('_');
}

export function runsOf(node: AnyStateNode): readonly string[] {
  return node.invoke.map(({ src }) => (typeof src === 'string' ? src : 'actor'));
}

/** Its children and whether it begins with them, as they stand. */
export function childrenOf(node: AnyStateNode): readonly { readonly child: AnyStateNode; readonly initial: boolean }[] {
  return Object.values(node.states).map((child: AnyStateNode) => ({
    child,
    initial: node.type === 'parallel' || node.initial.target.includes(child),
  }));
}

/** What a state and those in it do, in their order. What neither leads anywhere nor does anything is left out. */
export function edgesOf(node: AnyStateNode): readonly ChartEdge[] {
  const own = [...node.transitions.values()].flat().concat(node.always ?? []);
  const edges = own
    .filter(({ target, actions }) => target !== undefined || actions.length > 0)
    .map((transition) => {
      const guard = transition.guard === undefined ? '' : ` [${guardOf(transition.guard)}]`;
      return {
        from: nameOf(node),
        to: nameOf(transition.target?.[0] ?? node),
        label: `${triggerOf(transition.eventType, node)}${guard}`,
        stays: transition.target === undefined,
      };
    });
  return [...edges, ...Object.values(node.states).flatMap((child) => edgesOf(child))];
}

function nodesOf(node: AnyStateNode, parent: string | null = null, initial = true): readonly ChartNode[] {
  const children = childrenOf(node);
  const kind =
    node.type === 'final'
      ? ('final' as const)
      : node.type === 'parallel'
        ? ('parallel' as const)
        : children.length > 0
          ? ('nested' as const)
          : ('state' as const);
  const self = { id: nameOf(node), parent, key: node.key, kind, initial, runs: runsOf(node) };
  return [self, ...children.flatMap(({ child, initial: first }) => nodesOf(child, self.id, first))];
}

function triggerOf(eventType: string, node: AnyStateNode): string {
  if (eventType === '') return 'at once';
  const [, delay] = /^xstate\.after\.(.+)\.[^.]+\.?/.exec(eventType) ?? [];
  const named = node.after.find((timed) => timed.eventType === eventType)?.delay;
  if (delay !== undefined) return `after ${String(named ?? delay)}`;
  const [, how, who] = /^xstate\.(done|error)\.actor\.(.+)$/.exec(eventType) ?? [];
  return how === undefined ? eventType : `${who} ${how === 'done' ? 'ended' : 'broke'}`;
}

function guardOf(guard: unknown): string {
  if (typeof guard === 'string') return guard;
  if (typeof guard === 'object' && guard !== null && 'type' in guard) return String(guard.type);
  if (typeof guard !== 'function') return 'guarded';
  // `not(…)` and `stateIn(…)` carry their operands as properties of a function.
  const parts = guard as { readonly guards?: readonly unknown[]; readonly stateValue?: unknown };
  if (parts.guards !== undefined) return `not ${parts.guards.map(guardOf).join(', ')}`;
  return `in ${String(parts.stateValue)}`;
}
