import type { AnyStateMachine, AnyStateNode } from 'xstate';

/** The chart as Mermaid `stateDiagram-v2` text, written from the machine itself. Pure and deterministic. */
export function diagramOf(machine: AnyStateMachine): string {
  return ['stateDiagram-v2', ...insideOf(machine.root, '  '), ...arrowsOf(machine.root)].join('\n');
}

/** States first, nested as they stand; regions of a parallel state are parted by `--`. */
function insideOf(node: AnyStateNode, indent: string): readonly string[] {
  const children = Object.values(node.states);
  if (node.type === 'parallel') {
    return children.flatMap((child, index) => [...(index > 0 ? [`${indent}--`] : []), ...boxOf(child, indent)]);
  }
  const initial = children.filter((child) => node.initial.target.includes(child));
  return [
    ...initial.map((child) => `${indent}[*] --> ${nameOf(child)}`),
    ...children.flatMap((child) => boxOf(child, indent)),
  ];
}

function boxOf(node: AnyStateNode, indent: string): readonly string[] {
  const label = `state "${titleOf(node)}" as ${nameOf(node)}`;
  if (node.type === 'final') return [`${indent}${label}`, `${indent}${nameOf(node)} --> [*]`];
  if (Object.keys(node.states).length === 0) return [`${indent}${label}`];
  return [`${indent}${label} {`, ...insideOf(node, `${indent}  `), `${indent}}`];
}

function arrowsOf(node: AnyStateNode): readonly string[] {
  const own = [...node.transitions.values()].flat().concat(node.always ?? []);
  const lines = own
    .filter(({ target, actions }) => target !== undefined || actions.length > 0)
    .map((transition) => {
      const target = transition.target?.[0] ?? node;
      const guard = transition.guard === undefined ? '' : ` [${guardOf(transition.guard)}]`;
      const stays = transition.target === undefined ? ', stays' : '';
      return `  ${nameOf(node)} --> ${nameOf(target)}: ${triggerOf(transition.eventType, node)}${guard}${stays}`;
    });
  return [...lines, ...Object.values(node.states).flatMap((child) => arrowsOf(child))];
}

function titleOf(node: AnyStateNode): string {
  const runs = node.invoke.map(({ src }) => (typeof src === 'string' ? src : 'actor'));
  return runs.length === 0 ? node.key : `${node.key} (runs ${runs.join(', ')})`;
}

/** Unique in the whole drawing, as Mermaid wants it. */
function nameOf(node: AnyStateNode): string {
  return node.path.length === 0 ? node.key : node.path.join('_');
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
