import { type CommandNode, leavesOf } from './command-tree.ts';
import { checkEndings, endings } from './endings.ts';

/** The manual page daybook(1) in the man macros of roff, from the command tree. */
export function manPage(tree: CommandNode, version: string): string {
  return `${[
    `.TH DAYBOOK 1 "" "Daybook ${roff(version)}" "User Commands"`,
    '.SH NAME',
    `daybook \\- ${roff(tree.description)}`,
    '.SH SYNOPSIS',
    '.B daybook',
    '.I command',
    '.RI [ options ]',
    '.SH DESCRIPTION',
    'The receiving side of mail journaling: reports come in by SMTP or from a POP3 mailbox, are unwrapped, matched with',
    'the copy of the mail gateway and archived once. Tables go to standard output, logs and progress to standard error;',
    'colours and bars are shown on a terminal alone, and not where',
    '.B NO_COLOR',
    'is set.',
    '.SH COMMANDS',
    ...leavesOf(tree).flatMap(commandSection),
    '.SH EXIT STATUS',
    ...endings.flatMap(([code, text]) => ['.TP', `.B ${code}`, roff(text)]),
    '.PP',
    'Of',
    '.B daybook status \\-\\-check',
    'instead:',
    ...checkEndings.flatMap(([code, text]) => ['.TP', `.B ${code}`, roff(text)]),
    '.SH FILES',
    '.TP',
    '.I daybook.yaml',
    'The configuration, in the working folder.',
    '.TP',
    '.I /etc/daybook/daybook.yaml',
    'The configuration where there is none in the working folder.',
    '.SH SEE ALSO',
    'The engine serves the reference of its API at',
    '.IR /docs .',
  ].join('\n')}\n`;
}

function commandSection({ usage, description, options, examples }: CommandNode): readonly string[] {
  return [
    `.SS "${roff(usage).replaceAll('"', '\\(dq')}"`,
    `${roff(sentence(description))}`,
    ...options.flatMap(({ flags, description: text }) => ['.TP', `.B ${roff(flags)}`, roff(sentence(text))]),
    ...(examples.length === 0 ? [] : ['.PP', 'Example:', '.PP', '.nf', '.RS', ...examples.map(roff), '.RE', '.fi']),
  ];
}

const sentence = (text: string): string =>
  `${text.slice(0, 1).toUpperCase()}${text.slice(1)}${text.endsWith('.') ? '' : '.'}`;

/** Text as roff prints it: backslashes and dashes as they stand, ASCII alone, no line that begins a request. */
const roff = (text: string): string =>
  text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll('…', '...')
    .replaceAll(/[‘’]/g, "'")
    .replaceAll(/[–—]/g, '\\-')
    .replaceAll(
      /[^\x20-\x7e]/gu,
      (character) => `\\[u${character.codePointAt(0)?.toString(16).toUpperCase().padStart(4, '0')}]`,
    )
    .replace(/^([.'])/, '\\&$1');
