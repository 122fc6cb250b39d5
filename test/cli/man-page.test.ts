import { describe, expect, test } from 'vitest';
import { leavesOf, nodesOf } from '../../src/cli/command-tree.ts';
import { manPage } from '../../src/cli/man-page.ts';
import { theCommandTree } from '../../src/reference-document.ts';
import { command } from '../support/journey-cli.ts';
import { leftOut, partner } from '../support/journey-partners.ts';

const tree = theCommandTree();

test('every command, group and the program itself has a description and an example that begins with its name', () => {
  const nodes = nodesOf(tree);
  expect(nodes.length).toBeGreaterThan(40);
  for (const { words, description, examples } of nodes) {
    expect(description, words.join(' ')).not.toBe('');
    expect(examples.join('\n'), words.join(' ')).toContain(['daybook', ...words].join(' '));
  }
});

test('text that roff would take for a request is printed as it stands', () => {
  const page = manPage({ ...tree, description: ".so /etc/passwd \\fB'" }, '1.0');
  expect(page).toContain("daybook \\- \\&.so /etc/passwd \\efB'\n");
});

describe.skipIf(leftOut({ programs: ['groff'] }))('groff', () => {
  test('sets the page without a warning, each command, option and exit code on it', async () => {
    const { code, stdout: source } = await command(['man']);
    expect(code).toBe(0);
    const set = await partner('groff', ['-man', '-Tascii', '-P-cbou', '-ww', '-rLL=400n'], source);
    expect([set.code, set.stderr]).toEqual([0, '']);
    for (const { words, options } of leavesOf(tree)) {
      expect(set.stdout).toContain(`daybook ${words.join(' ')} `);
      for (const { flags } of options) expect(set.stdout).toContain(flags);
    }
    for (const exit of ['69', '75', '78', 'UNKNOWN']) expect(set.stdout).toMatch(new RegExp(`\\n +${exit} |${exit}:`));
  });
});

describe.skipIf(leftOut({ programs: ['man'] }))('man', () => {
  test('shows it', async () => {
    const { stdout: source } = await command(['man']);
    const shown = await partner('man', ['-l', '-'], source);
    expect(shown.code).toBe(0);
    expect(shown.stdout).toContain('DAYBOOK(1)');
  });
});
