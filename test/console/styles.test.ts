import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const folder = join(import.meta.dirname, '../../src/console/style');

/** Class at the head of a rule, which that file then owns. */
const heads = (text: string): readonly string[] => [
  ...new Set([...text.matchAll(/^(\.[a-z-]+)/gm)].map(([head]) => head)),
];

test('a class has its rules in one file: pages that others wrote do not change by it', () => {
  const owners = new Map<string, string[]>();
  for (const name of readdirSync(folder)) {
    for (const head of heads(readFileSync(join(folder, name), 'utf8')))
      owners.set(head, [...(owners.get(head) ?? []), name]);
  }
  expect(owners.size).toBeGreaterThan(40);
  expect([...owners].filter(([, names]) => names.length > 1)).toEqual([]);
});
