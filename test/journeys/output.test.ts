import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { expect, test } from 'vitest';
import { binary } from '../../bench/peers/daybook.ts';

/** The binary with its standard output as given; what it says on standard error, and its exit code. */
async function run(args: readonly string[], output: 'pipe' | number) {
  const child = spawn(process.execPath, [binary, ...args], { stdio: ['ignore', output, 'pipe'] });
  // Closed before anything can have been written: whoever reads is gone.
  child.stdout?.destroy();
  let said = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, said };
}

test('a command whose reader is gone ends without a word, and not as if all was told', async () => {
  expect(await run(['schema'], 'pipe')).toEqual({ code: 1, said: '' });
});

test('a command whose output cannot be written says so in one line', async () => {
  const full = openSync('/dev/full', 'w');
  try {
    const { code, said } = await run(['schema'], full);
    expect(code).toBe(1);
    expect(said).toMatch(/^daybook: standard output: ENOSPC: [^\n]+\n$/);
  } finally {
    closeSync(full);
  }
});
