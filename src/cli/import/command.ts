import { access } from 'node:fs/promises';
import type { Globals, Talk } from '../api-command.ts';
import { CommandFailure, exitCodes } from '../exit-codes.ts';
import type { MboxQuoting } from '../mbox.ts';
import { amount, createProgress } from '../progress.ts';
import { printable } from '../render.ts';
import { createPatience } from './patience.ts';
import { type ImportSummary, runImport } from './run.ts';
import { findMessages, measure } from './sources.ts';

export interface ImportOptions extends Globals {
  readonly definition: string;
  readonly as: 'journal' | 'gateway';
  readonly mboxQuoting: MboxQuoting;
}

/** `daybook import`. @throws CommandFailure, also where something could not be imported */
export async function importMail(paths: readonly string[], options: ImportOptions, talk: Talk): Promise<void> {
  const { err, out, now, pause } = talk;
  for (const path of paths) {
    await access(path).catch(() => {
      throw new CommandFailure(exitCodes.usage, `${path}: there is no such file or folder, or it cannot be read`);
    });
  }
  const client = await talk.client(options);
  const { definition, as } = options;
  const { maxMessageBytes: limitBytes } = await client.postJson<{ readonly maxMessageBytes: number }>(
    `/v1/import/known?${new URLSearchParams({ definition, as })}`,
    { names: [] },
  );
  const progress = createProgress(err, now);
  const say = (text: string): void => {
    progress.clear();
    err.write(`${printable(text)}\n`);
  };
  const startedAt = now();
  const patience = createPatience({ now, pause, say });
  // Of no use where no bar is drawn.
  const totalBytes = err.colours ? await measure(paths) : 0;
  const found = findMessages(paths, { quoting: options.mboxQuoting, limitBytes });
  const summary = await runImport(found, { client, definition, as, patience, progress, totalBytes, say });
  progress.clear();
  out.write(options.json === true ? `${JSON.stringify(summary)}\n` : textOf(summary, (now() - startedAt) / 1_000));
  if (summary.refused > 0) {
    throw new CommandFailure(exitCodes.failed, `${summary.refused} could not be imported; each is named above`);
  }
}

const textOf = ({ imported, known, skipped, bytes }: ImportSummary, seconds: number): string =>
  `${imported} messages imported (${amount(bytes, seconds)}), ${known} were there already, ${skipped} files skipped\n`;
