import type { Command } from 'commander';
import type { HoldAnswer, ListAnswer, RetentionAnswer } from './answers.types.ts';
import { api, commandGroup, type Globals, show, type Talk } from './api-command.ts';
import { CommandFailure, exitCodes } from './exit-codes.ts';
import { holdTable, retentionTable } from './views.ts';

const filters = ['definition', 'mailbox', 'from', 'to', 'message-id', 'subject', 'since', 'until', 'flag'] as const;
const holdPath = (id: string): string => `/v1/holds/${encodeURIComponent(id)}`;

/** `daybook holds …` and `daybook retention …`: what is kept, for how long, and against what. */
export function addKeepingCommands(program: Command, talk: Talk): void {
  addHolds(program, talk);
  addRetention(program, talk);
}

/** `daybook messages delete`. */
export function addErasure(messages: Command, talk: Talk): void {
  api(
    messages,
    'delete <id>',
    'delete one message for good, before its time',
    'daybook messages delete 01K… --reason "asked for by the data subject, ticket 4711"',
  )
    .requiredOption('--reason <text>', 'why; it stands in the event log')
    .action(async (id: string, globals: Globals & { reason: string }) => {
      await (await talk.client(globals)).delete(`/v1/messages/${encodeURIComponent(id)}`, { reason: globals.reason });
      talk.out.write(globals.json ? `${JSON.stringify({ id, deleted: true })}\n` : `${id}: deleted\n`);
    });
}

function addHolds(program: Command, talk: Talk): void {
  const { out } = talk;
  const text = 'legal holds: what they name is not deleted';
  const group = commandGroup(program, 'holds', text, 'daybook holds list');
  api(group, 'list', 'every hold', 'daybook holds list').action(async (globals: Globals) => {
    const answer = await (await talk.client(globals)).get<ListAnswer<HoldAnswer>>('/v1/holds');
    out.write(globals.json ? `${JSON.stringify(answer)}\n` : holdTable(answer.items));
  });
  api(group, 'show <id>', 'one hold', 'daybook holds show case-7').action(async (id: string, globals: Globals) =>
    show(talk, globals, holdPath(id)),
  );
  addPlacing(group, talk);
  api(group, 'lift <id>', 'lift a hold: what only it kept may be deleted again', 'daybook holds lift case-7').action(
    async (id: string, globals: Globals) => {
      await (await talk.client(globals)).delete(holdPath(id));
      out.write(globals.json ? `${JSON.stringify({ id, lifted: true })}\n` : `${id}: lifted\n`);
    },
  );
}

function addPlacing(group: Command, talk: Talk): void {
  const more = (value: string, before: readonly string[]): readonly string[] => [...before, value];
  const placing = api(
    group,
    'place <id>',
    'place a hold on what fits every filter, also what is still to come, or on entries',
    'daybook holds place case-7 --reason "North against South" --mailbox bo@north.example --since 2026-01-01',
  )
    .requiredOption('--reason <text>', 'why; it stands in the event log')
    .option('--entry <id>', 'an entry by its id; may be repeated', more, [])
    .option('--all', 'all mail, now and to come', false);
  for (const filter of filters) placing.option(`--${filter} <value>`, `as of daybook messages list`);
  placing.action(async (id: string, globals: Globals & HoldOptions) => {
    const answer = await (await talk.client(globals)).postJson<HoldAnswer>('/v1/holds', holdOf(id, globals));
    talk.out.write(globals.json ? `${JSON.stringify(answer)}\n` : holdTable([answer]));
  });
}

interface HoldOptions {
  readonly reason: string;
  readonly entry: readonly string[];
  readonly all: boolean;
  readonly [filter: string]: unknown;
}

/** @throws CommandFailure `usage` where nothing says what is meant, or `--all` stands beside what says less */
function holdOf(id: string, options: HoldOptions): object {
  const { reason, entry, all } = options;
  const names = filters.map((filter) => filter.replace('message-id', 'messageId'));
  const query = Object.fromEntries(
    names.map((name) => [name, options[name]]).filter(([, value]) => value !== undefined),
  );
  const narrowed = Object.keys(query).length > 0;
  if (all && (narrowed || entry.length > 0)) {
    throw new CommandFailure(exitCodes.usage, '--all is all mail: leave the filters and entries out, or --all');
  }
  if (!all && !narrowed && entry.length === 0) {
    throw new CommandFailure(exitCodes.usage, 'say what is to be kept: a filter, --entry, or --all');
  }
  const entries = entry.length === 0 ? {} : { entries: entry };
  return { id, reason, ...(narrowed || all ? { query } : {}), ...entries };
}

function addRetention(program: Command, talk: Talk): void {
  const { out } = talk;
  const group = commandGroup(program, 'retention', 'how long mail is kept', 'daybook retention show');
  const write = (globals: Globals, answer: RetentionAnswer): void =>
    out.write(globals.json ? `${JSON.stringify(answer)}\n` : retentionTable(answer));
  api(group, 'show', 'how long mail of each definition is kept', 'daybook retention show').action(
    async (globals: Globals) =>
      write(globals, await (await talk.client(globals)).get<RetentionAnswer>('/v1/retention')),
  );
  api(
    group,
    'resume',
    'say that the clock is right, though it leapt: mail past its time is deleted again',
    'daybook retention resume --reason "the engine stood for three weeks"',
  )
    .requiredOption('--reason <text>', 'why; it stands in the event log')
    .action(async (globals: Globals & { reason: string }) => {
      const client = await talk.client(globals);
      write(globals, await client.postJson<RetentionAnswer>('/v1/retention/resume', { reason: globals.reason }));
    });
}
