import { type Command, Option } from 'commander';
import { CommandFailure, exitCodes } from './exit-codes.ts';
import { configOption, jsonOption, type ProgramOptions, type RepairStep } from './options.ts';

/** Commands that copy a data directory, put a copy in its place, and mend it. */
export function addBackupCommands(program: Command, { actions, out, err }: ProgramOptions): void {
  const progress = (bytes: number): void => {
    if (err.colours) err.write(`\r${megabytes(bytes)} MB`);
  };
  program
    .command('backup')
    .description(
      'copy the commit log to another folder while mail goes on; what stands there already is not copied again',
    )
    .requiredOption('--to <path>', 'the folder of the backup, on another disk')
    .option('--with-keys', 'copy the keys too; whoever has the backup then has them', false)
    .option('--token <token>', 'token for the engine')
    .addOption(configOption())
    .addOption(jsonOption())
    .addHelpText('after', '\nExample:\n  daybook backup --to /mnt/backup/daybook')
    .action(async ({ config, to, withKeys, token, json }) => {
      const done = await actions.backup({ config, to, withKeys, token, url: undefined }, progress);
      const { size, files, copiedBytes, totalBytes, damaged } = done;
      const keys = withKeys ? 'keys included' : 'without the keys (definitions.key, evidence.key): keep them elsewhere';
      if (err.colours) err.write('\r');
      const text = `${size} records in ${files} files, ${megabytes(copiedBytes)} of ${megabytes(totalBytes)} MB copied, ${keys}\n`;
      const harm = damaged.map((each) => `DAMAGED ${each.file}: ${each.text}\n`).join('');
      out.write(json ? `${JSON.stringify(done)}\n` : text + harm);
      if (damaged.length > 0) throw new CommandFailure(exitCodes.failed, 'what is damaged cannot be restored');
    });
  program
    .command('restore')
    .description('put a backup in the place of an empty data directory, after every byte of it has been checked')
    .requiredOption('--from <path>', 'the folder of the backup')
    .addOption(configOption())
    .addOption(jsonOption())
    .addHelpText('after', '\nExample:\n  daybook restore --from /mnt/backup/daybook')
    .action(async ({ config, from, json }) => {
      const records = await actions.restore({ config, from }, progress);
      if (err.colours) err.write('\r');
      const text = `${records} records restored and verified, index made anew\n`;
      out.write(json ? `${JSON.stringify({ records })}\n` : text);
    });
  addRekey(program, { actions, out, err });
  program
    .command('repair')
    .description('say what is damaged and what can be done; nothing is changed without --apply')
    .addOption(new Option('--plan', 'only say it').conflicts('apply'))
    .option('--apply', 'do it: damaged files are put aside, never deleted; exits 1 where damage stays', false)
    .option('--from <path>', 'a backup to take whole segments from')
    .addOption(configOption())
    .addOption(jsonOption())
    .addHelpText('after', '\nExample:\n  daybook repair --plan --from /mnt/backup/daybook')
    .action(async ({ config, from, apply, json }) => {
      const steps = await actions.repair({ config, from, apply }, progress);
      if (err.colours) err.write('\r');
      const text = steps.length === 0 ? 'nothing is damaged\n' : steps.map(lineOf(apply)).join('');
      out.write(json ? `${JSON.stringify({ applied: apply, steps })}\n` : text);
      const left = steps.filter(({ kind }) => kind === 'leave').map(({ file }) => file);
      if (apply && left.length > 0) throw new CommandFailure(exitCodes.failed, `still damaged: ${left.join(', ')}`);
    });
}

function addRekey(program: Command, { actions, out, err }: Pick<ProgramOptions, 'actions' | 'out' | 'err'>): void {
  program
    .command('rekey')
    .description(
      'put another master key in the place of the one in store.encryption, the engine stopped; no mail is written',
    )
    .requiredOption('--to <file>', 'file of the new master key, mode 0600')
    .addOption(configOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      '\nExample:\n  openssl rand -hex 32 > new.key && chmod 600 new.key && daybook rekey --to new.key',
    )
    .action(async ({ config, to, json }) => {
      const { files, keyId } = await actions.rekey({ config, to }, (done) => {
        if (err.colours) err.write(`\r${done} files`);
      });
      if (err.colours) err.write('\r');
      const text = `${files} files of keys are under the master key ${keyId} now: name it in store.encryption. Older backups need the old one\n`;
      out.write(json ? `${JSON.stringify({ files, keyId })}\n` : text);
    });
}

const megabytes = (bytes: number): string => (bytes / 1_048_576).toFixed(1);

const words = {
  'take-from-backup': ['would be put aside and taken from the backup', 'put aside and taken from the backup'],
  leave: ['cannot be mended from here; what is whole of it is served', 'left as it is; what is whole of it is served'],
  'rebuild-index': ['would be made anew from the log', 'made anew from the log'],
} as const;

const lineOf =
  (isDone: boolean) =>
  ({ kind, file, why }: RepairStep): string =>
    `${file} (${why}): ${words[kind][isDone ? 1 : 0]}\n`;
