import { link, rename, rm, writeFile } from 'node:fs/promises';
import { messageOf } from '../streams/failure.ts';
import { CommandFailure, exitCodes } from './cli/exit-codes.ts';
import type { FirstConfigOptions } from './cli/options.ts';
import { formatFault } from './config/fault.ts';
import { firstConfig } from './config/first-config.ts';

/**
 * Writes a first configuration for its owner alone, checked before it stands under its name. Answers warnings.
 * @throws CommandFailure where a file stands there and `force` is not given, or where the answers make no sound one
 */
export async function writeFirstConfig({ file, force, answers }: FirstConfigOptions): Promise<readonly string[]> {
  const draft = `${file}.${process.pid}.new`;
  try {
    await failing(writeFile(draft, firstConfig(answers, './daybook.schema.json'), { mode: 0o600, flag: 'wx' }));
    const { loadConfig } = await import('./config/load-config.ts');
    const loaded = await loadConfig(draft, process.env, { now: () => Date.now() });
    if (!loaded.ok) {
      const faults = loaded.faults.map((fault) => formatFault({ ...fault, file })).join('\n');
      throw new CommandFailure(exitCodes.invalidConfig, `nothing was written; it would have been faulty:\n${faults}`);
    }
    // A link never overwrites: two who write at once cannot both win.
    await (force ? failing(rename(draft, file)) : link(draft, file).catch(exists(file)));
    return loaded.warnings.map((warning) => formatFault({ ...warning, file }));
  } finally {
    await rm(draft, { force: true });
  }
}

const exists =
  (file: string) =>
  (error: NodeJS.ErrnoException): never => {
    const text =
      error.code === 'EEXIST' ? `${file} stands there already: give --force, or another --config` : error.message;
    throw new CommandFailure(exitCodes.failed, text, { cause: error });
  };

async function failing(work: Promise<void>): Promise<void> {
  await work.catch((error: unknown) => {
    throw new CommandFailure(exitCodes.failed, messageOf(error), {
      cause: error,
    });
  });
}
