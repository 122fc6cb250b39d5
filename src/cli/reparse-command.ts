import type { Command } from 'commander';
import type { ReparseAnswer } from './answers.types.ts';
import { api, type Globals, type Talk } from './api-command.ts';
import { CommandFailure, exitCodes } from './exit-codes.ts';
import { appliedText, reparseText } from './explain-views.ts';
import { createProgress } from './progress.ts';

const filters = ['definition', 'state', 'reason', 'flag', 'since', 'until', 'cursor'] as const;
type ReparseOptions = Globals &
  Partial<Record<(typeof filters)[number], string>> & {
    readonly limit: string;
    readonly dryRun: boolean;
    readonly apply: boolean;
  };

/** `daybook intake reparse`: what today's parser would say otherwise, and putting it in force. */
export function addReparse(group: Command, talk: Talk): void {
  const { out } = talk;
  const command = api(
    group,
    'reparse',
    'what today’s parser says otherwise of stored messages; changes nothing unless told to',
    'daybook intake reparse --definition exchange --since 2026-01-31',
  )
    .option('--dry-run', 'only show it; what happens without --apply', false)
    .option('--apply', 'a newer parse of the same message takes the place of the older one, in all that fit', false);
  for (const filter of filters) command.option(`--${filter} <value>`, `as in the list of intake records: ${filter}`);
  command
    .option('--limit <count>', 'how many messages, with --apply at a time, 1-500', '100')
    .action(async (options: ReparseOptions) => {
      if (options.dryRun && options.apply) throw new CommandFailure(exitCodes.usage, 'give --dry-run or --apply');
      const answer = options.apply ? await applyAll(options, talk) : await ask('/v1/intake/reparse', options, talk);
      const text = options.apply ? appliedText : reparseText;
      out.write(options.json ? `${JSON.stringify(answer)}\n` : text(answer));
    });
}

async function ask(path: string, options: ReparseOptions, talk: Talk): Promise<ReparseAnswer> {
  const given = filters.filter((filter) => options[filter] !== undefined).map((filter) => [filter, options[filter]]);
  const body = { ...Object.fromEntries(given), limit: Number(options.limit) };
  return (await talk.client(options)).postJson<ReparseAnswer>(path, body);
}

/** Of what was left as it is so many are told of one by one; all are counted. */
const maxTold = 500;

/**
 * Asks again and again until all that fit were looked at. Each answer stands by itself: stopped at any place, the command
 * finds the rest to do when it is given again.
 */
async function applyAll(options: ReparseOptions, talk: Talk): Promise<ReparseAnswer> {
  const progress = createProgress(talk.err, talk.now);
  const path = '/v1/intake/reparse/apply';
  let sum = withoutDone(await ask(path, options, talk));
  while (sum.next !== null) {
    progress.show({ messages: sum.looked, done: sum.looked });
    const page = withoutDone(await ask(path, { ...options, cursor: sum.next }, talk));
    sum = {
      ...page,
      looked: sum.looked + page.looked,
      changed: sum.changed + page.changed,
      repaired: sum.repaired + page.repaired,
      skipped: sum.skipped + page.skipped,
      items: [...sum.items, ...page.items].slice(0, maxTold),
    };
  }
  progress.clear();
  return sum;
}

const withoutDone = (page: ReparseAnswer): ReparseAnswer => ({
  ...page,
  items: page.items.filter(({ repair }) => repair !== 'done'),
});
