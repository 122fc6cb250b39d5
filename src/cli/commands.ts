import type { Command } from 'commander';
import { addAlertCommands } from './alert-commands.ts';
import type { EventAnswer, FoundAnswer, IntakeAnswer, ListAnswer } from './answers.types.ts';
import { api, commandGroup, type Globals, show, type Talk } from './api-command.ts';
import { createClient, type Query } from './client.ts';
import { addDefinitionCommands } from './definition-commands.ts';
import { addEvidenceCommands } from './evidence-commands.ts';
import { addExchangeCommands } from './exchange-commands.ts';
import type { ExitCode } from './exit-codes.ts';
import { addExplain } from './explain-commands.ts';
import { messageFilters, queryOf, withFilters } from './filters.ts';
import { addGaps } from './gaps-command.ts';
import { addErasure, addKeepingCommands } from './keeping-commands.ts';
import type { ProgramOptions } from './options.ts';
import { type BulkOptions, isOne, releaseAll, releasedText, withBulkOptions } from './release.ts';
import { addReparse } from './reparse-command.ts';
import { addStatus } from './status-command.ts';
import { addTop } from './top-command.ts';
import { details, eventLine, intakeTable, messageTable } from './views.ts';

/** How often `--follow` looks again. */
const lookAgainMs = 2_000;

/** Commands that ask a running engine. */
export function addApiCommands(program: Command, options: ProgramOptions, end: (code: ExitCode) => void): void {
  const reach = async (globals: Globals) => {
    const endpoint = await options.actions.locate(globals);
    return { url: endpoint.url, client: createClient(endpoint) };
  };
  const talk = { ...options, reach, client: async (globals: Globals) => (await reach(globals)).client };
  addStatus(program, talk, end);
  addTop(program, talk);
  addDefinitionCommands(program, talk);
  addMessages(program, talk);
  addIntake(program, talk);
  addEvents(program, talk);
  addExplain(program, talk);
  addEvidenceCommands(program, talk);
  addGaps(program, talk);
  addKeepingCommands(program, talk);
  addExchangeCommands(program, talk);
  addAlertCommands(program, talk);
}

function addMessages(program: Command, talk: Talk): void {
  const { out } = talk;
  const example = 'daybook messages list --mailbox bo@north.example';
  const group = commandGroup(program, 'messages', 'look into the archive', example);
  const list = api(
    group,
    'list',
    'archived messages, newest first',
    'daybook messages list --mailbox bo@north.example',
  );
  const filters = [...messageFilters, 'text', 'limit', 'cursor'];
  withFilters(list, filters).action(async (globals: Globals & Query) => {
    const client = await talk.client(globals);
    const answer = await client.get<FoundAnswer>('/v1/messages', queryOf(globals, filters));
    out.write(globals.json ? `${JSON.stringify(answer)}\n` : messageTable(answer.items) + more(answer.next));
    const behind = answer.textIndex?.behind ?? 0;
    if (behind > 0) talk.err.write(`the text of ${behind} messages is not indexed yet: they may be missing here\n`);
  });
  api(group, 'show <id>', 'one archived message', 'daybook messages show 01K…').action(
    async (id: string, globals: Globals) => show(talk, globals, `/v1/messages/${encodeURIComponent(id)}`),
  );
  api(group, 'raw <id>', 'the bytes of one archived message', 'daybook messages raw 01K… > message.eml').action(
    async (id: string, globals: Globals) => writeRaw(talk, globals, { id, of: 'messages' }),
  );
  addErasure(group, talk);
}

function addIntake(program: Command, talk: Talk): void {
  const { out } = talk;
  const example = 'daybook intake list --state held';
  const group = commandGroup(program, 'intake', 'what became of each accepted message', example);
  const filters = ['definition', 'state', 'reason', 'flag', 'since', 'until', 'limit', 'cursor'];
  const list = api(group, 'list', 'intake records, newest first', 'daybook intake list --state held');
  withFilters(list, filters).action(async (globals: Globals & Query) => {
    const client = await talk.client(globals);
    const answer = await client.get<ListAnswer<IntakeAnswer>>('/v1/intake', queryOf(globals, filters));
    out.write(globals.json ? `${JSON.stringify(answer)}\n` : intakeTable(answer.items) + more(answer.next));
  });
  api(group, 'show <id>', 'one intake record with every step it took', 'daybook intake show 01K…').action(
    async (id: string, globals: Globals) => show(talk, globals, `/v1/intake/${encodeURIComponent(id)}`),
  );
  api(group, 'raw <id>', 'the bytes as received', 'daybook intake raw 01K… > received.eml').action(
    async (id: string, globals: Globals) => writeRaw(talk, globals, { id, of: 'intake' }),
  );
  const again = async (id: string, globals: Globals, verb: 'release' | 'retry'): Promise<void> => {
    const client = await talk.client(globals);
    const answer = await client.post<Record<string, unknown>>(`/v1/intake/${encodeURIComponent(id)}/${verb}`);
    out.write(globals.json ? `${JSON.stringify(answer)}\n` : details(answer));
  };
  api(
    group,
    'retry <id>',
    'send a quarantined item through, the rule that stopped it off',
    'daybook intake retry 01K…',
  ).action(async (id: string, globals: Globals) => again(id, globals, 'retry'));
  const releasing = api(
    group,
    'release [id]',
    'send a held or skipped item through, the rule that stopped it off, or --all that fit',
    'daybook intake release --all --flag suspected-clock-skew',
  );
  addReparse(group, talk);
  withBulkOptions(releasing).action(async (id: string | undefined, globals: Globals & BulkOptions) => {
    if (isOne(id, globals)) return again(id, globals, 'release');
    const released = await releaseAll(await talk.client(globals), globals);
    out.write(globals.json ? `${JSON.stringify(released)}\n` : releasedText(released));
  });
}

/** Bytes as they stand; in JSON as base64, since they are of no one character set. */
async function writeRaw(
  { client, out, actions }: Talk,
  globals: Globals,
  { id, of }: { readonly id: string; readonly of: 'messages' | 'intake' },
): Promise<void> {
  const bytes = await (await client(globals)).raw(`/v1/${of}/${encodeURIComponent(id)}/raw`);
  if (!globals.json) return actions.writeBytes(bytes);
  out.write(`${JSON.stringify({ id, size: bytes.length, bytes: Buffer.from(bytes).toString('base64') })}\n`);
}

function addEvents(program: Command, talk: Talk): void {
  const { out, pause } = talk;
  const filters = ['definition', 'type', 'since', 'limit', 'cursor'];
  const command = api(program, 'events', 'the event log', 'daybook events --definition exchange --follow');
  withFilters(command, filters)
    .option('--follow', 'go on with what comes', false)
    .action(async (globals: Globals & Query & { follow: boolean }) => {
      const client = await talk.client(globals);
      let seen = 0;
      for (;;) {
        const { items } = await client.get<ListAnswer<EventAnswer>>('/v1/events', queryOf(globals, filters));
        for (const event of items.toReversed().filter(({ seq }) => seq > seen)) {
          out.write(globals.json ? `${JSON.stringify(event)}\n` : eventLine(event));
          seen = event.seq;
        }
        if (!globals.follow) return;
        await pause(lookAgainMs);
      }
    });
}

const more = (next: string | null): string => (next === null ? '' : `more: --cursor ${next}\n`);
