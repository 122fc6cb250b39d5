import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, test } from 'vitest';
import { diagramOf } from '../../machines/diagram.ts';
import { journalMachine } from '../../machines/journal.machine.ts';
import { leavesOf, nodesOf } from '../../src/cli/command-tree.ts';
import { senderPage } from '../../src/cli/sender-steps.ts';
import { senders } from '../../src/config/first-config.ts';
import { optionRows } from '../../src/config/reference.ts';
import { referenceDocument, theCommandTree } from '../../src/reference-document.ts';

const root = join(import.meta.dirname, '../..');
const text = (name: string): string => readFileSync(join(root, name), 'utf8');
const pages = [
  'README.md',
  ...readdirSync(join(root, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

test('the reference is the one that the code prints: `npm run docs`', () => {
  expect(text('docs/reference.md')).toBe(referenceDocument());
});

test('there is a page for each sending server that init knows', () => {
  for (const sender of senders) expect(pages).toContain(senderPage(sender));
});

test('every link leads to a file', () => {
  for (const page of pages) {
    for (const [, link = ''] of text(page).matchAll(/\]\((?!https?:|#)([^)#]+)/g)) {
      expect(existsSync(join(root, dirname(page), link)), `${page}: ${link}`).toBe(true);
    }
  }
});

/** Command lines of a page: in fenced shell, and in back quotes. What stands behind `#`, `>` or `&&` is no part of one. */
function commandLines(page: string): readonly string[] {
  const whole = text(page);
  const fenced = [...whole.matchAll(/```sh\n([\s\S]*?)```/g)].flatMap(([, block = '']) => block.split('\n'));
  const quoted = [...whole.matchAll(/`(daybook [^`]+)`/g)].map(([, line = '']) => line);
  const parts = [...fenced, ...quoted].flatMap((line) => line.split(/ # | > |&&|;|\||, /));
  return parts
    .map((line) => line.trim().replace('node dist/bin/main.js', 'daybook'))
    .filter((line) => line.startsWith('daybook '));
}

test('every command in the documents is one of the tree, with options that it has', () => {
  const tree = theCommandTree();
  const nodes = nodesOf(tree);
  const seen = new Set<string>();
  for (const page of pages.filter((name) => name !== 'docs/reference.md')) {
    for (const line of commandLines(page)) {
      const words = line.split(/\s+/).slice(1);
      const found = nodes
        .filter(
          (node) => node.words.length > 0 && node.words.every((word, at) => words[at]?.replace(/\\?\|.*/, '') === word),
        )
        .at(-1);
      expect(found, `${page}: ${line}`).toBeDefined();
      const names = [found, ...leavesOf(found ?? tree)].flatMap(
        (node) => node?.options.flatMap((option) => option.names) ?? [],
      );
      for (const [, name = ''] of line.replaceAll(/"[^"]*"/g, '').matchAll(/(?:^|[\s[|])(--?[a-z][\w-]*)/g))
        expect(names, `${page}: ${line}`).toContain(name);
      seen.add(found?.words.join(' ') ?? '');
    }
  }
  expect(seen.size).toBeGreaterThan(30);
});

test('every option that the documents name is one of the schema', () => {
  const keys = optionRows().flatMap(({ key }) => [
    key.replaceAll('[]', ''),
    key.replace('definitions[].', '').replaceAll('[]', ''),
  ]);
  const known = new Set(keys.flatMap((key) => key.split('.').map((_, at, parts) => parts.slice(0, at + 1).join('.'))));
  const groups = new Set([...known].map((key) => key.split('.')[0] ?? ''));
  // Files of the data directory, and events, that are called like a group of options.
  const others = ['definitions.key', 'evidence.key', 'evidence.pub'];
  const events = [
    ...['canary.late', 'canary.missed', 'canary.recovered', 'canary.unsent'],
    'pop3.blocked',
    'retention.deleted',
    'retention.paused',
    'retention.resumed',
    'smtp.rejected',
    'store.damaged',
    'store.mended',
  ];
  const unknown: string[] = [];
  let named = 0;
  for (const page of pages) {
    for (const [, key = ''] of text(page).matchAll(/`([a-zA-Z0-9]+(?:\.[a-zA-Z0-9]+)+)(?::[^`]*)?`/g)) {
      if (!groups.has(key.split('.')[0] ?? '') || [...others, ...events].includes(key)) continue;
      if (!known.has(key)) unknown.push(`${page}: ${key}`);
      named += 1;
    }
  }
  expect(unknown).toEqual([]);
  expect(named).toBeGreaterThan(40);
});

/** Which rooms import which, as Mermaid; `engine` stands for all that joins them. */
function roomsDiagram(): string {
  const files = ['src', 'machines', 'streams'].flatMap((floor) =>
    readdirSync(join(root, floor), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => join(floor, name)),
  );
  const roomOf = (file: string): string => {
    const [floor = '', room = ''] = file.split('/');
    if (floor !== 'src') return floor;
    return room.endsWith('.ts') || room === 'engine' ? 'engine' : room;
  };
  const arrows = files.flatMap((file) =>
    [...text(file).matchAll(/from '(\.[^']+)'/g)].map(([, to = '']) => [
      roomOf(file),
      roomOf(relative(root, join(root, dirname(file), to))),
    ]),
  );
  const lines = arrows.filter(([from, to]) => from !== to && from !== 'engine' && to !== 'engine');
  const drawn = [...new Set(lines.map(([from, to]) => `  ${from} --> ${to}`))].toSorted();
  return ['```mermaid', 'flowchart TD', '  engine["engine (joins all)"]', ...drawn, '```'].join('\n');
}

describe('the diagrams of the architecture are drawn from the code; UPDATE_DIAGRAMS=1 draws them anew', () => {
  const drawings = [
    ['rooms', roomsDiagram],
    ['journal', () => ['```mermaid', diagramOf(journalMachine), '```'].join('\n')],
  ] as const;
  test.each(drawings)('%s', (name, draw) => {
    const marks = new RegExp(`(<!-- ${name} -->\n)[\\s\\S]*?(<!-- /${name} -->)`);
    const page = text('docs/architecture.md');
    const drawn = page.replace(marks, (_, start: string, end: string) => `${start}${draw()}\n${end}`);
    if (process.env['UPDATE_DIAGRAMS'] === '1') writeFileSync(join(root, 'docs/architecture.md'), drawn);
    expect(page).toMatch(marks);
    expect(text('docs/architecture.md')).toBe(drawn);
  });
});
