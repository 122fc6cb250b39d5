import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { binary } from '../../bench/peers/daybook.ts';

/** A command of the built binary while it runs. */
export interface Run {
  /** As the system does it when it is out of memory. */
  kill(): void;
  hasEnded(): boolean;
  readonly ended: Promise<{ readonly code: number | null; readonly stderr: string; readonly peakMB: number }>;
}

/** The peak is looked at this often; what grows and shrinks in between is remembered by the system. */
const lookEveryMs = 50;

export function run(args: readonly string[]): Run {
  const child = spawn(process.execPath, [binary, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
  const watch = watchPeak(child.pid ?? 0);
  let stderr = '';
  let hasEnded = false;
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-10_000);
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve)).then((code) => {
    hasEnded = true;
    return { code, stderr, peakMB: watch.stop() };
  });
  return { kill: () => void child.kill('SIGKILL'), hasEnded: () => hasEnded, ended };
}

/** Largest resident set of a process (VmHWM of proc(5)), in MB; 0 where there is no /proc. */
export function watchPeak(pid: number): { readonly stop: () => number } {
  let peakMB = 0;
  const look = (): void => {
    try {
      const found = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
      peakMB = Math.max(peakMB, Math.round(Number(found?.[1] ?? 0) / 1_024));
    } catch {
      // It has ended.
    }
  };
  const timer = setInterval(look, lookEveryMs);
  return {
    stop: () => {
      look();
      clearInterval(timer);
      return peakMB;
    },
  };
}
