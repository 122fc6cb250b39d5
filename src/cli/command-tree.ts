import type { Argument, Command, Option } from 'commander';

/** One command as completion, the man page and the reference show it. */
export interface CommandNode {
  /** Words after `daybook`: `['definitions', 'list']`; none for the program itself. */
  readonly words: readonly string[];
  readonly description: string;
  /** As a person types it: `daybook status [options] [id]`. */
  readonly usage: string;
  readonly examples: readonly string[];
  readonly options: readonly OptionNode[];
  readonly arguments: readonly ArgumentNode[];
  readonly children: readonly CommandNode[];
}
export interface OptionNode {
  /** `-f, --file <file>` */
  readonly flags: string;
  /** `['-f', '--file']` */
  readonly names: readonly string[];
  readonly description: string;
  readonly value: Value;
}
export interface ArgumentNode {
  /** `<file>`, `[id]`, `<path...>` */
  readonly usage: string;
  readonly value: Value;
}
/** What stands behind an option, or for an argument: nothing, a path, one of a few words, or any text. */
export type Value =
  | { readonly kind: 'none' }
  | { readonly kind: 'path' }
  | { readonly kind: 'choice'; readonly choices: readonly string[] }
  | { readonly kind: 'text' };

/** The command tree as values, in the order of its help. Runs nothing. */
export function commandTree(program: Command): CommandNode {
  return nodeOf(program, []);
}

/** Every command of the tree that does something itself, depth first. */
export function leavesOf(node: CommandNode): readonly CommandNode[] {
  return node.children.length === 0 ? [node] : node.children.flatMap(leavesOf);
}

/** Every command, groups and the program itself too, depth first. */
export function nodesOf(node: CommandNode): readonly CommandNode[] {
  return [node, ...node.children.flatMap(nodesOf)];
}

function nodeOf(command: Command, words: readonly string[]): CommandNode {
  const help = command.createHelp();
  return {
    words,
    description: command.description(),
    usage: help.commandUsage(command),
    examples: examplesOf(command),
    options: help.visibleOptions(command).map(optionOf),
    arguments: command.registeredArguments.map(argumentOf),
    children: command.commands.map((child) => nodeOf(child, [...words, child.name()])),
  };
}

function optionOf(option: Option): OptionNode {
  const { flags, short, long, description, argChoices } = option;
  const names = [short, long].filter((name) => name !== undefined);
  const takes = option.required || option.optional;
  return { flags, names, description, value: takes ? valueNamed(flags, argChoices) : { kind: 'none' } };
}

function argumentOf(argument: Argument): ArgumentNode {
  const name = `${argument.name()}${argument.variadic ? '...' : ''}`;
  const usage = argument.required ? `<${name}>` : `[${name}]`;
  return { usage, value: valueNamed(usage, argument.argChoices) };
}

/** By the word that stands for it in the usage. */
function valueNamed(usage: string, choices: readonly string[] | undefined): Value {
  if (choices !== undefined) return { kind: 'choice', choices };
  return { kind: /[<[](?:file|path|paths|folder)(?:\.\.\.)?[>\]]/.test(usage) ? 'path' : 'text' };
}

/** What `addHelpText` put behind the help, read back from the help as it is printed. */
function examplesOf(command: Command): readonly string[] {
  const before = command.configureOutput();
  let text = '';
  const writeOut = (part: string): void => {
    text += part;
  };
  command.configureOutput({ ...before, writeOut });
  command.outputHelp();
  command.configureOutput(before);
  const [, after = ''] = text.split('\nExample:\n');
  const [examples = ''] = after.split('\n\n');
  return examples
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}
