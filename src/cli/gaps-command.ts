import type { Command } from 'commander';
import { api, type Globals, type Talk } from './api-command.ts';
import { ago, table } from './render.ts';

interface GapsAnswer {
  readonly day: string | null;
  readonly days: readonly string[];
  readonly looked: number;
  readonly complete: boolean;
  readonly definitions: readonly {
    readonly definition: string;
    readonly incomplete: number;
    readonly people: readonly {
      readonly address: string;
      readonly standing: string;
      readonly lastReportedAt: string | null;
      readonly entries: readonly string[];
    }[];
  }[];
}

/** `daybook gaps`: people whom headers name and no journal report does (journaling N5). */
export function addGaps(program: Command, talk: Talk): void {
  const { out, now } = talk;
  api(
    program,
    'gaps',
    'people whom the headers of a day name, and no journal report does',
    'daybook gaps --day 2026-11-30 --definition exchange',
  )
    .option('--day <day>', 'by the date of the messages (UTC); the newest that was looked at where it is left out')
    .option('--definition <id>', 'only of this definition')
    .action(async (globals: Globals & { day?: string; definition?: string }) => {
      const { day, definition } = globals;
      const asked = new URLSearchParams(
        Object.entries({ day, definition }).filter((pair): pair is [string, string] => pair[1] !== undefined),
      );
      const answer = await (await talk.client(globals)).get<GapsAnswer>(`/v1/gaps?${asked}`);
      out.write(globals.json ? `${JSON.stringify(answer)}\n` : textOf(answer, now()));
    });
}

function textOf({ day, looked, complete, definitions }: GapsAnswer, now: number): string {
  if (day === null) return 'no day has been looked at yet: each is, a day after its end\n';
  const rest = complete ? '' : ', and there are more';
  const rows = definitions.flatMap(({ definition, people }) => people.map((person) => ({ definition, ...person })));
  const incomplete = definitions.reduce((sum, each) => sum + each.incomplete, 0);
  const head = `${day}: ${looked} messages with a report that names fewer people than the headers, ${incomplete} of them incomplete${rest}\n`;
  if (rows.length === 0) return head;
  const columns = [
    { title: 'DEFINITION', of: (row: Row) => row.definition },
    { title: 'NAMED', of: (row: Row) => row.address },
    { title: 'STANDING', of: (row: Row) => row.standing },
    { title: 'LAST REPORTED', of: (row: Row) => ago(row.lastReportedAt, now) },
    { title: 'MESSAGES', of: (row: Row) => String(row.entries.length), right: true },
    { title: 'FOR EXAMPLE', of: (row: Row) => row.entries[0] ?? '' },
  ];
  return `${head}\n${table<Row>(columns, rows)}`;
}
type Row = GapsAnswer['definitions'][number]['people'][number] & { readonly definition: string };
