import { type CommandNode, commandTree } from '../../src/cli/command-tree.ts';
import type { Actions, ProgramOptions } from '../../src/cli/options.ts';
import { createProgram } from '../../src/cli/program.ts';
import { noTerminal } from './no-terminal.ts';

/** The command tree as the binary has it; nothing in it can be run. */
export function theCommandTree(): CommandNode {
  const silent = { write: () => undefined, colours: false };
  const options: ProgramOptions = {
    actions: {} as Actions,
    out: silent,
    err: silent,
    terminal: noTerminal,
    version: '0.0.0',
    now: () => 0,
    pause: async () => undefined,
  };
  return commandTree(createProgram(options, () => undefined));
}
