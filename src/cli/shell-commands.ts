import { Argument, type Command } from 'commander';
import { commandTree } from './command-tree.ts';
import { configOption, type ProgramOptions } from './options.ts';

/** Commands for the shell and its manual, written from the command tree as it stands. */
export function addShellCommands(program: Command, { out, version }: Pick<ProgramOptions, 'out' | 'version'>): void {
  program
    .command('completion')
    .description('print a completion script for your shell')
    .addArgument(new Argument('<shell>', 'which shell').choices(['bash', 'zsh', 'fish']))
    .addOption(configOption())
    .addHelpText(
      'after',
      `
Example:
  daybook completion bash > /etc/bash_completion.d/daybook
  daybook completion zsh > "\${fpath[1]}/_daybook"
  daybook completion fish > ~/.config/fish/completions/daybook.fish`,
    )
    .action(async (shell: 'bash' | 'zsh' | 'fish') => {
      const { completionScript } = await import('./completion.ts');
      out.write(completionScript(shell, commandTree(program)));
    });
  program
    .command('man')
    .description('print the manual page')
    .addOption(configOption())
    .addHelpText('after', '\nExample:\n  daybook man > /usr/local/share/man/man1/daybook.1')
    .action(async () => {
      const { manPage } = await import('./man-page.ts');
      out.write(manPage(commandTree(program), version));
    });
}
