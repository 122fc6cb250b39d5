import { closeSync, openSync } from 'node:fs';
import { expect, test } from 'vitest';
import { command } from '../support/journey-cli.ts';

test('a command whose reader is gone ends without a word, and not as if all was told', async () => {
  expect(await command(['schema'], { output: 'gone' })).toMatchObject({ code: 1, stderr: '' });
});

test('a command whose output cannot be written says so in one line', async () => {
  const full = openSync('/dev/full', 'w');
  try {
    const { code, stderr } = await command(['schema'], { output: full });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^daybook: standard output: ENOSPC: [^\n]+\n$/);
  } finally {
    closeSync(full);
  }
});
