import { Argument, type Command } from 'commander';
import type { DryRunAnswer, ExplanationAnswer } from './answers.types.ts';
import { api, type Globals, type Talk } from './api-command.ts';
import { documentsOf } from './documents.ts';
import { CommandFailure, exitCodes } from './exit-codes.ts';
import { dryRunText, explanationText } from './explain-views.ts';

/** `daybook explain`: a file, or a message that was accepted. */
export function addExplain(program: Command, talk: Talk): void {
  const { out, actions } = talk;
  api(
    program,
    'explain',
    'a dry run of one message; changes nothing',
    'daybook explain report.eml --definition exchange',
  )
    .addArgument(new Argument('[file]', 'a message, or use --intake'))
    .option('--definition <id>', 'as if received for this definition; needed where there are several')
    .option('--intake <id>', 'a message that was accepted, as of its receipt')
    .action(async (file: string | undefined, globals: Globals & { definition?: string; intake?: string }) => {
      const { definition, intake } = globals;
      if ((file === undefined) === (intake === undefined)) {
        throw new CommandFailure(exitCodes.usage, 'name a file, or an accepted message with --intake');
      }
      const client = await talk.client(globals);
      const query = definition === undefined ? '' : `?definition=${encodeURIComponent(definition)}`;
      const answer =
        file === undefined
          ? await client.get<ExplanationAnswer>(`/v1/intake/${encodeURIComponent(intake ?? '')}/explain`)
          : await client.post<ExplanationAnswer>(`/v1/explain${query}`, await actions.readFile(file));
      out.write(globals.json ? `${JSON.stringify(answer)}\n` : explanationText(answer));
    });
}

/** `daybook definitions dry-run`: a changed definition over what it received last. */
export function addDryRun(group: Command, talk: Talk): void {
  const { out, actions } = talk;
  const example = 'daybook definitions dry-run exchange -f changed.yaml --last 500';
  api(group, 'dry-run <id>', 'what a changed definition would have made of its last messages; changes nothing', example)
    .requiredOption('-f, --file <file>', 'the definition as it would be, in YAML or JSON')
    .option('--last <count>', 'how many messages, 1-1000', '100')
    .action(async (id: string, globals: Globals & { file: string; last: string }) => {
      const documents = await documentsOf(await actions.readFile(globals.file), globals.file);
      const document = documents.find((each) => each.id === id);
      if (document === undefined) throw new CommandFailure(exitCodes.failed, `${globals.file} has no definition ${id}`);
      const path = `/v1/definitions/${encodeURIComponent(id)}/dry-run?last=${encodeURIComponent(globals.last)}`;
      const answer = await (await talk.client(globals)).postJson<DryRunAnswer>(path, document);
      out.write(globals.json ? `${JSON.stringify(answer)}\n` : dryRunText(answer));
    });
}
