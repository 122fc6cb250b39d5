import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { messageOf } from '../streams/failure.ts';
import type { Endpoint } from './cli/client.ts';
import { CommandFailure, type ExitCode, exitCodes } from './cli/exit-codes.ts';
import type { Actions, CheckAnswer, DemoAnswer, DemoOptions, LocateOptions } from './cli/options.ts';
import type { EngineConfig } from './config/engine.schema.ts';
import { formatFault } from './config/fault.ts';
import { findConfig } from './config/find-config.ts';
import { whyUnreadable } from './config/unreadable.ts';
import type { RunningEngine } from './engine.ts';
import { folderActions } from './folder-actions.ts';
import { migrateActions } from './migrate-actions.ts';
import { rebuildActions } from './rebuild-actions.ts';

/** The rim of the process, as main.ts hands it in. */
export interface Rim {
  readonly version: string;
  /** Ends the process at once. */
  readonly exit: (code: number) => void;
}

/** The work behind the commands that need more than the API. The engine is loaded only by those that run it. */
export function actions({ version, exit }: Rim): Actions {
  const rebuilding = rebuildActions({ configuration, exitCodeOf: startFailureCode });
  return {
    run: (config) => run(config, version, exit),
    check,
    schema: async () => {
      const { jsonSchema } = await import('./config/reference.ts');
      return `${JSON.stringify(jsonSchema(), null, 2)}\n`;
    },
    demo: (options) => demo(options, version),
    ...rebuilding,
    ...folderActions({ configuration, locate, ...rebuilding }),
    ...migrateActions({ configuration, locate, exitCodeOf: startFailureCode }),
    writeFirstConfig: async (options) => (await import('./first-config-action.ts')).writeFirstConfig(options),
    newToken: () => randomBytes(32).toString('base64url'),
    writeFile: async (path, text) => {
      const { writeFile } = await import('node:fs/promises');
      await writeFile(path, text, { mode: 0o600, flag: 'wx' }).catch((error: unknown) => {
        throw new CommandFailure(exitCodes.failed, String(error), { cause: error });
      });
    },
    locate,
    readFile: readGiven,
    writeBytes: (bytes) =>
      new Promise((resolve, reject) => process.stdout.write(bytes, (error) => (error ? reject(error) : resolve()))),
  };
}

async function run(given: string | undefined, version: string, exit: Rim['exit']): Promise<void> {
  const { file, config } = await configuration(given);
  const { openLog } = await import('./log.ts');
  const log = await openLog(config.logLevel);
  const { openServiceManager } = await import('./service-manager.ts');
  using manager = openServiceManager({ env: process.env, pid: process.pid, log });
  let engine: RunningEngine | undefined;
  let asked = false;
  let reloads: Promise<void> = Promise.resolve();
  const stop = (signal: NodeJS.Signals): void => {
    // A second signal exits at once: nothing acknowledged is lost either way.
    if (asked) exit(exitCodes.failed);
    asked = true;
    log('info', 'stopping', { signal });
    manager.stopping();
    void engine?.stop();
  };
  const reloadNow = (): void => {
    // While it starts the configuration has just been read; what was changed since is read after it.
    reloads = reloads.then(async () => {
      manager.reloading();
      if (engine !== undefined) await reload(engine, file, log);
      manager.reloaded();
    });
  };
  // Before the start: by default a signal ends the process.
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, stop);
  let isEarly = false;
  process.on('SIGHUP', () => {
    if (engine === undefined) isEarly = true;
    else reloadNow();
  });
  engine = await start(config, file, version, log);
  manager.starting(() => engine?.isReady() === true);
  if (asked) void engine.stop();
  else if (isEarly) reloadNow();
  const { fault } = await engine.ended;
  if (fault !== null) throw new CommandFailure(exitCodes.failed, `the engine ended: ${String(fault.error)}`);
  log('info', 'stopped', {});
}

