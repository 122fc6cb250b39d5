import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { nodesOf } from '../../src/cli/command-tree.ts';
import { theCommandTree } from '../../src/reference-document.ts';
import { command } from '../support/journey-cli.ts';
import { leftOut, partner } from '../support/journey-partners.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'daybook-completion-'));
  for (const shell of ['bash', 'zsh', 'fish']) {
    const { code, stdout, stderr } = await command(['completion', shell]);
    expect([code, stderr]).toEqual([0, '']);
    await writeFile(join(folder, shell), stdout);
  }
  await writeFile(join(folder, 'a report.eml'), '');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** What bash offers at the end of this line. */
async function inBash(...words: readonly string[]): Promise<readonly string[]> {
  const script = `source ${folder}/bash; cd ${folder}; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _daybook; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { code, stdout, stderr } = await partner('bash', ['--norc', '-c', script, 'bash', 'daybook', ...words]);
  expect([code, stderr]).toEqual([0, '']);
  return stdout.split('\n').filter((line) => line !== '');
}

describe('bash', () => {
  test('completes commands, those of a group, options, words to choose from and paths', async () => {
    expect(await inBash('sta')).toEqual(['status']);
    expect(await inBash('definitions', 'a')).toEqual(['apply', 'activate']);
    expect(await inBash('status', '--ch')).toEqual(['--check']);
    expect(await inBash('completion', '')).toEqual(['bash', 'zsh', 'fish']);
    expect(await inBash('explain', 'a')).toEqual(['a report.eml']);
    expect(await inBash('status', '--config', 'ba')).toEqual(['bash']);
    expect(await inBash('status', '--url', '')).toEqual([]);
  });

  test('is not led astray by an option’s value that is called like a command', async () => {
    expect(await inBash('status', '--config', 'run', '--wa')).toEqual(['--watch']);
    expect(await inBash('events', '--definition', 'list', '--fol')).toEqual(['--follow']);
  });

  test('offers every command of the tree, and all options of each', async () => {
    const nodes = nodesOf(theCommandTree());
    expect(nodes.length).toBeGreaterThan(40);
    const offered = await Promise.all(
      nodes.map(async ({ words, children }) => [
        await inBash(...words, '-'),
        children.length === 0 ? [] : await inBash(...words, ''),
      ]),
    );
    expect(offered).toEqual(
      nodes.map(({ options, children }) => [
        options.flatMap(({ names }) => names),
        children.map(({ words }) => words.at(-1)),
      ]),
    );
  });
});

describe.skipIf(leftOut({ programs: ['fish'] }))('fish', () => {
  const inFish = async (line: string): Promise<readonly string[]> => {
    const script = `source ${folder}/fish; cd ${folder}; complete -C '${line}'`;
    const { code, stdout, stderr } = await partner('fish', ['--no-config', '-c', script]);
    expect([code, stderr]).toEqual([0, '']);
    return stdout.split('\n').filter((word) => word !== '');
  };

  test('completes the same, with what each does', async () => {
    expect(await inFish('daybook sta')).toEqual(['status\tthe status of every definition, or of one']);
    expect((await inFish('daybook definitions a')).map((line) => line.split('\t')[0])).toEqual(['activate', 'apply']);
    expect(await inFish('daybook status --ch')).toEqual(['--check\tone line and an exit code for a monitor']);
    expect((await inFish('daybook completion ')).toSorted()).toEqual(['bash', 'fish', 'zsh']);
    expect(await inFish('daybook explain a')).toEqual(['a report.eml']);
    expect(await inFish('daybook status --config ba')).toEqual(['bash']);
    expect(await inFish('daybook status --url ')).toEqual([]);
  });
});

/** A zsh on a terminal of its own, in which `daybook` prints what it was called with. */
const zshSession = (keys: string): string => `
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell "cd ${folder}; autoload -Uz compinit && compinit -u -D && source ${folder}/zsh"
zpty -w shell 'daybook() { print -r "CAL""LED" $*; }; print "REA""DY"'
zpty -r shell out '*READY*'
zpty -w shell $'daybook ${keys}'
zpty -r shell out $'*CALLED*\\n*'
print -r -- \${out##*CALLED }`;

describe.skipIf(leftOut({ programs: ['zsh'] }))('zsh', () => {
  test.each([
    ['sta\\t', 'status'],
    ['completion zs\\t', 'completion zsh'],
    ['definitions appl\\t -f ba\\t', 'definitions apply -f bash'],
    ['status --ch\\t', 'status --check'],
    ['explain a\\t', 'explain a report.eml'],
  ])('makes of the keys %s the command %s', async (keys, called) => {
    const { code, stdout } = await partner('zsh', ['-f', '-c', zshSession(keys)]);
    expect(code).toBe(0);
    expect(stdout.trim()).toBe(called);
  });
});

test('another shell is wrong usage', async () => {
  const { code, stderr } = await command(['completion', 'csh']);
  expect(code).toBe(2);
  expect(stderr).toContain('bash, zsh, fish');
});
