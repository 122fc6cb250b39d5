import type { Command } from 'commander';
import type { Client } from './client.ts';
import { configOption, type LocateOptions, type ProgramOptions } from './options.ts';
import { details } from './views.ts';

/** Options of every command that asks a running engine. */
export interface Globals extends LocateOptions {
  readonly json?: boolean;
}

/** What such a command works with. */
export interface Talk extends ProgramOptions {
  readonly client: (globals: Globals) => Promise<Client>;
  /** The same with the address that is asked. */
  readonly reach: (globals: Globals) => Promise<{ readonly url: string; readonly client: Client }>;
}

/** Shows one answer with all its fields. */
export async function show({ client, out }: Talk, globals: Globals, path: string): Promise<void> {
  const answer = await (await client(globals)).get<Record<string, unknown>>(path);
  out.write(globals.json ? `${JSON.stringify(answer)}\n` : details(answer));
}

/** A command that has others below it. */
export function commandGroup(program: Command, name: string, description: string, example: string): Command {
  return program.command(name).description(description).addHelpText('after', exampleText(example));
}

const exampleText = (example: string): string => `\nExample:\n  ${example}`;

/** A command with the options of all that ask a running engine. */
export function api(parent: Command, usage: string, description: string, example: string): Command {
  return parent
    .command(usage)
    .description(description)
    .addOption(configOption())
    .option('--url <url>', 'address of the engine, instead of by the configuration')
    .option('--token <token>', 'token for the engine')
    .option('--json', 'print the answer of the API as it is', false)
    .addHelpText('after', exampleText(example));
}
