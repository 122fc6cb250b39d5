import { type Command, Option } from 'commander';
import { api, type Talk } from './api-command.ts';
import type { Query } from './client.ts';
import type { ExportOptions } from './export/command.ts';
import { exportFilters, withFilters } from './filters.ts';
import type { ImportOptions } from './import/command.ts';

/** Commands that take mail in from files, and hand it out as files. */
export function addExchangeCommands(program: Command, talk: Talk): void {
  addImport(program, talk);
  addExport(program, talk);
}

function addImport(program: Command, talk: Talk): void {
  api(
    program,
    'import <path...>',
    'take .eml files, folders of them, Maildirs, mbox files and exports into custody; the same file twice adds nothing',
    'daybook import /var/mail/old.mbox Maildir/ --definition exchange',
  )
    .requiredOption('--definition <id>', 'the definition they are received for')
    .addOption(
      new Option(
        '--as <kind>',
        "how they are read: as journal items, or as the gateway's own copies, as exported mail is",
      )
        .choices(['journal', 'gateway'])
        .default('journal'),
    )
    .addOption(
      new Option('--mbox-quoting <kind>', 'how the mbox files were written; they do not say')
        .choices(['mboxrd', 'mboxo'])
        .default('mboxrd'),
    )
    .action(async (paths: readonly string[], options: ImportOptions) => {
      const { importMail } = await import('./import/command.ts');
      await importMail(paths, options, talk);
    });
}

function addExport(program: Command, talk: Talk): void {
  const command = api(
    program,
    'export',
    'write archived messages into files, with a manifest that the engine signs; run again it goes on where it stopped',
    'daybook export --mailbox bo@north.example --to case-7.zip --format zip',
  );
  withFilters(command, exportFilters)
    .option('--recipient <value>', 'as the query parameter to of the API; --to is where the export goes')
    .requiredOption('--to <path>', 'a new folder (eml) or file (mbox, zip)')
    .addOption(
      new Option('--format <format>', 'mbox is quoted as mboxrd').choices(['mbox', 'eml', 'zip']).makeOptionMandatory(),
    )
    .action(async (options: ExportOptions & Query) => {
      const { exportMail } = await import('./export/command.ts');
      await exportMail(options, talk);
    });
}
