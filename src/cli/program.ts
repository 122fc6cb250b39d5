import { Command, CommanderError } from 'commander';
import { formatFault } from '../config/fault.ts';
import { addBackupCommands } from './backup-commands.ts';
import { addApiCommands } from './commands.ts';
import { CommandFailure, checkCodes, type ExitCode, exitCodes } from './exit-codes.ts';
import { addInit } from './init-command.ts';
import { addMigrateCommands } from './migrate-commands.ts';
import { type CheckAnswer, configOption, jsonOption, type ProgramOptions } from './options.ts';
import { printable, type Screen } from './render.ts';
import { addShellCommands } from './shell-commands.ts';
import { isCheck, unknownLine } from './status-command.ts';

/** Runs one command line (without node and script) and says how it ended. Never exits the process. */
export async function runCommand(argv: readonly string[], options: ProgramOptions): Promise<ExitCode> {
  const { out, err } = options;
  let exitCode: ExitCode = exitCodes.done;
  const program = createProgram(options, (code) => {
    exitCode = code;
  });
  // A monitor reads standard output and takes code 2 for CRITICAL: there both speak its language.
  const failing = (code: ExitCode, text: string): ExitCode => {
    if (!isCheck(argv)) return code;
    out.write(unknownLine(text));
    return checkCodes.unknown;
  };
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) {
      return error.exitCode === 0 ? exitCodes.done : failing(exitCodes.usage, error.message);
    }
    if (!(error instanceof CommandFailure)) throw error;
    err.write(`daybook: ${error.message.split('\n').map(printable).join('\n')}\n`);
    return failing(error.exitCode, error.message);
  }
}

/** The command tree. `end` says how a command that did not fail ended, where that is not 0. */
export function createProgram(options: ProgramOptions, end: (code: ExitCode) => void): Command {
  const { out, err } = options;
  const program = new Command('daybook')
    .description(
      'A mail journaling engine: takes journal reports in, keeps every message, and shows what became of it.',
    )
    .addHelpText('after', '\nExample:\n  daybook demo --once')
    .version(options.version)
    .exitOverride()
    .configureOutput({ writeOut: out.write, writeErr: err.write })
    .showSuggestionAfterError()
    .enablePositionalOptions();
  addEngineCommands(program, options, end);
  addInit(program, options);
  addApiCommands(program, options, end);
  addBackupCommands(program, options);
  addMigrateCommands(program, options);
  addShellCommands(program, options);
  for (const command of allCommands(program)) {
    command.exitOverride().configureOutput({ writeOut: out.write, writeErr: err.write });
  }
  return program;
}

function addEngineCommands(
  program: Command,
  { actions, out, err }: ProgramOptions,
  end: (code: ExitCode) => void,
): void {
  program
    .command('run')
    .description('run the engine in the foreground until SIGTERM or SIGINT')
    .addOption(configOption())
    .addHelpText('after', '\nExample:\n  daybook run --config /etc/daybook/daybook.yaml')
    .action(async ({ config }: { config?: string }) => actions.run(config));
  program
    .command('check')
    .description('validate the configuration; every fault on a line of its own; touches nothing')
    .addOption(configOption())
    .addOption(jsonOption())
    .addHelpText('after', '\nExample:\n  daybook check --config daybook.yaml')
    .action(async ({ config, json }: { config?: string; json: boolean }) => {
      const found = await actions.check(config);
      if (json) out.write(`${JSON.stringify(found)}\n`);
      else writeFaults(found, out, err);
      if (found.faults.length > 0) end(exitCodes.invalidConfig);
    });
  program
    .command('schema')
    .description('print the JSON Schema of the configuration file')
    .addOption(configOption())
    .addHelpText('after', '\nExample:\n  daybook schema > daybook.schema.json')
    .action(async () => out.write(await actions.schema()));
  program
    .command('demo')
    .description('show the main job on a machine with nothing set up')
    .option('--once', 'stop when every sample has settled; exit 0 only if all ended as expected', false)
    .option('--data-dir <path>', 'keep the demo archive here instead of in a temporary folder')
    .addOption(configOption())
    .addOption(jsonOption())
    .addHelpText('after', '\nExample:\n  daybook demo --once')
    .action(async ({ once, dataDir, json }: { once: boolean; dataDir?: string; json: boolean }) => {
      const shown = await actions.demo({ once, dataDir, print: (json ? err : out).write });
      if (json) out.write(`${JSON.stringify(shown)}\n`);
      if (!shown.asExpected) end(exitCodes.failed);
    });
  program
    .command('rebuild-index')
    .description('make the index anew from the commit log, the engine stopped')
    .option('--text', 'make the index of the text of messages anew instead, where `search.text` is on', false)
    .addOption(configOption())
    .addOption(jsonOption())
    .addHelpText('after', '\nExample:\n  daybook rebuild-index --config daybook.yaml')
    .action(async ({ config, json, text }: { config?: string; json: boolean; text: boolean }) => {
      if (text) {
        const messages = await actions.rebuildText(config, (done) => {
          if (err.colours) err.write(`\r${done} messages read`);
        });
        err.write(`${err.colours ? '\r' : ''}text of ${messages} messages indexed\n`);
        if (json) out.write(`${JSON.stringify({ messages })}\n`);
        return;
      }
      const records = await actions.rebuildIndex(config, (done) => {
        if (err.colours) err.write(`\r${done} records folded`);
      });
      err.write(`${err.colours ? '\r' : ''}index rebuilt from ${records} records\n`);
      if (json) out.write(`${JSON.stringify({ records })}\n`);
    });
}

/** Each fault as FILE:LINE:COLUMN: path: text on standard output (interface section 1); all else is talk. */
function writeFaults({ file, definitions, faults, warnings }: CheckAnswer, out: Screen, err: Screen): void {
  for (const fault of faults) out.write(`${formatFault(fault)}\n`);
  for (const warning of warnings) err.write(`warning: ${formatFault(warning)}\n`);
  if (faults.length === 0) err.write(`${file}: ${definitions} definition${definitions === 1 ? '' : 's'}, no fault\n`);
}

const allCommands = (command: Command): readonly Command[] =>
  command.commands.flatMap((child) => [child, ...allCommands(child)]);
