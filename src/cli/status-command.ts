import type { Command } from 'commander';
import type { EngineStatusAnswer, StatusAnswer, StoreAnswer } from './answers.types.ts';
import { api, type Globals, type Talk } from './api-command.ts';
import type { Client } from './client.ts';
import { CommandFailure, type ExitCode, exitCodes } from './exit-codes.ts';
import { paintStatuses } from './render.ts';
import {
  type CheckResult,
  checkLine,
  judgeStatus,
  parseThreshold,
  readCount,
  readSeconds,
  type Threshold,
  type Thresholds,
  without,
} from './status-check.ts';
import { engineStatus, statusTable } from './views.ts';

/** How often `--watch` looks again. */
const lookAgainMs = 2_000;

interface StatusOptions extends Globals {
  readonly watch: boolean;
  readonly check: boolean;
  readonly queue?: string;
  readonly oldest?: string;
  readonly extract?: string;
  readonly diskDays?: string;
}

const example = `daybook status --watch
  daybook status --check --queue 1000,10000 --oldest 30m,2h --extract 4h,24h --disk-days 30,7`;
const checkHelp = `
--check prints one line for a monitor, DAYBOOK OK|WARNING|CRITICAL|UNKNOWN - text | perfdata, and exits 0, 1, 2 or 3:
critical are error, down, an engine that is not ready or does not answer, and mail at risk; a suspension and every
warning are a warning. A threshold is WARNING or WARNING,CRITICAL, reached at that value (--disk-days: at it and
below).`;

/** `daybook status`: a table, JSON, or one line for a monitor. */
export function addStatus(program: Command, talk: Talk, end: (code: ExitCode) => void): void {
  const { out, pause, now } = talk;
  api(program, 'status [id]', 'the status of every definition, or of one', example)
    .option('--watch', 'look again every two seconds', false)
    .option('--check', 'one line and an exit code for a monitor', false)
    .option('--queue <count>', 'with --check: messages in process of a definition')
    .option('--oldest <duration>', 'with --check: age of the oldest message in process')
    .option('--extract <duration>', 'with --check: time since the last successful extract')
    .option('--disk-days <days>', 'with --check: days until the disk is full, as it grew in the last week')
    .addHelpText('after', checkHelp)
    .action(async (id: string | undefined, options: StatusOptions) => {
      if (options.check) {
        const result = await check(talk, id, options);
        out.write(options.json ? `${JSON.stringify(result)}\n` : checkLine(result));
        return end(result.code);
      }
      const client = await talk.client(options);
      do {
        const answer = await client.get<EngineStatusAnswer & StatusAnswer>(pathOf(id));
        const text = id === undefined ? engineStatus(answer) : statusTable([answer], now());
        out.write(options.json ? `${JSON.stringify(answer)}\n` : paintStatuses(text, out.colours));
        if (options.watch) await pause(lookAgainMs);
      } while (options.watch);
    });
}

/** True for a command line that a monitor runs: what is wrong with it is UNKNOWN there, and not code 2. */
export const isCheck = (argv: readonly string[]): boolean => argv[0] === 'status' && argv.includes('--check');

/** A line for a monitor where the command line or the configuration is at fault. */
export const unknownLine = (text: string): string => checkLine(without('unknown', text));

async function check(talk: Talk, id: string | undefined, options: StatusOptions): Promise<CheckResult> {
  const thresholds = thresholdsOf(options);
  if (typeof thresholds === 'string') return without('unknown', thresholds);
  try {
    const client = await talk.client(options);
    const status = await statusOf(client, id);
    const store = options.diskDays === undefined ? undefined : await client.get<StoreAnswer>('/v1/store');
    return judgeStatus(status, thresholds, store);
  } catch (error) {
    if (!(error instanceof CommandFailure)) throw error;
    return without(error.exitCode === exitCodes.unreachable ? 'critical' : 'unknown', error.message);
  }
}

/** Of one definition the same as of all: the engine's own state concerns it too. */
async function statusOf(client: Client, id: string | undefined): Promise<EngineStatusAnswer> {
  const status = await client.get<EngineStatusAnswer>('/v1/status');
  if (id === undefined) return status;
  const definitions = status.definitions.filter((definition) => definition.id === id);
  if (definitions.length === 0) throw new CommandFailure(exitCodes.failed, `there is no definition ${id}`);
  return { ...status, definitions };
}

/** The thresholds, or what is wrong with them. */
function thresholdsOf({ queue, oldest, extract, diskDays }: StatusOptions): Thresholds | string {
  const read = {
    queue: parseThreshold(queue, readCount),
    oldest: parseThreshold(oldest, readSeconds),
    extract: parseThreshold(extract, readSeconds),
    diskDays: parseThreshold(diskDays, readCount, 'less'),
  };
  const wrong = Object.entries(read).find((pair): pair is [string, undefined] => pair[1] === undefined);
  if (wrong !== undefined) {
    return `--${wrong[0].replace('D', '-d')} is no threshold; expected ${forms[wrong[0]]}, the second the graver one`;
  }
  return read as Readonly<Record<keyof Thresholds, Threshold>>;
}

const forms: Readonly<Record<string, string>> = {
  queue: '1000 or 1000,10000',
  oldest: '30m or 30m,2h',
  extract: '4h or 4h,24h',
  diskDays: '30 or 30,7',
};

const pathOf = (id: string | undefined): string =>
  id === undefined ? '/v1/status' : `/v1/definitions/${encodeURIComponent(id)}/status`;
