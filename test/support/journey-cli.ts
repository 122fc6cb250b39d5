import { spawn } from 'node:child_process';
import { binary } from '../../bench/peers/daybook.ts';

/** How one command ended, and what it wrote. */
export interface Ended {
  /** Null when it was killed. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly bytes: Buffer;
}

/** No command of a journey takes this long; one that does is killed, and its code is null. */
const endsWithinMs = 60_000;

export interface CommandOptions {
  readonly cwd?: string;
  /** Where standard output goes: to what is answered, which is the default; to a reader that is gone; to a descriptor. */
  readonly output?: 'read' | 'gone' | number;
}

/** Runs the built binary with these arguments, as a person at a shell without a terminal does. */
export async function command(args: readonly string[], { cwd, output = 'read' }: CommandOptions = {}): Promise<Ended> {
  const child = spawn(process.execPath, [binary, ...args], {
    ...(cwd === undefined ? {} : { cwd }),
    stdio: ['ignore', typeof output === 'number' ? output : 'pipe', 'pipe'],
    timeout: endsWithinMs,
    killSignal: 'SIGKILL',
  });
  // Closed before anything can have been written.
  if (output === 'gone') child.stdout?.destroy();
  const [out, err]: [Buffer[], Buffer[]] = [[], []];
  child.stdout?.on('data', (chunk: Buffer) => void out.push(chunk));
  child.stderr?.on('data', (chunk: Buffer) => void err.push(chunk));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  const bytes = Buffer.concat(out);
  return { code, bytes, stdout: bytes.toString('utf8'), stderr: Buffer.concat(err).toString('utf8') };
}
