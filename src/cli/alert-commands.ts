import type { Command } from 'commander';
import type { AlertAnswer, ChannelTestAnswer, ListAnswer } from './answers.types.ts';
import { api, commandGroup, type Globals, type Talk } from './api-command.ts';
import type { Query } from './client.ts';
import { CommandFailure, exitCodes } from './exit-codes.ts';
import { printable } from './render.ts';
import { alertTable, channelTestTable } from './views.ts';

/** `daybook alerts …`: what is wrong, who looks after it, and whether anybody can be told. */
export function addAlertCommands(program: Command, talk: Talk): void {
  const { out } = talk;
  const group = commandGroup(program, 'alerts', 'what is wrong, and who looks after it', 'daybook alerts list');
  api(group, 'list', 'what is wrong now, newest first; with --all also what is over', 'daybook alerts list')
    .option('--all', 'also what is over, for a week', false)
    .option('--definition <id>', 'of this definition')
    .option('--kind <kind>', 'of this kind, such as down')
    .action(async (globals: Globals & { all: boolean; definition?: string; kind?: string }) => {
      const { all, definition, kind } = globals;
      const client = await talk.client(globals);
      const query: Query = { definition, kind, limit: '500' };
      const answer = await client.get<ListAnswer<AlertAnswer>>('/v1/alerts', query);
      const items = all ? answer.items : answer.items.filter(({ state }) => state !== 'resolved');
      if (globals.json) out.write(`${JSON.stringify({ ...answer, items })}\n`);
      else out.write(items.length === 0 ? 'nothing is wrong\n' : alertTable(items, talk.now()));
    });
  api(
    group,
    'acknowledge <id>',
    'say that somebody looks after it: nobody is asked again',
    'daybook alerts acknowledge 01K… --note "the mail server restarts until six"',
  )
    .option('--note <text>', 'what is being done; it is told to everybody who was told of the alert')
    .action(async (id: string, globals: Globals & { note?: string }) => {
      const client = await talk.client(globals);
      const path = `/v1/alerts/${encodeURIComponent(id)}/acknowledge`;
      const answer = await client.postJson<AlertAnswer>(path, globals.note === undefined ? {} : { note: globals.note });
      out.write(globals.json ? `${JSON.stringify(answer)}\n` : `${printable(`${answer.title}: acknowledged`)}\n`);
    });
  addTest(group, talk);
}

function addTest(group: Command, talk: Talk): void {
  api(group, 'test [channel]', 'send a test through one channel, or all', 'daybook alerts test').action(
    async (channel: string | undefined, globals: Globals) => {
      const client = await talk.client(globals);
      const answer = await client.postJson<ListAnswer<ChannelTestAnswer>>(
        '/v1/alerts/test',
        channel === undefined ? {} : { channel },
      );
      const { items } = answer;
      if (globals.json) talk.out.write(`${JSON.stringify(answer)}\n`);
      else talk.out.write(items.length === 0 ? 'there is no channel in alerts.channels\n' : channelTestTable(items));
      const failed = items.filter(({ ok }) => !ok).map((each) => each.channel);
      if (failed.length > 0) throw new CommandFailure(exitCodes.failed, `not sent: ${failed.join(', ')}`);
    },
  );
}
