import type { Terminal } from '../../src/cli/terminal.ts';

/** Standard input and output of a script: nobody sits there. */
export const noTerminal: Terminal = {
  isInteractive: false,
  size: () => ({ columns: 80, rows: 24 }),
  listen: () => {
    throw new Error('there is no terminal to listen to');
  },
};
