import type { Terminal } from './cli/terminal.ts';

/** The terminal of a process. */
export function openTerminal({ stdin, stdout }: NodeJS.Process): Terminal {
  return {
    isInteractive: stdin.isTTY === true && stdout.isTTY === true,
    size: () => ({ columns: stdout.columns || 80, rows: stdout.rows || 24 }),
    listen: ({ keys, resized, ended }) => {
      const data = (text: string): void => keys(text);
      stdin.setRawMode(true).setEncoding('utf8').on('data', data).resume();
      stdout.on('resize', resized);
      for (const signal of signals) process.on(signal, ended);
      return {
        [Symbol.dispose]: () => {
          for (const signal of signals) process.off(signal, ended);
          stdout.off('resize', resized);
          stdin.off('data', data).pause();
          stdin.setRawMode(false);
        },
      };
    },
  };
}

const signals = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;
