import { expect, test } from 'vitest';
import { leavesOf } from '../../src/cli/command-tree.ts';
import { theCommandTree } from '../../src/reference-document.ts';

/** Commands whose output is no result, each with what it is instead. */
const without: Readonly<Record<string, string>> = {
  run: 'its log, which is JSON lines already',
  schema: 'a JSON document already',
  completion: 'a script for a shell',
  man: 'a page for roff',
};

test('every command that prints a result prints it as JSON too', () => {
  const leaves = leavesOf(theCommandTree());
  const named = (node: (typeof leaves)[number]): string => node.words.join(' ');
  const lacking = leaves.filter(({ options }) => !options.some(({ names }) => names.includes('--json')));
  expect(lacking.map(named).toSorted()).toEqual(Object.keys(without).toSorted());
});

test('every command takes --config, and says so in its help', () => {
  const lacking = leavesOf(theCommandTree()).filter(
    ({ options }) => !options.some(({ names }) => names.includes('--config')),
  );
  expect(lacking).toEqual([]);
});
