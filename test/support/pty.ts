import { spawn } from 'node:child_process';
import { binary } from '../../bench/peers/daybook.ts';
import { eventually } from './eventually.ts';

/** The built binary on a terminal of its own (util-linux `script`), keys typed and screens read. */
export interface Pty extends AsyncDisposable {
  /** All that was shown so far, control sequences included. */
  readonly shown: () => string;
  readonly type: (keys: string) => void;
  /** Waits until this was shown since the last call. */
  until(text: string | RegExp): Promise<void>;
  /** The binary's own process. */
  readonly signal: (signal: NodeJS.Signals) => void;
  readonly ended: Promise<number | null>;
}
export interface PtyOptions {
  readonly cwd: string;
  readonly columns?: number;
  readonly rows?: number;
  readonly environment?: Readonly<Record<string, string>>;
}

export function onTerminal(args: readonly string[], options: PtyOptions): Pty {
  const { cwd, columns = 100, rows = 30, environment = {} } = options;
  const words = [process.execPath, binary, ...args].map((word) => `'${word}'`).join(' ');
  // The shell tells the process that becomes the binary, so that a signal meets it and not `script`.
  const line = `stty cols ${columns} rows ${rows}; echo "PID=$$."; exec ${words}`;
  const { NO_COLOR: _, ...rest } = process.env;
  const child = spawn('script', ['-qfec', line, '/dev/null'], { cwd, env: { ...rest, TERM: 'xterm', ...environment } });
  let [shown, read] = ['', 0];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    shown += text;
  });
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  return {
    shown: () => shown,
    type: (keys) => void child.stdin.write(keys),
    until: async (text) => {
      const find = (): number => (typeof text === 'string' ? shown.indexOf(text, read) : at(text, shown, read));
      await eventually(async () => find() >= 0, { what: `${String(text)}` }).catch((error: unknown) => {
        throw new Error(`${String(error)}; shown is ${JSON.stringify(shown.slice(read))}`);
      });
      read = find() + 1;
    },
    signal: (signal) => process.kill(Number(/PID=(\d+)\./.exec(shown)?.[1]), signal),
    ended,
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

function at(pattern: RegExp, text: string, from: number): number {
  const found = text.slice(from).search(pattern);
  return found < 0 ? -1 : from + found;
}
