import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { AnyStateMachine, AnyStateNode } from 'xstate';
import { diagramOf } from '../../machines/diagram.ts';
import { engineMachine } from '../../machines/engine.machine.ts';
import { journalMachine } from '../../machines/journal.machine.ts';

const folder = join(import.meta.dirname, '../../machines');
const charts: readonly [string, string, AnyStateMachine][] = [
  ['journal.md', 'The life of one journal definition', journalMachine],
  ['engine.md', 'The life of the engine', engineMachine],
];

test.each(charts)('%s is the chart as it is; UPDATE_DIAGRAMS=1 writes it anew', (file, title, machine) => {
  const page = [
    `# ${title}`,
    '',
    `Written from \`${file.replace('.md', '.machine.ts')}\` by its test (\`UPDATE_DIAGRAMS=1\`); not to be edited.`,
    '',
    '```mermaid',
    diagramOf(machine),
    '```',
    '',
  ].join('\n');
  if (process.env['UPDATE_DIAGRAMS'] === '1') writeFileSync(join(folder, file), page);
  expect(readFileSync(join(folder, file), 'utf8')).toBe(page);
});

test.each(charts)('%s shows every state and every transition that does anything', (_, __, machine) => {
  const drawing = diagramOf(machine);
  const arrows = drawing.split('\n').filter((line) => line.includes('-->') && !line.includes('[*]'));
  const nodes = nodesOf(machine.root);
  const transitions = nodes.flatMap((node) => [...[...node.transitions.values()].flat(), ...(node.always ?? [])]);
  const effective = transitions.filter(({ target, actions }) => target !== undefined || actions.length > 0);
  expect(arrows).toHaveLength(effective.length);
  for (const node of nodes) if (node !== machine.root) expect(drawing).toContain(` as ${node.path.join('_')}`);
});

function nodesOf(node: AnyStateNode): readonly AnyStateNode[] {
  return [node, ...Object.values(node.states).flatMap((child: AnyStateNode) => nodesOf(child))];
}