/** SIGHUP: what can change while the engine runs does; a configuration with a fault is refused as a whole. */
async function reload(engine: RunningEngine, file: string, log: import('./log.ts').Log): Promise<void> {
  const { loadConfig } = await import('./config/load-config.ts');
  const refused = (faults: readonly string[]): void => {
    for (const fault of faults) log('error', 'configuration refused', { fault });
  };
  try {
    const loaded = await loadConfig(file, process.env, { now: () => Date.now() });
    if (!loaded.ok) return refused(loaded.faults.map(formatFault));
    const { ok, ...result } = await engine.reload(loaded.config);
    if ('faults' in result) return refused(result.faults);
    const differs = result.afterRestart.length > 0;
    log(differs ? 'warn' : 'info', 'configuration applied', { ok, ...result });
  } catch (error) {
    refused([String(error)]);
  }
}

async function start(
  ...[config, configFile, version, log]: readonly [EngineConfig, string, string, import('./log.ts').Log]
): Promise<RunningEngine> {
  const { startEngine } = await import('./engine.ts');
  try {
    return await startEngine({ config, configFile, version, log });
  } catch (error) {
    const text = messageOf(error);
    throw new CommandFailure(startFailureCode(error), text, { cause: error });
  }
}

function startFailureCode(error: unknown): ExitCode {
  const { code, name = '' } = error as { code?: string; name?: string };
  if (code === 'locked' || name === 'DatabaseAway') return exitCodes.tryAgain;
  const isOfConfig = code === 'key-unusable' || ['DefinitionConflict', 'BucketUnfit'].includes(name);
  return isOfConfig ? exitCodes.invalidConfig : exitCodes.failed;
}

async function check(given: string | undefined): Promise<CheckAnswer> {
  const file = await configFile(given);
  const { loadConfig } = await import('./config/load-config.ts');
  const loaded = await loadConfig(file, process.env, { now: () => Date.now() });
  if (!loaded.ok) return { file, definitions: 0, faults: loaded.faults, warnings: [] };
  return { file, definitions: loaded.config.definitions.length, faults: [], warnings: loaded.warnings };
}

async function demo(options: DemoOptions, version: string): Promise<DemoAnswer> {
  const { runDemo } = await import('./demo/demo.ts');
  const { openLog } = await import('./log.ts');
  const interrupted = new Promise<void>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve());
  });
  return runDemo({
    ...options,
    now: () => Date.now(),
    pause: async (ms) => void (await pause(ms)),
    interrupted,
    engine: {
      start: async (file) => {
        const { config } = await configuration(file);
        const engine = await start(config, file, version, await openLog(config.logLevel));
        for (let tries = 0; engine.smtpPort() === null && tries < 500; tries += 1) await pause(10);
        return {
          url: engine.url,
          smtpPort: engine.smtpPort() ?? 0,
          [Symbol.asyncDispose]: async () => void (await engine.stop()),
        };
      },
    },
  });
}

/** The running engine: as said by `--url` and `--token`, else as the configuration says. */
async function locate({ config: given, url, token }: LocateOptions): Promise<Endpoint> {
  if (url !== undefined) return { url, token };
  const { file, config } = await configuration(given);
  const { endpointOf } = await import('./locate.ts');
  return endpointOf(config, file, token);
}

/** A file that the command line names; `-` is standard input. @throws CommandFailure 2 */
async function readGiven(path: string): Promise<Uint8Array> {
  if (path === '-') return Buffer.concat(await process.stdin.toArray());
  return readFile(path).catch((error: unknown) => {
    throw new CommandFailure(exitCodes.usage, `${path}: the file ${whyUnreadable(error)}`, { cause: error });
  });
}

async function configFile(given: string | undefined): Promise<string> {
  const file = await findConfig(given, process.cwd());
  if (file !== undefined) return file;
  throw new CommandFailure(
    exitCodes.invalidConfig,
    'no configuration: neither daybook.yaml here nor /etc/daybook/daybook.yaml',
  );
}

async function configuration(
  given: string | undefined,
): Promise<{ readonly file: string; readonly config: EngineConfig }> {
  const file = await configFile(given);
  const { loadConfig } = await import('./config/load-config.ts');
  const loaded = await loadConfig(file, process.env);
  if (loaded.ok) return { file, config: loaded.config };
  throw new CommandFailure(
    exitCodes.invalidConfig,
    `the configuration is not valid:\n${loaded.faults.map(formatFault).join('\n')}`,
  );
}
