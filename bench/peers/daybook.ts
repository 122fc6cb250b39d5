import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './free-port.ts';
import { onAskedBackend } from './other-backend.ts';

/** The built binary as a process of its own, on loopback, with a configuration and a data directory of its own. */
export interface Daybook extends AsyncDisposable {
  readonly pid: number;
  readonly smtpPort: number;
  readonly httpPort: number;
  readonly directory: string;
  readonly configFile: string;
  /** What it has written to standard error so far. */
  readonly log: () => string;
  /** False once the process has ended, however. */
  readonly isRunning: () => boolean;
  get<T>(path: string): Promise<T>;
  fetch(path: string, init?: RequestInit): Promise<Response>;
  /** Ends it with `signal` and resolves with its exit code (null when killed). */
  end(signal: NodeJS.Signals): Promise<number | null>;
  /** Starts it again on the same data, after `end`; with other `changes` than the first time where there are some. */
  restart(changes?: Pick<DaybookOptions, 'environment'>): Promise<Daybook>;
}
export interface DaybookOptions {
  /** Text of the configuration beside ports and dataDir. */
  readonly config: string;
  /** Where it stands; a temporary folder, removed at the end, where absent. */
  readonly directory?: string;
  readonly nodeArguments?: readonly string[];
  /** A program that becomes or starts the engine, with its arguments, such as a tracer. */
  readonly under?: readonly string[];
  /** Variables beside those of this process. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly ports?: readonly [smtp: number, http: number];
  /** Further keys of `smtp` and `http`, as they stand between the braces of the file. */
  readonly smtp?: string;
  readonly http?: string;
  /** What the start waits for: all bound, which is the default, or only the API, where a port is taken. */
  readonly until?: 'readyz' | 'healthz';
}

export const binary = join(
  import.meta.dirname,
  import.meta.filename.endsWith('.ts') ? '../../dist' : '../..',
  'bin/main.js',
);
/** Characters of the log that are kept: a journey at level debug writes some 100,000, and a search must see all of it. */
const logBound = 10_000_000;
/** A start that takes longer has failed. */
const readyWithinMs = 30_000;

export async function startDaybook(options: DaybookOptions): Promise<Daybook> {
  const directory = options.directory ?? (await mkdtemp(join(tmpdir(), 'daybook-')));
  const [smtpPort, httpPort] = options.ports ?? [await freePort(), await freePort()];
  const configFile = join(directory, 'daybook.yaml');
  const [smtp, http] = [options.smtp, options.http].map((more) => (more === undefined ? '' : `, ${more}`));
  const base = `dataDir: ./data\nhttp: { port: ${httpPort}${http} }\nsmtp: { port: ${smtpPort}, hostname: daybook.test${smtp} }\n`;
  await writeFile(configFile, await onAskedBackend(base + options.config, directory));
  const words = [...(options.under ?? []), process.execPath, ...(options.nodeArguments ?? [])];
  const [program = process.execPath, ...before] = words;
  const child = spawn(program, [...before, binary, 'run', '--config', configFile], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, ...options.environment },
  });
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    log = (log + text).slice(-logBound);
  });
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const url = `http://127.0.0.1:${httpPort}`;
  const daybook: Daybook = {
    pid: child.pid ?? 0,
    smtpPort,
    httpPort,
    directory,
    configFile,
    log: () => log,
    isRunning: () => isRunning(child),
    fetch: (path, init) => fetch(url + path, init),
    get: async <T>(path: string) => {
      const answer = await fetch(url + path);
      if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
      return (await answer.json()) as T;
    },
    end: async (signal) => {
      child.kill(signal);
      return ended;
    },
    restart: (changes) => startDaybook({ ...options, ...changes, directory, ports: [smtpPort, httpPort] }),
    [Symbol.asyncDispose]: async () => {
      if (isRunning(child)) child.kill('SIGKILL');
      await ended;
      if (options.directory === undefined) await rm(directory, { recursive: true, force: true, maxRetries: 3 });
    },
  };
  try {
    await ready(`${url}/${options.until ?? 'readyz'}`, child, () => log);
  } catch (error) {
    await daybook[Symbol.asyncDispose]();
    throw error;
  }
  return daybook;
}

const isRunning = ({ exitCode, signalCode }: ChildProcess): boolean => exitCode === null && signalCode === null;

async function ready(url: string, child: ChildProcess, log: () => string): Promise<void> {
  const until = Date.now() + readyWithinMs;
  while (Date.now() < until) {
    if (!isRunning(child)) throw new Error(`daybook ended with ${child.exitCode ?? child.signalCode}: ${log()}`);
    const answer = await fetch(url).catch(() => undefined);
    if (answer?.ok === true) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`daybook was not ready in ${readyWithinMs} ms: ${log()}`);
}
