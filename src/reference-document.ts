import { type CommandNode, commandTree, leavesOf } from './cli/command-tree.ts';
import { checkEndings, endings } from './cli/endings.ts';
import type { Actions } from './cli/options.ts';
import { createProgram } from './cli/program.ts';
import { optionTable } from './config/reference.ts';
import { problems } from './http/problems.ts';

/** `docs/reference.md`, printed from the schema, the command tree and the table of problems: `npm run docs`. */
export function referenceDocument(): string {
  return `# Reference

Printed from the code by \`npm run docs\`; a test holds it. The API is described by the engine itself, at \`/docs\` and \`/openapi.json\`.

## Configuration

Durations are \`250ms\`, \`30s\`, \`10m\`, \`2h\`, \`30d\`; sizes \`64KB\`, \`150MB\`, 1024-based. \`\${env:NAME}\` and \`\${file:PATH}\` stand for a value anywhere
a string does. Relative paths are relative to the file.

${optionTable()}
## Commands

${leavesOf(theCommandTree()).map(commandSection).join('\n')}
## Exit codes

${endingTable(endings)}

Of \`daybook status --check\` instead:

${endingTable(checkEndings)}

## Problems of the API

Every fault is \`application/problem+json\` (RFC 9457); its \`type\` is \`/docs#\` and the name.

| name | status | what it says | what to do |
| --- | --- | --- | --- |
${Object.entries(problems)
  .map(([slug, { status, title, help }]) => `| \`${slug}\` | ${status} | ${cell(title)} | ${cell(help)} |`)
  .join('\n')}
`;
}

/** The command tree as the binary has it; nothing in it can be run. */
export function theCommandTree(): CommandNode {
  const silent = { write: () => undefined, colours: false };
  const terminal = { ...silent, isInteractive: false, size: () => ({ columns: 80, rows: 24 }), listen: notHere };
  const rim = { out: silent, err: silent, terminal, version: '0.0.0', now: () => 0, pause: async () => undefined };
  return commandTree(createProgram({ ...rim, actions: {} as Actions }, () => undefined));
}

const notHere = (): never => {
  throw new Error('nobody sits here');
};

function commandSection({ usage, description, options, examples }: CommandNode): string {
  const rows = options.map(({ flags, description: text }) => `| \`${flags.replaceAll('|', '\\|')}\` | ${cell(text)} |`);
  return `### \`${usage}\`

${description.slice(0, 1).toUpperCase()}${description.slice(1)}.

| option | |
| --- | --- |
${rows.join('\n')}

\`\`\`sh
${examples.join('\n')}
\`\`\`
`;
}

const endingTable = (rows: typeof endings): string =>
  ['| code | |', '| --- | --- |', ...rows.map(([code, text]) => `| ${code} | ${text} |`)].join('\n');

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');
