import type { Command } from 'commander';
import type { Client } from './client.ts';
import { CommandFailure, exitCodes } from './exit-codes.ts';

/** Options of `intake release`: which items go through again together. */
export interface BulkOptions {
  readonly all?: boolean;
  readonly definition?: string;
  readonly state?: string;
  readonly reason?: string;
  readonly flag?: string;
  readonly since?: string;
  readonly until?: string;
}
interface BulkRelease {
  readonly released: number;
  readonly remaining: number;
}

const filters = ['definition', 'state', 'reason', 'flag', 'since', 'until'] as const;

export const withBulkOptions = (command: Command): Command =>
  command
    .option('--all', 'every item that fits, instead of one', false)
    .option('--definition <id>', 'with --all: only of this definition')
    .option('--state <state>', 'with --all: held or skipped (default: held)')
    .option('--reason <reason>', 'with --all: only with this reason, such as expired')
    .option('--flag <flag>', 'with --all: only with this flag, such as suspected-clock-skew')
    .option('--since <time>', 'with --all: only received at this time or later')
    .option('--until <time>', 'with --all: only received at this time or earlier');

/** True for one item, false for all. @throws CommandFailure `usage` for neither, both, or filters without `--all` */
export function isOne(id: string | undefined, options: BulkOptions): id is string {
  const filter = filters.find((name) => options[name] !== undefined);
  if (options.all === true) {
    if (id === undefined) return false;
    throw new CommandFailure(exitCodes.usage, 'give an id or --all, not both');
  }
  if (id === undefined) throw new CommandFailure(exitCodes.usage, 'give the id of an item, or --all');
  if (filter === undefined) return true;
  throw new CommandFailure(exitCodes.usage, `--${filter} goes with --all, not with an id`);
}

/** Asks again and again until nothing that fits remains, or an answer released nothing. */
export async function releaseAll(client: Client, options: BulkOptions): Promise<BulkRelease> {
  const given = Object.fromEntries(filters.map((name) => [name, options[name]]));
  const body = { ...given, state: options.state ?? 'held' };
  let sum = 0;
  for (;;) {
    const { released, remaining } = await client.postJson<BulkRelease>('/v1/intake/release', body);
    sum += released;
    if (released === 0 || remaining === 0) return { released: sum, remaining };
  }
}

export const releasedText = ({ released, remaining }: BulkRelease): string =>
  `released ${released}${remaining === 0 ? '' : `, ${remaining} remain`}\n`;
