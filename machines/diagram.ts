import type { AnyStateMachine, AnyStateNode } from 'xstate';
import { childrenOf, edgesOf, nameOf, runsOf } from './chart.ts';

/** The chart as Mermaid `stateDiagram-v2` text, written from the machine itself. Pure and deterministic. */
export function diagramOf(machine: AnyStateMachine): string {
  const arrows = edgesOf(machine.root).map(
    ({ from, to, label, stays }) => `  ${from} --> ${to}: ${label}${stays ? ', stays' : ''}`,
  );
  return ['stateDiagram-v2', ...insideOf(machine.root, '  '), ...arrows].join('\n');
}

/** States first, nested as they stand; regions of a parallel state are parted by `--`. */
function insideOf(node: AnyStateNode, indent: string): readonly string[] {
  const children = childrenOf(node);
  if (node.type === 'parallel') {
    return children.flatMap(({ child }, index) => [...(index > 0 ? [`${indent}--`] : []), ...boxOf(child, indent)]);
  }
  const initial = children.filter((each) => each.initial);
  return [
    ...initial.map(({ child }) => `${indent}[*] --> ${nameOf(child)}`),
    ...children.flatMap(({ child }) => boxOf(child, indent)),
  ];
}

function boxOf(node: AnyStateNode, indent: string): readonly string[] {
  const label = `state "${titleOf(node)}" as ${nameOf(node)}`;
  if (node.type === 'final') return [`${indent}${label}`, `${indent}${nameOf(node)} --> [*]`];
  if (Object.keys(node.states).length === 0) return [`${indent}${label}`];
  return [`${indent}${label} {`, ...insideOf(node, `${indent}  `), `${indent}}`];
}

function titleOf(node: AnyStateNode): string {
  const runs = runsOf(node);
  return runs.length === 0 ? node.key : `${node.key} (runs ${runs.join(', ')})`;
}
