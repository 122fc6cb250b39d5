import type { Command } from 'commander';
import type { DefinitionAnswer, ListAnswer, StatusAnswer, TestAnswer } from './answers.types.ts';
import { api, commandGroup, type Globals, show, type Talk } from './api-command.ts';
import type { Client } from './client.ts';
import { documentsOf } from './documents.ts';
import { CommandFailure, exitCodes } from './exit-codes.ts';
import { addDryRun } from './explain-commands.ts';
import { definitionTable, statusTable, testTable } from './views.ts';

const pathOf = (id: string): string => `/v1/definitions/${encodeURIComponent(id)}`;

/** `daybook definitions …`: journal service definitions of the running engine. */
export function addDefinitionCommands(program: Command, talk: Talk): void {
  const text = 'journal service definitions of the running engine';
  const group = commandGroup(program, 'definitions', text, 'daybook definitions list');
  addReaders(group, talk);
  addWriters(group, talk);
  addConnection(group, talk);
  addDryRun(group, talk);
}

function addReaders(group: Command, talk: Talk): void {
  const { out } = talk;
  api(group, 'list', 'every definition, newest first', 'daybook definitions list').action(async (globals: Globals) => {
    const items = await everyDefinition(await talk.client(globals));
    out.write(globals.json ? `${JSON.stringify({ items, next: null })}\n` : definitionTable(items));
  });
  api(group, 'show <id>', 'one definition, secrets masked', 'daybook definitions show exchange').action(
    async (id: string, globals: Globals) => show(talk, globals, pathOf(id)),
  );
}

/** All pages of the list. */
async function everyDefinition(client: Client): Promise<readonly DefinitionAnswer[]> {
  const every: DefinitionAnswer[] = [];
  let cursor: string | undefined;
  do {
    const { items, next }: ListAnswer<DefinitionAnswer> = await client.get('/v1/definitions', { cursor });
    every.push(...items);
    cursor = next ?? undefined;
  } while (cursor !== undefined);
  return every;
}

function addWriters(group: Command, talk: Talk): void {
  const { out, actions } = talk;
  const example = 'daybook definitions apply -f exchange.yaml';
  api(group, 'apply', 'make or change the definitions of a YAML or JSON file', example)
    .requiredOption(
      '-f, --file <file>',
      'one definition, a list of them, or a map with `definitions`; - is standard input',
    )
    .action(async (globals: Globals & { file: string }) => {
      const documents = await documentsOf(await actions.readFile(globals.file), globals.file);
      const client = await talk.client(globals);
      for (const document of documents) {
        const path = pathOf(document.id);
        const before = await client.find<DefinitionAnswer>(path);
        const after = await client.put<DefinitionAnswer>(path, document, before?.etag).catch(failing(document.id));
        const same = before?.answer.version === after.version;
        const what = before === undefined ? 'created' : same ? 'unchanged' : 'changed';
        out.write(globals.json ? `${JSON.stringify(after)}\n` : `${document.id}: ${what}, version ${after.version}\n`);
      }
    });
  api(
    group,
    'delete <id>',
    'delete a suspended definition; its mail and archive stay',
    'daybook definitions delete old',
  )
    .option('--force', 'though mail of it is in process, which is finished all the same', false)
    .action(async (id: string, globals: Globals & { force: boolean }) => {
      await (await talk.client(globals)).delete(pathOf(id), globals.force ? { force: 'true' } : {});
      out.write(globals.json ? `${JSON.stringify({ id, deleted: true })}\n` : `${id}: deleted\n`);
    });
}

/** Of several definitions in a file it has to be said which one was refused; those before it are made. */
function failing(id: string): (error: unknown) => never {
  return (error) => {
    if (!(error instanceof CommandFailure)) throw error;
    throw new CommandFailure(error.exitCode, `${id}: ${error.message}`, { cause: error });
  };
}

function addConnection(group: Command, talk: Talk): void {
  const { out } = talk;
  const verbs = [
    ['suspend', 'stop taking mail; what is in process goes on'],
    ['activate', 'take mail again'],
    ['poll', 'empty a POP3 mailbox now'],
  ] as const;
  for (const [verb, text] of verbs) {
    api(group, `${verb} <id>`, text, `daybook definitions ${verb} exchange`).action(
      async (id: string, globals: Globals) => {
        const answer = await (await talk.client(globals)).post<StatusAnswer>(`${pathOf(id)}/${verb}`);
        out.write(globals.json ? `${JSON.stringify(answer)}\n` : statusTable([answer], talk.now()));
      },
    );
  }
  api(
    group,
    'test <id>',
    'run the connection step by step; changes nothing',
    'daybook definitions test mailbox',
  ).action(async (id: string, globals: Globals) => {
    const answer = await (await talk.client(globals)).post<TestAnswer>(`${pathOf(id)}/test`);
    out.write(globals.json ? `${JSON.stringify(answer)}\n` : testTable(answer.steps));
    if (!answer.ok) throw new CommandFailure(exitCodes.failed, `the connection of ${id} does not work`);
  });
}
