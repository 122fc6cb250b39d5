#!/usr/bin/env node
import { readFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { actions } from './actions.ts';
import { runCommand } from './cli/program.ts';
import type { Screen } from './cli/render.ts';
import { openTerminal } from './terminal.ts';

/** The rim of the process: the command line in, the exit code out. The only `process.exit`. */
const screen = (stream: NodeJS.WriteStream): Screen => ({
  write: (text) => void stream.write(text),
  colours: stream.isTTY === true && process.env['NO_COLOR'] === undefined,
});

const manifest = JSON.parse(
  await readFile(
    new URL(import.meta.filename.endsWith('.ts') ? '../package.json' : '../../package.json', import.meta.url),
    'utf8',
  ),
) as { version: string };

const [command] = process.argv.slice(2);
process.stdout.on('error', (error) => {
  // An engine goes on without a reader. What else was asked for goes to nobody: it ends, and never as if all was told.
  if (command === 'run') return;
  if (!('code' in error && error.code === 'EPIPE'))
    process.stderr.write(`daybook: standard output: ${error.message}\n`);
  process.exit(1);
});

try {
  const exitCode = await runCommand(process.argv.slice(2), {
    actions: actions({
      version: manifest.version,
      exit: (code) => process.exit(code),
    }),
    out: screen(process.stdout),
    err: screen(process.stderr),
    terminal: openTerminal(process),
    version: manifest.version,
    now: () => Date.now(),
    pause: async (ms) => void (await pause(ms)),
  });
  await flushed(process.stdout);
  process.exit(exitCode);
} catch (error) {
  process.stderr.write(`daybook: ${said(error)}\n`);
  process.exit(1);
}

/** What the system refused says all in one line; where anything else came from is for who mends it. */
function said(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return 'syscall' in error ? error.message : (error.stack ?? error.message);
}

/** A pipe may still hold what was written last. */
function flushed(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => stream.write('', () => resolve()));
}
